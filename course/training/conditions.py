"""What the numbers of a run depend on besides its config, and whether that is still so when it is resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import keras

from course import data, late
from course.config import LessonConfig, script_file
from course.runs.checkpoint import Checkpoint
from course.system import environment
from course.system.errors import CourseError
from course.system.files import shown

DIGITS = 12  # of a SHA-256, for people to compare


def conditions_before_keras(config: LessonConfig) -> dict[str, str]:
    """Returns by name what can be known without loading Keras: data, script, and the versions of packages."""
    file = script_file(config)
    source = {} if file is None else {"script": f"{file.name} {_short(hashlib.sha256(file.read_bytes()).hexdigest())}"}
    found = {"data": f"{config.data} {_short(data.sha256_of(config.data, config.image_size, config.image_channels))}"}
    return found | source | environment.versions(late.backend())


def conditions(config: LessonConfig) -> dict[str, str]:
    """Returns all of them by name; loads Keras."""
    from keras.src.backend.common.global_state import get_global_attribute  # late, with Keras

    floatx = keras.config.floatx()
    policy = get_global_attribute("dtype_policy")  # keras.config.dtype_policy() would settle it before the script does
    return conditions_before_keras(config) | {
        "floatx": floatx,
        "image_data_format": keras.config.image_data_format(),
        "dtype policy": floatx if policy is None else policy.name,
    }


def differences(checkpoint: Checkpoint, now: dict[str, str]) -> str:
    """Returns in words which of the present conditions, or of some of them, are not those under which a run began.

    Nothing for a run without a finished epoch: all of it will be of the present ones.
    """
    begun = checkpoint.conditions if checkpoint.history else now
    changed = {name: value for name, value in now.items() if value != begun.get(name)}
    return " and ".join(f"{name} {begun.get(name, 'unknown')} (now {value})" for name, value in changed.items())


def check_conditions(folder: Path, checkpoint: Checkpoint, now: dict[str, str]) -> None:
    """Raises CourseError if the present conditions, or some of them, are not those under which a run began."""
    if changed := differences(checkpoint, now):
        raise CourseError(
            f"{shown(folder)} was begun with {changed}, so its numbers could differ from those of a run without"
            " interruption; restore that, add --resume_anyway to resume it all the same, or start a new run without"
            " --resume."
        )


def both_environments(begun: dict[str, str], now: dict[str, str], epochs: int) -> dict[str, str]:
    """Returns what describes a run that was resumed after so many epochs: where it began, and what has changed since.

    Both are as `describe_environment` returns them; what has changed is named after the epoch from which on it is so.
    """
    if not epochs:
        return now
    latest = {name.partition(" from epoch ")[0]: value for name, value in begun.items()}  # the last one counts
    changed = {name: value for name, value in now.items() if latest.get(name) != value}
    return begun | {f"{name} from epoch {epochs + 1}": value for name, value in changed.items()}


def _short(digest: str) -> str:
    return f"of SHA-256 {digest[:DIGITS]}..."
