"""A program of the learner's in a process of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import REPOSITORY

from course.system import process

# A program with a child that does not end by itself; both write their ids.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open("ids.part", "w").write(f"{os.getpid()} {child.pid}")
os.rename("ids.part", "ids")
time.sleep(0 if "at once" in sys.argv else 300)
"""
RUNNER = """
import sys
from pathlib import Path
from course.system import process, signals
signals.stop_in_order()
process.run_python(["-c", sys.argv[1]], Path(sys.argv[2]), 60)
"""


def ids(folder: Path) -> list[int]:
    """Returns the ids that PARENT writes, once they are there."""
    deadline = time.monotonic() + 30
    while not (folder / "ids").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [int(word) for word in (folder / "ids").read_text().split()]


def is_running(one: int) -> bool:
    try:
        return Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def assert_all_end(processes: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(is_running, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_program_ends_with_its_exit_code_and_what_it_wrote_to_standard_error(tmp_path, capfd):
    outcome = process.run_python(["-c", "import sys; print(1); sys.exit('wrong')"], tmp_path, 60)
    assert (outcome.exit_code, outcome.errors.strip()) == (1, "wrong")
    assert capfd.readouterr().out.strip() == "1"
    process.run_python(["-c", "print(1)"], tmp_path, 60, show=False)
    assert capfd.readouterr().out == ""


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    assert process.run_python(["-c", "while True: pass"], tmp_path, 0.3).exit_code is None


def test_what_it_could_not_say_itself_when_it_died_is_among_its_errors():
    died = "import os; from course.system.quiet import quiet\nwith quiet(): os.abort()"
    outcome = process.run_python(["-c", died], REPOSITORY, 60)
    assert outcome.exit_code < 0
    assert outcome.errors.startswith("Python died while")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("seconds", "words"), [(3, []), (60, ["at once"])])
def test_its_children_end_with_it(tmp_path, seconds, words):
    process.run_python(["-c", PARENT, *words], tmp_path, seconds)
    assert_all_end(ids(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_they_end_with_the_program_that_runs_them(tmp_path, number):
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, PARENT, str(tmp_path)], cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    processes = ids(tmp_path)
    runner.send_signal(number)
    assert runner.wait(30) != 0
    assert_all_end(processes)
