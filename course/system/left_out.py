"""Packages that a library loads and does without if it cannot, kept from it while it loads."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def left_out(package: str) -> Iterator[None]:
    """Makes `import <package>` fail within the block, unless the package is loaded already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # Python's own way to say that there is none
    try:
        yield
    finally:
        del sys.modules[package]
