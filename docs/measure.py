"""Measures what the figures of docs/ draw and no benchmark keeps: `python -m docs.measure`, about an hour.

Writes to docs/measured/: the weights of a perceptron (seed 1) and its test accuracy (seeds 1 to 3), each epoch of the
trainings in `CURVES` (seed 1), and each epoch of the trainings in `GRID` (seeds 1 to 3). Of the grid only what is
missing is measured; `python -m docs.measure grid` measures nothing else.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import keras
import numpy as np

import mlp
from benchmarks.accuracy import measured_on, run
from course.runs import folder as run_folder
from course.runs.record import read_history
from course.system.files import replacing, write_json, write_text

FOLDER = Path(__file__).parent / "measured"
CURVES = {  # name of the folder → command
    "no-dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0",
    "dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0.5",
}
SEEDS = (1, 2, 3)
DROPOUTS = ("0", "0.2", "0.4", "0.6")
GRID = (  # the learning rate decays to 0 over the epochs of a training: a short one is not the start of a long one
    *(f"cnn.py --epochs {epochs} --dropout {dropout}" for epochs in (4, 12) for dropout in DROPOUTS),
    *(f"cnn.py --epochs 12 --limit {limit} --dropout {dropout}" for limit in (1000, 10_000) for dropout in DROPOUTS),
)
GRID_FILE = FOLDER / "curves.json"


def build_perceptron(config: mlp.Config, num_classes: int) -> keras.Model:
    """Returns the network of mlp.py without its two lines in the middle, those of the hidden layer."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width)),
            keras.layers.Flatten(),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def train_perceptron(seed: int) -> Path:
    """Trains it as mlp.py trains its own network; returns the folder of the run."""
    mlp.build_model = build_perceptron
    mlp.main(mlp.Config(seed=seed, name="perceptron"))
    return run_folder.folders_with(run_folder.METRICS, "mlp")[-1]


def training(command: str, seed: int) -> dict[str, object]:
    """Runs one command; returns it and its seed, test_accuracy (0 to 1) and test_loss, and for each of loss, val_loss,
    accuracy and val_accuracy a list with its value after each epoch, to four digits.
    """
    folder = run(command, seed)
    metrics = json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
    history = read_history(folder)
    return {
        "command": command,
        "seed": seed,
        **{name: round(metrics[name], 4) for name in ("test_accuracy", "test_loss")},
        **{name: [round(row[name], 4) for row in history] for name in ("loss", "val_loss", "accuracy", "val_accuracy")},
    }


def measure_grid() -> None:
    """Adds to curves.json, after each training, what is missing of `GRID`."""
    kept = (
        json.loads(GRID_FILE.read_text(encoding="utf-8")) if GRID_FILE.exists() else {"measured": "", "trainings": []}
    )
    on, trainings = kept["measured"], kept["trainings"]
    measured = {(each["command"], each["seed"]) for each in trainings}
    for seed in SEEDS:
        for command in GRID:
            if (command, seed) in measured:
                continue
            trainings.append(training(command, seed))
            if (now := measured_on()) not in on:
                on = f"{on} {now}".strip()
            lines = ",\n".join(json.dumps(each) for each in trainings)  # one line each, for whoever compares versions
            write_text(GRID_FILE, f'{{"measured": {json.dumps(on)}, "trainings": [\n{lines}\n]}}\n')
            print(f"{command}, seed {seed}: {trainings[-1]['test_accuracy']:.2%}", flush=True)


def main() -> None:
    os.environ["WANDB_MODE"] = "disabled"
    FOLDER.mkdir(exist_ok=True)
    measure_grid()
    if sys.argv[1:] == ["grid"]:
        return
    results = []
    for seed in SEEDS:
        folder = train_perceptron(seed)
        metrics = json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
        results.append({"seed": seed, "test_accuracy": metrics["test_accuracy"], "parameters": metrics["parameters"]})
        if seed == 1:
            weights, biases = keras.models.load_model(folder / run_folder.MODEL).get_weights()
            with replacing(FOLDER / "perceptron.npz") as unfinished, unfinished.open("wb") as file:
                np.savez_compressed(file, weights=weights, biases=biases)
    write_json(FOLDER / "perceptron.json", {"measured": measured_on(), "results": results})
    for name, command in CURVES.items():
        (FOLDER / name).mkdir(exist_ok=True)
        with replacing(FOLDER / name / run_folder.HISTORY) as unfinished:
            shutil.copyfile(run(command, seed=1) / run_folder.HISTORY, unfinished)


if __name__ == "__main__":
    main()
