"""Grades the challenge: trains fashion.py as it stands, measures it, and says which levels it reaches.

python check.py           trains and grades; for the first level that is not reached, one hint
python check.py --last    grades the newest finished run of fashion.py, without training
python check.py --hint    the next, stronger hint
python check.py --list    the levels
python check.py --watch   grades again whenever fashion.py is saved
python check.py --reset   the starting point again; your file is kept beside it
"""

import shutil
import signal
import sys
import textwrap
import time
from pathlib import Path
from typing import NoReturn, Self

from pydantic import Field, model_validator

from course.challenge import grade, progress
from course.challenge.attempt import OBSERVED
from course.challenge.levels import LEVELS
from course.config import CommandLine
from course.system import process, tracebacks
from course.system.errors import CourseError
from course.system.files import shown, write_text

FOLDER = Path(__file__).resolve().parent
SCRIPT = FOLDER / "fashion.py"
STARTING_POINT = FOLDER / "solutions" / "level_1.py"
LOOKED_AT = (
    "Looked at: images and labels as fit got them (whose they are, their range and shape), outputs, last activation,"
    " layers and loss of the network, every epoch, and what the saved network makes of the test images."
)
NOT_SEEN = (
    "What cannot be seen: test images that were altered before they were trained on, test images that a dataset or"
    " generator hands to fit, and answers that were written into the file. The levels are yours, so is the honour."
)


class Options(CommandLine):
    """Grades fashion.py, level by level, with hints."""

    last: bool = Field(False, description="grade the newest finished run of fashion.py, without training")
    hint: bool = Field(False, description="show the next, stronger hint for the first level that is not reached")
    watch: bool = Field(False, description="train and grade again whenever fashion.py is saved, until Ctrl-C")
    list: bool = Field(False, description="show the levels")
    reset: bool = Field(False, description="restore the starting point; your fashion.py is kept beside it")
    minutes: float = Field(30, gt=0, le=1440, description="how long the training of fashion.py may take")

    @model_validator(mode="after")
    def one_thing_at_a_time(self) -> Self:
        chosen = [f"--{name}" for name in ("last", "hint", "watch", "list", "reset") if getattr(self, name)]
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
        if not progress.FILE.exists():
            raise CourseError("Nothing is graded yet; `python check.py` trains and grades fashion.py.")
        so_far = _progress()
        _show_hint(so_far, next_one=True)
        progress.write(so_far)
        return 0
    if options.watch:
        watch(options.minutes)
    return last() if options.last else train(options.minutes)


def train(minutes: float) -> int:
    """Trains fashion.py as `python fashion.py` does, and grades what comes out."""
    print(f"Training fashion.py, for at most {minutes:g} minutes (--minutes for more or less).\n", flush=True)
    before = grade.folders()
    ended = process.run([SCRIPT.name], FOLDER, 60 * minutes)
    folder = grade.of_process(ended.process, before)
    if ended.exit_code == 0 and folder is not None:
        print(ended.errors, end="", file=sys.stderr)
        return _show(grade.grade(folder))
    if ended.exit_code is None:
        print(f"\nfashion.py did not end within {minutes:g} minutes and was stopped. Is there an endless loop?")
        print("If it only needs longer, give it more with --minutes, or train fewer epochs.")
    elif ended.errors.strip():
        print(f"\nfashion.py ended with an error:\n\n{tracebacks.shorten(ended.errors, SCRIPT.name)}")
    elif ended.exit_code:
        print(f"\nfashion.py ended itself, with exit code {ended.exit_code}, before it came to its test.")
    else:
        print("\nfashion.py left no run: Attempt(...) in its main keeps one. What a script prints does not count.")
    print()
    for sentence in grade.mistakes_so_far(folder) if folder else []:
        _say(f"To put right: {sentence}")
    return 1


