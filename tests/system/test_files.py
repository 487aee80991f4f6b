"""Paths as one types them."""

import sys
from pathlib import Path

import pytest

from course.system.files import matching, quoted


def test_a_name_with_a_star_stands_for_files_as_in_other_terminals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png", "c.jpg"):
        Path(name).touch()
    assert matching("*.png") == [Path("a.png"), Path("b.png")]
    assert matching("no*.png") == [Path("no*.png")]
    assert matching("a.png") == [Path("a.png")]
    Path("[a].png").touch()
    assert matching("[a].png") == [Path("[a].png")]


@pytest.mark.parametrize(("system", "typed"), [("linux", "'a b'"), ("win32", '"a b"')])
def test_a_word_with_a_space_is_quoted_as_its_terminal_wants(monkeypatch, system, typed):
    monkeypatch.setattr(sys, "platform", system)
    assert quoted("a b") == typed
    assert quoted("cnn.py") == "cnn.py"
