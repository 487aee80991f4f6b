"""One training on all devices there are, on this machine or on several: each works on its share of every batch."""

import atexit
import ctypes
import hashlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course.system.errors import CourseError, first_line
from course.system.quiet import quiet

VARIABLES = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")  # of Keras, behind KERAS_DISTRIBUTION_
JOIN_SECONDS = 120  # for all processes to be started
LOST_SECONDS = 20  # without a sign of life, and a process counts as lost
LOST = 75  # exit code: sysexits' "temporary failure, try again"
OWN = ("name", "project", "data")  # values in which the processes of one training may differ

_handlers: list[Any] = []  # which C calls; Python must not free them
_ending = False  # this process has noticed by itself that the training failed


def check(data_parallel: bool) -> None:
    """Raises CourseError, before keras is loaded, if batches cannot be shared among devices, as `data_parallel` asks.

    That takes the JAX backend, and for several processes Keras' own three environment variables.
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


def join(script: str, config: Any, epochs: int, last_words: Callable[[], str] = str) -> None:
    """Has Keras share every batch among all devices, those of the other processes too, if config.data_parallel asks.

    Every process has the whole batches, in the same order, and works on its part of each; their weights stay the same,
    bit by bit. This must come before any computation. Process 0 alone is tracked.

    Args:
        script: the name of the script without .py.
        config: an instance of its Config.
        epochs: how many are finished already, in a run that is resumed.
        last_words: what there is to say, in a sentence, if JAX ends this process because another one was lost.

    Raises:
        CourseError: the others do not come, or were started with other values; or batches cannot be shared equally.
    """
    check(config.data_parallel)
    if not config.data_parallel:
        return
    import keras  # late, because the command line is checked before keras is loaded

    address, processes, number = _processes()
    if processes > 1:
        with quiet(1):
            _meet(address, processes, number, last_words)
            values = {name: value for name, value in config.values().items() if name not in OWN}
            _compare({"script": script, "epochs finished": epochs} | values)
        if number > 0:
            os.environ["WANDB_MODE"] = "disabled"
    devices = len(keras.distribution.list_devices())
    if config.batch_size % devices:
        raise CourseError(
            f"batch_size is {config.batch_size}, but must be a multiple of {devices}, because {devices} devices share"
            " each batch; give another one."
        )
    keras.distribution.set_distribution(_whole_batches())
    print(
        f"Each batch of {config.batch_size} images is shared among {devices} devices"
        f"{f'; this is process {number} of {processes}' if processes > 1 else ''}.",
        flush=True,
    )


def share(model: Any) -> None:
    """Has a keras.Model that is about to be trained share its batches, in training and validation; call it in `fit`.

    A batch that cannot be shared equally, such as the last one of an epoch, is worked on by every device as a whole.
    """
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    import jax

    devices = distribution.device_mesh.devices.size
    layout = jax.sharding.NamedSharding(distribution.device_mesh.backend_mesh, jax.sharding.PartitionSpec("batch"))

    def shared(step: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def step_on_shares(state: Any, batch: Any) -> Any:
            return step(state, jax.tree.map(part, batch))

        return step_on_shares

    def part(array: Any) -> Any:
        return array if len(array) % devices else jax.lax.with_sharding_constraint(array, layout)

    model.train_step, model.test_step = shared(model.train_step), shared(model.test_step)
    model.make_train_function(force=True)
    model.make_test_function(force=True)


def leave() -> None:
    """Waits until all processes have come here; from now on each is on its own."""
    import keras

    if keras.distribution.distribution() is None:
        return
    import jax

    keras.distribution.set_distribution(None)
    jax.distributed.shutdown()


def several() -> bool:
    """Returns whether this training has other processes, which are still needed."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def is_loss(error: BaseException) -> bool:
    """Returns whether an exception says that another process was lost."""
    return several() and _tells_of_loss(str(error))


def end_without_the_others(exit_code: Any) -> None:
    """Has this process, whose training failed, end with this exit code without waiting for the other ones."""
    global _ending  # noqa: PLW0603
    if not several():
        return
    _ending = True

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code if isinstance(exit_code, int) else 1)

    atexit.register(end)  # the newest one comes first, before JAX's own


