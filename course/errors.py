"""How a program of the course ends when it cannot go on: with one sentence and an exit code."""

import sys

from course import stopping


class CourseError(Exception):
    """Something the learner can put right; its text is one sentence that says what is wrong and what to do."""


def end_in_a_sentence() -> None:
    """From here on an uncaught CourseError, Ctrl-C or stopping.Stopped ends the program without a traceback.

    The exit code is 2 for a CourseError and 130 for Ctrl-C; every other exception keeps its traceback.
    """
    sys.excepthook = _report


def first_line(error: Exception) -> str:
    """Returns what an exception says in its first line, its kind if it says nothing; without a full stop."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def _report(kind, error, traceback) -> None:
    if issubclass(kind, CourseError):
        print(error, file=sys.stderr)
        sys.exit(2)
    stopped = stopping.described(error)
    if stopped is not None:
        stopping.say(f"Stopped by {stopped[0]}.")
        sys.exit(stopped[1])
    sys.__excepthook__(kind, error, traceback)
