"""How a lesson prepares its images, told from what its run kept, without running the lesson's file."""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from course.runs.record import Predictions
from course.system.errors import CourseError

CHECKED = 100  # test images whose answers must be those that were kept
TOLERANCE = 0.02  # between both answers: 16 bits round differently each time


class Preparation(NamedTuple):
    """Each stored pixel times `scale` plus `offset`, images in another shape: what most lessons do."""

    scale: float
    offset: float
    shape: tuple[int, ...]  # of one prepared image
    dtype: np.dtype

    @classmethod
    def derived(cls, images: np.ndarray, example: np.ndarray) -> Self | None:
        """Returns what turns the first of the stored images, uint8 (n, ...), into the first prepared ones, (k, ...).

        None if pixels become anything else. With few examples each image may still have a scale of its own: only the
        network's answers to other images show that.
        """
        both = min(len(images), len(example))
        images, example = images[:both], example[:both]
        stored, prepared = images.astype(float).ravel(), example.astype(float).ravel()
        if len(stored) != len(prepared) or stored.min() == stored.max():
            return None
        darkest, brightest = stored.argmin(), stored.argmax()  # two pixels tell both numbers, all others must agree
        scale = (prepared[brightest] - prepared[darkest]) / (stored[brightest] - stored[darkest])
        found = cls(scale, prepared[darkest] - scale * stored[darkest], example.shape[1:], example.dtype)
        close = np.allclose(found.apply(images), example, rtol=0, atol=abs(scale) / 2)
        return found if close and scale else None

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Returns images, uint8 (n, ...), as the network takes them, (n, *shape)."""
        prepared = (images.astype(float) * self.scale + self.offset).reshape(len(images), *self.shape)
        return (np.rint(prepared) if self.dtype.kind in "ui" else prepared).astype(self.dtype)


def how_prepared(
    images: np.ndarray, predictions: Predictions, answers: Callable[[np.ndarray], np.ndarray]
) -> Preparation:
    """Returns how a run prepared its images, confirmed by its network's answers to the first of them.

    Args:
        images: the first test images as they are stored, uint8 (n, height, width).
        predictions: what the run kept.
        answers: what the network says of prepared images, (n, ...): outputs (n, classes).

    Raises:
        CourseError: it cannot be told, or the answers are other ones.
    """
    preparation = Preparation.derived(images, predictions.example)
    if preparation is None:
        raise CourseError("what the lesson makes of an image's pixels cannot be told from what this run kept.")
    kept = predictions.outputs[:CHECKED]
    if not np.allclose(answers(preparation.apply(images[: len(kept)])), kept, rtol=0, atol=TOLERANCE):
        raise CourseError("what the lesson makes of an image's pixels seems to differ from image to image.")
    return preparation
