"""Kernels of 3x3 weights, by name, by their numbers, or learnt."""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from course.system.arrays import read_arrays
from course.system.errors import CourseError

LEARNT = Path(__file__).parent / "learnt.npz"

KERNELS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1 / 9, 1 / 9, 1 / 9]] * 3,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "vertical_edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],  # these two are Sobel's
    "horizontal_edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}


def read_kernel(text: str) -> np.ndarray:
    """Returns the kernel of this name, or of nine weights written row by row, as float32 (3, 3, 1).

    Raises:
        ValueError: it is neither, or a weight is not from -100 to 100.
    """
    rows = KERNELS[text] if text in KERNELS else [float(word) for word in text.replace(",", " ").split()]
    kernel = np.array(rows, "float64").reshape(3, 3, 1)
    if not (np.abs(kernel) <= 100).all():  # so that nothing overflows; nor is it NaN
        raise ValueError(text)
    return kernel.astype("float32")


class LearntKernels(NamedTuple):
    """Kernels that cnn.py has learnt with two convolutions, float32: all of the first, and one of the second."""

    first: np.ndarray  # (32, 3, 3, 1), one after the other
    biases: np.ndarray  # (32,)
    second: np.ndarray  # (3, 3, 32)
    bias: np.ndarray  # ()


def learnt_kernels() -> LearntKernels:
    """Returns what `python -m docs.measure kernels` kept; raises CourseError if the file is missing or damaged."""
    try:
        return LearntKernels(**read_arrays(LEARNT, LearntKernels._fields))
    except ValueError as error:
        raise CourseError(f"{LEARNT} cannot be read: {error}; take it from the course again.") from None


def _check(text: str) -> str:
    read_kernel(text)
    return text


# What `read_kernel` can read.
KernelText = Annotated[
    str,
    AfterValidator(_check),
    Field(json_schema_extra={"allowed": f"{', '.join(KERNELS)}, or nine weights from -100 to 100"}),
]
