"""Files that are written as a whole or not at all, and paths as one would type them."""

import contextlib
import glob
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from course.system import program
from course.system.errors import CourseError

UNFINISHED = ".unfinished-"  # how the name of a file begins until all of it is written


@contextlib.contextmanager
def replacing(path: Path, lasting: bool = False) -> Iterator[Path]:
    """Yields the path to write to, which replaces `path` once all is written; else raises CourseError.

    If `lasting`, a power cut after that leaves the new file; see `sync`.
    """
    # Two programs may write one file, also on two machines that share a disk.
    unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}-{path.name}")
    try:
        yield unfinished
        if lasting:  # else the disk may know the new name before the content
            sync(unfinished)
        os.replace(unfinished, path)
        if lasting:
            sync(path.parent)
    except OSError as error:
        raise CourseError(f"{shown(path)} cannot be written ({error.strerror or error}).") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def sync(path: Path) -> None:
    """Makes the content of a file, or the names in a folder, survive a power cut; raises OSError if the disk fails."""
    if path.is_dir():
        with contextlib.suppress(OSError):  # not every system can do that to a folder
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return
    with path.open("rb+") as file:  # Windows syncs only what can be written
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 so that at any moment it is the old one or the new one; see `replacing`."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Writes values as indented JSON, like `write_text`."""
    write_text(path, as_json(values))


def as_json(values: Mapping[str, object]) -> str:
    """Returns what `write_json` writes."""
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def shown(path: Path) -> str:
    """Returns a path as one would type it in a shell: quoted, and relative if it is inside the working directory."""
    return quoted(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def quoted(word: str) -> str:
    """Returns a word of a command as one would type it in a shell."""
    return subprocess.list2cmdline([word]) if sys.platform == "win32" else shlex.quote(word)  # cmd has other quotes


def typed(*options: str) -> str:
    """Returns how one starts the running program: in a shell, as a script or a module after `-m`, or in a notebook."""
    script = program.script()
    if script is None:
        return f"main(Config.from_command_line({list(options)}))"
    module = program.module()
    return " ".join([f"python -m {module}" if module else f"python {shown(script)}", *options])


def matching(name: str) -> list[Path]:
    """Returns what a name with * or ? stands for, where the terminal leaves that to programs, as on Windows.

    A name that is there, or for which nothing is, stands for itself.
    """
    found = [] if os.path.lexists(name) or not glob.has_magic(name) else sorted(glob.glob(name))
    return [Path(each) for each in found or [name]]
