"""Which sweep is resumed, and what was changed since it began."""

import contextlib
from pathlib import Path

from course.runs import folder as run_folder
from course.sweep.trials import FILE, SWEEPS, TRIALS, Sweep, read_settings, read_trial
from course.system import program
from course.system.errors import CourseError
from course.system.files import shown


def named_sweep(name: str) -> Path:
    """Returns the folder of a sweep by its path or name, of the newest interrupted one if that is empty.

    Raises CourseError if there is no such folder; whether a sweep is in it, `Sweep.old` knows.
    """
    if not name:
        return newest_interrupted()
    folder = run_folder.named(name, SWEEPS)
    if folder is None:
        raise CourseError(f"There is no sweep {name}; --resume alone resumes the newest interrupted one.")
    return folder


def newest_interrupted() -> Path:
    """Returns the folder of the newest sweep of which some trials have not ended; raises CourseError if none is."""
    for folder in reversed(run_folder.folders_with(run_folder.CONFIG, SWEEPS)):
        with contextlib.suppress(CourseError):  # a damaged one cannot be resumed
            trials = [read_trial(file) for file in (folder / TRIALS).glob("[0-9]*.json")]
            if sum(trial.ended for trial in trials) < read_settings(folder).trials:
                return folder
    raise CourseError("No sweep was interrupted; `python sweep.py` starts one.")


def changed_since(sweep: Sweep) -> list[str]:
    """Returns a sentence each about what was changed since a sweep began, and does not keep it from being resumed."""
    said, file, script = [], Path(sweep.settings.file), Path(sweep.file.program)
    with contextlib.suppress(OSError):  # moved or removed since
        if file.read_bytes() != (sweep.folder / FILE).read_bytes():
            said.append(
                f"{shown(file)} is not what this sweep began with, which continues with its own copy,"
                f" {shown(sweep.folder / FILE)}."
            )
    if program.fingerprint(script) != sweep.settings.source:
        said.append(
            f"{shown(script)} was changed since this sweep began; trials before and after that may differ for this"
            " reason alone."
        )
    return said
