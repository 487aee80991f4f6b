"""Which interrupted run a program may resume."""

import json
import sys
from pathlib import Path
from typing import Literal

from course.runs import checkpoint
from course.runs import folder as run_folder
from course.runs.checkpoint import Arrays, Checkpoint
from course.system import program
from course.system.errors import CourseError
from course.system.files import shown


def interrupted(run: str) -> tuple[Path, Checkpoint]:
    """Returns the folder of an unfinished run of this program, by its path or name, with the checkpoint in it.

    An empty `run` means the newest one that can be resumed; a sentence names each newer one that cannot. Raises
    CourseError if there is none, or if it is finished, running, damaged, changed, or another program's.
    """
    name = program.name()
    if not run:
        return _newest_interrupted(name)
    folder = run_folder.named(run, Path(name).stem)
    if folder is None:
        raise CourseError(f"There is no run {run}; --resume alone resumes the newest interrupted one.")
    return folder, _resumable(folder, name)


def read_unfinished(folder: Path) -> tuple[Checkpoint, Arrays]:
    """Returns the checkpoint of the run in a folder, with its arrays.

    Raises CourseError if there is none, because the run is finished or for another reason, or if it is damaged.
    """
    if not (folder / run_folder.CHECKPOINT).exists():
        if (folder / run_folder.METRICS).exists():
            raise CourseError(f"{shown(folder)} is finished, so there is nothing to resume; start a new run.")
        raise CourseError(f"{shown(folder)} has no {run_folder.CHECKPOINT}, so it cannot be resumed; start a new run.")
    return checkpoint.read(folder)


def state_of_config(folder: Path, config: dict[str, object]) -> Literal["kept", "broken", "changed"]:
    """Returns whether a run's config.json still says this config; "broken" if it is missing or was cut off."""
    try:
        kept = json.loads((folder / run_folder.CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # as after a power cut: the checkpoint has it, too
        return "broken"
    return "kept" if kept == config else "changed"


def _resumable(folder: Path, name: str) -> Checkpoint:
    if folder.parent.parent != run_folder.RUNS.resolve():
        raise CourseError(f"{shown(folder)} is not a run of this checkout; name a folder such as runs/cnn/latest.")
    found, _ = read_unfinished(folder)
    if found.program != name:
        raise CourseError(f"{shown(folder)} is a run of {found.program}, not of {name}; resume it with that.")
    if run_folder.is_in_use(folder):
        raise CourseError(f"{shown(folder)} is still running; wait for its end, or start a new run without --resume.")
    if state_of_config(folder, found.config) == "changed":
        raise CourseError(
            f"{shown(folder / run_folder.CONFIG)} was changed since the run began, so it cannot be resumed; undo that,"
            " or start a new run without --resume."
        )
    return found


def _newest_interrupted(name: str) -> tuple[Path, Checkpoint]:
    reasons: list[CourseError] = []
    for folder in reversed(run_folder.folders_with(run_folder.CHECKPOINT)):
        if checkpoint.program_of(folder) != name:
            continue
        try:
            found = folder.resolve(), _resumable(folder.resolve(), name)
        except CourseError as reason:
            reasons.append(reason)
        else:
            for passed_over in reasons:
                print(f"Passed over: {str(passed_over).partition(';')[0].rstrip('.')}.", file=sys.stderr)
            return found
    if reasons:
        raise reasons[0]
    raise CourseError(f"No run of {name} was interrupted, so there is nothing to resume; start one without --resume.")
