"""All that an unfinished run needs to continue exactly where it stopped, in one file."""

from __future__ import annotations

import contextlib
import random
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict

from course.runs import folder as run_folder
from course.system import arrays
from course.system.errors import CourseError
from course.system.files import replacing, shown

ABOUT = "about"


class Checkpoint(BaseModel):
    """A moment of a run: before its first epoch, after one of its epochs, or after a `fit`.

    keras.callbacks.BackupAndRestore writes two files, one after the other, without the states of the generators that
    dropout and augmentation draw from; a run that is killed in between, or uses either, would not continue exactly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: str  # the file name of its script
    source: str  # the SHA-256 of its script
    defaults: dict[str, Any]  # the defaults of its class Config when it began
    config: dict[str, Any]
    tracking: str  # the id of its Weights & Biases run
    seconds: float = 0  # of training so far
    fits: int = 0  # calls of `fit` that have ended
    epochs: int = 0  # epochs of the next call that have
    history: list[dict[str, int | float | None]] = []
    python: list[Any] = []  # the state of the module random
    numpy: list[Any] = []  # that of numpy.random
    torch: list[int] = []  # that of PyTorch, if it is the backend


def write(folder: Path, checkpoint: Checkpoint, model: keras.Model | None = None) -> None:
    """Writes a run's checkpoint with all variables of its network and optimizer and the random generators' states.

    If it cannot be written, it raises CourseError, and the checkpoint before it is still there.
    """
    variables = {}
    if model is not None:
        checkpoint = checkpoint.model_copy(update=_random_states())
        variables = {str(number): variable.numpy() for number, variable in enumerate(_variables(model))}
    about = np.frombuffer(checkpoint.model_dump_json().encode(), np.uint8)
    with replacing(folder / run_folder.CHECKPOINT) as unfinished, unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **{ABOUT: about}, **variables)


def read(folder: Path) -> tuple[Checkpoint, list[np.ndarray]]:
    """Returns the checkpoint of the run in a folder, and all variables; raises CourseError if it is damaged."""
    try:
        content = arrays.read_arrays(folder / run_folder.CHECKPOINT)
        checkpoint = Checkpoint.model_validate_json(content[ABOUT].tobytes())
        return checkpoint, [content[str(number)] for number in range(len(content) - 1)]
    except (KeyError, ValueError):
        raise CourseError(
            f"{shown(folder / run_folder.CHECKPOINT)} is damaged or was changed, so this run cannot be resumed;"
            " start a new one without --resume."
        ) from None


def restore(checkpoint: Checkpoint, values: list[np.ndarray], model: keras.Model) -> None:
    """Gives a compiled network and the random generators the state of a checkpoint.

    Raises CourseError if the network or its optimizer is a different one.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise CourseError(
            f"{checkpoint.program} now builds a different network or optimizer than when this run began; restore the"
            " script, or start a new run without --resume."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    version, state, *others = checkpoint.python
    random.setstate((version, tuple(state), *others))
    np.random.set_state(tuple(checkpoint.numpy))
    if keras.backend.backend() == "torch":
        torch = sys.modules["torch"]  # which Keras has loaded
        torch.set_rng_state(torch.tensor(checkpoint.torch, dtype=torch.uint8))


def remove(folder: Path) -> None:
    """Removes the checkpoint of a run that is finished."""
    with contextlib.suppress(OSError):
        (folder / run_folder.CHECKPOINT).unlink()


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Returns weights, statistics of normalisation, states of generators, momenta and averages, in a fixed order."""
    return [*model.variables, *model.optimizer.variables]


def _random_states() -> dict[str, list[Any]]:
    kind, key, *others = np.random.get_state()
    states = {"python": list(random.getstate()), "numpy": [kind, np.asarray(key).tolist(), *others]}
    if keras.backend.backend() == "torch":
        states["torch"] = sys.modules["torch"].get_rng_state().tolist()
    return states
