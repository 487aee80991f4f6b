"""Kernels of 3x3 weights, by name or by their numbers."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

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


def _check(text: str) -> str:
    read_kernel(text)
    return text


# What `read_kernel` can read.
KernelText = Annotated[
    str,
    AfterValidator(_check),
    Field(json_schema_extra={"allowed": f"{', '.join(KERNELS)}, or nine weights from -100 to 100"}),
]
