"""What callbacks remember from epoch to epoch, as plain values and arrays: nothing is pickled."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict

# Keras sets the first two when fit begins; it finds the next anew after the first epoch, the one from the other. The
# last is which network the course's own callback has seen.
NOT_REMEMBERED = {"params", "_model", "monitor_op", "min_delta", "_network"}
SETTLED = (Path, BaseModel)  # like everything callable: what a callback was given, and does not change


class CallbackState(BaseModel):
    """What one callback remembers, and the attributes of which that is not known."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # a nested class does not get that of the outer one

    kind: str  # the name of its class
    remembered: dict[str, Any]  # its attributes that have changed, see `pack`
    lost: list[str]


def fingerprints(callback: keras.callbacks.Callback) -> dict[str, object]:
    """Returns for each attribute of a callback a value that is another one when the attribute changes."""
    return {name: _fingerprint(value) for name, value in _attributes(callback).items()}


def state_of(callback: keras.callbacks.Callback, begun: dict[str, object], arrays: list[np.ndarray]) -> CallbackState:
    """Returns what a callback remembers that it did not when its fingerprints were `begun`; adds to `arrays`."""
    state = CallbackState(kind=type(callback).__name__, remembered={}, lost=[])
    for name, value in _attributes(callback).items():
        changed = _fingerprint(value) != begun.get(name)
        try:
            pack(value, [])
        except TypeError:
            if changed or not (callable(value) or isinstance(value, SETTLED)):
                state.lost.append(name)
        else:
            if changed:
                state.remembered[name] = pack(value, arrays)
    return state


def give_memory_back(
    callbacks: Iterable[keras.callbacks.Callback], states: Iterable[CallbackState], arrays: list[np.ndarray]
) -> None:
    """Gives callbacks what `state_of` returned for them, in the same order; one of another class is left alone."""
    for callback, state in zip(callbacks, states, strict=False):
        if type(callback).__name__ == state.kind:
            for name, value in state.remembered.items():
                setattr(callback, name, unpack(value, arrays))


def pack(value: object, arrays: list[np.ndarray]) -> object:
    """Returns a value as JSON can have it, and adds its arrays to `arrays`; raises TypeError if it is not plain."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSU":
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    if type(value) is list:
        return [pack(each, arrays) for each in value]
    if type(value) is tuple or type(value) is set:
        return {type(value).__name__: [pack(each, arrays) for each in value]}
    if type(value) is dict:
        return {"dict": [[pack(each, arrays) for each in pair] for pair in value.items()]}
    raise TypeError(f"{type(value).__name__} is not plain")


def unpack(packed: Any, arrays: list[np.ndarray]) -> object:
    """Returns the value of which `pack` returned this."""
    if isinstance(packed, list):
        return [unpack(each, arrays) for each in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "array":
        return arrays[content][()]  # a NumPy scalar again, if it was one
    values = [unpack(each, arrays) for each in content]
    return {"tuple": tuple, "set": set, "dict": dict}[kind](values)


def _attributes(callback: keras.callbacks.Callback) -> dict[str, object]:
    return {name: value for name, value in vars(callback).items() if name not in NOT_REMEMBERED}


def _fingerprint(value: object) -> object:
    arrays: list[np.ndarray] = []
    try:
        text = json.dumps(pack(value, arrays))
    except TypeError:
        return id(value)
    return text, [(array.dtype.str, array.shape, zlib.crc32(array.tobytes())) for array in arrays]
