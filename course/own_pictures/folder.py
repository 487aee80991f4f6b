"""A folder of pictures as data: a subfolder for each class, as `keras.utils.image_dataset_from_directory` has it."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from course.own_pictures.near_copies import groups_of
from course.own_pictures.reading import IN_WORDS, SUFFIXES, read_picture_file
from course.system import memory
from course.system.errors import CourseError
from course.system.plain_text import listed

MOST_CLASSES = 256  # a label is a byte
TESTED = 7  # one picture in seven is for the test, as with MNIST
THUMBNAIL = (16, 16)  # pixels that tell whether two pictures are near copies


class Listing(NamedTuple):
    """The pictures of a folder, class by class, each in the order of their names."""

    names: tuple[str, ...]  # of the classes
    files: tuple[Path, ...]
    labels: np.ndarray  # uint8 (n,)

    def stamp(self) -> str:
        """Returns a SHA-256 that changes with names, sizes and dates of the pictures."""
        stats = ((file, os.stat(file)) for file in self.files)
        about = [(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats]
        return hashlib.sha256(json.dumps([self.names, about]).encode()).hexdigest()


PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # as others call them


def list_folder(folder: Path) -> tuple[Listing, Listing | None]:
    """Returns the pictures to learn from and those of the test, None for these if they are to be split off.

    The classes are the subfolders of `folder`; or those of its subfolder `train`, if it has one of this name and one
    called `test`. Hidden files, and files that are no pictures by their names, do not count.

    Raises:
        CourseError: subfolders are other parts of the data, there are no two classes, a class has too few pictures, or
            `test` has one that `train` lacks.
    """
    inside = {each.name.casefold(): each for each in _subfolders(folder)}
    if set(inside) != {"train", "test"}:
        if len(inside) > 1 and set(inside) <= PARTS and all(map(_subfolders, inside.values())):
            raise CourseError(
                f"{folder} has {listed(sorted(each.name for each in inside.values()))}, which are parts of the data and"
                " no classes; leave two folders, train and test, and move what is in others into train."
            )
        return _listing(folder, _classes(folder), least=4), None
    names = _classes(inside["train"])
    if unknown := sorted(set(_classes(inside["test"], least=1)) - set(names)):
        raise CourseError(f"{inside['test']} has {listed(unknown)}, which {inside['train']} lacks; add it there.")
    return _listing(inside["train"], names, least=2), _listing(inside["test"], names, least=0)


def read_pictures(listing: Listing, image_size: tuple[int, int], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pictures, uint8 (n, height, width), or (n, height, width, 3) in colour, and thumbnails of them.

    Thumbnails are uint8 (n, height, width, channels), of the size THUMBNAIL. A picture keeps its aspect: it is fitted
    in whole, and what remains has the colour of its edge. Raises CourseError if pictures cannot be read, if one is in
    two classes, or if there is not enough memory.
    """
    height, width = image_size
    memory.check_images(len(listing.files), height, width, channels)
    images = np.empty((len(listing.files), height, width, channels), np.uint8)
    thumbnails = np.empty((len(images), *THUMBNAIL, channels), np.uint8)

    def read(number: int) -> bytes | CourseError:
        try:
            picture = read_picture_file(listing.files[number], longest=4 * max(image_size))
        except CourseError as error:
            return error
        picture = picture.convert("L" if channels == 1 else "RGB")
        images[number] = fitted(picture, image_size)
        thumbnails[number] = np.atleast_3d(np.asarray(picture.resize(THUMBNAIL, Image.Resampling.BOX)))
        return hashlib.sha256(picture.tobytes()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # Pillow decodes and resizes side by side
        _check_read(listing, list(threads.map(read, range(len(images)))))
    return (images[..., 0] if channels == 1 else images), thumbnails


def _check_read(listing: Listing, digests: list[bytes | CourseError]) -> None:
    """Raises CourseError if pictures could not be read, or if one is in two classes."""
    unreadable = {
        file: found for file, found in zip(listing.files, digests, strict=True) if isinstance(found, CourseError)
    }
    if len(unreadable) == 1:
        raise unreadable.popitem()[1]
    if unreadable:
        raise CourseError(
            f"{len(unreadable):,} of the {len(digests):,} pictures cannot be read"
            f" ({listed([str(file) for file in unreadable])}); save them again as PNG or JPEG, or remove them."
        )
    seen: dict[object, int] = {}
    for number, digest in enumerate(digests):
        other = seen.setdefault(digest, number)
        if listing.labels[other] != listing.labels[number]:
            raise CourseError(
                f"{listing.files[other]} and {listing.files[number]} are the same picture in two classes;"
                " keep it in one of them."
            )


def fitted(picture: Image.Image, image_size: tuple[int, int]) -> np.ndarray:
    """Returns a whole picture, grey or RGB, as uint8 (height, width, channels), around it the colour of its edge."""
    height, width = image_size
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = np.atleast_3d(np.asarray(picture.resize(size, Image.Resampling.BILINEAR)))
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    image = np.empty((height, width, small.shape[2]), np.uint8)
    image[:] = np.median(edge, axis=0)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    image[top : top + size[1], left : left + size[0]] = small
    return image


class Division(NamedTuple):
    """What of a folder is for the test."""

    for_test: np.ndarray  # bool (n,)
    alike: list[int]  # labels of the classes in which all pictures are near copies


def split_off(thumbnails: np.ndarray, labels: np.ndarray, order: np.ndarray) -> Division:
    """Returns which pictures are for the test: one in seven of each class, near copies within it on the same side.

    Each class has pictures on both sides: if all of its pictures are near copies, they are parted one by one.

    `order`, int (n,), has each class in proportion in its last seventh; it is the same for every seed, so that runs
    with different seeds are tested with the same pictures.
    """
    last_first = order[::-1]
    wanted = np.bincount(labels[last_first[: len(order) // TESTED]], minlength=int(labels.max()) + 1)
    for_test, alike = np.zeros(len(labels), bool), []
    for label in np.unique(labels).tolist():
        members = last_first[labels[last_first] == label]
        groups = groups_of(thumbnails[members])
        if not groups.any():
            alike.append(label)
            groups = np.arange(len(members))
        for_test[members[_whole_groups(groups, max(1, wanted[label]))]] = True
    return Division(for_test, alike)


def _whole_groups(groups: np.ndarray, most: int) -> np.ndarray:
    """Returns which members, bool (n,), are in the first groups that have `most` together; in the smallest if none."""
    names, sizes = np.unique(groups, return_counts=True)
    chosen, room = [], most
    for name, size in zip(names, sizes, strict=True):
        if size <= room:
            chosen.append(name)
            room -= size
    return np.isin(groups, chosen or names[sizes.argmin()])


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        raise CourseError(f"{folder} cannot be read ({error.strerror}).") from None


def _classes(folder: Path, least: int = 2) -> tuple[str, ...]:
    names = tuple(each.name for each in _subfolders(folder))
    if odd := [name for name in names if not name.isprintable()]:
        raise CourseError(f"{folder} has a subfolder called {odd[0]!r}; rename it, for its name is that of a class.")
    if not least <= len(names) <= MOST_CLASSES:
        found = f"{len(names):,} subfolder{'s' * (len(names) > 1)}" if names else "no subfolder"
        raise CourseError(
            f"{folder} has {found}, but each class needs one, and there must be from {least} to {MOST_CLASSES}"
            " classes; docs/your-own-pictures.md shows an example."
        )
    return names


def _listing(folder: Path, names: Iterable[str], least: int) -> Listing:
    names = tuple(names)
    files, labels = [], []
    for label, name in enumerate(names):
        found = _pictures(folder / name)
        files += found
        labels += [label] * len(found)
    counts = Counter(labels)
    if few := [name for label, name in enumerate(names) if counts[label] < least]:
        raise CourseError(
            f"{folder} has fewer than {least} pictures of {listed(few)}, but each class needs {least};"
            f" {IN_WORDS} files count."
        )
    if not files:
        raise CourseError(f"{folder} has no pictures; {IN_WORDS} files count.")
    return Listing(names, tuple(files), np.array(labels, np.uint8))


def _pictures(folder: Path) -> list[Path]:
    """Returns the pictures of a class, also those in folders within its own, without hidden ones."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place) / name for name in sorted(files) if name.lower().endswith(SUFFIXES) and name[0] != "."]
    return found
