"""Grades one run of the challenge: measures its network, and says which level that makes."""

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from course.challenge import levels, rules
from course.challenge.attempt import SCRIPT
from course.challenge.rules import Finding
from course.runs import folder as run_folder
from course.system import process, tracebacks
from course.system.files import write_json

EXAMINATION_SECONDS = 120
GRADE = "grade.json"  # in the folder of a run that was graded


class Grade(NamedTuple):
    """What came out for one run."""

    folder: Path
    accuracy: float | None  # share of the test images, 0 to 1; None if it could not be measured
    findings: list[Finding]
    test_images: int = 0

    @property
    def reached(self) -> int:
        """The highest level reached, 0 if none is."""
        reached = 0
        for number, level in enumerate(levels.LEVELS, start=1):
            stopped = any(finding.level is not None and finding.level <= number for finding in self.findings)
            if stopped or self.accuracy is None or self.accuracy < level.mark:
                break
            reached = number
        return reached

    @property
    def mistakes(self) -> list[str]:
        """Sentences about what is wrong, most basic first."""
        wrong = [finding for finding in self.findings if finding.level is not None and not finding.missing]
        return [finding.sentence for finding in sorted(wrong, key=lambda finding: finding.level)]

    @property
    def remarks(self) -> list[str]:
        """Sentences about what is worth knowing and keeps no level from being reached."""
        return [finding.sentence for finding in self.findings if finding.level is None]


def newest_finished() -> Path | None:
    """Returns the folder of the newest run of the challenge that came to its end, None if there is none."""
    finished = [folder for folder in folders() if (folder / "metrics.json").exists()]
    return max(finished, key=lambda folder: folder.name, default=None)


def folders() -> set[Path]:
    """Returns the folders of all runs of the challenge."""
    return {folder for folder in (run_folder.RUNS / "fashion").glob("*/") if folder.name != "latest"}


def of_process(number: int, before: set[Path]) -> Path | None:
    """Returns the folder of the newest run that the process with this number made; `before` are folders older than it.

    Systems give the number of a process that has ended to another one, and a run of that one is not meant.
    """
    made = [folder for folder in folders() - before if rules.process(folder) == number]
    return max(made, key=lambda folder: folder.name, default=None)


def mistakes_so_far(folder: Path) -> list[str]:
    """Returns what is wrong with a run that ended before there was anything to test."""
    record = rules.read(folder)
    return Grade(folder, None, rules.structure(record) if record.fits else []).mistakes


def grade(folder: Path) -> Grade:
    """Looks at a run, measures its network on the test images, and keeps the result in its folder.

    Raises:
        CourseError: the result cannot be written.
    """
    record = rules.read(folder)
    found = [*rules.unfinished(record)]
    if record.fits:
        found += [*rules.structure(record), *rules.learning(record)]
    answer = {}
    if (folder / "model.keras").exists() and (folder / SCRIPT).exists():
        answer, problem = _examine(folder)
        found += rules.examined(record, answer, problem)
    test_images = answer["images"]["shape"][0] if "images" in answer else 0
    result = Grade(folder, answer.get("accuracy"), found, test_images)
    sentences = [finding.sentence for finding in found]
    write_json(folder / GRADE, {"reached": result.reached, "accuracy": result.accuracy, "findings": sentences})
    return result


def _examine(folder: Path) -> tuple[dict[str, Any], str]:
    """Returns what course/challenge/examine.py found, and what went wrong, as far as it is the learner's."""
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        words = ["-m", "course.challenge.examine", str(folder), str(answer)]
        ended = process.run(words, run_folder.RUNS.parent, EXAMINATION_SECONDS, show=False)
        found = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    if ended.exit_code is None:
        return found, f"It took more than {EXAMINATION_SECONDS} s."
    return found, tracebacks.shorten(ended.errors, SCRIPT) if ended.exit_code else ""
