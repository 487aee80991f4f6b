"""One training on many devices: it reaches what it reaches on one, and the loss of a process ends the others."""

import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from checkout import Checkout

pytestmark = pytest.mark.slow  # several processes each
QUICK = ("mlp.py", "--hidden_nodes", "16", "--epochs", "2")  # 1,100 images in batches of 64: 12 are left for the last
TWO_DEVICES = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}


class Training:
    """The processes of one training on this machine, which meet on loopback."""

    def __init__(self, checkout: Checkout, *words: str, values: tuple[tuple[str, ...], ...] = ((), ())) -> None:
        """Starts `python <words> --data_parallel` in as many processes as there are further `values`."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{unused.getsockname()[1]}"
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-u", *words, "--data_parallel", "--name", f"process-{number}", *own],
                cwd=checkout.folder,
                env=checkout.environment(
                    KERAS_BACKEND="jax",
                    KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
                    KERAS_DISTRIBUTION_NUM_PROCESSES=str(len(values)),
                    KERAS_DISTRIBUTION_PROCESS_ID=str(number),
                ),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number, own in enumerate(values)
        ]

    def wait_for_epoch(self, epoch: int) -> None:
        """Returns when all processes have begun an epoch."""
        for process in self.processes:
            for line in process.stdout:
                if line.startswith(f"{epoch - 1} of " if epoch > 1 else "epoch "):
                    break

    def end(self) -> list[tuple[int, str, str]]:
        """Returns exit code and output of each process."""
        said = [process.communicate(timeout=300) for process in self.processes]
        return [(process.returncode, *texts) for process, texts in zip(self.processes, said, strict=True)]


def folder(checkout: Checkout, name: str) -> Path:
    (found,) = (checkout.folder / "runs" / "mlp").glob(f"*-{name}")
    return found


@pytest.fixture(scope="module")
def trained(new_checkout, small_data) -> Checkout:
    """The same training on one device, on two of one process, and on those of two processes."""
    checkout = new_checkout()
    words = (*QUICK, "--data", str(small_data))
    for name, options, environment in (
        ("one-device", (), {"KERAS_BACKEND": "jax"}),
        ("two-devices", ("--data_parallel",), TWO_DEVICES),
    ):
        answer = checkout.run(*words, "--name", name, *options, **environment)
        assert (answer.returncode, answer.stderr) == (0, "")
    assert "Each batch of 64 images is shared among 2 devices.\n" in answer.stdout
    for number, (exit_code, said, errors) in enumerate(Training(checkout, *words).end()):
        assert (exit_code, errors) == (0, "")
        assert said.startswith(
            f"Each batch of 64 images is shared among 2 devices; this is process {number} of 2.\nmlp.py: 2 epochs with "
        )
    return checkout


@pytest.fixture
def weights(trained) -> Callable[[str], list[np.ndarray]]:
    return lambda name: keras.models.load_model(folder(trained, name) / "model.keras", compile=False).get_weights()


@pytest.mark.parametrize("name", ["two-devices", "process-0"])
def test_many_devices_learn_what_one_learns(weights, name):
    one, many = weights("one-device"), weights(name)
    assert max(np.abs(a - b).max() for a, b in zip(one, many, strict=True)) <= 1e-5


def test_processes_learn_the_same_bit_by_bit(trained, weights):
    for first, second in zip(weights("process-0"), weights("process-1"), strict=True):
        np.testing.assert_array_equal(first, second)
    histories = [(folder(trained, name) / "history.csv").read_bytes() for name in ("process-0", "process-1")]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("name", ["two-devices", "process-0", "process-1"])
def test_validation_and_test_see_every_image(trained, name):
    def results(name: str) -> list[float]:
        last = (folder(trained, name) / "history.csv").read_text().splitlines()[-1].split(",")
        metrics = json.loads((folder(trained, name) / "metrics.json").read_text())
        return [*map(float, last), metrics["test_loss"], metrics["test_accuracy"]]

    assert results(name) == pytest.approx(results("one-device"), abs=1e-5)
    predictions = np.load(folder(trained, name) / "predictions.npz")["outputs"]
    assert predictions.shape == (500, 10)
    np.testing.assert_allclose(
        predictions, np.load(folder(trained, "one-device") / "predictions.npz")["outputs"], atol=1e-5
    )
    assert (folder(trained, name) / "report.html").is_file()


def test_one_training_is_tracked_once(trained):
    assert len(list((trained.folder / "runs" / "wandb").glob("offline-run-*"))) == 3  # of four processes


PARTS = """
import jax, keras
from course.training import devices
from course.config import LessonConfig
class Config(LessonConfig):
    batch_size: int = 8
    data_parallel: bool = True
