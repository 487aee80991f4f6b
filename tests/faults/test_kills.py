"""Runs that are killed or stopped at random moments, and many at once: nothing is lost, all numbers are the same."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

EPOCHS = 12
SEED = 20260724  # of the moments
TOLD = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Uninterrupted(NamedTuple):
    """A run that nothing happened to, and how long its parts took, in seconds."""

    words: tuple[str, ...]
    numbers: tuple[bytes, dict[str, float]]
    files: set[str]
    seconds_to_first_epoch: float
    seconds_after_it: float


@pytest.fixture(scope="module")
def uninterrupted(new_checkout, small_data) -> Uninterrupted:
    checkout = new_checkout()
    words = ("mlp.py", "--data", str(small_data), "--epochs", str(EPOCHS))
    began = time.monotonic()
    process = checkout.start(*words)
    for line in process.stdout:
        if line.startswith("Epoch 1/"):
            first = time.monotonic()
    assert process.wait() == 0
    folder = checkout.latest("mlp")
    files = {file.name for file in folder.iterdir()}
    return Uninterrupted(words, checkout.numbers(folder), files, first - began, time.monotonic() - first)


def strike(process: subprocess.Popen, number: int, chance: random.Random, usual: Uninterrupted) -> tuple[str, str]:
    """Sends a signal at a random moment, every other time in or after the first epoch, and waits for the end.

    Returns what the process wrote to standard output and to standard error.
    """
    heard = []
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, usual.seconds_to_first_epoch + usual.seconds_after_it))
    else:
        for line in process.stdout:
            heard.append(line)
            if line.startswith("Epoch "):
                break
        time.sleep(chance.uniform(0, usual.seconds_after_it))
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    return "".join(heard) + output, errors


def came_to(folder: Path | None) -> str:
    """Returns in words how far a run came that was killed."""
    if folder is None:
        return "no folder yet"
    if not (folder / "checkpoint.npz").exists():
        return "finished" if (folder / "metrics.json").exists() else "an empty folder"
    if (folder / "metrics.json").exists():
        return "tested, not finished"
    rows = len((folder / "history.csv").read_text().splitlines()) - 1 if (folder / "history.csv").exists() else 0
    saving = any(file.name.startswith(".unfinished-") for file in folder.iterdir())
    where = "no epoch" if not rows else "all epochs" if rows == EPOCHS else "some epochs"
    return f"{where}{', in the middle of a file' if saving else ''}"


def check_files(folder: Path) -> None:
    """Checks that every file is there as a whole, or not at all."""
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


def interrupt_and_go_on(checkout, number: int, chance: random.Random, usual: Uninterrupted) -> tuple[str, int, str]:
    """Interrupts a run, now and then twice, and resumes it until it is finished; its numbers must be the usual ones.

    Returns how far it came, its exit code, and what it said when it was interrupted first.
    """
    before = set((checkout.folder / "runs" / "mlp").glob("2*"))
    process = checkout.start(*usual.words)
    if number != signal.SIGKILL:
        wait_for_handler(process)
    _, errors = strike(process, number, chance, usual)
    folder = new_run(checkout, before)
    state = came_to(folder)
    if folder is not None:
        check_files(folder)
    if folder is not None and (folder / "checkpoint.npz").exists() and chance.random() < 0.2:
        again = checkout.start("mlp.py", "--resume")
        strike(again, signal.SIGKILL, chance, usual)
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
    return state, process.returncode, errors


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
        metafunc.parametrize("kill", range(50 if thorough else 2))
    if "stop" in metafunc.fixturenames:
        metafunc.parametrize("stop", range(20 if thorough else 1))


def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(checkout, uninterrupted, kill):
    chance = random.Random(SEED + kill)
    state, exit_code, _ = interrupt_and_go_on(checkout, signal.SIGKILL, chance, uninterrupted)
    print(f"[SIGKILL: {state}]", flush=True)
    assert exit_code == -signal.SIGKILL or (exit_code == 0 and state == "finished")


@pytest.mark.parametrize("number", TOLD)
def test_a_run_that_is_stopped_at_any_moment_says_how_to_go_on(checkout, uninterrupted, number, stop):
    chance = random.Random(SEED + 100 * number + stop)
    state, exit_code, errors = interrupt_and_go_on(checkout, number, chance, uninterrupted)
    print(f"[{number.name}: {state}, exit code {exit_code}]", flush=True)
    assert "Traceback" not in errors
    if exit_code == 0:
        assert state == "finished"
        assert errors == ""
        return
    assert exit_code == 128 + number
    assert len(errors.strip().splitlines()) == 1, errors
    assert errors.strip().startswith(f"Stopped by {TOLD[number]}")
    assert state in ("no folder yet", "finished") or "resume it with `python mlp.py --resume 2" in errors


def test_a_second_ctrl_c_does_no_harm(checkout, uninterrupted):
    process = checkout.start(*uninterrupted.words)
    for line in process.stdout:
        if line.startswith("Epoch 3/"):
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


def test_many_runs_at_once_have_complete_folders_and_latest_is_always_one_of_them(checkout, uninterrupted, thorough):
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
    print(f"at once: {runs} of {runs} complete")
