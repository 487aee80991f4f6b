"""All that an unfinished run needs to continue exactly where it stopped, in one file."""

from __future__ import annotations

import contextlib
import random
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict

from course.runs import folder as run_folder
from course.runs.callback_state import CallbackState, pack, unpack
from course.runs.verdict import Changes
from course.system.arrays import digest, read_arrays
from course.system.errors import CourseError
from course.system.files import replacing, shown

ABOUT, SEAL = "about", "sha256"  # the first two arrays; those of networks and callbacks follow


class RandomStates(BaseModel):
    """The states of the generators that Keras and scripts draw from."""

    python: list[Any]  # of the module random
    numpy: list[Any]  # of numpy.random
    torch: list[int] = []  # of PyTorch, if it is the backend


class EndedFit(BaseModel):
    """A call of `fit` that has ended, which a resumed run does not repeat."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # a nested class does not get that of the outer one

    network: int  # which one it trained, counted from 0 in the order of their first `fit`
    history: dict[str, list[float]]  # what the call returned
    epochs: list[int]
    random: RandomStates  # when it ended

    @classmethod
    def of(cls, network: int, history: keras.callbacks.History) -> Self:
        """Returns what there is to keep of a call that ends now; of what it returns, the numbers."""
        numbers = {
            name: [value for value in values if isinstance(value, int | float)]
            for name, values in history.history.items()
        }
        return cls(network=network, history=numbers, epochs=history.epoch, random=random_states())


class Arrays(NamedTuple):
    """What a checkpoint keeps as arrays."""

    networks: list[list[np.ndarray]]  # all variables of each network; none if the run has not trained yet
    callbacks: list[np.ndarray]  # to which CallbackState refers


class Checkpoint(BaseModel):
    """A moment of a run: before its first epoch, after one of its epochs, or after a `fit`.

    keras.callbacks.BackupAndRestore writes two files, one after the other, without the states of the generators that
    dropout and augmentation draw from; a run that is killed in between, or uses either, would not continue exactly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    program: str  # the file name of its script
    conditions: dict[str, str]  # what its numbers depend on besides its config; see training/conditions.py
    environment: dict[str, str]  # what environment.json contains
    defaults: dict[str, Any]  # the defaults of its class Config when it began
    config: dict[str, Any]
    tracking: str  # the id of its Weights & Biases run
    seconds: float = 0  # of training so far
    fits: list[EndedFit] = []  # calls of `fit` that have ended
    network: int = 0  # which one the last call of `fit` trains
    built: list[Any] = []  # of each network, the shapes with which Keras can build it before its first batch
    epochs: int = 0  # epochs of the next call that have ended
    stopped: bool = False  # whether a callback has ended that call
    callbacks: list[CallbackState] = []  # of the last call, in their order
    lost: dict[str, list[str]] = {}  # the kinds of callbacks that cannot resume, with the attributes that are not kept
    history: list[dict[str, int | float | None]] = []
    changes: Changes = Changes()  # what changes.json contains
    random: RandomStates | None = None  # None before the first epoch

    @property
    def trained(self) -> list[int]:
        """The number of the network that each call of `fit` trained."""
        return [fit.network for fit in self.fits] + [self.network] * bool(self.epochs)


def write(folder: Path, checkpoint: Checkpoint, arrays: Arrays) -> None:
    """Writes a run's checkpoint with its arrays, which survives a power cut from then on.

    If it cannot be written, it raises CourseError, and the checkpoint before it is still there.
    """
    named = {f"network {n}.{m}": value for n, values in enumerate(arrays.networks) for m, value in enumerate(values)}
    named |= {f"callbacks.{number}": value for number, value in enumerate(arrays.callbacks)}
    named = {ABOUT: np.frombuffer(checkpoint.model_dump_json().encode(), np.uint8)} | named
    seal = np.frombuffer(digest(named), np.uint8)  # the zip file's own CRC notices no edit by hand
    with replacing(folder / run_folder.CHECKPOINT, lasting=True) as unfinished, unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **{SEAL: seal}, **named)


