"""The levels of the challenge, compared with the page about them and with the reference answers."""

import json
import re
import statistics
from pathlib import Path

from course.challenge.levels import LEVELS

REPOSITORY = Path(__file__).resolve().parents[2]
SOLUTIONS = [REPOSITORY / "solutions" / f"level_{number}.py" for number in range(1, len(LEVELS) + 1)]


def test_the_marks_are_those_of_the_documentation():
    page = (REPOSITORY / "docs" / "challenge.md").read_text(encoding="utf-8")
    for number, level in enumerate(LEVELS, start=1):
        marks = rf"{100 * level.validation:g}% \| {100 * level.mark:g}% \| {100 * level.quick:g}%"
        assert re.search(rf"^\| {number} \| {re.escape(level.idea)} \| {marks} \|", page, re.MULTILINE)


def test_every_level_has_three_hints_and_none_is_the_answer():
    for level, before, solution in zip(LEVELS[1:], SOLUTIONS[:-1], SOLUTIONS[1:], strict=True):
        assert len(set(level.hints)) >= 3
        old = {line.strip() for line in before.read_text(encoding="utf-8").splitlines()}
        new = {line.strip() for line in solution.read_text(encoding="utf-8").splitlines()} - old
        for hint in level.hints:
            assert [line for line in new if len(line) > 3 and line.rstrip(",") in hint] == []
    assert len(set(LEVELS[0].hints)) >= 3


def test_marks_are_three_deviations_below_what_the_reference_answers_reach():
    for table, name, mark in (
        ("solutions", "test_accuracy", "mark"),
        ("solutions", "val_accuracy", "validation"),
        ("quick", "val_accuracy", "quick"),
    ):
        kept = json.loads((REPOSITORY / "benchmarks" / f"{table}.json").read_text(encoding="utf-8"))["results"]
        for level, (command, runs) in zip(LEVELS[1:], kept.items(), strict=True):
            reached = [run[name] for run in runs]
            assert getattr(level, mark) <= statistics.mean(reached) - 3 * statistics.stdev(reached), (command, mark)
