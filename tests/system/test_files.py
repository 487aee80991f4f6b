"""Paths as one types them."""

from pathlib import Path

from course.system.files import matching


def test_a_name_with_a_star_stands_for_files_as_in_other_terminals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png", "c.jpg"):
        Path(name).touch()
    assert matching("*.png") == [Path("a.png"), Path("b.png")]
    assert matching("no*.png") == [Path("no*.png")]
    assert matching("a.png") == [Path("a.png")]
    Path("[a].png").touch()
    assert matching("[a].png") == [Path("[a].png")]
