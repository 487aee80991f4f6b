"""One training on all devices of this machine, or of several: each works on its part of every batch."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import keras
import numpy as np

from course.config import LessonConfig
from course.system.errors import CourseError, first_line
from course.system.quiet import quiet

if TYPE_CHECKING:
    import jax

VARIABLES = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")  # of Keras, after KERAS_DISTRIBUTION_
JOIN_SECONDS = 120  # for all processes to be started
LOST_SECONDS = 20  # without a sign of life, and JAX counts a process as lost, and ends the others
OWN = ("name", "project", "data")  # values in which the processes of one training may differ

State = TypeVar("State")
Batch = TypeVar("Batch")
Result = TypeVar("Result")


class Processes(NamedTuple):
    """The processes of one training."""

    address: str  # host:port of process 0
    total: int
    number: int  # which of them this is, from 0


def check(data_parallel: bool) -> None:
    """Raises CourseError, before Keras is loaded, if devices cannot share batches although `data_parallel` asks for it.

    They can on the JAX backend; several processes also need Keras' own three environment variables.
    """
    if not data_parallel:
        return
    backend = os.environ.get("KERAS_BACKEND") or _backend_in_file()
    if backend != "jax":
        raise CourseError(
            f"data_parallel needs Keras' JAX backend, but this one is {backend}; install jax and set KERAS_BACKEND=jax,"
            " or leave data_parallel out."
        )
    _processes()


def join(script: str, config: LessonConfig, epochs: int) -> None:
    """Makes all devices share every batch, those of other processes too, if config.data_parallel asks for it.

    Every process feeds the whole batches, in the same order, and works on its part of each; the weights stay the same
    everywhere, bit by bit. This must come before any computation. Only process 0 is tracked. If a process is lost, JAX
    ends the others with a message of its own.

    Args:
        script: the name of the script without .py.
        config: the values of this run.
        epochs: how many are finished already, in a resumed run.

    Raises:
        CourseError: the others do not come or were started with other values, or batches cannot be shared equally.
    """
    check(config.data_parallel)
    if not config.data_parallel:
        return
    processes = _processes()
    if processes.total > 1:
        with quiet(1):
            _meet(processes)
            values = {name: value for name, value in config.values().items() if name not in OWN}
            _compare({"script": script, "epochs finished": epochs} | values)
        if processes.number > 0:
            os.environ["WANDB_MODE"] = "disabled"
    devices = len(keras.distribution.list_devices())
    if config.batch_size % devices:
        raise CourseError(
            f"batch_size is {config.batch_size}, but must be a multiple of {devices}, because {devices} devices share"
            " each batch; choose another one."
        )
    keras.distribution.set_distribution(_whole_batches())
    which = f"; this is process {processes.number} of {processes.total}" if processes.total > 1 else ""
    print(f"Each batch of {config.batch_size} images is shared among {devices} devices{which}.", flush=True)


def share(model: keras.Model) -> None:
    """Makes all devices share the batches of a model in training and validation; call it when `fit` begins.

    A batch that cannot be shared equally, such as the last one of an epoch, is computed as a whole by every device.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    import jax  # late, because it is only installed where it is the backend

    devices = distribution.device_mesh.devices.size
    layout = jax.sharding.NamedSharding(distribution.device_mesh.backend_mesh, jax.sharding.PartitionSpec("batch"))

    def part(array: jax.Array) -> jax.Array:
        return array if len(array) % devices else jax.lax.with_sharding_constraint(array, layout)

    def shared(step: Callable[[State, Batch], Result]) -> Callable[[State, Batch], Result]:
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
    jax = sys.modules.get("jax")
    if jax is None or not jax.distributed.is_initialized():
        return

    def end() -> None:
        sys.stdout.flush()
        os._exit(exit_code)

    atexit.register(end)  # the newest is called first, before JAX's own, which waits


def _backend_in_file() -> str:
    file = Path(os.environ["KERAS_HOME"], "keras.json")
    try:
        return json.loads(file.read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):  # as Keras does
        return "tensorflow"


def _processes() -> Processes:
    """Returns what Keras' variables say, one process if they are not set; raises CourseError if they do not agree."""
    values = {f"KERAS_DISTRIBUTION_{name}": os.environ.get(f"KERAS_DISTRIBUTION_{name}", "") for name in VARIABLES}
    addresses, count, number = values.values()
    if not any(values.values()):
        return Processes("", 1, 0)
    hosts = addresses.split(",")
    agree = (
        count.isdecimal()
        and number.isdecimal()
        and int(number) < int(count)
        and len(hosts) in (1, int(count))
        and all(re.fullmatch(r"\S+:\d+", host) for host in hosts)
    )
    if not agree:
        settings = ", ".join(f"{name}={value}" for name, value in values.items())
        raise CourseError(
            f"{settings} do not agree; set them to host:port of process 0, the number of processes, and the number of"
            " this process, counted from 0."
        )
    return Processes(hosts[0], int(count), int(number))


def _meet(processes: Processes) -> None:
    """Waits for the other processes, as keras.distribution.initialize does, but with time limits."""
    import jax  # late, because it is only installed where it is the backend

    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM away from system/signals.py
    os.environ.setdefault("JAX_COORDINATOR_BIND_ADDRESS", processes.address)  # else process 0 listens on all networks
    try:
        jax.distributed.initialize(
            *processes,
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=LOST_SECONDS,
            shutdown_timeout_seconds=LOST_SECONDS,
        )
        jax.devices()  # where they tell each other what they have
    except Exception as error:  # JAX raises many kinds
        raise CourseError(
            f"Process {processes.number} of {processes.total} did not meet the others at {processes.address}"
            f" ({first_line(error)}); start all of them within {JOIN_SECONDS} seconds, each with its own"
            " KERAS_DISTRIBUTION_PROCESS_ID."
        ) from None


def _compare(values: dict[str, object]) -> None:
    """Raises CourseError unless all processes call this with the same values."""
    from jax.experimental import multihost_utils  # late, because it is only installed where it is the backend

    digest = hashlib.sha256(json.dumps(values).encode()).digest()
    try:
        multihost_utils.assert_equal(np.frombuffer(digest, np.uint8))
    except AssertionError:
        raise CourseError(
            "The processes of this training were started with different values, or were interrupted in different"
            " epochs; give all of them the same script and the same command line, without --resume in the latter case."
        ) from None


def _whole_batches() -> keras.distribution.DataParallel:
    class WholeBatches(keras.distribution.DataParallel):
        """What every process feeds is the whole batch, not its part of it; `share` takes the part."""

        def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    return WholeBatches(auto_shard_dataset=False)
