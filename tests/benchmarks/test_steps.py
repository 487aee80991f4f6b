"""The benchmark of the steps to fast.py: each changes something, the last is the lesson, the page shows them."""

import json
from dataclasses import astuple
from pathlib import Path

import fast
from benchmarks import steps

REPOSITORY = Path(__file__).resolve().parents[2]


def test_each_step_changes_something_and_the_last_is_fast():
    recipes = list(steps.recipes().values())
    assert len(set(map(astuple, recipes))) == len(recipes)
    assert recipes[0] == steps.Recipe()
    last, lesson = recipes[-1], fast.Config()
    assert last.network_of_fast
    for value in ("epochs", "batch_size", "learning_rate", "label_smoothing"):
        assert getattr(last, value) == getattr(lesson, value)
    assert lesson.warm_up == 0.25


def test_pooling_moves_before_normalising():
    def layers(**values: bool) -> list[str]:
        return [type(layer).__name__ for layer in steps.build(steps.Recipe(**values)).layers][2:6]

    assert layers() == ["Conv2D", "ReLU", "MaxPooling2D", "Flatten"]
    assert layers(normalised=True) == ["Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D"]
    assert layers(normalised=True, pooled_first=True) == ["Conv2D", "MaxPooling2D", "BatchNormalization", "ReLU"]


def test_the_documentation_shows_what_was_measured_for_every_step():
    documentation = (REPOSITORY / "docs" / "engineering" / "speed.md").read_text(encoding="utf-8")
    rows, measured = (REPOSITORY / "benchmarks" / "steps.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in documentation
    assert measured in documentation.replace("\n", " ")
    for step in steps.STEPS:
        assert f"| {step} |" in rows


def test_the_last_step_measured_is_fast_as_shipped():
    def accuracies(file: str, name: str) -> dict[int, float]:
        runs = json.loads((REPOSITORY / "benchmarks" / file).read_text(encoding="utf-8"))["results"][name]
        return {run["seed"]: run["test_accuracy"] for run in runs}

    lesson, step = accuracies("accuracy.json", "fast.py"), accuracies("steps.json", list(steps.STEPS)[-1])
    assert step == {seed: lesson[seed] for seed in step}  # the same seeds, on the same machine: the same numbers
