"""What docs/measured/curves.json keeps: trainings of cnn.py with more and less dropout, images and epochs."""

import json
from typing import TypedDict

from course.data import training_images
from docs.measure import DROPOUTS, GRID_FILE

LONG = 12  # epochs of the trainings whose curves are shown


class Training(TypedDict):
    """One training: its command without "python", its result, and its losses (and accuracies) after each epoch."""

    command: str
    seed: int
    test_accuracy: float  # 0 to 1
    test_loss: float
    loss: list[float]
    val_loss: list[float]
    accuracy: list[float]
    val_accuracy: list[float]


def trainings() -> list[Training]:
    """Returns all that were measured."""
    return json.loads(GRID_FILE.read_text(encoding="utf-8"))["trainings"]


def value(command: str, option: str) -> str:
    """Returns the value of an option of a command, "" if it is not there."""
    return command.partition(f"{option} ")[2].partition(" ")[0]


def curves_data() -> dict[str, object]:
    """Returns what docs/live/curves.js draws: dropouts, numbers of images, and each training with both its losses."""
    everything = training_images("mnist")
    shown = [
        {
            "dropout": value(each["command"], "--dropout"),
            "images": int(value(each["command"], "--limit") or everything),
            "loss": each["loss"],
            "val_loss": each["val_loss"],
            "test_accuracy": each["test_accuracy"],
            "test_loss": each["test_loss"],
        }
        for each in trainings()
        if len(each["loss"]) == LONG
    ]
    images = sorted({run["images"] for run in shown})
    return {"dropouts": DROPOUTS, "images": images, "trainings": shown}
