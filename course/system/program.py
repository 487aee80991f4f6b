"""How the running program was started: as a script with its options, or by code that somebody types into a notebook."""

import hashlib
import io
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


def module() -> str | None:
    """Returns the name of the module if the program was started with `python -m`, else None."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # which %run of IPython leaves out
    found = script()
    return spec.name if found and spec and spec.name.rpartition(".")[2] == found.stem else None


def arguments() -> list[str]:
    """Returns the words after the script on the command line."""
    return [] if script() is None else sys.argv[1:]


def fingerprint(file: Path) -> str:
    """Returns the SHA-256 of a script's code: the same if only comments, docstrings, spaces and line ends were changed.

    Of what is not Python, as while it is being edited, all bytes count. Raises OSError if it cannot be read.
    """
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    content, words = file.read_bytes(), []
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(content).readline))
    except (tokenize.TokenError, SyntaxError):
        return hashlib.sha256(content).hexdigest()
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        is_docstring = token.type == tokenize.STRING and before.type in layout and after.type == tokenize.NEWLINE
        if token.type not in layout and not is_docstring:
            words.append(token.string)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