def read(folder: Path) -> tuple[Checkpoint, Arrays]:
    """Returns the checkpoint of the run in a folder, with its arrays; raises CourseError if it is damaged."""
    groups: dict[str, list[np.ndarray]] = {}
    try:
        content = read_arrays(folder / run_folder.CHECKPOINT)
        if content.pop(SEAL).tobytes() != digest(content):
            raise ValueError("somebody has changed it")
        checkpoint = Checkpoint.model_validate_json(content.pop(ABOUT).tobytes())
        for name, array in content.items():  # in the order in which they were written
            groups.setdefault(name.split(".")[0], []).append(array)
        callbacks = groups.pop("callbacks", [])
        if len(groups) != len(checkpoint.built) or not {*checkpoint.trained} <= {*range(len(groups))}:
            raise ValueError("a network is missing")
    except (KeyError, ValueError):
        raise CourseError(
            f"{shown(folder / run_folder.CHECKPOINT)} is damaged or was changed, so this run cannot be resumed;"
            " start a new one without --resume."
        ) from None
    return checkpoint, Arrays(list(groups.values()), callbacks)


def program_of(folder: Path) -> str:
    """Returns the file name of the script whose run is in a folder, in a moment; that of its folder if it is damaged.

    Nothing else is checked: see `read`.
    """
    try:
        about = read_arrays(folder / run_folder.CHECKPOINT, [ABOUT])[ABOUT]
        return Checkpoint.model_validate_json(about.tobytes()).program
    except ValueError:
        return f"{folder.parent.name}.py"


def values_of(model: keras.Model) -> list[np.ndarray]:
    """Returns the values of all variables of a compiled network and its optimizer."""
    return [variable.numpy() for variable in _variables(model)]


def shapes_of(model: keras.Model) -> object:
    """Returns what `build` needs, as JSON can have it; None if the network says nothing of the kind."""
    try:
        return pack(model.get_build_config(), [])
    except (TypeError, NotImplementedError):
        return None


def build(model: keras.Model, shapes: object) -> None:
    """Makes the variables of a compiled network and its optimizer, where they would come with the first batch."""
    if not model.built and shapes is not None:
        model.build_from_config(unpack(shapes, []))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def restore(checkpoint: Checkpoint, values: list[np.ndarray], model: keras.Model) -> None:
    """Gives a built network, and its optimizer, the values that `values_of` returned.

    Raises CourseError if the network or its optimizer is a different one.
    """
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise different(checkpoint)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def different(checkpoint: Checkpoint) -> CourseError:
    """Returns what to raise if a script's networks are not those of a checkpoint."""
    return CourseError(
        f"{checkpoint.program} now builds a different network or optimizer than when this run began; restore the"
        " script, or start a new run without --resume."
    )


def random_states() -> RandomStates:
    """Returns the states of the random generators."""
    kind, key, *others = np.random.get_state()
    states = RandomStates(python=list(random.getstate()), numpy=[kind, np.asarray(key).tolist(), *others])
    if keras.backend.backend() == "torch":
        states.torch = sys.modules["torch"].get_rng_state().tolist()  # which Keras has loaded
    return states


def set_random_states(states: RandomStates) -> None:
    """Gives the random generators these states."""
    version, state, *others = states.python
    random.setstate((version, tuple(state), *others))
    np.random.set_state(tuple(states.numpy))
    if keras.backend.backend() == "torch":
        torch = sys.modules["torch"]
        torch.set_rng_state(torch.tensor(states.torch, dtype=torch.uint8))


def remove(folder: Path) -> None:
    """Removes the checkpoint of a run that is finished, once all else would survive a power cut."""
    run_folder.make_lasting(folder)
    with contextlib.suppress(OSError):
        (folder / run_folder.CHECKPOINT).unlink()


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Returns weights, statistics of normalisation, states of generators, momenta and averages, in a fixed order."""
    return [*model.variables, *model.optimizer.variables]
