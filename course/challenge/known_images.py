"""The images of a data set, recognised among those that a learner gives to a network."""

from __future__ import annotations

import numpy as np

from course.challenge import observed
from course.config import LessonConfig
from course.data import load_data_set
from course.runs.record import as_labels

AT_A_TIME = 5_000  # images
Array = np.ndarray | None  # None for everything that is not one of numbers


class KnownImages:
    """The images of the data set, recognised in whatever range and shape a learner gives them to a network."""

    def __init__(self, config: LessonConfig) -> None:
        """Reads the data set of a config; raises CourseError as `load_data_set` does."""
        self.of_data_set: dict[int, tuple[str, int]] = {}  # what an image looks like → its part, and its label
        train, test = load_data_set(config.data, config.image_size, config.image_channels)
        self.test_labels = test[1]
        for part, (images, labels) in (("test", test), ("training", train)):
            for look, label in zip(_looks(images), labels, strict=True):
                self.of_data_set[look] = (part, int(label))

    def test_images(self, images: np.ndarray) -> set[int]:
        """Returns one number for each test image among some images (n, ...)."""
        return {look for look in _looks(images) if self.of_data_set.get(look, ("", 0))[0] == "test"}

    def compare(self, images: Array, targets: Array) -> tuple[set[int], observed.ObservedData | None]:
        """Returns the looks of images (n, ...), and what there is to say about them and their targets.

        Nothing and None if they are not arrays of images with a label each, of shape (n,), (n, 1) or (n, classes).
        """
        if images is None or targets is None or len(images) != len(targets) or images.ndim < 2 or not images.size:
            return set(), None
        labels = as_labels(targets)
        looks = _looks(images)
        found = [
            (*self.of_data_set[look], int(label))
            for look, label in zip(looks, labels, strict=True)
            if look in self.of_data_set
        ]
        rows = targets if targets.ndim == 2 and targets.shape[1] > 1 else None
        distributions = rows is not None and bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3))
        return set(looks), observed.ObservedData(
            images=observed.ObservedArray.of(images),
            labels=observed.ObservedLabels.of(targets, distributions=distributions),
            recognised=len(found),
            test_images=sum(part == "test" for part, _, _ in found),
            own_labels=sum(own == label for _, own, label in found),
            in_order=np.array_equal(labels, self.test_labels),
        )


def _looks(images: np.ndarray) -> list[int]:
    """Returns one number per image (n, ...), the same for the same image in another shape or on another scale.

    Each image is stretched to 0...255. Where that rounds the other way, an image is not recognised: a few are not.
    """
    looks = []
    for first in range(0, len(images), AT_A_TIME):
        part = images[first : first + AT_A_TIME]
        pixels = part.reshape(len(part), -1).astype("float32")
        lowest, highest = pixels.min(axis=1, keepdims=True), pixels.max(axis=1, keepdims=True)
        stretched = np.rint((pixels - lowest) * (255 / np.maximum(highest - lowest, 1e-9)))
        looks += [hash(image.tobytes()) for image in np.nan_to_num(stretched).astype(np.uint8)]
    return looks
