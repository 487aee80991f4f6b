"""Which interrupted run a program may go on with."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from course.runs import checkpoint
from course.runs import folder as run_folder
from course.runs.checkpoint import CHECKPOINT, Checkpoint
from course.system.errors import CourseError
from course.system.files import shown


def interrupted(runs: Path, run: str) -> tuple[Path, Checkpoint]:
    """Returns the folder of an unfinished run of this program, with the checkpoint in it.

    Args:
        runs: the folder runs/.
        run: its folder or the folder's name; nothing means the newest one that is not running.

    Raises:
        CourseError: there is none, it is finished, running, damaged or changed, or it is another program's.
    """
    program = Path(sys.argv[0]).name
    folder = _named(runs, run, Path(program).stem) if run else _newest_interrupted(runs, program)
    if folder.parent.parent != runs.resolve():
        raise CourseError(f"{shown(folder)} is no run of this checkout; give a folder such as runs/cnn/latest.")
    if not (folder / CHECKPOINT).exists():
        if (folder / "metrics.json").exists():
            raise CourseError(f"{shown(folder)} is finished, so there is nothing to resume; start a new run.")
        raise CourseError(f"{shown(folder)} holds no {CHECKPOINT}, so it cannot be resumed; start a new run.")
    found, _ = checkpoint.read(folder)
    if found.program != program:
        raise CourseError(f"{shown(folder)} is a run of {found.program}, not of {program}; resume it with that.")
    if run_folder.is_in_use(folder):
        raise CourseError(f"{shown(folder)} is still running; wait for its end, or start a new run without --resume.")
    with contextlib.suppress(OSError, ValueError):
        if json.loads((folder / "config.json").read_text(encoding="utf-8")) == found.config:
            return folder, found
    raise CourseError(
        f"{shown(folder / 'config.json')} is missing or was changed since the run began, so it cannot be resumed."
    )


def _named(runs: Path, run: str, script: str) -> Path:
    with contextlib.suppress(OSError):  # a name that no file can have
        for folder in (Path(run), runs / run, runs / script / run):
            if folder.is_dir():
                return folder.resolve()
    raise CourseError(f"There is no run {run}; --resume alone goes on with the newest interrupted one.")


def _newest_interrupted(runs: Path, program: str) -> Path:
    folders = {file.parent.resolve() for file in runs.glob(f"*/*/{CHECKPOINT}")}
    for folder in sorted(folders, key=lambda folder: folder.name, reverse=True):
        try:
            owner = checkpoint.about(folder).program
        except CourseError:
            owner = f"{folder.parent.name}.py"  # damaged, which is said if it is this one
        if owner == program and not run_folder.is_in_use(folder):
            return folder
    raise CourseError(
        f"No run of {program} was interrupted, so there is nothing to resume; start one without --resume."
    )
