"""The levels of the challenge, compared with the page about them and with the reference answers."""

import re
from pathlib import Path

from course.challenge.levels import LEVELS

REPOSITORY = Path(__file__).resolve().parents[2]
SOLUTIONS = [REPOSITORY / "solutions" / f"level_{number}.py" for number in range(1, len(LEVELS) + 1)]


def test_the_marks_are_those_of_the_documentation():
    page = (REPOSITORY / "docs" / "challenge.md").read_text(encoding="utf-8")
    for number, level in enumerate(LEVELS, start=1):
        assert re.search(rf"^\| {number} \| {re.escape(level.idea)} \| {100 * level.mark:g}% \|", page, re.MULTILINE)


def test_every_level_has_three_hints_and_none_is_the_answer():
    for level, before, solution in zip(LEVELS[1:], SOLUTIONS[:-1], SOLUTIONS[1:], strict=True):
        assert len(set(level.hints)) >= 3
        old = {line.strip() for line in before.read_text(encoding="utf-8").splitlines()}
        new = {line.strip() for line in solution.read_text(encoding="utf-8").splitlines()} - old
        for hint in level.hints:
            assert [line for line in new if len(line) > 3 and line.rstrip(",") in hint] == []
    assert len(set(LEVELS[0].hints)) >= 3
