"""What was read of a folder of pictures, kept in runs/ until one of them changes."""

import contextlib
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course import own_data
from course.own_pictures.folder import Listing, list_folder, read_pictures, split_off
from course.own_pictures.near_copies import copies_of_tested
from course.runs import folder as run_folder
from course.system import arrays
from course.system.errors import CourseError
from course.system.files import replacing
from course.system.plain_text import listed

SPLIT = 2  # another number when other pictures become the test, so that what was kept before is not taken
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class KeptFolder(NamedTuple):
    """The pictures of a folder as arrays."""

    train: own_data.Part
    test: own_data.Part


def read_folder(folder: Path, image_size: tuple[int, int], channels: int) -> KeptFolder:
    """Returns the pictures of a folder, of (height, width) pixels with 1 or 3 channels, as `read_pictures` does.

    The first time they are read and kept in `runs/pictures`; that file is taken from then on, until a picture is
    added, removed or saved again. Raises CourseError as `list_folder` and `read_pictures` do.
    """
    training, test = list_folder(folder)
    stamp = f"{SPLIT} {training.stamp()}" + (test.stamp() if test else "")
    place = f"{folder.resolve()} {image_size} {channels}"
    file = run_folder.RUNS / "pictures" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.npz"
    if (kept := _kept(file, stamp)) is not None:
        return kept
    count = len(training.files) + (len(test.files) if test else 0)
    print(f"{folder}: reading {count:,} pictures of {len(training.names)} classes, once.", flush=True)
    images, thumbnails = read_pictures(training, image_size, channels)
    if test is None:
        for_test, alike = split_off(thumbnails, training.labels, own_data.order(training.labels, seed=0))
        if alike:
            print(
                f"{folder}: in {listed([training.names[label] for label in alike])} all pictures of the class are near"
                " copies, so the test shows what was learnt from."
            )
        found = KeptFolder(*_parted(images, training.labels, for_test))
    else:
        tested = read_pictures(test, image_size, channels)
        copies = copies_of_tested(thumbnails, tested[1])
        _check_copies(folder, training, copies)
        found = KeptFolder(_parted(images, training.labels, copies)[0], own_data.Part(tested[0], test.labels))
    with contextlib.suppress(CourseError, OSError):  # as on a full disk: then they are read again next time
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as unfinished, unfinished.open("wb") as stream:
            values = dict(zip(ARRAYS, (*found.train, *found.test), strict=True))
            np.savez(stream, allow_pickle=False, stamp=_stamped(stamp, values), **values)
    return found


def _parted(images: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> tuple[own_data.Part, own_data.Part]:
    """Returns the pictures that are not chosen, and the chosen ones; moved within `images`, which is not copied."""
    last, rest = images[chosen], np.flatnonzero(~chosen)
    for start in range(0, len(rest), 256):
        moved = rest[start : start + 256]
        images[start : start + len(moved)] = images[moved]  # no picture moves to the right
    images[len(rest) :] = last
    first = own_data.Part(images[: len(rest)], labels[rest])
    return first, own_data.Part(images[len(rest) :], labels[chosen])


def _check_copies(folder: Path, training: Listing, copies: np.ndarray) -> None:
    """Says how many training pictures are left out; raises CourseError if a class has fewer than two others."""
    if not copies.any():
        return
    left = np.bincount(training.labels[~copies], minlength=len(training.names))
    if few := [name for name, count in zip(training.names, left, strict=True) if count < 2]:
        raise CourseError(
            f"{folder}/train has fewer than two pictures of {listed(few)} that are not near copies of one in"
            f" {folder}/test; a test with what was learnt from says nothing. Add others, or remove these from test."
        )
    print(f"{copies.sum():,} pictures in {folder}/train are near copies of one in {folder}/test: left out of training.")


def _kept(file: Path, stamp: str) -> KeptFolder | None:
    """Returns what a file keeps, None if it is missing, damaged, or of other pictures."""
    try:
        found = arrays.read_arrays(file, ("stamp", *ARRAYS))
    except ValueError:
        return None
    said = found.pop("stamp")
    if not np.array_equal(said, _stamped(stamp, found)):
        return None
    x_train, y_train, x_test, y_test = found.values()
    return KeptFolder(own_data.Part(x_train, y_train), own_data.Part(x_test, y_test))


def _stamped(stamp: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """Returns a SHA-256 of pictures as they lie in their folder, and of the arrays that were made of them."""
    lie = np.frombuffer(stamp.encode(), np.uint8)
    return np.frombuffer(arrays.digest({"stamp": lie} | values), np.uint8)
