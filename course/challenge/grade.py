"""Grades one run of the challenge: measures its network, and says which level that makes."""

import itertools
import tempfile
from pathlib import Path
from typing import NamedTuple

from course.challenge import rules
from course.challenge.levels import LEVELS, SCRIPT_NAME
from course.challenge.observed import MeasuredNetwork, read_evidence, trained_by
from course.challenge.rules import Finding
from course.runs import folder as run_folder
from course.system import process, tracebacks
from course.system.files import write_json

EXAMINATION_SECONDS = 120


class Grade(NamedTuple):
    """What the grader found out about one run."""

    folder: Path
    accuracy: float | None  # fraction of the test images, 0 to 1; None if it could not be measured
    findings: list[Finding]
    test_images: int = 0

    @property
    def reached(self) -> int:
        """The highest level reached, 0 if none is."""
        passed = itertools.takewhile(lambda level: (self.accuracy or 0) >= level.mark, LEVELS)
        stopped = [finding.level - 1 for finding in self.findings if finding.level is not None]
        return min([len(list(passed)), *stopped])

    @property
    def mistakes(self) -> list[str]:
        """Sentences about what is wrong, most basic first."""
        wrong = [(level, sentence) for level, sentence, missing in self.findings if level is not None and not missing]
        return [sentence for _, sentence in sorted(wrong, key=lambda finding: finding[0])]

    @property
    def remarks(self) -> list[str]:
        """Sentences about what is worth knowing and keeps no level from being reached."""
        return [finding.sentence for finding in self.findings if finding.level is None]


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
    evidence = read_evidence(folder)
    return Grade(folder, None, rules.structure(evidence) if evidence.fits else []).mistakes


def grade_attempt(folder: Path) -> Grade:
    """Looks at a run, measures its network on the test images, and keeps the result in its folder.

    Raises CourseError if what the run left was damaged, or if the result cannot be written.
    """
    evidence = read_evidence(folder)
    findings = [*rules.unfinished(evidence)]
    if evidence.fits:
        findings += [*rules.structure(evidence), *rules.learning(evidence)]
    network = MeasuredNetwork()
    if (folder / run_folder.MODEL).exists() and (folder / run_folder.SCRIPT).exists():
        network, problem = _examine(folder)
        findings += rules.examined(evidence, network, problem)
    grade = Grade(folder, network.accuracy, findings, network.images.shape[0] if network.images else 0)
    values = {"reached": grade.reached, "accuracy": grade.accuracy, "findings": [found.sentence for found in findings]}
    write_json(folder / run_folder.GRADE, values)
    return grade


def _examine(folder: Path) -> tuple[MeasuredNetwork, str]:
    """Returns what course/challenge/examine.py found, and what went wrong, as far as it is the learner's."""
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        words = ["-m", "course.challenge.examine", str(folder), str(answer)]
        outcome = process.run_python(words, run_folder.RUNS.parent, EXAMINATION_SECONDS, show=False)
        text = answer.read_text(encoding="utf-8") if answer.exists() else "{}"
    network = MeasuredNetwork.model_validate_json(text)
    if outcome.exit_code is None:
        return network, f"It took more than {EXAMINATION_SECONDS} s."
    return network, tracebacks.shorten(outcome.errors, run_folder.SCRIPT) if outcome.exit_code else ""
