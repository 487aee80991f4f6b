"""Recipes are trained in turn, each in a process of its own."""

import os

from benchmarks.in_turn import train_in_turn


def train(recipe: float, seed: int) -> dict[str, float]:
    return {"seed": seed, "accuracy": recipe + seed, "process": os.getpid()}


def test_recipes_are_trained_in_turn_and_kept_after_each_seed(capsys):
    kept = []
    results = train_in_turn(
        train,
        {"[a](b)": 0.5, "c": 0.25},
        2,
        lambda result: f"{result['accuracy']}",
        lambda so_far: kept.append(str(so_far)),
    )
    assert {name: [run["accuracy"] for run in runs] for name, runs in results.items()} == {
        "[a](b)": [1.5, 2.5],
        "c": [1.25, 2.25],
    }
    assert len({run["process"] for runs in results.values() for run in runs} | {os.getpid()}) == 5
    said = ["[a](b), seed 1: 1.5", "c, seed 1: 1.25", "[a](b), seed 2: 2.5", "c, seed 2: 2.25"]
    assert capsys.readouterr().out.splitlines() == said
    assert len(kept) == 2
