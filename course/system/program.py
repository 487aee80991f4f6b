"""How the running program was started: as a script with its options, or by code that somebody types into a notebook."""

import hashlib
import sys
import tokenize
from pathlib import Path

NOTEBOOK = "notebook"  # what a program without a file is called


def is_interactive() -> bool:
    """Returns whether this process continues after a run: a notebook, IPython, or Python's own prompt."""
    return hasattr(sys, "ps1")


def script() -> Path | None:
    """Returns the path of the running script as it was typed; None if its code was, and sys.argv is the notebook's."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    if is_interactive() and (file is None or Path(file).name != Path(sys.argv[0]).name):
        return None
    return Path(sys.argv[0])


def name() -> str:
    """Returns the file name of the running script, NOTEBOOK without one."""
    found = script()
    return NOTEBOOK if found is None else found.name


def arguments() -> list[str]:
    """Returns the words after the script on the command line."""
    return [] if script() is None else sys.argv[1:]


def fingerprint(file: Path) -> str:
    """Returns the SHA-256 of a script's code: the same if nothing but comments, spaces and line ends was changed."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    with file.open("rb") as source:
        words = [token.string for token in tokenize.tokenize(source.readline) if token.type not in layout]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
