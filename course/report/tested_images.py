"""The test images of a run, and what its classes are called."""

import io

import numpy as np
from PIL import Image

from course.data import DATA_SETS, class_names, load_test_images
from course.runs.record import Predictions, Record
from course.system.errors import CourseError
from course.system.files import shown


def images_of(record: Record, count: int) -> np.ndarray:
    """Returns the first `count` test images of a run as they are stored, uint8 (n, height, width) or (..., 3).

    Raises CourseError if the data are gone or there are fewer now.
    """
    images, _ = load_test_images(record.data, record.image_size, count, record.image_channels)
    if len(images) < count:
        raise CourseError(f"{record.data} has fewer images than when {shown(record.folder)} was tested.")
    return images


def names_of(record: Record, predictions: Predictions) -> tuple[str, ...]:
    """Returns what each output of the network stands for: the name that its run kept, or a number if there is none."""
    names, count = tuple(map(str, predictions.names)), predictions.outputs.shape[1]
    if not names and record.data in DATA_SETS:  # as runs did not always keep them
        names = class_names(record.data)
    return (*names[:count], *map(str, range(len(names), count)))


def are_ink(data: str) -> bool:
    """Returns whether 0 is paper and 255 ink in grey images of a data set, as in .npz files; else 255 is white."""
    return data in DATA_SETS or data.endswith(".npz")


def paper_of(images: np.ndarray, data: str) -> int:
    """Returns the value of paper in grey images, uint8 (n, height, width): 0 under ink, else the median of edges."""
    if are_ink(data):
        return 0
    return int(np.median(np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])))


def to_look_at(image: np.ndarray, data: str) -> np.ndarray:
    """Returns an image as people expect it: where 0 is paper and 255 ink, as in .npz files, as dark ink on white."""
    return 255 - image if image.ndim == 2 and are_ink(data) else image


def as_png(image: np.ndarray, data: str) -> bytes:
    """Returns an image of a data set, `to_look_at`, as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(to_look_at(image, data)).save(file, "PNG")
    return file.getvalue()
