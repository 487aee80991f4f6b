"""Arrays in .npz files, read without trusting them."""

import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from course.errors import first_line

LARGEST = 4 * 2**30  # bytes; a file that unpacks to more is a mistake, or a zip bomb


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the arrays of an .npz file by their names, each read when it is asked for. Nothing is ever unpickled.

    Raises:
        ValueError: the file is missing or damaged, is none, unpacks to more than 4 GiB, or has no array of a name that
            is asked for; which of these, in one line.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST / 2**30:.0f} GiB")
        with np.load(file, allow_pickle=False) as content:
            yield content
    except KeyError as error:
        raise ValueError(f"it has no array {str(error).split()[0]}") from None
    except (  # what zipfile and NumPy raise for damaged, encrypted and other files
        EOFError, MemoryError, OSError, RuntimeError, TypeError, ValueError,
        lzma.LZMAError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(first_line(error)) from None
