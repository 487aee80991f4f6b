"""What a run of the challenge leaves for its grader: attempt.json, whose format is here, and what every run leaves."""

import ast
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter

from course.runs import folder as run_folder
from course.runs.record import Row, read_config, read_history, read_values
from course.system.errors import CourseError


class ObservedArray(BaseModel):
    """Images or labels as they were given to `fit`; None for what is not finite."""

    shape: Annotated[list[int], Field(min_length=1)]
    dtype: str
    lowest: FiniteFloat | None
    highest: FiniteFloat | None

    @classmethod
    def of(cls, array: np.ndarray, **others: bool) -> Self:
        """Returns what there is to say about an array of at least one axis, not empty."""
        lowest, highest = (value if np.isfinite(value) else None for value in (float(array.min()), float(array.max())))
        return cls(shape=list(array.shape), dtype=str(array.dtype), lowest=lowest, highest=highest, **others)

    @property
    def spread(self) -> float | None:
        """The difference of highest and lowest value, None if one of them is not finite."""
        return None if self.lowest is None or self.highest is None else self.highest - self.lowest


class ObservedLabels(ObservedArray):
    """Labels as they were given to `fit`."""

    one_hot: bool = False


class ObservedData(BaseModel):
    """Images with their labels, compared with the data set."""

    images: ObservedArray
    labels: ObservedLabels
    recognised: int  # of the images: those that are in the data set
    test_images: int  # of the recognised ones
    own_labels: int  # of the recognised ones: those with the label that they have in the data set


class ObservedLayer(BaseModel):
    """A layer; names as Keras has them."""

    kind: str
    activation: str | None
    rate: FiniteFloat | None  # of dropout
    strides: int
    data_format: str | None


class ObservedNetwork(BaseModel):
    """A network and its loss."""

    outputs: list[list[int | None]]  # the shape of each
    layers: list[ObservedLayer]
    loss: str
    from_logits: bool


class ObservedFit(BaseModel):
    """One call of `fit`; data are None if they were not arrays."""

    network: ObservedNetwork
    learning_rate: FiniteFloat
    training: ObservedData | None
    validation: ObservedData | None
    in_both: int  # images


class Observations(BaseModel):
    """All that attempt.json contains; what is not there yet is empty."""

    process: int | None = None  # the number of the one that trains
    fits: list[ObservedFit] = []


class MeasuredNetwork(BaseModel):
    """What course/challenge/examine.py found, as far as it came."""

    images: ObservedArray | None = None  # the test images after the learner's `prepare`
    accuracy: float | None = None  # fraction of the test images, 0 to 1


class Places(dict[str, int]):
    """The line of each function and method in the learner's file: `places("fit")` is " (fit, line 80)", or nothing."""

    def __call__(self, name: str) -> str:
        return f" ({name}, line {self[name]})" if name in self else ""


class Evidence(NamedTuple):
    """All that a run left for its grader; what is not there is empty."""

    folder: Path
    data: str | None  # the name of its data set
    fits: list[ObservedFit]
    epochs: list[Row]
    places: Places


def read_evidence(folder: Path) -> Evidence:
    """Returns what the run in a folder left; raises CourseError if it was damaged or changed since."""
    fits = read_observations(folder).fits
    data = read_config(folder).get("data")
    return Evidence(folder, data, fits, read_history(folder), _read_places(folder / run_folder.SCRIPT))


def read_observations(folder: Path) -> Observations:
    """Returns the content of attempt.json in a folder; raises CourseError if it was damaged or changed."""
    return read_values(folder / run_folder.OBSERVED, TypeAdapter(Observations))


def trained_by(folder: Path) -> int | None:
    """Returns the number of the process that trained the run in a folder, None if that is not known."""
    try:
        return read_observations(folder).process
    except CourseError:
        return None


def _read_places(script: Path) -> Places:
    places = Places()
    try:
        nodes = ast.walk(ast.parse(script.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        return places
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            places.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            places.setdefault(node.func.attr, node.lineno)
    return places
