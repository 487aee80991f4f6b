"""Measures what other recipes' ideas bring to best.py: `python -m benchmarks.recipes`.

Each idea changes best.py's recipe for clothes in one place. Each trains on 30,000 training images for four epochs, in a
process of its own, all of them in turn for each seed; the other 30,000 training images judge, so that the test images
stay unused. Writes recipes.json and recipes.md next to this file after every seed; docs/engineering/accuracy.md shows
the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import best  # first of all: from then on Keras is loaded when it is used

# isort: split
import keras
import numpy as np

from benchmarks.accuracy import Results, mean_and_deviation, measured_on
from benchmarks.claims import paired
from benchmarks.in_turn import train_in_turn
from course import muon
from course.data import load_data_set
from course.optimizers import one_cycle
from course.system.files import write_json, write_text
from course.training.tensorflow_waits import feed_without_tuning

IMAGES = 30_000  # to train on; the others judge
EPOCHS = 4
SMALL = 24  # pixels; three poolings leave as many values of it as of 28
RESULTS = Path(__file__).parent / "recipes.json"
Layers = list[keras.Layer]


def as_it_is(layers: Layers, image: keras.KerasTensor) -> keras.KerasTensor:
    """Applies best.py's layers, one after the other."""
    for layer in layers:
        image = layer(image)
    return image


def erasing(layers: Layers, image: keras.KerasTensor) -> keras.KerasTensor:
    """Blackens a rectangle of half of the images, with sides of a fifth to a half of the image's."""
    at = [isinstance(layer, keras.layers.Rescaling) for layer in layers].index(True)
    eraser = keras.layers.RandomErasing(factor=(0.5, 0.5), scale=(0.2, 0.5), fill_value=0)
    return as_it_is([*layers[:at], eraser, *layers[at:]], image)


def without_mirroring(layers: Layers, image: keras.KerasTensor) -> keras.KerasTensor:
    """Leaves out best.py's own mirroring."""
    return as_it_is([layer for layer in layers if not isinstance(layer, keras.layers.RandomFlip)], image)


def residual(layers: Layers, image: keras.KerasTensor) -> keras.KerasTensor:
    """Adds what enters the second convolution of a pair, pooled as well, to what leaves it, before its relu."""
    entered: keras.KerasTensor | None = None
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D):
            entered = image
        if isinstance(layer, keras.layers.ReLU) and entered is not None and entered.shape[-1] == image.shape[-1]:
            image = keras.layers.add([image, keras.layers.MaxPooling2D((2, 2))(entered)])
        image = layer(image)
    return image


class Idea(NamedTuple):
    """What is changed in best.py's recipe."""

    network: Callable[[Layers, keras.KerasTensor], keras.KerasTensor] = as_it_is
    mirrored_in_turn: bool = False  # every other epoch, instead of by chance
    small_first: bool = False  # half of the epochs at 24 x 24 pixels


IDEAS = {
    "`best.py`": Idea(),
    "random erasing ([Zhong and others 2017](https://arxiv.org/abs/1708.04896))": Idea(erasing),
    "mirroring each image every other epoch ([Jordan 2024](https://arxiv.org/abs/2404.00498))": Idea(
        without_mirroring, True
    ),
    "residual connections in both pairs ([He and others 2016](https://arxiv.org/abs/1512.03385))": Idea(residual),
    "24 x 24 pixels in the first half of the epochs ([Tan and Le 2021](https://arxiv.org/abs/2104.00298))": Idea(
        small_first=True
    ),
}


def size_in(epoch: int, idea: Idea) -> int:
    """Returns the height and width of the images in an epoch, counted from 0."""
    return SMALL if idea.small_first and epoch < EPOCHS // 2 else 28


def images_of(epoch: int, images: np.ndarray, idea: Idea) -> np.ndarray:
    """Returns the training images (n, 28, 28, 1) as an epoch, counted from 0, has them."""
    if idea.mirrored_in_turn:
        mirrored = (np.random.default_rng(len(images)).integers(2, size=len(images)) + epoch) % 2 == 1
        return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    if (size := size_in(epoch, idea)) == images.shape[1]:
        return images
    resized = keras.ops.image.resize(images, (size, size), antialias=True)
    return np.rint(keras.ops.convert_to_numpy(resized)).astype("uint8")


def networks(config: best.Config, idea: Idea) -> Iterator[tuple[int, keras.Model]]:
    """Yields for each epoch its number and the network for its images; all share their weights."""
    layers = best.build_model(config, num_classes=10).layers
    of_size: dict[int, keras.Model] = {}
    optimizer = muon.Muon(one_cycle(config, IMAGES))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    for epoch in range(EPOCHS):
        size = size_in(epoch, idea)
        if size not in of_size:
            image = keras.Input((size, size, 1))
            of_size[size] = keras.Model(image, idea.network(layers, image))
            of_size[size].compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
        yield epoch, of_size[size]


def train(idea: Idea, seed: int) -> dict[str, float]:
    """Trains once; returns seed and accuracy, 0 to 1. To be called in a new process."""
    feed_without_tuning()
    keras.utils.set_random_seed(seed)
    config = best.Config(data="fashion_mnist", flip=True, rotation=0, epochs=EPOCHS)
    (images, classes), _ = load_data_set("fashion_mnist")
    images, targets = images[..., None], keras.utils.to_categorical(classes, 10)
    for epoch, network in networks(config, idea):
        of_epoch = images_of(epoch, images[:IMAGES], idea)
        network.fit(of_epoch, targets[:IMAGES], config.batch_size, epoch + 1, verbose=0, initial_epoch=epoch)
    _, accuracy = network.evaluate(images[IMAGES:], targets[IMAGES:], batch_size=500, verbose=0)
    return {"seed": seed, "accuracy": round(float(accuracy), 5)}


def table(results: Results) -> str:
    """Returns the results as a Markdown table, one row per idea; differences are of pairs with the same seed."""
    first = next(iter(results.values()))
    lines = ["| recipe | held-out accuracy | difference, 95% interval |", "|---|---|---|"]
    for idea, runs in results.items():
        accuracies = [run["accuracy"] for run in runs]
        difference = ""
        if runs is not first and len(runs) > 1:
            difference = paired([*zip(accuracies, (run["accuracy"] for run in first), strict=True)]).in_points()
        lines.append(f"| {idea} | {mean_and_deviation(accuracies)} | {difference} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 up (default: 3)")
    options = parser.parse_args()

    def keep(results: Results) -> None:
        write_json(RESULTS, {"measured": measured_on(), "results": results})
        write_text(RESULTS.with_suffix(".md"), f"{table(results)}\n{measured_on()}\n")

    results = train_in_turn(train, IDEAS, options.seeds, lambda result: f"{result['accuracy']:.2%}", keep)
    print(f"\n{table(results)}")


if __name__ == "__main__":
    main()
