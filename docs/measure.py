"""Measures what figures draw and no benchmark keeps: `python -m docs.measure`, about two hours.

`python -m docs.measure kernels mistakes` measures only these; `PARTS` has all names. Of the curves only what is missing
is measured. Writes to docs/measured/, and the kernels that convolution.py shows to course/convolution/learnt.npz.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np

import cnn
import mlp
from benchmarks.accuracy import measured_on, run
from course.convolution.kernels import LEARNT
from course.convolution.pictures import BUNDLED
from course.data import load_data_set
from course.runs import folder as run_folder
from course.runs.record import read_history, read_predictions
from course.system.files import replacing, write_json, write_text
from docs import shifts
from docs.curves import COMMANDS, CURVES, Training

FOLDER = Path(__file__).parent / "measured"
OVERFITTING = {  # name of the folder → command
    "no-dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0",
    "dropout": "mlp.py --limit 5000 --epochs 40 --dropout 0.5",
}
CORNER = 14  # of 64 kernels of a second convolution, one that finds where the bow of a digit turns
SEEDS = (1, 2, 3)


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


def training(command: str, seed: int) -> Training:
    """Runs one command; returns it and its seed, test_accuracy (0 to 1) and test_loss, and for each of loss, val_loss,
    accuracy and val_accuracy a list with its value after each epoch, to four digits.
    """
    folder = run(command, seed)
    metrics = json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
    history = read_history(folder)

    def column(name: str) -> list[float]:
        return [round(value, 4) for row in history if (value := row[name]) is not None]

    return {
        "command": command,
        "seed": seed,
        "test_accuracy": round(metrics["test_accuracy"], 4),
        "test_loss": round(metrics["test_loss"], 4),
        "loss": column("loss"),
        "val_loss": column("val_loss"),
        "accuracy": column("accuracy"),
        "val_accuracy": column("val_accuracy"),
    }


def measure_curves() -> None:
    """Adds to curves.json, after each training, what is missing of `COMMANDS`."""
    kept = json.loads(CURVES.read_text(encoding="utf-8")) if CURVES.exists() else {}
    on, trainings = kept.get("measured", ""), kept.get("trainings", [])
    measured = {(each["command"], each["seed"]) for each in trainings}
    for seed in SEEDS:
        for command in COMMANDS:
            if (command, seed) in measured:
                continue
            trainings.append(training(command, seed))
            if (now := measured_on()) not in on:
                on = f"{on} {now}".strip()
            lines = ",\n".join(json.dumps(each) for each in trainings)  # one line each, for whoever compares versions
            write_text(CURVES, f'{{"measured": {json.dumps(on)}, "trainings": [\n{lines}\n]}}\n')
            print(f"{command}, seed {seed}: {trainings[-1]['test_accuracy']:.2%}", flush=True)


def measure_perceptron() -> None:
    """Keeps the test accuracy of a perceptron, seeds 1 to 3, and the weights of the first."""
    results = []
    for seed in SEEDS:
        folder = train_perceptron(seed)
        metrics = json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
        results.append({"seed": seed, "test_accuracy": metrics["test_accuracy"], "parameters": metrics["parameters"]})
        if seed == 1:
            weights, biases = trained(folder).get_weights()
            keep(FOLDER / "perceptron.npz", weights=weights, biases=biases)
    write_json(FOLDER / "perceptron.json", {"measured": measured_on(), "results": results})


def measure_overfitting() -> None:
    """Keeps each epoch of the trainings in `OVERFITTING`."""
    for name, command in OVERFITTING.items():
        (FOLDER / name).mkdir(exist_ok=True)
        with replacing(FOLDER / name / run_folder.HISTORY) as unfinished:
            shutil.copyfile(run(command, seed=1) / run_folder.HISTORY, unfinished)


def measure_layers() -> None:
    """Keeps the kernels of cnn.py, and what its dense layers make of the digit of convolution.py."""
    keep_layers(run("cnn.py", seed=1))


def keep_layers(folder: Path) -> None:
    model = trained(folder)
    data_set, number = BUNDLED["digit"]
    values = cnn.prepare(load_data_set(data_set)[0][0][[number]], cnn.Config())
    outputs = []
    for layer in model.layers:
        values = layer(values)
        outputs.append(keras.ops.convert_to_numpy(values)[0])
    kernels, biases, *_ = model.get_weights()
    keep(FOLDER / "cnn.npz", kernels=kernels[:, :, 0], biases=biases, dense=outputs[-3], probabilities=outputs[-1])


def measure_kernels() -> None:
    """Keeps all kernels of the first convolution of cnn.py with two convolutions, and one of the second."""
    keep_kernels(run("cnn.py --more_conv_layers 64", seed=1))


def keep_kernels(folder: Path) -> None:
    first, biases, second, second_biases, *_ = trained(folder).get_weights()
    kept = {"second": second[..., CORNER], "bias": second_biases[CORNER]}
    keep(LEARNT, first=np.moveaxis(first, -1, 0), biases=biases, **kept)


def measure_mistakes() -> None:
    """Keeps which test images best.py reads wrongly, with what it predicts."""
    keep_mistakes(run("best.py", seed=1))


def keep_mistakes(folder: Path) -> None:
    predictions = read_predictions(folder / run_folder.PREDICTIONS)
    assert predictions is not None  # the run is finished
    labels, predicted = predictions.labels, predictions.outputs.argmax(axis=1)
    found = [
        {"image": int(image), "label": int(labels[image]), "predicted": int(predicted[image])}
        for image in np.flatnonzero(predicted != labels)
    ]
    write_json(FOLDER / "mistakes.json", {"measured": measured_on(), "command": "best.py --seed 1", "mistakes": found})


def trained(folder: Path) -> keras.Model:
    return keras.models.load_model(folder / run_folder.MODEL)


def keep(path: Path, **arrays: np.ndarray) -> None:
    """Writes arrays to an .npz file."""
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


PARTS = {
    "perceptron": measure_perceptron,
    "overfitting": measure_overfitting,
    "curves": measure_curves,
    "layers": measure_layers,
    "kernels": measure_kernels,
    "mistakes": measure_mistakes,
    "shifts": shifts.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"what to measure: {', '.join(PARTS)}")
    parts = parser.parse_args().parts
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no {unknown.pop()!r} to measure; there are: {', '.join(PARTS)}")
    os.environ["WANDB_MODE"] = "disabled"
    FOLDER.mkdir(exist_ok=True)
    for part in parts:
        PARTS[part]()


if __name__ == "__main__":
    main()
