"""YAML of a page or two, read in bounded time."""

import re

import yaml

LARGEST = 2**15  # bytes; PyYAML reads some 50,000 in a second
LONGEST_WORD = re.compile(rb"\S{3000}")  # a whole number in it may take minutes: 1:1:1:... has the base 60
MOST_BRACKETS = 500  # for each that is open, PyYAML looks at all others


def parse_yaml(content: bytes) -> object:
    """Returns what YAML says; raises yaml.YAMLError or ValueError, in one line, if it is not YAML or too much of it."""
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    if LONGEST_WORD.search(content):
        raise ValueError("it has a word or a number of more than 3,000 characters")
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise ValueError(f"it has more than {MOST_BRACKETS} opening brackets")
    return yaml.safe_load(content)
