"""MNIST, Fashion-MNIST or the learner's own pictures, read from disk and verified."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import keras
import numpy as np

from course import own_data
from course.system import arrays, memory
from course.system.errors import CourseError
from course.system.plain_text import printable

if TYPE_CHECKING:
    from course.own_pictures.folder import Listing

FOLDER = Path(__file__).resolve().parent.parent / "data"
AT_A_TIME = 5_000  # images
HELD_OUT = 12  # one training image in twelve is for validation
ARRAYS = ("x_train", "y_train", "x_test", "y_test")  # of an .npz file
USUAL_SIZE = (28, 28)  # pixels of an image


class DataSet(NamedTuple):
    """What the course knows about a data set of its own."""

    sha256: str
    training_images: int
    class_names: tuple[str, ...]


DATA_SETS = {
    "mnist": DataSet(
        sha256="06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",
        training_images=60_000,
        class_names=tuple("0123456789"),
    ),
    "fashion_mnist": DataSet(
        sha256="5b6d2c4c694a91887af8ab7d039c04f80af3c29378d731c93a538d2e831aa469",
        training_images=60_000,
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
}  # fmt: skip

Split = tuple[np.ndarray, np.ndarray]


class Choice(Protocol):
    """What a config says about its data."""

    @property
    def data(self) -> str:
        """The name of a data set; see `load_data_set`."""

    @property
    def limit(self) -> int | None:
        """How many images to train on; all if None."""

    @property
    def seed(self) -> int:
        """What makes the order of the learner's own images repeatable."""

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def image_channels(self) -> int:
        """1 for grey images, 3 for coloured ones."""


def load(config: Choice) -> tuple[Split, Split]:
    """Returns the data set of a config, its images resized as the config says; see `load_data_set`.

    Training images of the learner's own are shuffled with the config's seed, so that `hold_out` splits each class in
    proportion; a sentence about each thing that looks like a mistake in them is printed.
    """
    if config.data in DATA_SETS:
        return load_data_set(config.data, config.image_size)
    (x_train, y_train), test = load_data_set(config.data, config.image_size, config.image_channels)
    order = own_data.order(y_train, config.seed)
    x_train, y_train = x_train[order], y_train[order]
    training, validation = hold_out(x_train, y_train, config.limit)
    given = {"training": training, "validation": validation, "test": test}
    parts = {name: own_data.Part(*part) for name, part in given.items()}
    remarks = [*own_data.remarks(parts, class_names(config.data))]
    if not _is_folder(config.data):
        remarks += own_data.remarks_on_arrays(parts)
    for remark in remarks:
        print(printable(f"{config.data}: {remark}"), file=sys.stderr)
    return (x_train, y_train), test


def load_data_set(name: str, image_size: tuple[int, int] | None = None, channels: int = 1) -> tuple[Split, Split]:
    """Returns `(x_train, y_train), (x_test, y_test)`, as `keras.datasets` does.

    Images are uint8 of shape (n, height, width), or (n, height, width, 3) in colour; in the course's own, 0 is the
    background and 255 the strongest ink. Labels are uint8 of shape (n,), from 0.

    Args:
        name: "mnist", "fashion_mnist", the path of an .npz file with the same four arrays, see `own_data.accepted`,
            or that of a folder of pictures, see `list_folder`.
        image_size: (height, width) in pixels to which images of another size are resized; None leaves them, or
            makes 28 x 28 pixels of pictures.
        channels: 1 for grey images, 3 for coloured ones.

    Raises:
        CourseError: file or folder is missing, damaged, altered, or not in this format, or there is not enough memory
            for images of this size. Nothing is ever unpickled.
    """
    if _is_folder(name):
        from course.own_pictures.kept import read_folder  # late: most runs have no use for it

        train, test = read_folder(Path(name), image_size or USUAL_SIZE, channels)
        if len(train.images) < HELD_OUT:
            raise CourseError(f"{name} has {len(train.images)} pictures to learn from, but {HELD_OUT} are needed.")
        return train, test
    train, test = _parts(name)
    if name not in DATA_SETS:
        train, test = own_data.accepted(name, train, test, HELD_OUT, channels)
    return _resized(train, test, image_size)


def load_test_images(name: str, image_size: tuple[int, int], count: int, channels: int = 1) -> Split:
    """Returns the first `count` test images and their labels, as `load_data_set` does, but sooner."""
    if name not in DATA_SETS:
        images, labels = load_data_set(name, image_size, channels)[1]
        return images[:count], labels[:count]
    images, labels = (array[:count] for array in _read(name, "x_test", "y_test"))
    return images if images.shape[1:] == tuple(image_size) else _resize(images, image_size), labels


def hold_out(x: np.ndarray, y: np.ndarray, limit: int | None = None) -> tuple[Split, Split]:
    """Splits training data into `(x_train, y_train), (x_valid, y_valid)`, arrays of any shape (n, ...).

    The last twelfth, 5,000 of MNIST's 60,000, is for validation; of the others the first `limit` are for training,
    all of them if `limit` is None.
    """
    train = len(x) - len(x) // HELD_OUT
    return (x[:train][:limit], y[:train][:limit]), (x[train:], y[train:])


def training_images(name: str, image_size: tuple[int, int] = USUAL_SIZE, channels: int = 1) -> int:
    """Returns how many images `hold_out` leaves for training; raises CourseError as `load_data_set` does."""
    images = DATA_SETS[name].training_images if name in DATA_SETS else _own(name, image_size, channels).images
    return images - images // HELD_OUT