def _backend_in_file() -> str:
    file = Path(os.environ["KERAS_HOME"], "keras.json")
    try:
        return json.loads(file.read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):  # as Keras does
        return "tensorflow"


def _processes() -> tuple[str, int, int]:
    """Returns address of process 0, number of processes, and which one this is; CourseError if it is not clear."""
    values = {f"KERAS_DISTRIBUTION_{name}": os.environ.get(f"KERAS_DISTRIBUTION_{name}", "") for name in VARIABLES}
    addresses, processes, number = values.values()
    if not any(values.values()):
        return "", 1, 0
    hosts = addresses.split(",")
    fit = (
        processes.isdecimal()
        and number.isdecimal()
        and int(number) < int(processes)
        and len(hosts) in (1, int(processes))
        and all(re.fullmatch(r"\S+:\d+", host) for host in hosts)
    )
    if not fit:
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise CourseError(
            f"{given} do not belong together; give host:port of process 0, how many processes there are, and which of"
            " them this is, counted from 0."
        )
    return hosts[0], int(processes), int(number)


def _meet(address: str, processes: int, number: int, last_words: Callable[[], str] = str) -> None:
    """Waits for the other processes; does what keras.distribution.initialize does, which has no time limits."""
    import jax

    def alone(reason: str) -> str:
        return (
            f"Process {number} of {processes} did not meet the others at {address} ({reason}); start all of them within"
            f" {JOIN_SECONDS} seconds, each with its own KERAS_DISTRIBUTION_PROCESS_ID."
        )

    met = False
    _say_when_aborted(lambda: (last_words(), LOST) if met else (alone("nobody answered"), 2))
    jax.config.update(
        "jax_enable_preemption_service", False
    )  # it would take SIGTERM away from course/system/signals.py
    os.environ.setdefault("JAX_COORDINATOR_BIND_ADDRESS", address)  # else process 0 listens to the whole network
    try:
        jax.distributed.initialize(
            address,
            processes,
            number,
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=LOST_SECONDS,
            shutdown_timeout_seconds=LOST_SECONDS,
        )
        jax.devices()  # where they tell each other what they have
    except Exception as error:  # of many kinds
        raise CourseError(alone(first_line(error))) from None
    met = True


def _say_when_aborted(last_words: Callable[[], tuple[str, int]]) -> None:
    """Has the loss of another process end in a sentence and an exit code, which `last_words` returns.

    JAX notices that a process is gone in a thread of its own, and aborts with a page of C++; there is no other way to
    hear of it. What compiled code writes to standard error is not shown, unless it aborts for another reason.
    """
    said = tempfile.TemporaryFile()  # noqa: SIM115  as long as this process
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(said.fileno(), 2)

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def aborted(number: int) -> None:
        exit_code = 128 + number
        try:
            text = os.pread(said.fileno(), 2**20, 0).decode("utf-8", "replace")
            if _ending:
                time.sleep(LOST_SECONDS)  # in which the main thread ends
            elif _tells_of_loss(text):
                text, exit_code = last_words()
            sys.stderr.write(f"{text}\n")
            sys.stdout.flush()
        finally:
            os._exit(exit_code)

    _handlers.append(aborted)
    ctypes.CDLL(None).signal(signal.SIGABRT, aborted)  # one of Python's would wait for the main thread


def _compare(values: dict[str, Any]) -> None:
    import numpy as np
    from jax.experimental import multihost_utils

    digest = hashlib.sha256(json.dumps(values).encode()).digest()
    try:
        multihost_utils.assert_equal(np.frombuffer(digest, np.uint8))
    except AssertionError:
        raise CourseError(
            "The processes of this training were started with different values, or were interrupted in different"
            " epochs; give all of them the same script and the same command line, without --resume in the latter case."
        ) from None


def _whole_batches() -> Any:
    import keras

    class WholeBatches(keras.distribution.DataParallel):
        """What every process feeds is not its part of a batch but the whole batch; `share` takes the part."""

        def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    return WholeBatches(auto_shard_dataset=False)


def _tells_of_loss(text: str) -> bool:
    return re.search(r"Gloo|NCCL|[Cc]oordination ?[Ss]ervice|distributed service|[Hh]eartbeat", text) is not None
