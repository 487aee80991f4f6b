"""What a run of the challenge leaves for its grader: attempt.json, whose format is here, and what every run leaves."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter, model_validator

from course.runs import folder as run_folder
from course.runs.record import Row, read_config, read_history, read_predictions, read_values
from course.runs.verdict import Changes, Verdict, judge, read_changes
from course.system.errors import CourseError

Purpose = Literal["training", "during fit", "before training"]  # what test images must not be used for


class ObservedArray(BaseModel):
    """Images or labels as a network got them; None for what is not finite."""

    shape: Annotated[list[int], Field(min_length=1)]
    dtype: str
    lowest: FiniteFloat | None
    highest: FiniteFloat | None
    size: FiniteFloat | None  # of a typical value: the root of the mean square

    @classmethod
    def of(cls, array: np.ndarray, **others: bool) -> Self:
        """Returns what there is to say about an array of at least one axis, not empty."""
        size = np.sqrt(np.mean(np.square(array, dtype=np.float64)))
        lowest, highest, size = (
            value if np.isfinite(value) else None for value in map(float, (array.min(), array.max(), size))
        )
        return cls(shape=list(array.shape), dtype=str(array.dtype), lowest=lowest, highest=highest, size=size, **others)


class ObservedLabels(ObservedArray):
    """Labels as they were given to `fit`."""

    distributions: bool = False  # each a row of probabilities: one-hot, or spread over several classes


class ObservedData(BaseModel):
    """Images with their labels, compared with the data set."""

    images: ObservedArray
    labels: ObservedLabels
    recognised: int  # of the images: those that are in the data set
    test_images: int  # of the recognised ones
    own_labels: int  # of the recognised ones: those with the label that they have in the data set
    in_order: bool = False  # whether the labels are those of all test images, one after the other


class ObservedLayer(BaseModel):
    """A layer with kernels, in the order in which layers are called."""

    kind: str  # the name of its class
    kernels: list[list[int]]  # the shape of each
    data_format: str | None
    received: ObservedArray
    returned: list[int]  # the shape of its answer
    linear: bool  # whether the next one receives nothing but the sums of this one

    @property
    def convolutions(self) -> int:
        """How many of its kernels slide over height and width."""
        return sum(len(kernel) == 4 and kernel[0] * kernel[1] > 1 for kernel in self.kernels)


class ObservedNetwork(BaseModel):
    """What a network did with some images; the fields after `dropout` are as they are here if it could not be run."""

    outputs: list[list[int | None]]  # the shape of each
    dropout: FiniteFloat  # the largest rate
    layers: list[ObservedLayer] | None = None
    last: str = ""  # the class of the last layer that was called
    activation: str = ""  # its activation
    probabilities: bool | None = None  # whether its answers are
    normalised: bool = False  # whether a batch is normalised before the first kernel
    beyond: bool | None = None  # whether there is augmentation or normalisation; None if parts of it are the learner's


class ObservedLoss(BaseModel):
    """What a loss measures; None if it could not be tried."""

    name: str
    from_logits: bool | None = None  # whether it does the softmax itself
    of_probability: bool | None = None  # whether being sure of a wrong answer costs much more than being unsure


class ObservedFit(BaseModel):
    """One call of `fit`; data are None if they were not arrays."""

    network: ObservedNetwork
    loss: ObservedLoss
    learning_rate: FiniteFloat
    training: ObservedData | None
    validation: ObservedData | None
    in_both: int  # images


class ObservedTest(BaseModel):
    """What `run.finish` was given; data are None if they were not arrays."""

    network: ObservedNetwork
    data: ObservedData | None
    expected: int  # how many test images there are


class ObservedUse(BaseModel):
    """Test images that networks were given in another way than by `fit` and `run.finish`."""

    method: str  # its name, or what it is called in a sentence
    purpose: Purpose
    test_images: int  # each counted once


class ObservedPart(BaseModel):
    """What a run did from its beginning, or from a `--resume`, until it was interrupted or finished."""

    source: str  # the fingerprint of the learner's file
    fits: list[ObservedFit] = []
    uses: list[ObservedUse] = []


class Observations(BaseModel):
    """All that attempt.json contains; what is not there yet is empty."""

    process: int | None = None  # the number of the one that trains
    parts: list[ObservedPart] = []
    lost: bool = False  # whether what an earlier part has left could not be read when the run was resumed
    test: ObservedTest | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, content: object) -> object:
        """Returns the content of attempt.json as it is now; there was one part when it had `fits` itself."""
        if isinstance(content, dict) and "fits" in content and "parts" not in content:
            return content | {"parts": [{"source": "", "fits": content["fits"]}]}
        return content

    @property
    def fits(self) -> list[ObservedFit]:
        """All calls of `fit`, the last one last."""
        return [fit for part in self.parts for fit in part.fits]


class Places(dict[str, int]):
    """The line of each function and method in the learner's file: `places("fit")` is " (fit, line 80)", or nothing."""

    def __call__(self, name: str) -> str:
        return f" ({name}, line {self[name]})" if name in self else ""


class Measured(NamedTuple):
    """How many of some images a network gets right."""

    accuracy: float  # fraction, 0 to 1
    images: int


class Evidence(NamedTuple):
    """All that a run left for its grader; what is not there is empty."""

    folder: Path
    config: dict[str, Any]
    fits: list[ObservedFit]
    test: ObservedTest | None
    epochs: list[Row]
    places: Places
    validated: Measured | None = None  # by the answers of the network that was tested
    tested: Measured | None = None
    changes: Changes | None = None
    uses: Sequence[ObservedUse] = ()
    sources: int = 1  # how many different files of the learner's have trained its parts
    lost: bool = False  # whether a part of it is not known

    @property
    def data(self) -> str | None:
        """The name of its data set."""
        return self.config.get("data")

    @property
    def verdict(self) -> Verdict:
        """What its epochs show."""
        return judge(self.epochs, self.changes)

    @property
    def limit(self) -> int | None:
        """The number of images that it was trained on, None for all."""
        return self.config.get("limit")


def read_evidence(folder: Path) -> Evidence:
    """Returns what the run in a folder left; raises CourseError if it was damaged or changed since."""
    found = read_observations(folder)
    return Evidence(
        folder,
        read_config(folder),
        found.fits,
        found.test,
        read_history(folder),
        _read_places(folder / run_folder.SCRIPT),
        _measured(folder / run_folder.VALIDATION),
        _measured(folder / run_folder.PREDICTIONS),
        read_changes(folder),
        [use for part in found.parts for use in part.uses],
        len({part.source for part in found.parts if part.fits}),
        found.lost,
    )


def _measured(file: Path) -> Measured | None:
    kept = read_predictions(file)
    return None if kept is None or kept.accuracy is None else Measured(kept.accuracy, len(kept.labels))


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
        nodes = ast.walk(ast.parse(script.read_bytes()))  # in whatever encoding the file says
    except (OSError, SyntaxError, ValueError):
        return places
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            places.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            places.setdefault(node.func.attr, node.lineno)
    return places
