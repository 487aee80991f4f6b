"""How a network's answers about the learner's pictures are shown: as lines, and as a page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from course.report import figures, measures
from course.report.asked import MOST_SHOWN, Answer, address
from course.report.page import render
from course.report.style import svg
from course.report.tested_images import names_of
from course.runs import certainty
from course.runs.record import Record
from course.system.files import shown, write_text
from course.system.plain_text import printable

RULES = {  # what is done to a picture, by data set
    "mnist": "its ink, fitted into 20 x 20 pixels and centred by its mass, as MNIST has it.",
    "fashion_mnist": "trimmed, 28 pixels long, sharpened and light on dark, as Fashion-MNIST has it.",
}
WHOLE = "the whole picture, in the size that it was trained with."


def in_lines(answers: Sequence[Answer], record: Record) -> Iterator[str]:
    """Yields what a terminal shows: a line for each picture, and how many are right where that is known."""
    assert record.predictions is not None
    width = max(len(_printable(answer.question.file)) for answer in answers)
    for answer in answers:
        best = "  ".join(f"{printable(name)} {_said(output, record)}" for name, output in answer.best)
        remark = answer.question.prepared.remark
        yield f"{_printable(answer.question.file):{width}}  {best}{f'  ({remark})' if remark else ''}"
    if right := _how_many_right(answers):
        yield right


def write_page(answers: Sequence[Answer], record: Record, file: Path) -> None:
    """Writes the page that shows each picture, what the network sees of it, and its answer; raises CourseError."""
    write_text(
        file,
        render(
            "asked.html",
            record=record,
            rule=RULES.get(record.data, WHOLE),
            right=_how_many_right(answers),
            confusion=_confusion(answers, record),
            shown=[(answer, address(answer.question, record.data)) for answer in answers[:MOST_SHOWN]],
            said=lambda output: _said(output, record),
            more=max(0, len(answers) - MOST_SHOWN),
        ),
    )


def _how_many_right(answers: Sequence[Answer]) -> str:
    known = [answer for answer in answers if answer.question.truth]
    if not known:
        return ""
    right = sum(answer.question.truth == answer.best[0][0] for answer in known)
    low, high = certainty.interval(right / len(known), len(known))
    return (
        f"{right:,} of {len(known):,} pictures in folders called like a class are right: {right / len(known):.1%},"
        f" 95% interval {low:.1%} to {high:.1%}."
    )


def _confusion(answers: Sequence[Answer], record: Record) -> str:
    known = [answer for answer in answers if answer.question.truth]
    if not known or record.predictions is None:
        return ""
    names = names_of(record, record.predictions)
    truth, said = (np.array([names.index(name) for name in column]) for column in zip(
        *((answer.question.truth, answer.best[0][0]) for answer in known), strict=True
    ))  # fmt: skip
    figure = figures.confusion(measures.confusion_matrix(truth, said, len(names)), names)
    return svg(figure, "confusion", f"Confusion matrix of {len(known):,} pictures.")


def _said(output: float, record: Record) -> str:
    assert record.predictions is not None
    return f"{output:.1%}" if record.predictions.are_probabilities else f"{output:.3g}"


def _printable(file: Path) -> str:
    return printable(shown(file))
