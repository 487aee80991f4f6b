"""Text for a sentence: names, and what is not ours, without what a terminal would obey."""

import re
from collections.abc import Sequence

LISTED = 5  # names in a sentence

COLOUR = re.compile(r"\x1b\[[\d;]*m")  # with which Keras writes some messages in bold
# Control characters but the tab and the end of a line, characters that turn the order of others, halves of a pair.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Returns a text without colours, and with other control characters as Python writes them, such as \\x07."""
    return OBEYED.sub(lambda found: ascii(found[0])[1:-1], COLOUR.sub("", text.replace("\r\n", "\n")))


def listed(names: Sequence[str]) -> str:
    """Returns names for a sentence, at most five of them."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"
