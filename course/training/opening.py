"""The folder of a run that is about to train: a new one, or that of an interrupted run."""

import hashlib
import secrets
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

from course.config import LessonConfig, script_file
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs.checkpoint import Arrays, Checkpoint
from course.runs.record import write_history
from course.system import program
from course.system.errors import CourseError
from course.system.files import UNFINISHED, shown, write_json


class Opened(NamedTuple):
    """A run's folder that no other process can use, and what the run has come to."""

    folder: Path
    lock: BinaryIO  # until it is closed
    checkpoint: Checkpoint
    arrays: Arrays


def open_new_folder(script: str, config: LessonConfig) -> Opened:
    """Makes the folder of a new run; raises CourseError if that cannot be done."""
    folder = run_folder.new_folder(script, config.name)
    write_json(folder / run_folder.CONFIG, config.values())
    checkpoint = Checkpoint(
        program=program.name(),
        source=_source_of(config),
        defaults=type(config).model_construct().values(),
        config=config.values(),
        tracking=secrets.token_hex(4),
    )
    arrays = Arrays([], [])
    checkpoints.write(folder, checkpoint, arrays)
    return Opened(folder, run_folder.lock(folder), checkpoint, arrays)


def open_again(folder: Path, script: str, config: LessonConfig) -> Opened:
    """Opens the folder of an interrupted run, and says how far the run has come and if its script has changed.

    Raises:
        CourseError: it is another script's, in use, or damaged.
    """
    if folder.parent.name != script:
        raise CourseError(f"{shown(folder)} is a run of {folder.parent.name}, not of {script}.")
    try:
        lock = run_folder.lock(folder)
    except OSError:
        raise CourseError(f"{shown(folder)} is still running, or cannot be written to.") from None
    checkpoint, arrays = checkpoints.read(folder)
    for leftover in folder.glob(f"{UNFINISHED}*"):
        leftover.unlink(missing_ok=True)
    if checkpoint.history:
        write_history(folder, checkpoint.history)
    epochs = f"{len(checkpoint.history)} of {config.values().get('epochs')} epochs"
    print(f"Resumed: {epochs} are finished and kept in {shown(folder)}.", flush=True)
    source = _source_of(config)
    if not checkpoint.history:
        checkpoint = checkpoint.model_copy(update={"source": source})  # all of it will be of this one
    elif source != checkpoint.source:
        print(
            f"{checkpoint.program} was changed since this run began; numbers may differ from those of a run that was"
            " not interrupted.",
            file=sys.stderr,
        )
    _say_what_may_differ(checkpoint)
    return Opened(folder, lock, checkpoint, arrays)


def _say_what_may_differ(checkpoint: Checkpoint) -> None:
    """Says in a sentence each what cannot be as if the run had not been interrupted."""
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


def _source_of(config: LessonConfig) -> str:
    """Returns the SHA-256 of the script in which the class of a config is written, nothing without a file."""
    file = script_file(config)
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
