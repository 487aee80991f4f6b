"""How far the learner has come in the challenge, and which hints they have seen."""

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course.challenge.levels import LEVELS, SCRIPT_NAME
from course.runs import folder as run_folder
from course.system.files import shown, write_json

Reached = Annotated[int, Field(ge=0, le=len(LEVELS))]


class Progress(BaseModel):
    """What progress.json contains; a learner may delete it and start again."""

    model_config = ConfigDict(extra="forbid")

    reached: Reached = 0  # the highest level that any graded run reached
    newest: Reached = 0  # the level that the newest one reached
    ready: bool = False  # whether the newest one has all that the next level is about, and lacks accuracy only
    hints: dict[int, int] = {}  # level → how many of its hints were shown

    def hint(self, next_one: bool = False) -> tuple[int, int, str]:
        """Returns level, number and text of a hint for the level after `newest`: the last one shown, or the next.

        The last one, which is about values, if the idea of the level is there already.
        """
        level = self.newest + 1
        hints = LEVELS[level - 1].hints
        number = len(hints) if self.ready else min(max(self.hints.get(level, 0) + next_one, 1), len(hints))
        self.hints[level] = number
        return level, number, hints[number - 1]


def progress_file() -> Path:
    """Returns where progress is kept."""
    return run_folder.RUNS / SCRIPT_NAME / "progress.json"


def read_progress() -> tuple[Progress, str | None]:
    """Returns progress, and a sentence if it could not be read and was rebuilt from the runs that were graded."""
    try:
        return Progress.model_validate_json(progress_file().read_text(encoding="utf-8")), None
    except FileNotFoundError:
        return Progress(), None
    except (OSError, UnicodeDecodeError, ValidationError):
        file, reached = shown(progress_file()), _reached_in_runs()
        sentence = f"{file} could not be read; it is rebuilt from your graded runs, and hints restart."
        return Progress(reached=reached, newest=reached), sentence


def write_progress(progress: Progress) -> None:
    """Keeps progress; of what another grader has kept meanwhile, the further one counts. Raises CourseError."""
    kept, _ = read_progress()
    hints = sorted((Counter(progress.hints) | Counter(kept.hints)).items())  # of each level the larger count
    merged = Progress(
        reached=max(progress.reached, kept.reached), newest=progress.newest, ready=progress.ready, hints=dict(hints)
    )
    with contextlib.suppress(OSError):  # which write_json says in a sentence
        progress_file().parent.mkdir(parents=True, exist_ok=True)
    write_json(progress_file(), merged.model_dump())


def _reached_in_runs() -> int:
    reached = 0
    for folder in run_folder.folders_with(run_folder.GRADE, SCRIPT_NAME):
        # A damaged one counts for nothing.
        with contextlib.suppress(
            OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError, AttributeError
        ):
            grade = json.loads((folder / run_folder.GRADE).read_text(encoding="utf-8"))
            reached = max(reached, 0 if grade.get("quick") else int(grade["reached"]))
    return min(reached, len(LEVELS))
