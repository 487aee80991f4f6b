"""The folder of a run that is about to train: a new one, or that of an interrupted run."""

import contextlib
import secrets
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

from course.config import LessonConfig
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs import resume
from course.runs.checkpoint import Arrays, Checkpoint
from course.runs.record import write_history
from course.runs.verdict import Changes
from course.system import environment, program
from course.system.errors import CourseError
from course.system.files import UNFINISHED, as_json, shown, write_json
from course.training.closing import finished_epochs
from course.training.conditions import both_environments, check_conditions, conditions, differences


class Opened(NamedTuple):
    """A run's folder that no other process can use, and what the run has come to."""

    folder: Path
    lock: BinaryIO  # until it is closed
    checkpoint: Checkpoint
    arrays: Arrays


def open_folder(resumed: Path | None, script: str, config: LessonConfig) -> Opened:
    """Opens the folder of an interrupted run, or makes that of a new one, to which `latest` points from now on.

    Raises CourseError if that cannot be done; see `_open_again`.
    """
    opened = _open_new(script, config) if resumed is None else _open_again(resumed, script, config)
    run_folder.point_latest_to(opened.folder)
    run_folder.make_lasting(opened.folder)
    return opened


def _open_new(script: str, config: LessonConfig) -> Opened:
    """Makes the folder of a new run; raises CourseError if that cannot be done."""
    here = environment.describe_environment(config.command())
    folder = run_folder.new_folder(script, config.name)
    write_json(folder / run_folder.CONFIG, config.values())
    lock = run_folder.lock(folder)  # before it looks like a run that can be resumed
    write_json(folder / run_folder.ENVIRONMENT, here)
    checkpoint = Checkpoint(
        program=program.name(),
        conditions=conditions(config),
        environment=here,
        defaults=type(config).model_construct().values(),
        config=config.values(),
        tracking=secrets.token_hex(4),
    )
    arrays = Arrays([], [])
    checkpoints.write(folder, checkpoint, arrays)
    return Opened(folder, lock, checkpoint, arrays)


def _open_again(folder: Path, script: str, config: LessonConfig) -> Opened:
    """Opens the folder of an interrupted run, and says how far the run has come.

    Raises:
        CourseError: it is another script's, in use, finished, damaged, or begun under other conditions.
    """
    if folder.parent.name != script:
        raise CourseError(f"{shown(folder)} is a run of {folder.parent.name}, not of {script}.")
    try:
        lock = run_folder.lock(folder, create=True)
    except OSError:
        raise CourseError(f"{shown(folder)} is still running, or cannot be written to.") from None
    with contextlib.ExitStack() as if_refused:
        if_refused.callback(lock.close)
        checkpoint, arrays = resume.read_unfinished(folder)  # again: another process may have trained in the meantime
        now = conditions(config)
        if not config.resume_anyway:
            check_conditions(folder, checkpoint, now)
        changed = differences(checkpoint, now)
        here = environment.describe_environment(config.command())
        both = both_environments(checkpoint.environment, here, len(checkpoint.history))
        checkpoint = checkpoint.model_copy(update={"conditions": now, "environment": both})
        _rewrite_other_files(folder, lock, checkpoint)
        print(f"Resumed: {finished_epochs(len(checkpoint.history), config)} and kept in {shown(folder)}.", flush=True)
        _say_what_may_differ(checkpoint, changed)
        if_refused.pop_all()
    return Opened(folder, lock, checkpoint, arrays)


def _rewrite_other_files(folder: Path, lock: BinaryIO, checkpoint: Checkpoint) -> None:
    """Writes what a checkpoint says into the other files: a kill or a power cut may have left them old, or empty."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        leftover.unlink(missing_ok=True)
    if resume.state_of_config(folder, checkpoint.config) == "broken":
        lock.seek(0)  # not under another name: it is the file that is locked
        lock.truncate()
        lock.write(as_json(checkpoint.config).encode())
        lock.flush()
    write_json(folder / run_folder.ENVIRONMENT, checkpoint.environment)
    if checkpoint.history:
        write_history(folder, checkpoint.history)
    if checkpoint.changes != Changes() or (folder / run_folder.CHANGES).exists():
        write_json(folder / run_folder.CHANGES, checkpoint.changes.model_dump())


def _say_what_may_differ(checkpoint: Checkpoint, changed: str) -> None:
    """Says in a sentence each what cannot be as if the run had not been interrupted; `changed` are its conditions."""
    if changed:
        print(
            f"This run was begun with {changed}; its numbers may differ from those of a run that was not interrupted.",
            file=sys.stderr,
        )
    for kind, attributes in checkpoint.lost.items():
        print(
            f"{kind} starts again as if training began now, because what it remembers ({', '.join(attributes)}) cannot"
            " be kept; what it does may differ from a run that was not interrupted.",
            file=sys.stderr,
        )
    if len(checkpoint.trained) > len(set(checkpoint.trained)):
        print(
            f"{checkpoint.program} has called fit several times for one network, which gets its weights back in the"
            " last of these calls; what it does with the network between them may differ.",
            file=sys.stderr,
        )
