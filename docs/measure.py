"""Measures what the figures of docs/ draw and no benchmark keeps: `python -m docs.measure`, some minutes.

Writes to docs/measured/: the weights of a perceptron (seed 1) and its test accuracy (seeds 1 to 3), and each epoch of
the trainings in `CURVES` (seed 1).
"""

import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np

import mlp
from benchmarks.accuracy import measured_on, run
from course.runs import folder as run_folder
from course.system.files import replacing, write_json

FOLDER = Path(__file__).parent / "measured"
CURVES = {  # name of the folder → command
    "no-dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0",
    "dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0.5",
}


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


def main() -> None:
    os.environ["WANDB_MODE"] = "disabled"
    FOLDER.mkdir(exist_ok=True)
    results = []
    for seed in (1, 2, 3):
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
