"""What a run left on disk, read again."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from course.system import arrays
from course.system.errors import CourseError
from course.system.files import replacing, shown

HISTORY = "history.csv"
PREDICTIONS = "predictions.npz"


class Config(BaseModel):
    """What config.json must hold if it holds it; a learner may have deleted what nothing else needs, or added more."""

    model_config = ConfigDict(extra="allow")

    data: str = "mnist"
    img_height: int = Field(28, ge=1)
    img_width: int = Field(28, ge=1)


class Epoch(BaseModel):
    """What a row of history.csv must hold, besides metrics of any name; None for what was no finite number."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, FiniteFloat | None]

    epoch: int = Field(ge=1)


METRICS, ENVIRONMENT = TypeAdapter(dict[str, FiniteFloat | None]), TypeAdapter(dict[str, str])


class Predictions(NamedTuple):
    """What the finished network says of the test images."""

    outputs: np.ndarray  # float32 (n, 10)
    labels: np.ndarray  # uint8 (n,), 0 to 9
    example: np.ndarray  # (1, ...), the first test image as the network takes it

    @property
    def are_probabilities(self) -> bool:
        """Whether the outputs for each image are positive with sum 1."""
        return bool(self.outputs.min() >= 0 and np.allclose(self.outputs.sum(axis=1), 1, atol=1e-3))

    @property
    def classes(self) -> np.ndarray:
        """What the network takes each image for, (n,), 0 to 9."""
        return self.outputs.argmax(axis=1)


class Record(NamedTuple):
    """One run, as far as it came."""

    folder: Path
    config: dict[str, Any]
    history: list[dict[str, float | None]]  # one row an epoch; None for what was no finite number
    metrics: dict[str, float | None]  # empty if the run did not come to its test
    environment: dict[str, str]  # where it ran; empty in runs that did not write it
    predictions: Predictions | None

    @property
    def script(self) -> str:
        """The name of the script without .py."""
        return self.folder.parent.name

    @property
    def data(self) -> str:
        """The data set; a learner may have deleted a value of the config that nothing else needs."""
        return self.config.get("data", "mnist")

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of its images, in pixels."""
        return self.config.get("img_height", 28), self.config.get("img_width", 28)


def check_is_run(folder: Path) -> None:
    """Raises CourseError unless there is a run in the folder that finished an epoch."""
    if not (folder / HISTORY).is_file():
        raise CourseError(f"{shown(folder)} holds no run that finished an epoch; give one such as runs/cnn/latest.")


def read(folder: Path) -> Record:
    """Returns what the run in a folder left.

    Raises:
        CourseError: there is no run, or what it left was damaged or changed since. Nothing is ever unpickled.
    """
    check_is_run(folder)
    metrics = read_values(folder / "metrics.json", METRICS)
    environment = read_values(folder / "environment.json", ENVIRONMENT)
    return Record(
        folder.resolve(), read_config(folder), read_history(folder), metrics, environment, _predictions(folder)
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the config of the run in a folder; raises CourseError if it was damaged or changed."""
    return read_values(folder / "config.json", TypeAdapter(Config)).model_dump(exclude_unset=True)


def read_history(folder: Path) -> list[dict[str, float | None]]:
    """Returns the epochs of the run in a folder; raises CourseError if they were damaged or changed."""
    file = folder / HISTORY
    try:
        rows = [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(_text(file).splitlines())
        ]
        return [Epoch.model_validate(row).model_dump() for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(file, error) from None


def read_values(file: Path, kind: TypeAdapter) -> Any:
    """Returns what a JSON file holds, nothing if it is not there.

    Raises:
        CourseError: it cannot be read, or is not of this kind.
    """
    try:
        return kind.validate_json(_text(file) or "{}")
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> CourseError:
    what = str(error)
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        what = ": ".join([*map(str, problem["loc"]), problem["msg"]])
    return CourseError(f"{shown(file)} was damaged or changed ({' '.join(what.split())[:200]}); train it again.")


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Writes what `read` finds; raises CourseError if it cannot be written."""
    with replacing(folder / PREDICTIONS) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **predictions._asdict())


def _predictions(folder: Path) -> Predictions | None:
    file = folder / PREDICTIONS
    if not file.exists():
        return None
    try:
        found = Predictions(**arrays.read_arrays(file, Predictions._fields))
    except ValueError as error:
        raise _damaged(file, error) from None
    outputs, labels, example = found
    kinds = (outputs.dtype.kind, labels.dtype.kind, example.dtype.kind in "uif")
    if kinds != ("f", "u", True) or labels.ndim != 1 or outputs.shape != (len(labels), 10) or len(example[:1]) != 1:
        raise _damaged(file, ValueError(f"{outputs.dtype} {outputs.shape} for {labels.dtype} {labels.shape}"))
    if labels.max() > 9:
        raise _damaged(file, ValueError(f"label {labels.max()}"))
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
