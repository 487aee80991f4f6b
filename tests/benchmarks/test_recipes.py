"""The benchmark of recipes for best.py: each idea changes one thing, and the page shows what was measured."""

import json
from pathlib import Path

import keras
import numpy as np

import best
from benchmarks import recipes

REPOSITORY = Path(__file__).resolve().parents[2]
CLOTHES = best.Config(data="fashion_mnist", flip=True, rotation=0, epochs=recipes.EPOCHS)


def kinds(network: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


def networks(idea: recipes.Idea) -> list[keras.Model]:
    return [network for _, network in recipes.networks(CLOTHES, idea)]


def test_an_idea_changes_one_thing_of_the_network():
    usual = kinds(networks(recipes.Idea())[0])
    assert usual[1:] == kinds(best.build_model(CLOTHES, num_classes=10))
    without = kinds(networks(recipes.Idea(recipes.without_mirroring))[0])
    assert without == [kind for kind in usual if kind != "RandomFlip"]
    erasing = kinds(networks(recipes.Idea(recipes.erasing))[0])
    assert erasing.index("RandomErasing") + 1 == erasing.index("Rescaling")
    erasing.remove("RandomErasing")
    assert erasing == usual


def test_a_residual_connection_adds_what_enters_the_second_convolution_of_a_pair():
    (network, *_) = networks(recipes.Idea(recipes.residual))
    usual = networks(recipes.Idea())[0]
    assert network.count_params() == usual.count_params()
    added = [layer for layer in network.layers if isinstance(layer, keras.layers.Add)]
    assert [layer.output.shape[1:] for layer in added] == [(7, 7, 64), (3, 3, 128)]


def test_each_image_is_mirrored_in_every_other_epoch():
    images = np.arange(20 * 28 * 28, dtype="uint32").reshape(20, 28, 28, 1)
    epochs = [recipes.images_of(epoch, images, recipes.Idea(mirrored_in_turn=True)) for epoch in range(4)]
    np.testing.assert_array_equal(epochs[0], epochs[2])
    np.testing.assert_array_equal(epochs[1], epochs[3])
    np.testing.assert_array_equal(epochs[0], epochs[1][:, :, ::-1])
    as_they_are = [bool((epochs[0][at] == images[at]).all()) for at in range(20)]
    assert 3 < sum(as_they_are) < 17


def test_images_are_small_in_the_first_half_and_the_weights_stay():
    images = np.full((2, 28, 28, 1), 77, "uint8")
    idea = recipes.Idea(small_first=True)
    sizes = [recipes.images_of(epoch, images, idea) for epoch in range(4)]
    assert [of_epoch.shape[1] for of_epoch in sizes] == [24, 24, 28, 28]
    assert all(of_epoch.dtype == "uint8" and (of_epoch == 77).all() for of_epoch in sizes)
    small, _, large, _ = networks(idea)
    assert small.input.shape[1:] == (24, 24, 1)
    assert all(one is other for one, other in zip(small.weights, large.weights, strict=True))
    assert small.optimizer is large.optimizer


def test_a_difference_is_of_pairs_and_carries_its_interval():
    usual = [{"seed": seed, "accuracy": 0.9 + seed / 100} for seed in (1, 2, 3)]
    better = [run | {"accuracy": run["accuracy"] + 0.01 + 0.0001 * run["seed"]} for run in usual]
    row = recipes.table({"a": usual, "b": better}).splitlines()[-1]
    assert "| +1.02 (+1.00 to +1.04) points |" in row


def test_the_documentation_shows_what_was_measured_for_every_idea():
    documentation = (REPOSITORY / "docs" / "engineering" / "accuracy.md").read_text(encoding="utf-8")
    rows, measured = (REPOSITORY / "benchmarks" / "recipes.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in documentation
    assert measured in documentation.replace("\n", " ")
    kept = json.loads((REPOSITORY / "benchmarks" / "recipes.json").read_text(encoding="utf-8"))["results"]
    assert list(kept) == list(recipes.IDEAS)
    assert rows == recipes.table(kept).strip()
