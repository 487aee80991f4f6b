"""Measures what each step from a plain recipe to fast.py brings: `python -m benchmarks.steps`.

Every step keeps what the steps before it changed. Each trains for one epoch on the 55,000 training images, in a process
of its own, all of them in turn for each seed. Writes steps.json and steps.md next to this file after every seed;
docs/engineering/speed.md shows the table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fast  # first of all: from then on Keras is loaded when it is used

# isort: split
import keras

from benchmarks.accuracy import Results, mean_and_deviation, measured_on
from benchmarks.in_turn import train_in_turn
from course.data import hold_out, load_data_set
from course.optimizers import one_cycle
from course.system.files import write_json, write_text


@dataclass
class Recipe:
    """What the steps change; without a change, the recipe of keras.io."""

    epochs: int = 1
    fast_kernels: bool = False
    steps_per_execution: int = 1
    batch_size: int = 128
    learning_rate: float = 0.001
    one_cycle: bool = False
    standardised: bool = False
    normalised: bool = False
    pooled_first: bool = False
    network_of_fast: bool = False
    label_smoothing: float = 0.0


STEPS: dict[str, dict[str, Any]] = {
    "keras.io's recipe": {},
    "TensorFlow's fast kernels (oneDNN)": {"fast_kernels": True},
    "16 batches at a time": {"steps_per_execution": 16},
    "one cycle of the learning rate, up to 0.015": {"one_cycle": True, "learning_rate": 0.015},
    "pixels with mean 0 and deviation 1": {"standardised": True},
    "batch normalisation after the second convolution": {"normalised": True},
    "pooling before normalisation and relu": {"pooled_first": True},
    "stride 2 and 5x5 kernels first, a third convolution last": {"network_of_fast": True},
    "label smoothing": {"label_smoothing": 0.1},
}


def recipes() -> dict[str, Recipe]:
    """Returns the recipe that each step arrives at."""
    recipe, after = Recipe(), {}
    for step, change in STEPS.items():
        recipe = after[step] = replace(recipe, **change)
    return after


def build(recipe: Recipe) -> keras.Model:
    """Returns the network of a recipe, not yet compiled."""
    if recipe.network_of_fast:
        return fast.build_model(fast.Config(), num_classes=10)
    layers = keras.layers
    pooling = [layers.MaxPooling2D((2, 2))]
    if recipe.normalised:
        convolution = layers.Conv2D(64, (3, 3), use_bias=False)
        rest = [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    else:
        convolution, rest = layers.Conv2D(64, (3, 3)), [layers.ReLU()]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            convolution,
            *(pooling + rest if recipe.pooled_first else rest + pooling),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(recipe: Recipe, seed: int) -> dict[str, float]:
    """Trains for one epoch; returns seed, seconds of `fit` and test_accuracy. To be called in a new process."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(recipe.fast_kernels))  # TensorFlow is loaded after this
    keras.utils.set_random_seed(seed)
    (X_train, y_train), (X_test, y_test) = load_data_set("mnist")
    X_train, X_test = X_train[..., None], X_test[..., None]
    if not recipe.network_of_fast:  # which scales them itself
        mean, deviation = (33, 79) if recipe.standardised else (0, 255)
        X_train, X_test = ((images.astype("float32") - mean) / deviation for images in (X_train, X_test))
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    (X_train, y_train), _ = hold_out(X_train, y_train, None)

    learning_rate = one_cycle(recipe, len(X_train)) if recipe.one_cycle else recipe.learning_rate
    model = build(recipe)
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        optimizer=keras.optimizers.Adam(learning_rate),
        metrics=["accuracy"],
        steps_per_execution=recipe.steps_per_execution,
    )
    started = time.perf_counter()
    model.fit(X_train, y_train, batch_size=recipe.batch_size, epochs=recipe.epochs, verbose=0)
    seconds = time.perf_counter() - started
    _, test_accuracy = model.evaluate(X_test, y_test, batch_size=500, verbose=0)
    return {"seed": seed, "seconds": round(seconds, 2), "test_accuracy": round(float(test_accuracy), 4)}


def table(results: Results) -> str:
    """Returns the results as a Markdown table, one row per step."""
    lines = [
        "| step | seconds of the epoch, fastest and median | test accuracy after it, mean ± standard deviation |",
        "|---|---|---|",
    ]
    for step, runs in results.items():
        accuracy = mean_and_deviation([run["test_accuracy"] for run in runs])
        seconds = [run["seconds"] for run in runs]
        lines.append(f"| {step} | {min(seconds):.1f}, {statistics.median(seconds):.1f} | {accuracy} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 up (default: 5)")
    options = parser.parse_args()

    def keep(results: Results) -> None:
        folder = Path(__file__).parent
        write_json(folder / "steps.json", {"measured": measured_on(), "results": results})
        write_text(folder / "steps.md", f"{table(results)}\n{measured_on()}\n")

    def said(result: dict[str, float]) -> str:
        return f"{result['test_accuracy']:.2%} in {result['seconds']:.0f} s"

    results = train_in_turn(train, recipes(), options.seeds, said, keep)
    print(f"\n{table(results)}")


if __name__ == "__main__":
    main()