def sha256_of(name: str, image_size: tuple[int, int] = USUAL_SIZE, channels: int = 1) -> str:
    """Returns the SHA-256 of a data set: of the course's own file, or of the four arrays of a learner's.

    Raises CourseError as `load_data_set` does.
    """
    return DATA_SETS[name].sha256 if name in DATA_SETS else _own(name, image_size, channels).sha256


def class_names(name: str) -> tuple[str, ...]:
    """Returns what the labels of a data set mean: in a folder the names of its subfolders, in a file of the learner's
    own its array `class_names`, or numbers if it has none. Raises CourseError as `load_data_set` does.
    """
    if name in DATA_SETS:
        return DATA_SETS[name].class_names
    if _is_folder(name):
        return _listings(name)[0].names
    classes = own_data.classes(name, *_read(name, "y_train"))
    try:
        (names,) = arrays.read_arrays(_file(name), ["class_names"]).values()
    except ValueError as error:
        if "has no array" in str(error):
            return tuple(map(str, range(classes)))
        raise CourseError(f"class_names of {name} cannot be read ({error}); write a list of texts.") from None
    if names.ndim != 1 or names.dtype.kind not in "US" or len(names) < classes:
        found = f"class_names of {name} is {names.dtype} of shape {names.shape}"
        raise CourseError(f"{found}, but must be a list of {classes} texts, one for each class.")
    return tuple(each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in names)


def verify(name: str, image_size: tuple[int, int] = USUAL_SIZE, channels: int = 1) -> None:
    """Raises CourseError if it can be told within seconds and without Keras that `load_data_set(name)` is going to."""
    if name in DATA_SETS:
        _file(name)
    elif _is_folder(name):
        _listings(name)
    else:
        training_images(name, image_size, channels)


def _is_folder(name: str) -> bool:
    return name not in DATA_SETS and os.path.isdir(name)  # that of Path raises for some names


def _listings(name: str) -> tuple[Listing, Listing | None]:
    from course.own_pictures.folder import list_folder  # late: most runs have no use for it

    return list_folder(Path(name))


class _Own(NamedTuple):
    """What there is to know about a file or a folder of the learner's own."""

    images: int  # for training and validation
    sha256: str


def _own(name: str, image_size: tuple[int, int], channels: int) -> _Own:
    if _is_folder(name):
        return _read_own(name, "".join(part.stamp() for part in _listings(name) if part), image_size, channels)
    file = _file(name).resolve()
    return _read_own(name, f"{file} {file.stat().st_mtime_ns}", None, channels)


@functools.cache
def _read_own(name: str, version: str, image_size: tuple[int, int] | None, channels: int) -> _Own:
    """Reads a file or a folder of the learner's own, once a version."""
    train, test = load_data_set(name, image_size, channels)
    return _Own(len(train[0]), arrays.digest(dict(zip(ARRAYS, (*train, *test), strict=True))).hex())


def _parts(name: str) -> tuple[own_data.Part, own_data.Part]:
    x_train, y_train, x_test, y_test = _read(name, *ARRAYS)
    return own_data.Part(x_train, y_train), own_data.Part(x_test, y_test)


def _read(name: str, *names: str) -> list[np.ndarray]:
    file = _file(name)
    try:
        return [*arrays.read_arrays(file, names).values()]
    except ValueError as error:
        raise CourseError(f"{file} cannot be read ({error}); {_remedy(name)}.") from None


def _file(name: str) -> Path:
    """Returns the file of a data set; one of the course's own has been compared byte for byte."""
    if name not in DATA_SETS:
        if not (name.endswith(".npz") and os.path.isfile(name)):  # that of Path raises for some names
            names = ", ".join(DATA_SETS)
            raise CourseError(
                f"data is {name!r}, but must be one of {names}, or the path of an .npz file or a folder that exists."
            )
        return Path(name)
    file = FOLDER / f"{name}.npz"
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise CourseError(f"{file} is missing; {_remedy(name)}.") from None
    except OSError as error:
        raise CourseError(f"{file} cannot be read ({error.strerror}); {_remedy(name)}.") from None
    if found != DATA_SETS[name].sha256:
        swapped = [other for other, known in DATA_SETS.items() if known.sha256 == found]
        what = (
            f"contains {swapped[0]} instead of {name}" if swapped else "is damaged or was changed (its SHA-256 differs)"
        )
        raise CourseError(f"{file} {what}; {_remedy(name)}.")
    return file


def _remedy(name: str) -> str:
    if name in DATA_SETS:
        return f"restore it with `git restore data/{name}.npz`, or download the course again"
    return "write it with numpy.savez_compressed(file, x_train=..., y_train=..., x_test=..., y_test=...)"


def _resized(train: Split, test: Split, image_size: tuple[int, int] | None) -> tuple[Split, Split]:
    (x_train, y_train), (x_test, y_test) = train, test
    if image_size is not None and x_train.shape[1:3] != tuple(image_size):
        memory.check_images(len(x_train), *image_size, *x_train.shape[3:])
        x_train, x_test = _resize(x_train, image_size), _resize(x_test, image_size)
    return (x_train, y_train), (x_test, y_test)


def _resize(images: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    with_channels = images.reshape(*images.shape[:3], -1)
    scaled = np.empty((len(images), *image_size, with_channels.shape[3]), np.uint8)
    for first in range(0, len(images), AT_A_TIME):  # as float32 all of them would take four times the memory
        part = with_channels[first : first + AT_A_TIME]
        resized = keras.ops.convert_to_numpy(keras.ops.image.resize(part, image_size, antialias=True))
        scaled[first : first + AT_A_TIME] = np.clip(np.rint(resized), 0, 255)
    return scaled.reshape(len(images), *image_size, *images.shape[3:])
