"""Images of the learner's own: what is accepted, in which order it is learnt from, and what looks like a mistake."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from course.system.errors import CourseError
from course.system.plain_text import listed

HIGHEST = 255  # value of a pixel
DARK, LIGHT = 0.4, 0.6  # mean brightness of images, as a part of their brightest pixel
WITHOUT = {  # a class
    "training": "the network cannot learn it",
    "validation": "validation says nothing about it",
    "test": "the test says nothing about it",
}


class Part(NamedTuple):
    """Images, uint8 (n, height, width) or (n, height, width, 3), and their labels, uint8 (n,)."""

    images: np.ndarray
    labels: np.ndarray


def accepted(name: str, train: Part, test: Part, least: int, channels: int = 1) -> tuple[Part, Part]:
    """Returns arrays of a file as Part describes them; `train` and `test` may hold anything.

    Images may have a channel axis, (n, height, width, 1), be boolean, whole numbers from 0 to 255 of any type, or
    floats from 0 to 1; with 3 `channels` they are coloured, (n, height, width, 3). Labels may have the shape (n, 1), be
    one-hot, (n, classes), or floats that are whole numbers.

    Raises:
        CourseError: they are in no such format, there are fewer than `least` training images, or labels for the test
            that are not in training; begins with `name`.
    """
    try:
        train = _part("train", train, channels)
        test = _part("test", test, channels)
        if len(train.images) < least:
            raise ValueError(f"x_train has {len(train.images)} images, but at least {least} are needed")
        sizes = train.images.shape[1:3], test.images.shape[1:3]
        if sizes[0] != sizes[1]:
            raise ValueError(f"images of x_train are {sizes[0]} pixels, those of x_test {sizes[1]}")
        if test.labels.max() > train.labels.max():
            raise ValueError(
                f"y_test has the label {test.labels.max()}, but the labels to learn from in y_train end at"
                f" {train.labels.max()}"
            )
    except ValueError as error:
        raise _refused(name, error) from None
    return train, test


def classes(name: str, labels: np.ndarray) -> int:
    """Returns how many classes the labels for training in a file number; raises CourseError as `accepted` does."""
    try:
        return int(_labels("y_train", labels, len(labels)).max()) + 1
    except ValueError as error:
        raise _refused(name, error) from None


def order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns indices, int (n,), that shuffle images so that each class is in proportion in every first and last part.

    Of a class with n images one comes in each n-th part of the whole.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = labels[shuffled] == label
        places[members] = (np.arange(members.sum()) + 0.5) / members.sum()
    return shuffled[np.argsort(places, kind="stable")]


def remarks(parts: Mapping[str, Part], names: Sequence[str]) -> Iterator[str]:
    """Yields a sentence about each thing that looks like a mistake in the parts training, validation and test.

    `names` are those of the classes.
    """
    classes = set(np.concatenate([part.labels for part in parts.values()]).tolist())
    for name, part in parts.items():
        missing = sorted(classes - set(part.labels.tolist()))
        if missing:
            which = listed([names[label] if label < len(names) else str(label) for label in missing])
            yield f"none of the {len(part.labels):,} {name} images is of class {which}; {WITHOUT[name]}."
    yield from _repeated(parts)


def remarks_on_arrays(parts: Mapping[str, Part]) -> Iterator[str]:
    """Yields a sentence about each thing that looks like a mistake in how a file has these parts' pixels."""
    brightest = {name: int(part.images.max()) for name, part in parts.items()}
    for array, name in (("x_train", "training"), ("x_test", "test")):
        if brightest[name] <= HIGHEST // 2:
            times = f"; multiply {array} by {HIGHEST // brightest[name]}" if brightest[name] else ""
            yield f"the brightest pixel of the {name} images is {brightest[name]} instead of {HIGHEST}{times}."
    means = [parts[name].images.mean() / max(brightest[name], 1) for name in ("training", "test")]
    if min(means) < DARK and max(means) > LIGHT:
        kinds = ["light on dark" if mean < DARK else "dark on light" for mean in means]
        yield f"training images are {kinds[0]}, but test images {kinds[1]}; invert one of them, as in 255 - x_test."


