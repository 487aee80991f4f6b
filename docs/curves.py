"""What docs/measured/curves.json keeps: trainings of cnn.py with more and less dropout, images and epochs.

`python -m docs.curves` prints the table of dropout in docs/overfitting.md.
"""

import json
import statistics
from typing import TypedDict

import cnn
from benchmarks.accuracy import mean_and_deviation
from course.data import training_images
from course.report.page import NOTHING
from docs.lesson_figures import MEASURED, results

CURVES = MEASURED / "curves.json"
DROPOUTS = ("0", "0.2", "0.4", "0.6")
SHORT, LONG = 4, 12  # epochs of the trainings; the curves that are shown are of the long ones
COMMANDS = (  # the learning rate decays to 0 over the epochs of a training: a short one is not the start of a long one
    *(f"cnn.py --epochs {epochs} --dropout {dropout}" for epochs in (SHORT, LONG) for dropout in DROPOUTS),
    *(
        f"cnn.py --epochs {LONG} --limit {limit} --dropout {dropout}"
        for limit in (1000, 10_000)
        for dropout in DROPOUTS
    ),
)


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
    return json.loads(CURVES.read_text(encoding="utf-8"))["trainings"]


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
    images = sorted({int(value(each["command"], "--limit") or everything) for each in trainings()})
    return {"dropouts": DROPOUTS, "images": images, "trainings": shown}


def tested(epochs: int, dropout: str) -> list[tuple[float, float]]:
    """Returns each seed's test accuracy (0 to 1) and test loss with all images; benchmarks' if they have more seeds."""
    command = f"cnn.py --epochs {epochs} --dropout {dropout}"
    usual = command.removesuffix(f" --dropout {cnn.Config().dropout}").replace(f" --epochs {cnn.Config().epochs}", "")
    known = [
        (run["test_accuracy"], run["test_loss"]) for run in (results("claims") | results("accuracy")).get(usual, [])
    ]
    here = [(each["test_accuracy"], each["test_loss"]) for each in trainings() if each["command"] == command]
    return known if len(known) >= len(here) else here


def table_of_dropout() -> str:
    """Returns what dropout does after few and after many epochs with all images, as a Markdown table."""
    both_lengths = f"{SHORT} epochs | {LONG} epochs"
    lines = [
        f"| dropout | test accuracy, {both_lengths} | test loss, {both_lengths} | seeds |",
        "|---|---|---|---|---|---|",
    ]
    for dropout in DROPOUTS:
        both = [tested(epochs, dropout) for epochs in (SHORT, LONG)]
        cells = [mean_and_deviation([accuracy for accuracy, _ in runs]) if runs else NOTHING for runs in both]
        cells += [f"{statistics.mean(loss for _, loss in runs):.3f}" if runs else NOTHING for runs in both]
        cells += [" and ".join(f"{len(runs)}" for runs in both)]
        lines.append(f"| {dropout} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table_of_dropout())
