"""YAML that would take minutes is refused at once."""

import time

import pytest

from course.system.plain_yaml import parse_yaml


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        ("a: " + "9" * 10**6, "more than 32,768 bytes"),
        ("a: 1" + ":1" * 16_000, "a word or a number of more than 3,000 characters"),  # to the base 60
        ("a: 0x" + "f" * 30_000, "a word or a number of more than 3,000 characters"),
        ("a: " + "[1, " * 8_000, "more than 500 opening brackets"),
    ],
)
def test_a_page_that_would_take_long_is_refused_at_once(content, refused):
    started = time.perf_counter()
    with pytest.raises(ValueError, match=refused):
        parse_yaml(content.encode())
    assert time.perf_counter() - started < 1


def test_a_usual_page_is_read():
    assert parse_yaml(b"a: [1, 1.5e-3]\nb: {c: text}\n") == {"a": [1, 0.0015], "b": {"c": "text"}}
