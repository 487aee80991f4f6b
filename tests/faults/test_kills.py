"""Runs that are killed or stopped at random moments, and many at once: nothing is lost, all numbers are the same."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

from course.system.files import UNFINISHED

pytestmark = pytest.mark.slow  # trains dozens of times
EPOCHS = 12
SEED = 20260724  # of the moments
REMEMBERING = (
    "keras.callbacks.ReduceLROnPlateau('val_loss', patience=1, factor=0.5)",
    "keras.callbacks.EarlyStopping('val_accuracy', patience=6, restore_best_weights=True)",
)
NAMED = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Uninterrupted(NamedTuple):
    """A run without interruption, and how long its beginning and its end took, in seconds."""

    script: str  # the text of mlp.py
    words: tuple[str, ...]
    epochs: int  # that it trained
    weights: list[np.ndarray]
    numbers: tuple[bytes, dict[str, float]]
    files: set[str]
    before_first_epoch: float
    after_last_epoch: float


def run_uninterrupted(checkout, small_data: Path, script: str, epochs: int) -> Uninterrupted:
    """Runs a changed mlp.py for so many epochs, or fewer if it stops itself."""
    (checkout.folder / "mlp.py").write_text(script)
    words = ("mlp.py", "--data", str(small_data), "--epochs", str(epochs))
    began = time.monotonic()
    with checkout.start(*words) as process:
        for line in process.stdout:
            if line.startswith("epoch "):
                first = time.monotonic()
            if re.match(r"\d+ of ", line):
                last = time.monotonic()
    assert process.returncode == 0
    folder = checkout.latest("mlp")
    files = {file.name for file in folder.iterdir()}
    seconds = first - began, time.monotonic() - last
    rows = len((folder / "history.csv").read_text().splitlines()) - 1
    return Uninterrupted(script, words, rows, weights_of(folder), checkout.numbers(folder), files, *seconds)


def weights_of(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


@pytest.fixture(scope="module")
def uninterrupted(new_checkout, small_data) -> Uninterrupted:
    checkout = new_checkout()
    return run_uninterrupted(checkout, small_data, (checkout.folder / "mlp.py").read_text(), EPOCHS)


@pytest.fixture(scope="module")
def stopped_early(new_checkout, small_data) -> Uninterrupted:
    """A run with callbacks that decide by what they remember: when to stop, and which weights are the best."""
    checkout = new_checkout()
    script = (checkout.folder / "mlp.py").read_text()
    for old, new in (
        ("decaying(config, len(X_train))", "keras.optimizers.Adam(0.01)"),
        ("callbacks=run.callbacks", f"callbacks=[*run.callbacks, {', '.join(REMEMBERING)}]"),
    ):
        assert old in script
        script = script.replace(old, new)
    run = run_uninterrupted(checkout, small_data, script, 100)
    assert 5 <= run.epochs < 60
    return run


def strike(checkout, process: subprocess.Popen, number: int, chance: random.Random, usual: Uninterrupted):
    """Sends a signal at a random moment: while the run begins, in an epoch, while a file is written, or while it ends.

    Waits for the end of the process; returns whether the run was finished by then, and what it wrote to standard error.
    """
    stage = chance.choices(("begins", "epoch", "file", "ends"), (20, 40, 15, 25))[0]
    if stage == "begins":
        time.sleep(chance.uniform(0, 0.8 * usual.before_first_epoch))
    else:
        epoch = usual.epochs if stage == "ends" else chance.randint(1, usual.epochs)
        seconds = duration_before(process, epoch)
        if stage == "file":
            wait_for_unfinished_file(checkout, process)
        else:
            time.sleep(chance.uniform(0, seconds + (0.8 * usual.after_last_epoch if stage == "ends" else 0)))
    finished = progress_of(checkout.latest("mlp")) == "finished"
    process.send_signal(number)
    return finished, process.communicate(timeout=300)[1]


def duration_before(process: subprocess.Popen, epoch: int) -> float:
    """Waits until an epoch, or a later one, begins; returns how many seconds the one before it took."""
    times = []
    for line in process.stdout:
        begins = re.match(r"(\d+) of ", line)  # the one before has ended
        times += [time.monotonic()] if begins else []
        if begins and int(begins[1]) + 1 >= epoch:
            break
    return times[-1] - times[-2] if len(times) > 1 else 0.5


def wait_for_unfinished_file(checkout, process: subprocess.Popen) -> None:
    while process.poll() is None and not any(checkout.latest("mlp").glob(f"{UNFINISHED}*")):
        time.sleep(0.0005)


def progress_of(folder: Path | None) -> str:
    """Returns in words how far a run had come when it was killed."""
    if folder is None:
        return "no folder yet"
    if not (folder / "checkpoint.npz").exists():
        return "finished" if (folder / "metrics.json").exists() else "an empty folder"
    if (folder / "metrics.json").exists():
        return "tested, not finished"
    rows = len((folder / "history.csv").read_text().splitlines()) - 1 if (folder / "history.csv").exists() else 0
    saving = any(file.name.startswith(UNFINISHED) for file in folder.iterdir())
    where = "no epoch" if not rows else "all epochs" if rows == EPOCHS else "some epochs"
    return f"{where}{', in the middle of a file' if saving else ''}"


def check_files(folder: Path) -> None:
    """Checks that every file is complete, or missing."""
    for name in ("config.json", "environment.json", "metrics.json"):
        if (folder / name).exists():
            json.loads((folder / name).read_text())
    for name in ("checkpoint.npz", "model.keras", "predictions.npz"):
        if (folder / name).exists():
            with zipfile.ZipFile(folder / name) as archive:
                assert archive.testzip() is None
    if (folder / "history.csv").exists():
        rows = (folder / "history.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in rows[1:]] == [str(epoch + 1) for epoch in range(len(rows) - 1)]


def new_run(checkout, before: set[Path]) -> Path | None:
    made = set((checkout.folder / "runs" / "mlp").glob("2*")) - before
    assert len(made) <= 1
    return made.pop() if made else None


def interrupt_and_resume(checkout, number: int, chance: random.Random, usual: Uninterrupted) -> tuple[str, int, str]:
    """Interrupts a run, now and then twice, and resumes it until it is finished; its numbers must be the usual ones.

    Returns how far it had come, its exit code, and what it wrote to standard error when it was first interrupted.
    """
    (checkout.folder / "mlp.py").write_text(usual.script)
    before = set((checkout.folder / "runs" / "mlp").glob("2*"))
    process = checkout.start(*usual.words)
    if number != signal.SIGKILL:
        wait_for_handler(process)
    finished, errors = strike(checkout, process, number, chance, usual)
    folder = new_run(checkout, before)
    state = progress_of(folder)
    if folder is not None:
        check_files(folder)
    if folder is not None and (folder / "checkpoint.npz").exists() and chance.random() < 0.2:
        again = checkout.start("mlp.py", "--resume")
        strike(checkout, again, signal.SIGKILL, chance, usual)
        check_files(folder)
        state += ", killed once more"
    if folder is not None and (folder / "checkpoint.npz").exists():
        answer = checkout.run("mlp.py", "--resume")
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr == ""
        assert checkout.latest("mlp") == folder
    elif folder is None or not (folder / "metrics.json").exists():
        answer = checkout.run("mlp.py", "--resume")
        assert answer.returncode == 2
        assert "nothing to resume" in answer.stderr
        if folder is not None:
            shutil.rmtree(folder)
        return state, process.returncode, errors
    assert checkout.numbers(folder) == usual.numbers, state
    assert {file.name for file in folder.iterdir()} == usual.files
    for weights, expected in zip(weights_of(folder), usual.weights, strict=True):
        np.testing.assert_array_equal(weights, expected)
    return "finished before" if finished else state, process.returncode, errors


def wait_for_handler(process: subprocess.Popen) -> None:
    """Waits until the program, and not Python's own start, answers a signal."""
    mask = 0
    while process.poll() is None and not mask >> signal.SIGTERM - 1 & 1:
        status = Path(f"/proc/{process.pid}/status").read_text()
        mask = int(status.split("SigCgt:")[1].split()[0], 16)
        time.sleep(0.005)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each moment is a test of its own."""
    thorough = metafunc.config.getoption("--thorough")
    if "kill" in metafunc.fixturenames:
        metafunc.parametrize("kill", range(50 if thorough else 1))
    if "stop" in metafunc.fixturenames:
        metafunc.parametrize("stop", range(20 if thorough else 1))
    if "moment_of_kill" in metafunc.fixturenames:
        metafunc.parametrize("moment_of_kill", range(20 if thorough else 1))


def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(checkout, uninterrupted, tried, kill):
    chance = random.Random(SEED + kill)
    state, exit_code, _ = interrupt_and_resume(checkout, signal.SIGKILL, chance, uninterrupted)
    assert exit_code == -signal.SIGKILL or state == "finished before"
    tried("`kill -9`, then `--resume`: the same numbers", Counter([state]))


def test_callbacks_remember_after_a_kill_at_any_moment(checkout, stopped_early, tried, moment_of_kill):
    chance = random.Random(SEED + 1000 + moment_of_kill)
    state, exit_code, _ = interrupt_and_resume(checkout, signal.SIGKILL, chance, stopped_early)
    assert exit_code == -signal.SIGKILL or state == "finished before"
    tried("`kill -9` with EarlyStopping and ReduceLROnPlateau: the same history and weights", Counter([state]))


@pytest.mark.parametrize("number", NAMED)
def test_a_run_that_is_stopped_at_any_moment_says_how_to_resume(checkout, uninterrupted, tried, number, stop):
    chance = random.Random(SEED + 100 * number + stop)
    state, exit_code, errors = interrupt_and_resume(checkout, number, chance, uninterrupted)
    tried(f"{NAMED[number]}, then `--resume`: the same numbers", Counter([f"{state}, exit code {exit_code}"]))
    assert "Traceback" not in errors
    if state == "finished before" and exit_code == 0:
        assert errors == ""
        return
    assert exit_code == 128 + number
    assert len(errors.strip().splitlines()) == 1, errors
    assert errors.strip().startswith(f"Stopped by {NAMED[number]}")
    says_how = "resume it with `python mlp.py --resume runs/mlp/2" in errors
    assert says_how == (state not in ("no folder yet", "finished", "finished before"))


def test_tracking_loses_a_second_at_most(checkout, small_data, tried, thorough):
    lost = []
    for moment in range(10 if thorough else 1):
        process = checkout.start("mlp.py", "--data", str(small_data), "--epochs", "10000")
        beginnings = []  # of epochs; by then the one before is tracked
        enough = random.Random(SEED + moment).uniform(2, 5)  # seconds
        for line in process.stdout:
            if re.match(r"epoch |\d+ of ", line):
                beginnings.append(time.monotonic())
                if beginnings[-1] - beginnings[0] > enough:
                    break
        trackers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for number in (*trackers, process.pid):  # that of Weights & Biases would write what is left
            os.kill(int(number), signal.SIGKILL)
        killed = time.monotonic()
        process.communicate()
        assert trackers
        (file,) = (checkout.folder / "runs" / "wandb" / "latest-run").glob("*.wandb")
        inspect = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
        records = map(json.loads, subprocess.check_output(inspect, text=True).splitlines())
        epochs = [record["history"]["item"]["epoch"] for record in records if record["type"] == "history"]
        assert epochs == list(range(1, len(epochs) + 1))
        lost.append(killed - beginnings[len(epochs) + 1] if len(epochs) + 1 < len(beginnings) else 0)
    tried("tracking after `kill -9`", Counter(f"{seconds:.1f} seconds lost" for seconds in lost))
    assert max(lost) < 1.5  # a second, and what a busy machine takes to write


def test_a_second_ctrl_c_does_no_harm(checkout, uninterrupted):
    process = checkout.start(*uninterrupted.words)
    for line in process.stdout:
        if line.startswith("2 of "):
            break
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    folder = checkout.latest("mlp")
    check_files(folder)
    assert checkout.run("mlp.py", "--resume").returncode == 0
    assert checkout.numbers(folder) == uninterrupted.numbers


def test_many_runs_at_once_have_complete_folders_and_latest_is_always_valid(checkout, uninterrupted, tried, thorough):
    runs = 16 if thorough else 3
    latest = checkout.folder / "runs" / "mlp" / "latest"
    started = [checkout.start(*uninterrupted.words) for _ in range(runs)]
    seen = set()
    while any(process.poll() is None for process in started):
        if seen or os.path.lexists(latest):
            seen.add(latest.resolve(strict=True))  # from its first moment on
        time.sleep(0.001)
    assert [process.communicate()[1] for process in started] == [""] * runs
    folders = set((checkout.folder / "runs" / "mlp").glob("2*"))
    assert len(folders) == runs
    assert seen <= folders
    for folder in folders:
        assert checkout.numbers(folder) == uninterrupted.numbers
        assert {file.name for file in folder.iterdir()} == uninterrupted.files
    tried("runs at once in one checkout", Counter({"complete": runs}))
