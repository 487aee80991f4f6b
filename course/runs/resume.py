"""Which interrupted run a program may resume."""

import contextlib
import json
from pathlib import Path

from course.runs import checkpoint
from course.runs import folder as run_folder
from course.runs.checkpoint import Checkpoint
from course.system import program
from course.system.errors import CourseError
from course.system.files import shown


def interrupted(run: str) -> tuple[Path, Checkpoint]:
    """Returns the folder of an unfinished run of this program, by its path or name, with the checkpoint in it.

    An empty `run` means the newest one that is not running. Raises CourseError if there is none, or if it is finished,
    running, damaged, changed, or another program's.
    """
    name = program.name()
    folder = _named(run, Path(name).stem) if run else _newest_interrupted(name)
    if folder.parent.parent != run_folder.RUNS.resolve():
        raise CourseError(f"{shown(folder)} is not a run of this checkout; name a folder such as runs/cnn/latest.")
    if not (folder / run_folder.CHECKPOINT).exists():
        if (folder / run_folder.METRICS).exists():
            raise CourseError(f"{shown(folder)} is finished, so there is nothing to resume; start a new run.")
        raise CourseError(f"{shown(folder)} has no {run_folder.CHECKPOINT}, so it cannot be resumed; start a new run.")
    found, _ = checkpoint.read(folder)
    if found.program != name:
        raise CourseError(f"{shown(folder)} is a run of {found.program}, not of {name}; resume it with that.")
    if run_folder.is_in_use(folder):
        raise CourseError(f"{shown(folder)} is still running; wait for its end, or start a new run without --resume.")
    with contextlib.suppress(OSError, ValueError):
        if json.loads((folder / run_folder.CONFIG).read_text(encoding="utf-8")) == found.config:
            return folder, found
    raise CourseError(
        f"{shown(folder / run_folder.CONFIG)} is missing or was changed since the run began, so it cannot be resumed."
    )


def _named(run: str, script: str) -> Path:
    with contextlib.suppress(OSError):  # a name that no file can have
        for folder in (Path(run), run_folder.RUNS / run, run_folder.RUNS / script / run):
            if folder.is_dir():
                return folder.resolve()
    raise CourseError(f"There is no run {run}; --resume alone resumes the newest interrupted one.")


def _newest_interrupted(name: str) -> Path:
    for folder in reversed(run_folder.folders_with(run_folder.CHECKPOINT)):
        try:
            owner = checkpoint.read(folder)[0].program
        except CourseError:
            owner = f"{folder.parent.name}.py"  # damaged, which is said if it is this one
        if owner == name and not run_folder.is_in_use(folder):
            return folder.resolve()
    raise CourseError(f"No run of {name} was interrupted, so there is nothing to resume; start one without --resume.")
