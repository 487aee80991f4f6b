"""Runs a program of the learner's in a process of its own, for a limited time."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SECONDS_TO_END = 10  # for keeping what is finished, before it is killed
SECONDS_FOR_LAST_WORDS = 1  # for what `quiet` has to say when a program has died


class Outcome(NamedTuple):
    """How a program ended."""

    process_id: int
    exit_code: int | None  # None if it took too long
    errors: str  # what it wrote to standard error


def run_python(words: list[str], folder: Path, seconds: float, show: bool = True) -> Outcome:
    """Runs `python <words>` in a folder; what it writes to standard output is shown as it comes, if `show`.

    A program that takes longer, or is still running when this one is stopped, is asked to end, then killed. Processes
    that it has started end with it, except those in a session of their own.
    """
    with tempfile.TemporaryFile() as errors:
        output = None if show else subprocess.DEVNULL
        with subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # by which its processes are found
        ) as program:
            try:
                exit_code = program.wait(seconds)
            except subprocess.TimeoutExpired:
                exit_code = None
            except KeyboardInterrupt:
                if os.name == "posix":  # elsewhere there are no sessions, and the program got it too
                    program.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    program.wait(SECONDS_TO_END)
                raise
            finally:
                try:
                    end(program)
                finally:
                    _kill_session(program)
        if exit_code is not None and exit_code < 0:
            time.sleep(SECONDS_FOR_LAST_WORDS)
        errors.seek(0)
        return Outcome(program.pid, exit_code, errors.read().decode("utf-8", "replace"))


def end(program: subprocess.Popen[bytes]) -> None:
    """Asks a program that is still running to end, and kills it if it does not within SECONDS_TO_END."""
    if program.poll() is None:
        program.terminate()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(SECONDS_TO_END)
        finally:  # also if somebody is in a hurry
            program.kill()


def _kill_session(program: subprocess.Popen[bytes]) -> None:
    """Kills what is left of a program that leads a session of its own; on Windows, nothing."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left
            os.killpg(program.pid, signal.SIGKILL)
