"""How far the learner has come, kept from one call of check.py to the next."""

import pytest

import check
from course.challenge.levels import LEVELS
from course.challenge.progress import Progress, progress_file, read_progress, write_progress
from course.runs import folder as run_folder
from course.system.errors import CourseError


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize("newest", range(len(LEVELS)))
def test_hints_grow_stronger_one_by_one(newest, capsys):
    write_progress(Progress(newest=newest))
    hints = LEVELS[newest].hints
    for number in (1, 2, 3, 3):
        assert check.main(check.Options(hint=True)) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"Hint {number} of 3 for level {newest + 1}: {hints[number - 1]}" in said
        assert ("gives a stronger one" in said) == (number < 3)
    assert read_progress()[0].hint() == (newest + 1, 3, hints[2])


def test_there_is_no_hint_before_anything_was_graded_and_none_after_the_last_level(capsys):
    with pytest.raises(CourseError, match="Nothing is graded yet"):
        check.main(check.Options(hint=True))
    write_progress(Progress(newest=len(LEVELS)))
    assert check.main(check.Options(hint=True)) == 0
    assert "All levels are reached" in capsys.readouterr().out


def test_of_two_graders_the_further_one_counts():
    write_progress(Progress(reached=3, newest=3, hints={1: 2, 4: 1}))
    write_progress(Progress(reached=2, newest=2, hints={1: 1, 3: 2}))
    assert read_progress() == (Progress(reached=3, newest=2, hints={1: 2, 3: 2, 4: 1}), None)


@pytest.mark.parametrize("damaged", ["", "{", '{"reached": 99}', '{"reached": "x"}', "[]", "\0\0\0"])
def test_damaged_progress_is_rebuilt_with_a_sentence(capsys, damaged):
    folder = progress_file().parent / "2026-01-01_00-00-00-run"
    folder.mkdir(parents=True)
    (folder / run_folder.GRADE).write_text('{"reached": 2, "accuracy": 0.85, "findings": []}')
    progress_file().write_text(damaged)
    assert check.main(check.Options(hint=True)) == 0
    said = capsys.readouterr()
    assert "could not be read; it is rebuilt from your graded runs" in said.err
    assert "for level 3" in said.out
    assert check.main(check.Options(list=True)) == 0
    assert capsys.readouterr().err == ""
