"""Which pictures are near copies of one another, so that a test does not show what was learnt from."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

ALIKE = 0.997  # correlation of two coarse thumbnails; a picture saved again, or in another size, has more (about 0.999)
APART = 32  # grey values; near copies differ by fewer everywhere, pictures that share a background by more somewhere
AT_A_TIME = 128  # thumbnails that are compared with all others


class _Looks(NamedTuple):
    """Thumbnails without their brightness and contrast, float32."""

    coarse: np.ndarray  # (n, values / 4), of length 1
    fine: np.ndarray  # (n, values), of variance 1
    contrast: np.ndarray  # (n,), grey values


def groups_of(thumbnails: np.ndarray) -> np.ndarray:
    """Returns for each thumbnail the first one of its group, int (n,): near copies share one.

    Thumbnails are uint8 (n, height, width, channels), height and width even.
    """
    groups = np.arange(len(thumbnails))
    looks = _looks(thumbnails)
    for number, found in enumerate(_near(looks, looks, only_before=True)):
        near = np.unique(groups[found])
        if len(near) > 1:  # which this one joins
            groups[np.isin(groups, near)] = near[0]
        if len(near):
            groups[number] = near[0]
    return groups


def copies_of_tested(thumbnails: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Returns which of the training pictures, bool (n,), are near copies of a test picture; both as thumbnails."""
    return np.array([len(found) > 0 for found in _near(_looks(thumbnails), _looks(tested))], bool)


def _looks(thumbnails: np.ndarray) -> _Looks:
    number, height, width, channels = thumbnails.shape
    coarse = thumbnails.reshape(number, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4), dtype=np.float32)
    coarse = coarse.reshape(number, -1)
    coarse -= coarse.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(coarse, axis=1, keepdims=True)
    one_colour = coarse.shape[1] ** -0.5  # a direction that no other thumbnail can have
    coarse = np.where(lengths > 0, coarse / np.maximum(lengths, 1e-9), one_colour)
    fine = thumbnails.reshape(number, -1).astype(np.float32)
    fine -= fine.mean(axis=1, keepdims=True)
    contrast = fine.std(axis=1)
    fine /= np.maximum(contrast, 1e-9)[:, None]
    return _Looks(coarse, fine, contrast)


def _near(looks: _Looks, others: _Looks, only_before: bool = False) -> Iterator[np.ndarray]:
    """Yields for each of the looks which others are near copies of it, int (m,); on request only those before it."""
    for start in range(0, len(looks.coarse), AT_A_TIME):
        stop = start + AT_A_TIME
        alike = looks.coarse[start:stop] @ others.coarse[: stop if only_before else None].T > ALIKE
        for number, row in enumerate(alike, start=start):
            found = np.flatnonzero(row[:number] if only_before else row)
            differences = np.abs(others.fine[found] - looks.fine[number]).max(axis=1)
            yield found[differences * np.sqrt(others.contrast[found] * looks.contrast[number]) < APART]
