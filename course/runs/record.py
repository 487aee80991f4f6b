"""The files that a run leaves on disk, written and read again."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from course.runs import folder as run_folder
from course.system import arrays
from course.system.errors import CourseError, first_line
from course.system.files import replacing, shown, write_text
from course.system.problems import first_problem

COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")  # of history.csv, at least
Kept = TypeVar("Kept")
Row = dict[str, int | float | None]  # the metrics of an epoch by name; None for what was not a finite number


class KeptConfig(BaseModel):
    """What config.json must contain if it has it; a learner may have deleted what nothing else needs, or added more."""

    model_config = ConfigDict(extra="allow")

    data: str = "mnist"
    img_height: int = Field(28, ge=1)
    img_width: int = Field(28, ge=1)
    channels: Any = 1  # which may also be what a learner calls kernels


class KeptEpoch(BaseModel):
    """What a row of history.csv must contain, besides metrics of any name; None for what was not a finite number."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, FiniteFloat | None]

    epoch: int = Field(ge=1)


KeptMetrics, KeptEnvironment = TypeAdapter(dict[str, FiniteFloat | None]), TypeAdapter(dict[str, str])


class Predictions(NamedTuple):
    """What the finished network says of the test images."""

    outputs: np.ndarray  # float32 (n, classes)
    labels: np.ndarray  # uint8 (n,), from 0
    example: np.ndarray  # (1, ...) or more: the first images as the network takes them
    names: np.ndarray = np.array([], np.str_)  # what the labels mean, (classes,); empty in runs that did not write it

    @property
    def are_probabilities(self) -> bool:
        """Whether the outputs for each image are positive with sum 1."""
        return are_probabilities(self.outputs)

    @property
    def classes(self) -> np.ndarray:
        """What each image is predicted as, (n,), from 0."""
        return self.outputs.argmax(axis=1)

    @property
    def accuracy(self) -> float | None:
        """The fraction of the images that are predicted as what they are, None without one output for each class."""
        return float(np.mean(self.classes == self.labels)) if self.outputs.shape[1] > 1 else None


class Record(NamedTuple):
    """One run, as far as it came."""

    folder: Path
    config: dict[str, Any]
    history: list[Row]  # one row per epoch
    metrics: dict[str, float | None]  # empty if the run did not reach its test
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

    @property
    def image_channels(self) -> int:
        """1 for grey images, 3 for coloured ones."""
        return 3 if self.config.get("channels") == 3 else 1


def are_probabilities(outputs: np.ndarray) -> bool:
    """Returns whether the outputs for each image, (n, classes), are positive with sum 1, as far as 16 bits can tell."""
    return outputs.ndim == 2 and bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=0.02))


def as_array(values: object) -> np.ndarray | None:
    """Returns an array or a tensor of numbers as an array, None for everything else."""
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in "uifb" else None
    return keras.ops.convert_to_numpy(values) if keras.ops.is_tensor(values) else None


def as_labels(targets: np.ndarray) -> np.ndarray:
    """Returns labels (n,), from 0, of targets: labels (n,) or (n, 1), or a value per class, (n, classes)."""
    rows = np.asarray(targets).reshape(len(targets), -1)
    return rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0]


def check_is_run(folder: Path) -> None:
    """Raises CourseError unless there is a run in the folder that finished an epoch."""
    if not os.path.isfile(folder / run_folder.HISTORY):  # that of Path raises for some names
        raise CourseError(f"{shown(folder)} is not a run with a finished epoch; name one, such as runs/cnn/latest.")


