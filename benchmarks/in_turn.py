"""Trains recipes in turn for each seed, so that a busy machine hits all alike, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from rich.progress import Progress

from benchmarks.accuracy import Results

Recipe = TypeVar("Recipe")
Measured = dict[str, float]


def train_in_turn(
    train: Callable[[Recipe, int], Measured],
    recipes: Mapping[str, Recipe],
    seeds: int,
    said: Callable[[Measured], str],
    keep: Callable[[Results], None],
) -> Results:
    """Trains with seeds from 1 up; returns by name what `train(recipe, seed)` returned.

    Args:
        train: a function of a module, which a new process can import.
        recipes: by name.
        seeds: how many.
        said: what to say of one training, after its name and seed.
        keep: is called with what was measured so far, after every seed.
    """
    results: Results = {name: [] for name in recipes}
    new_process = ProcessPoolExecutor(max_workers=1, max_tasks_per_child=1, mp_context=get_context("spawn"))
    with new_process, Progress(disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("training", total=seeds * len(recipes))
        for seed in range(1, seeds + 1):
            for name, recipe in recipes.items():
                result = new_process.submit(train, recipe, seed).result()
                results[name].append(result)
                sentence = f"{name}, seed {seed}: {said(result)}"
                progress.console.print(sentence, markup=False, highlight=False, soft_wrap=True)
                progress.advance(task)
            keep(results)
    return results