def last() -> int:
    """Grades the newest finished run."""
    folder = grade.newest_finished()
    if folder is None:
        raise CourseError("No run of fashion.py is finished; `python check.py` trains and grades one.")
    if not (folder / OBSERVED).exists():
        raise CourseError(f"{shown(folder)} is from before the grader; `python check.py` trains and grades a new one.")
    return _show(grade.grade(folder))


def watch(minutes: float) -> NoReturn:
    """Trains and grades, again and again, whenever the file was saved; Ctrl-C ends it."""
    from watchfiles import watch as saved  # late: only here is it needed

    while True:
        graded = SCRIPT.read_bytes()
        train(minutes)
        if SCRIPT.read_bytes() == graded:  # else it was saved meanwhile
            print("Waiting for you to save fashion.py; Ctrl-C ends this.\n", flush=True)
            next(saved(FOLDER, watch_filter=lambda _, path: Path(path) == SCRIPT, recursive=False))


def reset() -> int:
    """Restores the starting point; the learner's file stays beside it under a new name."""
    starting_point = STARTING_POINT.read_bytes()
    theirs = SCRIPT.read_bytes() if SCRIPT.exists() else starting_point
    if theirs != starting_point:
        kept = FOLDER / f"fashion-{time.strftime('%Y-%m-%d_%H-%M-%S')}.py"
        try:
            with kept.open("xb") as copy:  # never over another one
                copy.write(theirs)
        except OSError as error:
            if not isinstance(error, FileExistsError):
                kept.unlink(missing_ok=True)
            raise CourseError(f"{kept.name} cannot be written ({error.strerror}); fashion.py is as it was.") from None
        print(f"Your file is kept as {kept.name}.")
    write_text(SCRIPT, starting_point.decode("utf-8"))
    print("fashion.py is the starting point again.")
    return 0


def _show(grade: grade.Grade) -> int:
    so_far = _progress()
    so_far.newest, so_far.reached = grade.reached, max(so_far.reached, grade.reached)
    print(f"\nGraded {shown(grade.folder)}", end=": ")
    if grade.accuracy is None:
        print("its network could not be tested.")
    else:
        images = f"{grade.test_images:,} test images"
        print(f"{grade.accuracy:.2%} of the {images}, measured with its saved network and your `prepare`.")
    _show_levels(grade.reached)
    for sentence in grade.mistakes:
        _say(f"To put right: {sentence}")
    for sentence in grade.remarks:
        _say(f"Worth knowing: {sentence}")
    _show_hint(so_far)
    _say(LOOKED_AT)
    _say(NOT_SEEN)
    progress.write(so_far)
    return 1 if grade.mistakes else 0


def _show_levels(reached: int) -> None:
    print("\nLevel  Accuracy           Idea")
    for number, level in enumerate(LEVELS, start=1):
        state = "reached" if number <= reached else "next" if number == reached + 1 else ""
        print(f"{number:>5}  {level.mark:>8.1%}  {state:<7}  {level.idea}")
    print()


def _show_hint(so_far: progress.Progress, next_one: bool = False) -> None:
    if so_far.newest == len(LEVELS):
        _say("All levels are reached. What does the network still get wrong, and would you have known?")
        return
    level, number, text = so_far.hint(next_one)
    _say(f"Hint {number} of {len(LEVELS[level - 1].hints)} for level {level}: {text}")
    if number < len(LEVELS[level - 1].hints):
        print("`python check.py --hint` gives a stronger one.\n")


def _progress() -> progress.Progress:
    so_far, rebuilt = progress.read()
    if rebuilt:
        print(rebuilt, file=sys.stderr)
    return so_far


def _say(text: str) -> None:
    """Prints a paragraph within 100 columns; what comes after its first line, such as a traceback, as it is."""
    first, _, others = text.partition("\n")
    print(
        textwrap.fill(first, min(shutil.get_terminal_size().columns, 100)), *([others] if others else []), "", sep="\n"
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # not without ending the training
    sys.exit(main(Options.from_command_line()))
