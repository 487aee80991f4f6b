"""The folders of runs: where they are, the name of every file in them, and which process is using one."""

import contextlib
import itertools
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from course.system.errors import CourseError
from course.system.files import shown, sync

COURSE = Path(__file__).resolve().parent.parent.parent
RUNS = COURSE / "runs"
LATEST = "latest"  # beside the runs of a script: a link to the newest

# From a run's first moment.
CONFIG = "config.json"
ENVIRONMENT = "environment.json"
CHECKPOINT = "checkpoint.npz"  # until the run is finished
# After each epoch.
HISTORY = "history.csv"
MODEL = "model.keras"
# After the test.
CHANGES = "changes.json"  # of the validation losses from one epoch to another
PREDICTIONS = "predictions.npz"
METRICS = "metrics.json"
REPORT = "report.html"
PICTURES = "pictures"  # a folder: those of the report
# Of the challenge.
SCRIPT = "fashion.py"  # the learner's file as it was when the run began
OBSERVED = "attempt.json"  # what `fit` and `run.finish` were given
VALIDATION = "validation.npz"  # the answers of the tested network on the validation images
GRADE = "grade.json"


def check_writable() -> None:
    """Raises CourseError unless a run can write its folder."""
    folder = RUNS if RUNS.exists() else RUNS.parent
    if not os.access(folder, os.W_OK):
        raise CourseError(f"{folder} cannot be written to; copy the course to a folder of your own and run it there.")


def new_folder(script: str, name: str) -> Path:
    """Makes runs/<script>/<time in UTC>-<name>, with a number if there is one already; raises CourseError."""
    base = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}-{name}"
    try:
        (RUNS / script).mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = RUNS / script / (base if number == 1 else f"{base}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise CourseError(f"No folder can be made in {RUNS} ({error.strerror}); no run is started.") from None
    raise AssertionError("count never ends")


def folders_with(file: str, script: str = "*") -> list[Path]:
    """Returns the folders of a script's runs, or of all, that have this file; the newest last."""
    found = {path.parent for path in RUNS.glob(f"{script}/*/{file}") if path.parent.name != LATEST}
    return sorted(found, key=lambda folder: folder.name)


def point_latest_to(folder: Path) -> None:
    """Makes the link `latest` next to a folder point to it."""
    link = folder / LATEST  # made where no other run makes one, then moved to its place
    with contextlib.suppress(OSError):  # Windows does not let everybody make links
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name, target_is_directory=True)
        os.replace(link, folder.parent / LATEST)


def newest_for_latest(path: Path) -> Path:
    """Returns the newest run next to a `latest` that is not there, as on a Windows without links; else the path."""
    if path.name != LATEST or path.exists():
        return path
    return max((file.parent for file in path.parent.glob(f"*/{CONFIG}")), default=path)


def named(name: str, script: str) -> Path | None:
    """Returns the folder of a run by its path or name, None if there is none; `script` may be what has sweeps."""
    with contextlib.suppress(OSError, ValueError):  # a name that no file can have
        for folder in map(newest_for_latest, (Path(name), RUNS / name, RUNS / script / name)):
            if folder.is_dir():
                return folder.resolve()
    return None


def newest_with(file: str, otherwise: str) -> Path:
    """Returns the newest folder of a run that has this file; raises CourseError with a sentence if there is none."""
    folders = folders_with(file)
    if not folders:
        raise CourseError(otherwise)
    return folders[-1]


def make_lasting(folder: Path) -> None:
    """Makes all that a run has written by now, and its folder, survive a power cut; raises CourseError."""
    try:
        for path in [*folder.rglob("*"), folder, folder.parent, RUNS, RUNS.parent]:
            if not path.is_symlink():
                sync(path)
    except OSError as error:
        raise CourseError(f"{shown(folder)} cannot be written ({error.strerror or error}).") from None


def lock(folder: Path, create: bool = False) -> BinaryIO:
    """Returns config.json, which keeps every other process from this run until it is closed.

    If `create`, it is made where it is missing. Raises BlockingIOError if another process has it, else OSError.
    """
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | (os.O_CREAT if create else 0)
    file = os.fdopen(os.open(folder / CONFIG, flags), "rb+")  # a network's file system locks only what can be written
    try:
        import fcntl  # not on Windows, where nothing is locked
    except ImportError:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    except OSError:  # a file system without locks
        pass
    return file


def is_in_use(folder: Path) -> bool:
    """Returns whether a process holds the lock of this run."""
    try:
        lock(folder).close()
    except OSError as error:  # another one is said later, if it matters
        return isinstance(error, BlockingIOError)
    return False
