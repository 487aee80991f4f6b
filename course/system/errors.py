"""How a program of the course ends when it cannot go on: with one sentence and an exit code."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from course.system import signals
from course.system.tracebacks import shorten


class CourseError(Exception):
    """Something that the learner can fix; its text is one sentence that says what is wrong and what to do."""


def end_in_a_sentence() -> None:
    """From here on an uncaught CourseError, a full memory or what `stopping` knows ends the program without traceback.

    Streams that are closed become streams that nobody reads. The exit code is 2 for a CourseError or a full memory, 130
    for Ctrl-C, 1 for every other exception, of which the part in the program's own file is shown.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by whoever started the program; what it says goes nowhere
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115  until the end
    sys.excepthook = _report


def first_line(error: BaseException) -> str:
    """Returns the first line of an exception's text, or its kind if it has none; without a full stop."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def _report(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, CourseError):
        print(error, file=sys.stderr)
        sys.exit(2)
    if issubclass(kind, MemoryError) or "ResourceExhausted" in kind.__name__ or "RESOURCE_EXHAUSTED" in str(error):
        remedy = "Try a smaller batch_size, fewer or smaller images, or a smaller network."
        print(f"Out of memory. {remedy}", file=sys.stderr)
        sys.exit(2)
    stopped = signals.described(error)
    if stopped is not None:
        signals.say(f"Stopped by {stopped[0]}.")
        sys.exit(stopped[1])
    _report_exception(error)


def _report_exception(error: BaseException) -> None:
    """Shows an exception as far as it is about the learner's file, all of it with --traceback."""
    whole = "".join(traceback.format_exception(error))
    if "--traceback" in sys.argv:
        print(whole, file=sys.stderr, end="")
    else:
        print(shorten(whole, Path(sys.argv[0]).name), file=sys.stderr)
        print("\nThe whole traceback: add --traceback.", file=sys.stderr)
    sys.exit(1)
