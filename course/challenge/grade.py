"""Grades one run of the challenge by what it left in its folder, and says which level that makes."""

import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from course.challenge import rules
from course.challenge.levels import DATA, LEVELS, QUICK_IMAGES, SCRIPT_NAME, Level
from course.challenge.observed import Measured, read_evidence, trained_by
from course.challenge.rules import Finding
from course.data import training_images
from course.runs import folder as run_folder
from course.system import process
from course.system.files import write_json

EXAMINATION_SECONDS = 120


class Grade(NamedTuple):
    """What the grader found out about one run."""

    folder: Path
    findings: list[Finding]
    validated: Measured | None  # on the validation images
    tested: Measured | None = None  # on the test images, if they were looked at
    limit: int | None = None  # the number of images that it was trained on, if not all
    advice: tuple[str, ...] = ()  # what may bring more accuracy

    @property
    def mark(self) -> Callable[[Level], float]:
        """Which of a level's marks counts: that of test images once they were looked at."""
        if self.tested is not None:
            return lambda level: level.mark
        return (lambda level: level.validation) if self.limit is None else (lambda level: level.quick)

    @property
    def measured(self) -> Measured | None:
        """What the marks are compared with."""
        return self.tested or self.validated

    @property
    def passed(self) -> int:
        """The highest level whose mark, and those of all levels below it, are passed; 0 if none is."""
        accuracy = self.measured.accuracy if self.measured is not None else 0
        return len(list(itertools.takewhile(lambda level: accuracy >= self.mark(level), LEVELS)))

    @property
    def structured(self) -> int:
        """The highest level that no finding keeps from being reached."""
        return min([len(LEVELS), *(found.level - 1 for found in self.findings if found.level is not None)])

    @property
    def reached(self) -> int:
        """The highest level reached, 0 if none is."""
        return min(self.passed, self.structured)

    @property
    def reasons(self) -> list[str]:
        """Why the next level is not reached, mistakes left out."""
        level = self.reached + 1
        if level > len(LEVELS):
            return []
        reasons = [found.sentence for found in self.findings if found.missing and found.level == level]
        if self.passed < level and self.measured is not None:
            mark, right = self.mark(LEVELS[level - 1]), self.measured.accuracy
            reasons.append(f"Its mark is {mark:.1%}, and your network gets {right:.2%}.")
            reasons += self.advice if self.structured >= level else ()
        return reasons

    @property
    def mistakes(self) -> list[str]:
        """Sentences about what is wrong: causes before what may follow from them, then most basic first."""
        wrong = [found for found in self.findings if found.level is not None and not found.missing]
        return list(
            dict.fromkeys(found.sentence for found in sorted(wrong, key=lambda found: (found.symptom, found.level)))
        )

    @property
    def remarks(self) -> list[str]:
        """Sentences about what is worth knowing and keeps no level from being reached."""
        return list(dict.fromkeys(found.sentence for found in self.findings if found.level is None))


def attempts() -> list[Path]:
    """Returns the folders of all runs of the challenge, the newest last."""
    return run_folder.folders_with(run_folder.OBSERVED, SCRIPT_NAME)


def newest_finished() -> Path | None:
    """Returns the folder of the newest run of fashion.py that reached its test, None if there is none."""
    finished = run_folder.folders_with(run_folder.METRICS, SCRIPT_NAME)
    return finished[-1] if finished else None


def attempt_of(process_id: int, before: list[Path]) -> Path | None:
    """Returns the folder of the newest run that a process made; `before` are the folders that are older than it.

    Systems give the id of a process that has ended to another one, and a run of that one is not meant.
    """
    made = [folder for folder in attempts() if folder not in before and trained_by(folder) == process_id]
    return made[-1] if made else None


def mistakes_so_far(folder: Path) -> list[str]:
    """Returns what is wrong with a run that ended before there was anything to test."""
    return Grade(folder, rules.structure(read_evidence(folder)), None).mistakes


def grade_attempt(folder: Path, reached: int = 0, final: bool = False) -> Grade:
    """Looks at a run, and keeps the result in its folder; nothing of the learner's is executed.

    The answers on the validation images count, so that test images stay what they are for. These are looked at when
    that is asked for, when a level above those reached so far is, and when there are no validation images.

    Args:
        folder: of the run.
        reached: the highest level that was reached so far.
        final: whether to look at the answers on the test images in any case.

    Raises:
        CourseError: what the run left was damaged, or the result cannot be written.
    """
    evidence = read_evidence(folder)
    findings = [*rules.unfinished(evidence), *rules.structure(evidence)]
    findings += rules.learning(evidence, rules.BEGINNING in [found.sentence for found in findings])
    if evidence.tested is not None:
        findings += _compared(folder)
    if evidence.limit is not None and not final:
        findings += rules.quick_try(evidence)
    images = QUICK_IMAGES if evidence.limit is not None and not final else training_images(DATA)
    advice = tuple(rules.advice(evidence, images))
    grade = Grade(folder, findings, evidence.validated, None, evidence.limit, advice)
    if final or grade.validated is None or (grade.limit is None and grade.reached > reached):
        grade = grade._replace(tested=evidence.tested)
    values: dict[str, object] = {
        "reached": grade.reached,
        "quick": grade.tested is None and grade.limit is not None,
        "validation": grade.validated and grade.validated.accuracy,
        "test": grade.tested and grade.tested.accuracy,
        "findings": [found.sentence for found in findings],
    }
    write_json(folder / run_folder.GRADE, values)
    return grade


def _compared(folder: Path) -> list[Finding]:
    """Returns what there is to say if the kept network cannot be read, or does not give the kept answers."""
    if not (folder / run_folder.MODEL).exists():
        return [Finding(None, "The network itself was not kept; the answers that it gave at the end count.")]
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        words = ["-m", "course.challenge.examine", str(folder), str(answer)]
        outcome = process.run_python(words, run_folder.RUNS.parent, EXAMINATION_SECONDS, show=False)
        found = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else None
    if found is None:
        return [rules.not_compared("It took too long." if outcome.exit_code is None else outcome.errors)]
    if found["others"] > found["images"] / 50:
        return [rules.another_network(**found)]
    return []
