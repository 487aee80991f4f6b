"""How far the learner has come in the challenge, and which hints they have seen."""

import contextlib
import json

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course.challenge import levels
from course.challenge.grade import GRADE
from course.runs import folder as run_folder
from course.system.files import shown, write_json

FILE = run_folder.RUNS / "fashion" / "progress.json"


class Progress(BaseModel):
    """What progress.json holds; a learner may delete it and begin anew."""

    model_config = ConfigDict(extra="forbid")

    reached: int = Field(0, ge=0, le=len(levels.LEVELS))  # the highest level that any graded run reached
    newest: int = Field(0, ge=0, le=len(levels.LEVELS))  # the level that the newest one reached
    hints: dict[int, int] = {}  # level → how many of its hints were shown

    def hint(self, next_one: bool = False) -> tuple[int, int, str]:
        """Returns level, number and text of a hint for the level after `newest`: the last one shown, or the next."""
        level = self.newest + 1
        hints = levels.LEVELS[level - 1].hints
        number = min(max(self.hints.get(level, 0) + next_one, 1), len(hints))
        self.hints[level] = number
        return level, number, hints[number - 1]


def read() -> tuple[Progress, str | None]:
    """Returns what was kept, and a sentence if it could not be read and was rebuilt from the runs that were graded."""
    try:
        return Progress.model_validate_json(FILE.read_text(encoding="utf-8")), None
    except FileNotFoundError:
        return Progress(), None
    except (OSError, UnicodeDecodeError, ValidationError):
        again = f"{shown(FILE)} could not be read; it is rebuilt from your graded runs, and hints begin anew."
        reached = _reached_in_runs()
        return Progress(reached=reached, newest=reached), again


def write(progress: Progress) -> None:
    """Keeps progress; of what another grader has kept meanwhile, the further one counts. Raises CourseError."""
    kept, _ = read()
    hints = {
        level: max(progress.hints.get(level, 0), kept.hints.get(level, 0))
        for level in sorted({*progress.hints, *kept.hints})
    }
    merged = {"reached": max(progress.reached, kept.reached), "newest": progress.newest, "hints": hints}
    with contextlib.suppress(OSError):  # which write_json says in a sentence
        FILE.parent.mkdir(parents=True, exist_ok=True)
    write_json(FILE, merged)


def _reached_in_runs() -> int:
    reached = 0
    for file in FILE.parent.glob(f"*/{GRADE}"):
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError
        ):  # a damaged one counts for nothing
            reached = max(reached, int(json.loads(file.read_text(encoding="utf-8"))["reached"]))
    return min(reached, len(levels.LEVELS))
