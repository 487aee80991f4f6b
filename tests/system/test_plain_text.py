"""What a terminal must not be told by somebody else's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.system.plain_text import printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", r"\x1b]0;a title\x07text"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("schärfe × − ∗ ■ [64, 64] 你好", "schärfe × − ∗ ■ [64, 64] 你好"),
    ],
)
def test_colours_are_removed_control_characters_are_seen_and_words_stay(raw, shown):
    assert printable(raw) == shown


@given(st.text(st.sampled_from("\x1b\x9b\x07\\[];0123m?a \n") | st.characters()))
def test_what_is_left_has_no_control_characters(text):
    left = printable(text)
    assert not any((ord(letter) < 32 and letter not in "\t\n") or 127 <= ord(letter) < 160 for letter in left)
    assert printable(left) == left
