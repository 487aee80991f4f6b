"""Arrays in .npz files, read without trusting them."""

import lzma
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from course.system.errors import first_line

LARGEST = 4 * 2**30  # bytes; a file that unpacks to more is a mistake, or a zip bomb


def read(file: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Returns the arrays of an .npz file with these names, all of them if there are none. Nothing is ever unpickled.

    Raises:
        ValueError: the file is missing or damaged, is none, unpacks to more than 4 GiB, or has no such array; which of
            these, in one line.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST / 2**30:.0f} GiB")
        with np.load(file, allow_pickle=False) as content:
            found = {name: content[name] for name in (content.files if names is None else names)}
    except KeyError as error:
        raise ValueError(f"it has no array {str(error.args[0]).split()[0]}") from None
    except (  # what zipfile and NumPy raise for damaged, encrypted and other files
        EOFError, MemoryError, OSError, RuntimeError, TypeError, ValueError,
        lzma.LZMAError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(first_line(error)) from None
    for name, array in found.items():
        if not isinstance(array, np.ndarray):  # NumPy hands over the bytes of what is none
            raise ValueError(f"its {name} is no array")
    return found