def read_run(folder: Path) -> Record:
    """Returns what the run in a folder left; raises CourseError if there is none, or it was damaged or changed."""
    check_is_run(folder)
    metrics = read_values(folder / run_folder.METRICS, KeptMetrics)
    environment = read_values(folder / run_folder.ENVIRONMENT, KeptEnvironment)
    config, history, predictions = (
        read_config(folder),
        read_history(folder),
        read_predictions(folder / run_folder.PREDICTIONS),
    )
    return Record(folder.resolve(), config, history, metrics, environment, predictions)


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the config of the run in a folder; raises CourseError if it was damaged or changed."""
    return read_values(folder / run_folder.CONFIG, TypeAdapter(KeptConfig)).model_dump(exclude_unset=True)


def read_history(folder: Path) -> list[Row]:
    """Returns the epochs of the run in a folder; raises CourseError if they were damaged or changed."""
    file = folder / run_folder.HISTORY
    try:
        rows = csv.DictReader(_text(file).splitlines())
        return [KeptEpoch.model_validate({name: row[name] or None for name in row}).model_dump() for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(file, error) from None


def write_history(folder: Path, history: list[Row]) -> None:
    """Writes what `read_history` reads; raises CourseError if it cannot be written."""
    text = io.StringIO()
    columns = dict.fromkeys([*COLUMNS, *(name for row in history for name in row)])  # the learner's own come last
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(folder / run_folder.HISTORY, text.getvalue())


def plain_numbers(metrics: Mapping[str, Any]) -> Row:
    """Returns metrics as plain numbers of six digits; what is not finite, as after a divergence, becomes None.

    What is not a single number is left out.
    """
    plain: Row = {}
    for name, value in metrics.items():
        with contextlib.suppress(TypeError, ValueError):
            if np.ndim(value) == 0:
                number = value if isinstance(value, int) else float(f"{float(value):.6g}")
                plain[name] = number if math.isfinite(number) else None
    return plain


def read_values(file: Path, kind: TypeAdapter[Kept]) -> Kept:
    """Returns what a JSON file contains, of a missing one {}; raises CourseError if it is not of this kind."""
    try:
        return kind.validate_json(_text(file) or "{}")
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from None


def read_predictions(file: Path) -> Predictions | None:
    """Returns the answers of a network in a file of its folder, None if it is not there; raises CourseError."""
    if not file.exists():
        return None
    try:
        kept = arrays.read_arrays(file)
        found = Predictions(**{name: kept[name] for name in Predictions._fields if name in kept})
    except (ValueError, TypeError) as error:
        raise _damaged(file, error) from None
    if problem := _problem(found):
        raise _damaged(file, ValueError(problem))
    return found


def write_predictions(file: Path, predictions: Predictions) -> None:
    """Writes what `read_predictions` reads; raises CourseError if it could not, or the file cannot be written."""
    if problem := _problem(predictions):
        raise CourseError(problem)
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez_compressed(stream, **predictions._asdict())


def _problem(predictions: Predictions) -> str:
    """Returns why these cannot be one answer for each image, nothing if they can."""
    outputs, labels, example, names = predictions
    kinds = (outputs.dtype.kind, labels.dtype.kind, names.dtype.kind, example.dtype.kind in "uifb")
    shapes_fit = labels.ndim == names.ndim == 1 and outputs.shape[:-1] == labels.shape and len(example[:1]) == 1
    if kinds != ("f", "u", "U", True) or not shapes_fit:
        return f"{outputs.dtype} {outputs.shape} for {labels.dtype} {labels.shape}"
    if labels.max() >= outputs.shape[1] > 1:  # a single output tells two classes apart
        return f"label {labels.max()} for {outputs.shape[1]} classes"
    return ""


def write_model(folder: Path, model: keras.Model) -> str | None:
    """Writes a network to model.keras in a run's folder; raises CourseError if the file cannot be written.

    Without its loss and optimizer, if these cannot be saved. Returns why the network cannot be saved, None if it was.
    """
    compiled = model.compiled
    try:
        with replacing(folder / run_folder.MODEL) as unfinished:
            try:
                model.save(unfinished)
            except OSError:
                raise
            except Exception:  # a learner's schedule, loss or metric may be anything
                model.compiled = False  # for Keras to save the network alone
                model.save(unfinished)
    except CourseError:
        raise
    except Exception as error:  # so may a layer
        (folder / run_folder.MODEL).unlink(missing_ok=True)  # another network may be there
        return first_line(error)
    finally:
        model.compiled = compiled
    return None


def _damaged(file: Path, error: Exception) -> CourseError:
    problem = first_problem(error) if isinstance(error, ValidationError) else None
    what = f"{problem.place} {problem.requirement}" if problem else str(error)
    return CourseError(f"{shown(file)} was damaged or changed ({' '.join(what.split())[:200]}); train it again.")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