def _repeated(parts: Mapping[str, Part]) -> Iterator[str]:
    seen: set[int] = set()
    before: list[str] = []
    for name, part in parts.items():
        images = [hash(image.tobytes()) for image in part.images]
        again = sum(image in seen for image in images)
        if again:
            yield (
                f"{again:,} of the {len(images):,} {name} images are {' or '.join(before)} images too, so {name}"
                " accuracy is higher than for new images; keep each image once."
            )
        seen.update(images)
        before.append(name)


def _refused(name: str, error: ValueError) -> CourseError:
    return CourseError(f"{name}: {error}; data/README.md describes the format.")


def _part(name: str, part: Part, channels: int) -> Part:
    images = _images(f"x_{name}", part.images, channels)
    return Part(images, _labels(f"y_{name}", part.labels, len(images)))


def _images(name: str, images: np.ndarray, channels: int) -> np.ndarray:
    found = f"{name} is {images.dtype} of shape {images.shape}"
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if channels == 3:
        if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape or images.dtype.kind not in "buif":
            raise ValueError(f"{found}, but with 3 channels it must be uint8 (images, height, width, 3)")
    elif images.ndim != 3 or 0 in images.shape or images.dtype.kind not in "buif":
        raise ValueError(f"{found}, but must be uint8 (images, height, width){_as_images(name, images)}")
    if images.dtype == np.bool_:
        return images * np.uint8(HIGHEST)
    lowest, highest = images.min(), images.max()
    is_whole = images.dtype.kind != "f" or (highest > 1 and bool((images == np.rint(images)).all()))
    if is_whole and lowest >= 0 and highest <= HIGHEST:
        return images.astype(np.uint8, copy=False)
    if images.dtype.kind == "f" and lowest >= 0 and 0.5 < highest <= 1:
        return np.rint(images * HIGHEST).astype(np.uint8)
    raise ValueError(
        f"{found} with values from {lowest} to {highest}, but must be uint8 from 0 to {HIGHEST}; scale it so that the"
        f" brightest pixel is {HIGHEST}, and round it with {name}.round().astype('uint8')"
    )


def _as_images(name: str, images: np.ndarray) -> str:
    """Returns how an array of another shape becomes one of grey images, nothing if that is not clear."""
    side = int(np.sqrt(images.shape[1])) if images.ndim == 2 else 0
    if side and side**2 == images.shape[1]:
        return f"; reshape it with {name}.reshape(-1, {side}, {side})"
    return (
        f"; make it grey with {name}.mean(axis=3).astype('uint8'), or train in colour with --channels 3"
        if images.shape[3:] == (3,)
        else ""
    )


def _labels(name: str, labels: np.ndarray, images: int) -> np.ndarray:
    found = f"{name} is {labels.dtype} of shape {labels.shape}"
    is_number = labels.dtype.kind in "buif"
    if is_number and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif is_number and labels.ndim == 2 and ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all():
        labels = labels.argmax(axis=1)  # one-hot
    is_whole = labels.dtype.kind in "bui" or (is_number and bool((labels == np.rint(labels)).all()))
    if not is_whole or labels.shape != (images,):
        raise ValueError(f"{found}, but must be one integer for each image")
    low, high = int(labels.min()), int(labels.max())
    found = f"{name} has labels from {low} to {high}"
    if low < 0 or high > HIGHEST:
        raise ValueError(f"{found}, but they must be from 0 to {HIGHEST}")
    if high > 9 and low > 0:  # of ten classes or fewer, some may be left out
        raise ValueError(f"{found}, but they must start at 0; subtract {low}")
    if high > 9 and 2 * len(np.unique(labels)) <= high:
        raise ValueError(f"{found}, but most numbers between them are no class; count the classes from 0")
    return labels.astype(np.uint8)
