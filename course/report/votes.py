"""What five people saw in MNIST's test images about whose labels there is doubt."""

import csv
from typing import NamedTuple

from course.data import FOLDER
from course.system.errors import CourseError

FILE = FOLDER / "mnist_label_votes.csv"
_X = "\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}"


class Votes(NamedTuple):
    """How many of five people saw what in an image."""

    label: int  # what MNIST says
    other_label: int  # what a network suggested, perhaps the same
    votes_label: int
    votes_other: int
    votes_neither: int

    @property
    def in_words(self) -> str:
        """The votes as in "five people: 3 x 4, 2 x 9"."""
        seen = {str(self.other_label): self.votes_other} | {str(self.label): self.votes_label}
        ranked = [*sorted(seen.items(), key=lambda each: -each[1]), ("something else", self.votes_neither)]
        return "five people: " + ", ".join(f"{count}{_X}{what}" for what, count in ranked if count)

    @property
    def against_label(self) -> bool:
        """Whether fewer than three of the people saw what MNIST says."""
        return self.votes_label < 3


def read_votes(data: str) -> dict[int, Votes]:
    """Returns the votes by the number of the test image, from 0; none if the data set is not "mnist".

    Raises CourseError if the file is missing or was changed.
    """
    if data != "mnist":
        return {}
    try:
        with FILE.open(encoding="utf-8", newline="") as file:
            rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
        return {row.pop("test_image"): Votes(**row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise CourseError(
            f"{FILE} is missing or was changed; restore it with `git restore data/{FILE.name}`, or download the course"
            " again."
        ) from None
