"""What frameworks write is hidden, unless something fails or the program dies."""

import contextlib
import subprocess
import sys

import pytest
from checkout import REPOSITORY

from course.system.errors import CourseError
from course.system.quiet import quiet

PROGRAM = """
import os, signal, sys
from course.system.quiet import quiet
with quiet():
    os.write(2, b"this processor has no AVX\\n")
    {}
print("well", file=sys.stderr)
"""
DIED = "Python died while a framework such as TensorFlow was loaded or at work: out of memory, killed, or made for"


def run(last: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(last)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_is_written_is_hidden():
    answer = run("pass")
    assert (answer.returncode, answer.stderr) == (0, "well\n")


@pytest.mark.parametrize("last", ["os.abort()", "os.kill(os.getpid(), signal.SIGILL)", "os.kill(os.getpid(), 9)"])
def test_what_was_written_is_shown_when_the_program_dies(last):
    answer = run(last)
    assert answer.returncode < 0
    assert answer.stderr == f"{DIED} another processor. It wrote this processor has no AVX\n"


@pytest.mark.parametrize(("error", "shown"), [(KeyError, "remark"), (CourseError, "")])
def test_a_failure_shows_it_too_except_before_a_sentence(error, shown, capfd):
    with contextlib.suppress(error), quiet(), quiet():
        print("remark", file=sys.__stderr__, end="", flush=True)
        raise error
    assert capfd.readouterr().err == shown


@pytest.mark.slow
def test_a_processor_that_tensorflow_was_not_made_for_is_named(checkout, tmp_path):
    (tmp_path / "tensorflow").mkdir()
    script = "import os\nos.write(2, b'compiled to use AVX instructions')\nos.abort()\n"
    (tmp_path / "tensorflow" / "__init__.py").write_text(script)
    answer = checkout.run("mlp.py", PYTHONPATH=str(tmp_path))
    assert answer.returncode < 0
    assert answer.stderr == f"{DIED} another processor. It wrote compiled to use AVX instructions\n"
