"""Arrays in .npz files, read without trusting them."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from course.system.errors import first_line


def read_arrays(file: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Returns the arrays with these names of an .npz file, all of them if `names` is None; nothing is ever unpickled.

    Raises ValueError with one line that says whether the file is missing, damaged, or has no such array.
    """
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:  # NumPy alone may not close it
            arrays = {name: content[name] for name in (content.files if names is None else names)}
    except KeyError as error:
        raise ValueError(f"it has no array {str(error.args[0]).split()[0]}") from None
    except Exception as error:  # NumPy, zipfile and its decompressors raise many kinds for a damaged file
        raise ValueError(first_line(error)) from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy returns the bytes of other files in the archive
            raise ValueError(f"its {name} is not an array")
    return arrays


def digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns the SHA-256 of arrays with their names, shapes and types."""
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(f"{name} {array.shape} {array.dtype}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()
