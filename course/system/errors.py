"""How a program of the course ends when it cannot go on: with one sentence and an exit code."""

import os
import sys

from course.system import signals


class CourseError(Exception):
    """Something the learner can put right; its text is one sentence that says what is wrong and what to do."""


def end_in_a_sentence() -> None:
    """From here on an uncaught CourseError, a full memory or what `stopping` knows ends the program without traceback.

    Streams that are closed become streams that nobody reads. The exit code is 2 for a CourseError or a full memory, 130
    for Ctrl-C; every other exception keeps its traceback.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by whoever started the program; what it says goes nowhere
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115  until the end
    sys.excepthook = _report


def first_line(error: Exception) -> str:
    """Returns what an exception says in its first line, its kind if it says nothing; without a full stop."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def _report(kind, error, traceback) -> None:
    if issubclass(kind, CourseError):
        print(error, file=sys.stderr)
        sys.exit(2)
    if issubclass(kind, MemoryError) or "ResourceExhausted" in kind.__name__ or "RESOURCE_EXHAUSTED" in str(error):
        print(
            "Memory is full; a smaller batch_size, fewer or smaller images, or a smaller network need less.",
            file=sys.stderr,
        )
        sys.exit(2)
    stopped = signals.described(error)
    if stopped is not None:
        signals.say(f"Stopped by {stopped[0]}.")
        sys.exit(stopped[1])
    sys.__excepthook__(kind, error, traceback)
