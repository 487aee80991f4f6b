"""MNIST, Fashion-MNIST or the learner's own images, read from disk and verified."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol

import keras
import numpy as np

from course.system import arrays, memory
from course.system.errors import CourseError

FOLDER = Path(__file__).resolve().parent.parent / "data"
AT_A_TIME = 5_000  # images
HELD_OUT = 12  # one training image in twelve is for validation


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
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""


def load(config: Choice) -> tuple[Split, Split]:
    """Returns the data set of a config, its images resized as the config says; see `load_data_set`."""
    return load_data_set(config.data, config.image_size)


def load_data_set(name: str, image_size: tuple[int, int] | None = None) -> tuple[Split, Split]:
    """Returns `(x_train, y_train), (x_test, y_test)`, as `keras.datasets` does.

    Images are uint8 of shape (n, height, width), 0 is the background and 255 the strongest ink; labels are uint8 of
    shape (n,), from 0 to 9.

    Args:
        name: "mnist", "fashion_mnist", or the path of an .npz file with the same four arrays.
        image_size: (height, width) in pixels to which images of another size are resized; None leaves them.

    Raises:
        CourseError: the file is missing, damaged, altered, or not in this format, or there is not enough memory for
            images of this size. Nothing is ever unpickled.
    """
    x_train, y_train, x_test, y_test = _read(name, "x_train", "y_train", "x_test", "y_test")
    if name not in DATA_SETS:
        _check_format(name, x_train, y_train, x_test, y_test)
        y_train, y_test = y_train.astype(np.uint8), y_test.astype(np.uint8)
    if image_size is not None and x_train.shape[1:] != tuple(image_size):
        memory.check_images(len(x_train), *image_size)
        x_train, x_test = _resize(x_train, image_size), _resize(x_test, image_size)
    return (x_train, y_train), (x_test, y_test)


def load_test_images(name: str, image_size: tuple[int, int], count: int) -> Split:
    """Returns the first `count` test images and their labels, as `load_data_set` does, but sooner."""
    if name not in DATA_SETS:
        images, labels = load_data_set(name, image_size)[1]
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


def training_images(name: str) -> int:
    """Returns how many images `hold_out` leaves for training; raises CourseError as `load_data_set` does."""
    images = DATA_SETS[name].training_images if name in DATA_SETS else len(_read(name, "y_train")[0])
    return images - images // HELD_OUT


def class_names(name: str) -> tuple[str, ...]:
    """Returns what the labels 0 to 9 of a data set mean; in a file of the learner's own, their numbers."""
    return DATA_SETS[name if name in DATA_SETS else "mnist"].class_names


def verify(name: str) -> None:
    """Raises CourseError, within a second and without Keras, if `load_data_set(name)` is going to."""
    if name in DATA_SETS:
        _file(name)
    else:
        load_data_set(name)


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
            raise CourseError(f"data is {name!r}, but must be one of {names}, or the path of an .npz file that exists.")
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


def _check_format(name: str, x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
    """Raises CourseError unless the arrays of the learner's own file look like those of `keras.datasets`."""

    def refuse(problem: str) -> NoReturn:
        raise CourseError(f"{name}: {problem}; data/README.md describes the format.")

    for part, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
            refuse(f"x_{part} is {images.dtype} of shape {images.shape}, but must be uint8 (images, height, width)")
        if labels.dtype.kind not in "ui" or labels.shape != images.shape[:1]:
            refuse(f"y_{part} is {labels.dtype} of shape {labels.shape}, but must be one integer for each image")
        if labels.min() < 0 or labels.max() > 9:
            refuse(f"y_{part} has labels from {labels.min()} to {labels.max()}, but they must be from 0 to 9")
    if len(x_train) < HELD_OUT:
        refuse(f"x_train has {len(x_train)} images, but at least {HELD_OUT} are needed")
    if x_train.shape[1:] != x_test.shape[1:]:
        refuse(f"images of x_train are {x_train.shape[1:]} pixels, those of x_test {x_test.shape[1:]}")
    if y_test.max() > y_train.max():
        refuse(f"y_test has the label {y_test.max()}, but the labels to learn from in y_train end at {y_train.max()}")


def _resize(images: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    scaled = np.empty((len(images), *image_size), np.uint8)
    for first in range(0, len(images), AT_A_TIME):  # as float32 all of them would take four times the memory
        part = images[first : first + AT_A_TIME, ..., np.newaxis]
        resized = keras.ops.convert_to_numpy(keras.ops.image.resize(part, image_size, antialias=True))
        scaled[first : first + AT_A_TIME] = np.clip(np.rint(resized), 0, 255)[..., 0]
    return scaled