class Look(keras.layers.Layer):
    def call(self, x):
        jax.debug.inspect_array_sharding(x, callback=lambda parts: print(x.shape[0], parts.shard_shape(x.shape)[0]))
        return x
devices.join("example", Config(), 0)
model = keras.Sequential([keras.Input((3,)), Look(), keras.layers.Dense(1)])
model.compile(loss="mse", optimizer="sgd")
share = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: devices.share(model))
zeros = keras.ops.convert_to_numpy(keras.ops.zeros((21, 3)))
model.fit(zeros, zeros[:, :1], batch_size=8, validation_data=(zeros[:14], zeros[:14, :1]), callbacks=[share], verbose=0)
"""


def test_each_device_works_on_its_part_of_a_batch(checkout):
    answer = checkout.run("-c", PARTS, **TWO_DEVICES)
    assert answer.returncode == 0, answer.stderr
    seen = [tuple(map(int, line.split())) for line in answer.stdout.splitlines()[1:]]
    assert seen == [(8, 4), (5, 5), (8, 4), (6, 3)]  # images of a batch, and of them on a device; 5 cannot be shared


@pytest.mark.parametrize(
    ("lost", "sent"),
    [(0, signal.SIGKILL), (1, signal.SIGKILL), (0, signal.SIGSTOP), (1, signal.SIGSTOP), (0, signal.SIGTERM)],
)
def test_a_lost_process_ends_the_other_with_its_epochs_kept(checkout, small_data, thorough, lost, sent):
    if not thorough and (lost, sent) != (0, signal.SIGKILL):  # process 0 is the one that the others report to
        pytest.skip("each takes half a minute, and a process that does not answer 20 seconds more: with --thorough")
    training = Training(checkout, *QUICK, "--epochs", "10000", "--data", str(small_data))
    training.wait_for_epoch(4)
    training.processes[lost].send_signal(sent)
    left = time.monotonic()
    training.processes[1 - lost].communicate(timeout=100)
    seconds = time.monotonic() - left
    training.processes[lost].kill()
    training.processes[lost].communicate()
    assert training.processes[1 - lost].returncode != 0
    assert seconds < 60
    for name in ("process-0", "process-1"):
        assert len((folder(checkout, name) / "history.csv").read_text().splitlines()) > 3
        assert keras.models.load_model(folder(checkout, name) / "model.keras").count_params() == 12_730


def test_processes_that_were_interrupted_continue_together(checkout, small_data):
    words = ("mlp.py", "--hidden_nodes", "16", "--epochs", "20", "--data", str(small_data))
    training = Training(checkout, *words)
    training.wait_for_epoch(3)
    training.processes[1].send_signal(signal.SIGTERM)
    (other_code, *_), (stopped_code, _, stopped) = training.end()
    assert other_code != 0
    assert stopped_code == 143
    stopped_by = r"\nStopped by SIGTERM: \d+ of 20 epochs are finished and kept in .*-process-1; resume it .*\n"
    assert re.fullmatch(stopped_by, stopped)
    folders = [folder(checkout, f"process-{number}") for number in range(2)]
    finished = [len((folder / "history.csv").read_text().splitlines()) - 1 for folder in folders]
    assert 2 <= finished[0] == finished[1] < 20
    together = Training(checkout, *words, values=tuple(("--resume", folder.name) for folder in folders))
    for number, (exit_code, said, errors) in enumerate(together.end()):
        assert (exit_code, errors) == (0, "")
        assert f"Resumed: {finished[0]} of 20 epochs are finished and kept in runs/mlp/{folders[number].name}." in said
    histories = [(folder / "history.csv").read_text() for folder in folders]
    assert histories[0] == histories[1]

    assert checkout.run(*words, "--name", "alone", KERAS_BACKEND="jax").returncode == 0
    alone = (folder(checkout, "alone") / "history.csv").read_text()
    for row, usual in zip(histories[0].splitlines()[1:], alone.splitlines()[1:], strict=True):
        assert list(map(float, row.split(","))) == pytest.approx(list(map(float, usual.split(","))), abs=1e-4)


def test_processes_with_different_values_are_refused(checkout, small_data):
    training = Training(checkout, *QUICK, "--data", str(small_data), values=(("--seed=1",), ("--seed=2",)))
    for exit_code, _, said in training.end():
        assert exit_code == 2
        assert said.startswith("The processes of this training were started with different values, or were interrupted")
        assert said.count("\n") == 1
    assert not (checkout.folder / "runs").exists()


def test_a_process_that_stays_alone_says_so(checkout):
    module = checkout.folder / "course" / "training" / "devices.py"
    assert "JOIN_SECONDS = 120" in module.read_text()
    module.write_text(module.read_text().replace("JOIN_SECONDS = 120", "JOIN_SECONDS = 3"))
    training = Training(checkout, "mlp.py")
    training.processes[0].kill()
    _, (exit_code, _, said) = training.end()
    assert exit_code != 0
    assert "DEADLINE_EXCEEDED" in said  # JAX's own message


def test_a_batch_that_cannot_be_shared_equally_is_refused(checkout):
    answer = checkout.run("mlp.py", "--data_parallel", "--batch_size", "65", **TWO_DEVICES)
    assert answer.returncode == 2
    assert answer.stderr == (
        "batch_size is 65, but must be a multiple of 2, because 2 devices share each batch; choose another one.\n"
    )
    assert not (checkout.folder / "runs").exists()


@pytest.mark.parametrize("backend", ["tensorflow", "torch", None])
def test_other_backends_are_refused_before_they_are_loaded(checkout, monkeypatch, backend):
    settings = {"KERAS_BACKEND": backend} if backend else {}
    environment = checkout.environment
    monkeypatch.setattr(checkout, "environment", lambda **changes: environment(**changes, **settings))
    said = checkout.refuses(
        "cnn.py", "--data_parallel", before_loading={"keras", "tensorflow", "wandb", "jax", "torch"}
    )
    if backend and importlib.util.find_spec(backend) is None:
        assert said.startswith(f"KERAS_BACKEND is {backend}, which is not installed; ")
    else:
        assert said.startswith(f"data_parallel needs Keras' JAX backend, but this one is {backend or 'tensorflow'}; ")


@pytest.mark.parametrize(
    ("name", "value"), [("NUM_PROCESSES", ""), ("NUM_PROCESSES", "two"), ("PROCESS_ID", "2"), ("JOB_ADDRESSES", "here")]
)
def test_variables_that_do_not_belong_together_are_refused(checkout, name, value):
    given = {"JOB_ADDRESSES": "127.0.0.1:1", "NUM_PROCESSES": "2", "PROCESS_ID": "1"} | {name: value}
    variables = {f"KERAS_DISTRIBUTION_{name}": value for name, value in given.items()}
    answer = checkout.run("mlp.py", "--data_parallel", KERAS_BACKEND="jax", **variables)
    assert answer.returncode == 2
    assert f"KERAS_DISTRIBUTION_{name}={value}" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (checkout.folder / "runs").exists()
