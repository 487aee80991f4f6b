"""How many test images trained networks read when these are shifted: `python -m docs.shifts` prints the table.

`python -m docs.measure shifts` trains the networks and measures it anew.
"""

import json
import statistics
from pathlib import Path
from typing import TypedDict

import keras
import numpy as np

from benchmarks.accuracy import mean_and_deviation, measured_on, run
from course.data import load_data_set
from course.report.preparation import Preparation
from course.runs import folder as run_folder
from course.runs.record import read_predictions
from course.system.files import write_json
from docs.lesson_figures import MEASURED

KEPT = MEASURED / "shifts.json"
PIXELS = (0, 1, 2, 3, 4)
SEEDS = {  # of each command, how many: best.py takes eight minutes
    "mlp.py": 3,
    "cnn.py": 3,
    "cnn.py --more_conv_layers 64 64": 3,
    "best.py": 1,
}


class Shifted(TypedDict):
    """One network: its command without "python", and its test accuracies, 0 to 1, for each of PIXELS."""

    command: str
    seed: int
    accuracies: list[float]


def shifted(images: np.ndarray, pixels: int, axis: int) -> np.ndarray:
    """Returns images (n, height, width), each moved by pixels (not 0) down (axis 1) or right (2), or back if negative.

    What comes in at the border is 0.
    """
    moved = np.roll(images, pixels, axis)
    came_round = np.s_[:pixels] if pixels > 0 else np.s_[pixels:]
    moved[(slice(None),) * axis + (came_round,)] = 0
    return moved


def accuracies(folder: Path) -> list[float]:
    """Returns the test accuracy of a run's network for each of PIXELS: the mean over up, down, left and right."""
    _, (images, labels) = load_data_set("mnist")
    predictions = read_predictions(folder / run_folder.PREDICTIONS)
    assert predictions is not None  # the run is finished
    preparation = Preparation.derived(images, predictions.example)
    assert preparation is not None  # lessons do nothing else
    model = keras.models.load_model(folder / run_folder.MODEL, compile=False)  # the optimizer may be a class of its own

    def right(tested: np.ndarray) -> float:
        outputs = model.predict(preparation.apply(tested), batch_size=500, verbose=0)
        return float((outputs.argmax(axis=1) == labels).mean())

    ways = [(axis, sign) for axis in (1, 2) for sign in (1, -1)]
    found = [[right(shifted(images, sign * pixels, axis)) for axis, sign in ways] for pixels in PIXELS[1:]]
    return [right(images), *map(statistics.mean, found)]


def measure() -> None:
    """Trains each command with its seeds, and keeps what the networks read."""
    kept: list[Shifted] = []
    for command, seeds in SEEDS.items():
        for seed in range(1, seeds + 1):
            found = [round(each, 5) for each in accuracies(run(command, seed))]
            kept.append({"command": command, "seed": seed, "accuracies": found})
            print(f"{command}, seed {seed}: {found}", flush=True)
            write_json(KEPT, {"measured": measured_on(), "networks": kept})


def table() -> str:
    """Returns what is kept as a Markdown table."""
    kept: list[Shifted] = json.loads(KEPT.read_text(encoding="utf-8"))["networks"]
    heads = ["as they are", "1 pixel", *(f"{pixels} pixels" for pixels in PIXELS[2:])]
    lines = [f"| network | {' | '.join(heads)} |", f"|{'---|' * (1 + len(heads))}"]
    for command in SEEDS:
        columns = zip(*(each["accuracies"] for each in kept if each["command"] == command), strict=True)
        cells = [mean_and_deviation(list(column)) for column in columns]
        lines.append(f"| `{command}` | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
