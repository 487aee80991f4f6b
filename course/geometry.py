"""Where the windows of convolution and pooling lie: how large the output is, where zeros go, what a pixel sees.

All functions are about one direction, rows or columns, because both work alike.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from course.system.errors import CourseError

KERNEL = 3  # pixels per side
SMALLEST = 9  # pixels per side of a picture; less shows nothing
Stride = Annotated[int, Field(ge=1, le=4)]
Padding = Literal["valid", "same"]
Pooling = Literal["max", "average"]
PoolSize = Annotated[int, Field(ge=2, le=4)]


def output_size(size: int, window: int, stride: int, padding: str) -> int:
    """Returns how many stops a window of `window` pixels makes on `size` pixels, `stride` pixels apart.

    With padding "valid" it stays inside, with "same" zeros are added so that stride alone shrinks the output.
    """
    return -(-size // stride) if padding == "same" else (size - window) // stride + 1


def zeros_added(size: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """Returns how many zeros padding adds before and after `size` pixels: half of them each, an odd one after."""
    if padding == "valid":
        return 0, 0
    zeros = max((output_size(size, window, stride, padding) - 1) * stride + window - size, 0)
    return zeros // 2, zeros - zeros // 2


def seen(first: int, last: int, window: int, stride: int, zeros_before: int = 0) -> tuple[int, int]:
    """Returns the first and the last input pixel that the output pixels `first` to `last` are computed from.

    What lies below 0, or beyond the input, is padding.
    """
    return first * stride - zeros_before, last * stride - zeros_before + window - 1


def receptive_field(place: int, size: int, stride: int, padding: str, pool_size: int) -> tuple[int, int]:
    """Returns the first and the last pixel, of `size` pixels, that decide about one output pixel at `place`.

    It is followed back through a convolution with stride 1 and no padding, through pooling, and through a first
    convolution with `stride` and `padding`, both with kernels of 3 pixels.
    """
    first, last = seen(place, place, KERNEL, 1)
    first, last = seen(first, last, pool_size, pool_size)
    first, last = seen(first, last, KERNEL, stride, zeros_added(size, KERNEL, stride, padding)[0])
    return max(first, 0), min(last, size - 1)


def check_picture_is_large_enough(picture: np.ndarray, stride: int, padding: str, pool_size: int) -> None:
    """Raises CourseError unless a picture (height, width, channels) leaves something for a second convolution.

    The first one has `stride` and `padding`; after pooling, the second has stride 1 and no padding.
    """
    height, width, _ = picture.shape
    left = [output_size(size, KERNEL, stride, padding) // pool_size for size in (height, width)]
    if min(left) < KERNEL or min(height, width) < SMALLEST:
        raise CourseError(
            f"The picture is {height}x{width} pixels (height x width), too small for stride {stride} and pool_size"
            f" {pool_size}; take a larger picture, or a smaller stride or pool_size."
        )
