"""What a terminal must not be told by somebody else's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.system.plain_text import plain_text


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1bPq...\x1b\\picture", "picture"),
        ("\x1b(0box\x1bc", "box"),
        ("90%\r100%\b\a", "90%100%"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("schärfe × − ∗ ■ [64, 64] 你好", "schärfe × − ∗ ■ [64, 64] 你好"),
        ("\x1b[", ""),
    ],
)
def test_escape_sequences_are_removed_and_words_stay(raw, plain):
    assert plain_text(raw) == plain


@given(st.text(st.sampled_from("\x1b\x9b\x07\\[];0123m?a \n") | st.characters()))
def test_what_is_left_has_no_control_characters(text):
    left = plain_text(text)
    assert not any((ord(letter) < 32 and letter not in "\t\n") or 127 <= ord(letter) < 160 for letter in left)
    assert plain_text(left) == left
