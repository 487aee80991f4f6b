"""What a run left on disk, read again."""

import csv
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course.errors import CourseError
from course.files import replacing, shown

HISTORY = "history.csv"
PREDICTIONS = "predictions.npz"


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
    try:
        history = read_history(folder)
        config, metrics, environment = (
            json.loads(_text(folder / f"{name}.json") or "{}") for name in ("config", "metrics", "environment")
        )
        if not all(isinstance(values, dict) for values in (config, metrics, environment)):
            raise ValueError("a list or a value stands where names and values should")
        return Record(folder.resolve(), config, history, metrics, environment, _predictions(folder / PREDICTIONS))
    except (KeyError, OSError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CourseError(f"What {shown(folder)} holds was damaged or changed ({error}); train it again.") from None


def read_history(folder: Path) -> list[dict[str, float | None]]:
    """Returns the rows of history.csv, one an epoch, as far as the run came; None for what was no finite number."""
    rows = csv.DictReader(_text(folder / HISTORY).splitlines())
    return [{name: float(value) if value else None for name, value in row.items()} for row in rows]


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Writes what `read` finds; raises CourseError if it cannot be written."""
    with replacing(folder / PREDICTIONS) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **predictions._asdict())


def _predictions(file: Path) -> Predictions | None:
    if not file.exists():
        return None
    with np.load(file, allow_pickle=False) as content:
        found = Predictions(content["outputs"], content["labels"], content["example"])
    if found.outputs.shape != (len(found.labels), 10) or found.labels.min() < 0 or found.labels.max() > 9:
        raise ValueError(f"predictions of shape {found.outputs.shape} for {len(found.labels)} labels")
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
