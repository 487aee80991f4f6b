"""One training on all devices of this machine, or of several: each works on its part of every batch."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable

import keras
import numpy as np

from course import late
from course.config import LessonConfig
from course.system.errors import CourseError, first_line
from course.system.quiet import quiet

JOIN_SECONDS = 120  # for all processes to be started
LOST_SECONDS = 20  # without a sign of life, and JAX counts a process as lost, and ends the others
OWN = ("name", "project", "data")  # values in which the processes of one training may differ


def check(data_parallel: bool) -> None:
    """Raises CourseError, before Keras is loaded, if it is asked for without JAX, or Keras' variables do not agree."""
    if not data_parallel:
        return
    backend = late.backend()
    if backend != "jax":
        raise CourseError(
            f"data_parallel needs Keras' JAX backend, but this one is {backend}; install jax and set KERAS_BACKEND=jax,"
            " or leave data_parallel out."
        )
    _processes()


def join(script: str, config: LessonConfig, epochs: int) -> None:
    """Makes all devices share every batch, those of other processes too, if config.data_parallel asks for it.

    Call it before any computation. Every process feeds the whole batches, in the same order, and works on its part of
    each; the weights stay the same everywhere, bit by bit. Only process 0 is tracked. In a resumed run, `epochs` are
    finished already.

    Raises CourseError if the others do not come or have other values, or if batches cannot be shared equally.
    """
    check(config.data_parallel)
    if not config.data_parallel:
        return
    address, total, number = _processes()
    which = f"; this is process {number} of {total}" if total > 1 else ""
    if total > 1:
        values = {name: value for name, value in config.values().items() if name not in OWN}
        with quiet(1):
            _meet(address, total, number, {"script": script, "epochs finished": epochs} | values)
        if number > 0:
            os.environ["WANDB_MODE"] = "disabled"
    devices = len(keras.distribution.list_devices())
    if config.batch_size % devices:
        raise CourseError(
            f"batch_size is {config.batch_size}, but must be a multiple of {devices}, because {devices} devices share"
            " each batch; choose another one."
        )

    class WholeBatches(keras.distribution.DataParallel):
        """What every process feeds is the whole batch, not its part of it; `share` takes the part."""

        def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    keras.distribution.set_distribution(WholeBatches(auto_shard_dataset=False))
    print(f"Each batch of {config.batch_size} images is shared among {devices} devices{which}.", flush=True)


def share(model: keras.Model) -> None:
    """Makes all devices share the batches of a model in training and validation; call it when `fit` begins.

    A batch that cannot be shared equally, such as the last one of an epoch, is computed as a whole by every device.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    import jax  # late, because it is only installed where it is the backend

    mesh = distribution.device_mesh
    layout = jax.sharding.NamedSharding(mesh.backend_mesh, jax.sharding.PartitionSpec("batch"))

    def part(array: jax.Array) -> jax.Array:
        return array if len(array) % mesh.devices.size else jax.lax.with_sharding_constraint(array, layout)

    def shared(step: Callable[..., object]) -> Callable[..., object]:
        return lambda state, batch: step(state, jax.tree.map(part, batch))

    model.train_step, model.test_step = shared(model.train_step), shared(model.test_step)
    model.make_train_function(force=True)
    model.make_test_function(force=True)


def leave() -> None:
    """Waits until all processes have called this; from now on each works alone."""
    if keras.distribution.distribution() is None:
        return
    import jax  # late, because it is only installed where it is the backend

    keras.distribution.set_distribution(None)
    jax.distributed.shutdown()


def end_alone(exit_code: int) -> None:
    """Makes this process, whose training failed, end with this exit code without waiting for the others."""

    def end() -> None:
        sys.stdout.flush()
        os._exit(exit_code)

    if "jax" in sys.modules and sys.modules["jax"].distributed.is_initialized():
        atexit.register(end)  # the newest is called first, before JAX's own, which waits


def _processes() -> tuple[str, int, int]:
    """Returns host:port of process 0, the number of processes (1 without Keras' variables), and that of this one."""
    names = [f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")]
    settings = ", ".join(f"{name}={os.environ.get(name, '')}" for name in names)
    if not any(os.environ.get(name) for name in names):
        return "", 1, 0
    # Keras takes the addresses of all processes, too; that of process 0 is enough.
    found = re.fullmatch(r"\w+=([^\s,]+:\d+)(?:,[^\s,]+:\d+)*, \w+=(\d+), \w+=(\d+)", settings)
    if found is None or int(found[3]) >= int(found[2]):
        raise CourseError(
            f"{settings} do not agree; set them to host:port of process 0, the number of processes, and the number of"
            " this process, counted from 0."
        )
    return found[1], int(found[2]), int(found[3])


def _meet(address: str, total: int, number: int, values: dict[str, object]) -> None:
    """Waits for the other processes; raises CourseError unless all of them come, in time and with the same values."""
    import jax  # late, because it is only installed where it is the backend
    from jax.experimental import multihost_utils

    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM away from system/signals.py
    os.environ.setdefault("JAX_COORDINATOR_BIND_ADDRESS", address)  # else process 0 listens on all networks
    try:
        jax.distributed.initialize(
            address,
            total,
            number,
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=LOST_SECONDS,
            shutdown_timeout_seconds=LOST_SECONDS,
        )
        jax.devices()  # where they tell each other what they have
    except Exception as error:  # JAX raises many kinds
        raise CourseError(
            f"Process {number} of {total} did not meet the others at {address}"
            f" ({first_line(error)}); start all of them within {JOIN_SECONDS} seconds, each with its own"
            " KERAS_DISTRIBUTION_PROCESS_ID."
        ) from None
    digest = hashlib.sha256(json.dumps(values).encode()).digest()
    try:
        multihost_utils.assert_equal(np.frombuffer(digest, np.uint8))
    except AssertionError:
        raise CourseError(
            "The processes of this training were started with different values, or were interrupted in different"
            " epochs; give all of them the same script and the same command line, without --resume in the latter case."
        ) from None
