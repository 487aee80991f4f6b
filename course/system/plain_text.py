"""Text of somebody else's as a terminal may show it: nothing in it moves the cursor, sets a title or a colour."""

import re

SEQUENCE = re.compile(  # ECMA-48: a string up to its end (a title, a link), or a control sequence, or a single one
    r"(?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
)
# All but tab and new line; halves of a pair cannot be written to a terminal at all.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain_text(text: str) -> str:
    """Returns a text without escape sequences, control characters, marks that reverse it, and halves of pairs.

    Its lines stay lines.
    """
    return CONTROL.sub("", SEQUENCE.sub("", text.replace("\r\n", "\n")))
