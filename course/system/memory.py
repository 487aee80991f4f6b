"""Whether images fit into the memory of this machine, checked before they are loaded: else the system kills us."""

import contextlib
import os
from pathlib import Path

from course.system.errors import CourseError

CONTAINER = Path("/sys/fs/cgroup/memory.max")  # what a container may use, on Linux; often much less than the machine
BYTES = 4  # per float32


def check_images(images: int, height: int, width: int, channels: int = 1) -> None:
    """Raises CourseError if so many images of (height, width) pixels do not fit as the float32 that networks take.

    They are in memory twice, while a script scales them and when the backend has its copy.
    """
    needed, available = 2 * images * height * width * channels * BYTES, _available_bytes()
    if available is not None and needed > available:
        raise CourseError(
            f"Training with {images:,} images of {height}x{width} pixels (height x width) needs at least"
            f" {needed / 2**30:,.1f} GiB of memory, but this machine has {available / 2**30:,.1f}; choose a smaller"
            " img_height and img_width."
        )


def _available_bytes() -> int | None:
    """Returns how much memory this program may have, None if the system does not tell."""
    limits = []
    with contextlib.suppress(AttributeError, OSError, ValueError):  # as on Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        limits.append(int(CONTAINER.read_text(encoding="ascii")))
    return min(limits, default=None)
