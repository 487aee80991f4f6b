"""How a program of the course ends when it cannot continue: with one sentence and an exit code."""

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar

from course.system import program, signals
from course.system.installed import broken_package
from course.system.namesakes import loaded_namesakes
from course.system.plain_text import printable
from course.system.tracebacks import OUT_OF_MEMORY, shorten

Result = TypeVar("Result")
CLOSED_PIPE = 141  # exit code, as shells have it after SIGPIPE


class CourseError(Exception):
    """Something the learner can fix; its text is one sentence that says what is wrong and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Returns what IPython shows in the place of a traceback."""
        return [str(self)]


def end_in_a_sentence() -> None:
    """Makes an uncaught CourseError, a lack of memory or a signal end the program in a sentence without traceback.

    The exit code is 2 for a CourseError, a lack of memory or a package that cannot be loaded, 130 for Ctrl-C, 141,
    without a sentence, if nobody reads the output, 1 for every other exception, of which the lines in the program's
    own file are shown. A notebook keeps its own way to show an exception.
    """
    if program.is_interactive():
        return
    sys.excepthook = _report
    if hasattr(signal, "SIGPIPE") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGPIPE, _end_if_nobody_reads)


def first_line(error: BaseException) -> str:
    """Returns the first line of an exception's text, its kind if it has none; without a full stop."""
    return printable(str(error).strip().splitlines()[0]).rstrip(".") if str(error).strip() else type(error).__name__


def _report(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    is_memory = isinstance(error, MemoryError) or "ResourceExhausted" in kind.__name__
    if isinstance(error, CourseError) or is_memory or "RESOURCE_EXHAUSTED" in str(error):
        print(printable(str(error)) if isinstance(error, CourseError) else OUT_OF_MEMORY, file=sys.stderr)
        sys.exit(2)
    stopped = signals.described(error)
    if stopped is not None:
        signals.say(f"Stopped by {stopped[0]}.")
        sys.exit(stopped[1])
    broken = broken_package(error)
    if broken is not None and "--traceback" not in program.arguments():
        print(printable(broken), file=sys.stderr)
        sys.exit(2)
    whole = "".join(traceback.format_exception(error))
    if "--traceback" in program.arguments():
        print(printable(whole), file=sys.stderr, end="")
    else:
        lines = [
            printable(shorten(whole, Path(sys.argv[0]).name)),
            *loaded_namesakes(),
            "The whole traceback: add --traceback.",
        ]
        print("\n\n".join(lines), file=sys.stderr)
    sys.exit(1)


def _end_if_nobody_reads(number: int, frame: FrameType | None) -> None:
    """Ends the program if its output is closed, as SIG_DFL would; but that also ends it for a lost tracking process."""
    output = select.poll()
    output.register(1, 0)
    if output.poll(0):  # an error, or closed at the other end
        os._exit(CLOSED_PIPE)


def without_harm(failure: str, action: Callable[[], Result]) -> Result | None:
    """Does something that a finished training must not fail for; says in a sentence if it did not work."""
    try:
        return action()
    except Exception as error:  # a learner's network, labels and images may be anything
        print(f"{failure} ({first_line(error)}); the run itself is not affected.", file=sys.stderr)
        return None
