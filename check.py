"""Grades the challenge: trains fashion.py as it is, measures it, and says which levels it reaches.

python check.py           trains and grades; for the first level that is not reached, one hint
python check.py --quick   the same with 10,000 images only, against marks of its own
python check.py --last    grades the newest finished run of fashion.py, without training
python check.py --final   the same by the test images: at the end, when nothing is left to choose
python check.py --hint    the next, stronger hint
python check.py --list    the levels
python check.py --watch   grades again whenever fashion.py is saved
python check.py --reset   the starting point again; your file is kept next to it
"""

import course  # noqa: F401 - first of all: it names a file beside this one that hides a module
import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import NoReturn, Self

from pydantic import Field, model_validator
from rich.console import Console
from rich.table import Table

from course.challenge import grade
from course.challenge.grade import Grade
from course.challenge.levels import LEVELS, QUICK_IMAGES
from course.challenge.progress import Progress, progress_file, read_progress, write_progress
from course.command_line import CommandLine
from course.runs import folder as run_folder
from course.runs.certainty import interval
from course.system import process, signals, tracebacks
from course.system.errors import CourseError
from course.system.files import shown, write_text
from course.system.plain_text import printable

FOLDER = Path(__file__).resolve().parent
SCRIPT = FOLDER / "fashion.py"
STARTING_POINT = FOLDER / "solutions" / "level_1.py"
WIDTH = 100  # at most: longer lines are hard to read
CHOICES = ("quick", "last", "final", "hint", "watch", "list", "reset")


class Options(CommandLine):
    """Grades fashion.py, level by level, with hints."""

    quick: bool = False  # train with 10,000 images only, and grade against marks of its own
    last: bool = False  # grade the newest finished run of fashion.py, without training
    final: bool = False  # grade it by the test images, whatever they say: when nothing is left to choose
    hint: bool = False  # show the next, stronger hint for the first level that is not reached
    watch: bool = False  # train and grade again whenever fashion.py is saved, until Ctrl-C
    list: bool = False  # show the levels
    reset: bool = False  # restore the starting point; your fashion.py is kept next to it
    minutes: float = Field(30, gt=0, le=1440)  # how long the training of fashion.py may take

    @model_validator(mode="after")
    def one_thing_at_a_time(self) -> Self:
        chosen = [f"--{name}" for name in CHOICES if getattr(self, name)]
        if len(chosen) > 1:
            raise CourseError(f"{' and '.join(chosen)} do not go together; choose one of them.")
        return self


def main(options: Options) -> int:
    """Does what is asked for; returns the exit code: 1 if something is wrong with fashion.py, else 0."""
    if options.reset:
        return reset()
    if options.list:
        _show_levels(_progress().reached)
        return 0
    if options.hint:
        return next_hint()
    if options.watch:
        watch(options.minutes)
    if options.last or options.final:
        return last(options.final)
    return train(options.minutes, ["--limit", str(QUICK_IMAGES)] if options.quick else [])


def train(minutes: float, words: list[str] | None = None) -> int:
    """Trains fashion.py as `python fashion.py` does, with other words after it if there are any; grades the run."""
    if _content(SCRIPT) is None:
        _say("There is no fashion.py that can be read; `python check.py --reset` restores the starting point.")
        return 1
    _say(f"Training fashion.py, for at most {minutes:g} minutes (--minutes for more or less).")
    before = grade.attempts()
    outcome = process.run_python([SCRIPT.name, *(words or [])], FOLDER, 60 * minutes)
    folder = grade.attempt_of(outcome.process_id, before)
    if outcome.exit_code == 0 and folder is not None:
        print(printable(outcome.errors), end="", file=sys.stderr)
        return _grade(folder)
    print()
    if outcome.exit_code is None:
        _say(
            f"fashion.py did not end within {minutes:g} minutes and was stopped. Is there an endless loop? If it only"
            " needs longer, give it more with --minutes, or train fewer epochs."
        )
    elif outcome.errors.strip():
        _say(f"fashion.py ended with an error:\n\n{tracebacks.shorten(outcome.errors, SCRIPT.name)}")
    elif outcome.exit_code:
        _say(f"fashion.py ended itself, with exit code {outcome.exit_code}, before its test.")
    else:
        _say("fashion.py left no run: Attempt(...) in its main keeps one. What a script prints does not count.")
    for sentence in grade.mistakes_so_far(folder) if folder else []:
        _say(f"To fix: {sentence}")
    return 1


def last(final: bool) -> int:
    """Grades the newest finished run, by the test images if it is the final one."""
    folder = grade.newest_finished()
    if folder is None:
        raise CourseError("No run of fashion.py is finished; `python check.py` trains and grades one.")
    if not (folder / run_folder.OBSERVED).exists():
        raise CourseError(f"{shown(folder)} is from before the grader; `python check.py` trains and grades a new one.")
    return _grade(folder, final)


def next_hint() -> int:
    """Shows one more hint."""
    if not progress_file().exists():
        raise CourseError("Nothing is graded yet; `python check.py` trains and grades fashion.py.")
    progress = _progress()
    _show_hint(progress, next_one=True)
    write_progress(progress)
    return 0


def watch(minutes: float) -> NoReturn:
    """Trains and grades, again and again, whenever the file was saved; Ctrl-C ends it."""
    from watchfiles import watch as saved  # late: only here is it needed

    while True:
        graded = _content(SCRIPT)
        try:
            train(minutes)
        except CourseError as error:  # such as a full disk, which may have room again
            print(error, file=sys.stderr)
        if _content(SCRIPT) == graded:  # else it was saved meanwhile
            _say("Waiting for you to save fashion.py; Ctrl-C ends this.")
            for changes in saved(FOLDER, recursive=False, yield_on_timeout=True):
                if _content(SCRIPT) != graded or any(Path(path) == SCRIPT for _, path in changes):
                    break


