"""What a call of `fit` is given: images and targets to train on, and others to validate with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from course.runs.record import as_array

Pair = tuple[np.ndarray, np.ndarray]  # images (n, ...) and their targets


def pairs_of(given: Mapping[str, object]) -> tuple[Pair | None, Pair | None]:
    """Returns images and targets for training and for validation, split as Keras splits them; None if not arrays.

    `given` are the arguments of a `fit` by name.
    """
    training, held_out = _pair(given.get("x"), given.get("y")), given.get("validation_data")
    fraction = given.get("validation_split")
    if held_out is None and training is not None and isinstance(fraction, float) and fraction:
        kept = int(len(training[0]) * (1 - fraction))
        parts = [slice(None, kept), slice(kept, None)]
        first, second = ((training[0][part], training[1][part]) for part in parts)
        return first, second
    return training, _pair(*held_out[:2]) if isinstance(held_out, tuple | list) and len(held_out) > 1 else None


def _pair(images: object, targets: object) -> Pair | None:
    x, y = as_array(images), as_array(targets)
    return None if x is None or y is None or len(x) != len(y) else (x, y)


class HeldOut:
    """The validation images of the last `fit`, with their targets; None if they are not arrays."""

    def __init__(self) -> None:
        self._held: Pair | None = None

    def __call__(self) -> Pair | None:
        """Returns them as the network takes them."""
        return self._held

    def note(self, given: Mapping[str, object]) -> None:
        """Takes them from the arguments of a `fit`, by name."""
        _, found = pairs_of(given)
        self._held = found if found is not None and len(found[0]) > 1 else None
