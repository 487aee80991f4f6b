"""Files as the learner meets them: there as a whole or not at all, and named as one would type it."""

import contextlib
import json
import os
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course.errors import CourseError

UNFINISHED = ".unfinished-"  # how the name of a file begins that is not written to its end


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields the name to write to, which takes the place of `path` once all is written.

    Raises:
        CourseError: it cannot be written; `path` is as it was.
    """
    # Two programs may write one file, also on two machines that share a disk.
    unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise CourseError(f"{shown(path)} cannot be written ({error.strerror or error}).") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 so that at any moment it is the old one or the new one; see `replacing`."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes values as indented JSON, like `write_text`."""
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def shown(path: Path) -> str:
    """Returns a path as one would type it in a shell: quoted, and relative if it is inside the working directory."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