def reset() -> int:
    """Restores the starting point; the learner's file stays next to it under a new name."""
    starting_point, theirs = _content(STARTING_POINT), _content(SCRIPT)
    if starting_point is None:
        raise CourseError(f"{shown(STARTING_POINT)} cannot be read; the starting point is in it, so download it again.")
    kept = FOLDER / f"fashion-{time.strftime('%Y-%m-%d_%H-%M-%S')}.py"
    is_kept = theirs != starting_point and os.path.lexists(SCRIPT)
    if is_kept:
        _keep_as(kept, theirs)
    try:
        write_text(SCRIPT, starting_point.decode("utf-8"))
    except CourseError:
        if is_kept and theirs is None:
            kept.rename(SCRIPT)
        raise
    if is_kept:
        print(f"Your file is kept as {kept.name}.")
    print("fashion.py is the starting point again.")
    return 0


def _keep_as(kept: Path, theirs: bytes | None) -> None:
    """Copies fashion.py, or moves it if it cannot be read, such as a folder; raises CourseError if neither works."""
    try:
        if theirs is None:
            if os.path.lexists(kept):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            SCRIPT.rename(kept)
        else:
            with kept.open("xb") as copy:  # never over another one
                copy.write(theirs)
    except OSError as error:
        if theirs is not None and not isinstance(error, FileExistsError):
            kept.unlink(missing_ok=True)
        raise CourseError(f"{kept.name} cannot be written ({error.strerror}); fashion.py is as it was.") from None


def _content(file: Path) -> bytes | None:
    """Returns what is in a file, None if it is not a file, is not there, or cannot be read."""
    with contextlib.suppress(OSError):
        return file.read_bytes() if file.is_file() else None  # a pipe would be waited for
    return None


def _grade(folder: Path, final: bool = False) -> int:
    progress = _progress()
    result = grade.grade_attempt(folder, progress.reached, final)
    quick = result.limit is not None and result.tested is None
    progress.newest, progress.ready = result.reached, result.structured > result.reached
    if not quick:
        progress.reached = max(progress.reached, result.reached)
    print()
    _say(f"Graded {shown(result.folder)}: {_measured(result)}")
    _show_levels(result.reached, quick)
    for sentence in result.mistakes[:1]:
        _say(f"To fix: {sentence}")
    others = len(result.mistakes) - 1  # no walrus: Python 3.6 and 3.7 read this file as far as its first import
    if others > 0:
        _say(f"{others} more to fix after this one.")
    if result.reasons:
        _say(f"Level {result.reached + 1} is not reached. {' '.join(result.reasons)}")
    for sentence in result.remarks:
        _say(f"Worth knowing: {sentence}")
    _show_hint(progress)
    _say("What the grader looks at, and what it cannot see: docs/challenge.md.")
    write_progress(progress)
    return 1 if result.mistakes else 0


def _measured(result: Grade) -> str:
    """Returns what was measured, in a sentence."""
    if result.measured is None:
        return "its network could not be tested."
    of = {"validation": result.validated, "test": result.tested}
    said = []
    for part, found in of.items():
        if found is not None:
            low, high = interval(*found)
            said.append(f"{found.accuracy:.2%} of the {found.images:,} {part} images right ({low:.1%} to {high:.1%})")
    sentence = f"{' and '.join(said)}; in brackets the 95% interval."
    if result.limit is not None and result.tested is None:
        sentence += f" A quick try, with {result.limit:,} training images: its marks are for {QUICK_IMAGES:,}."
    elif result.tested is None:
        sentence += " The test images are left alone until a new level may be reached."
    return sentence


def _show_levels(reached: int, quick: bool = False) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("Level", justify="right")
    table.add_column("Quick try" if quick else "Validation", justify="right")
    if not quick:
        table.add_column("Test", justify="right")
    table.add_column("")
    table.add_column("Idea")
    for number, level in enumerate(LEVELS, start=1):
        state = "reached" if number <= reached else "next" if number == reached + 1 else ""
        marks = [level.quick] if quick else [level.validation, level.mark]
        table.add_row(str(number), *(f"{mark:.1%}" for mark in marks), state, level.idea)
    console = _console()
    console.print(table)
    console.print()


def _show_hint(progress: Progress, next_one: bool = False) -> None:
    if progress.newest == len(LEVELS):
        _say("All levels are reached. What does the network still get wrong, and would you have known?")
        return
    level, number, text = progress.hint(next_one)
    hints = len(LEVELS[level - 1].hints)
    _say(f"Hint {number} of {hints} for level {level}: {text}")
    if number < hints:
        _say("`python check.py --hint` gives a stronger one.")


def _progress() -> Progress:
    progress, rebuilt = read_progress()
    if rebuilt:
        print(rebuilt, file=sys.stderr)
    return progress


def _console() -> Console:
    console = Console(markup=False, emoji=False, highlight=False)  # a learner's text may look like markup
    console.width = min(console.width, WIDTH)
    return console


def _say(text: str) -> None:
    """Prints a paragraph; what comes after its first line, such as a traceback, is not wrapped."""
    first, *others = printable(text).split("\n", maxsplit=1)
    console = _console()
    console.print(first)
    for lines in others:
        console.print(lines, soft_wrap=True)
    console.print()


if __name__ == "__main__":
    options = Options.from_command_line()
    signals.stop_in_order()  # and end the training
    sys.exit(main(options))
