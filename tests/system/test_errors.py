"""How a program ends: with a sentence and an exit code, and without a traceback where it can be helped."""

import os
import subprocess
import sys

import pytest
from checkout import REPOSITORY

from course.system.errors import CourseError, end_in_a_sentence

BEGIN = "from course.system.errors import CourseError, end_in_a_sentence\nend_in_a_sentence()\n"


@pytest.mark.parametrize(
    ("statement", "exit_code", "said"),
    [
        ("raise CourseError('Do this.')", 2, "Do this.\n"),
        ("raise CourseError('Do \x1b[1mthis\x1b[0m.\x07')", 2, r"Do this.\x07"),
        ("raise ValueError('\x1b[2J')", 1, r"ValueError: \x1b[2J"),
        ("raise MemoryError", 2, "Out of memory. Try a smaller batch_size, "),
        ("raise KeyboardInterrupt", 130, "\nStopped by Ctrl-C.\n"),
        ("raise ValueError('Unknown.')", 1, "ValueError: Unknown.\n\nThe whole traceback: add --traceback.\n"),
    ],
)
def test_exceptions(statement, exit_code, said):
    program = [sys.executable, "-c", BEGIN + statement]
    answer = subprocess.run(program, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == exit_code
    assert answer.stderr.startswith(said)


def test_a_notebook_shows_the_sentence_alone_and_keeps_its_own_way_to_show_other_exceptions(monkeypatch):
    assert CourseError("Do this.")._render_traceback_() == ["Do this."]  # which IPython asks for
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    hook = sys.excepthook
    end_in_a_sentence()
    assert sys.excepthook is hook


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("buffered", [True, False])
def test_output_that_nobody_reads_ends_a_program_without_a_word(buffered):
    program = f"{BEGIN}import time; time.sleep(0.5); print('x')"
    words = ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-c", program]
    environment = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    answer = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, check=False)
    assert answer.returncode == 141
    assert answer.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_lost_connection_is_not_the_end_of_a_program():
    program = """
import socket
ours, theirs = socket.socketpair()
theirs.close()
try:
    ours.send(b"x")
except BrokenPipeError:
    print("continues")
"""
    words = [sys.executable, "-c", BEGIN + program]
    answer = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "continues\n")
