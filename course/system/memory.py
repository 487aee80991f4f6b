"""What does not fit into the memory of this machine, said before it is tried: a full memory ends a program silently."""

import contextlib
import math
import os
from pathlib import Path
from typing import Any

from course.system.errors import CourseError

GROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may use, on Linux
NUMBER = 4  # bytes of a float32


def check_images(images: int, height: int, width: int) -> None:
    """Raises CourseError if so many images of (height, width) pixels do not fit as the float32 that networks take.

    They are there twice, while a script scales them and when the backend has taken them over.
    """
    _check(
        2 * images * height * width * NUMBER,
        f"{images:,} images of {height}x{width} pixels (height x width)",
        "a smaller img_height and img_width need less",
    )


def check_batch(model: Any, batch_size: int) -> None:
    """Raises CourseError if what the layers of a keras.Model make of a batch does not fit: training keeps all of it."""
    shapes = [getattr(getattr(layer, "output", None), "shape", ())[1:] for layer in model.layers if layer.weights]
    values = sum(math.prod(shape) for shape in shapes if None not in shape)
    _check(batch_size * values * NUMBER, f"a batch of {batch_size:,} images", "a smaller batch_size needs less")


def _check(needed: float, what: str, remedy: str) -> None:
    there = _there()
    if there is not None and needed > there:
        raise CourseError(
            f"Training with {what} needs at least {needed / 2**30:,.1f} GiB of memory, but there are"
            f" {there / 2**30:,.1f}; {remedy}."
        )


def _there() -> float | None:
    """Returns how many bytes of memory there are for this program, None if the system does not tell."""
    limits = []
    with contextlib.suppress(AttributeError, OSError, ValueError):  # as on Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        limits.append(int(GROUP.read_text(encoding="ascii")))
    return min(limits, default=None)
