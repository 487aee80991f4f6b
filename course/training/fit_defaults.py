"""Defaults of Keras' compile and fit while a run trains, so that lessons need not spell them."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras

BATCHES_AT_A_TIME = 16  # which the backend gets at once: it saves the time between them, and changes no number
POSITION = {"steps_per_execution": 6, "verbose": 4, "callbacks": 5}  # of these arguments, after the model itself


@contextlib.contextmanager
def fit_defaults(arrange: Callable[[keras.callbacks.CallbackList], keras.callbacks.CallbackList]) -> Iterator[None]:
    """Makes compile hand over several batches at a time, and fit show a progress bar only in a terminal.

    What a script says itself counts. `arrange` takes the callbacks given to fit and returns those that Keras gets.
    """
    original_compile, original_fit = keras.Model.compile, keras.Model.fit
    batches = 1 if keras.backend.backend() == "torch" else BATCHES_AT_A_TIME  # PyTorch takes them one by one
    progress = 1 if sys.stdout.isatty() else 2  # what Keras calls a progress bar, and one line per epoch

    @functools.wraps(original_compile)
    def compile_(model: keras.Model, *arguments: Any, **options: Any) -> None:
        if len(arguments) <= POSITION["steps_per_execution"]:
            options.setdefault("steps_per_execution", batches)
        original_compile(model, *arguments, **options)

    @functools.wraps(original_fit)  # whoever asks sees Keras' own parameters: learners, and attempt.py
    def fit(model: keras.Model, *arguments: Any, **options: Any) -> keras.callbacks.History:
        if len(arguments) <= POSITION["verbose"]:
            options.setdefault("verbose", progress)
        positional = list(arguments)
        if len(positional) > POSITION["callbacks"]:
            positional[POSITION["callbacks"]] = arrange(positional[POSITION["callbacks"]])
        else:
            options["callbacks"] = arrange(options.get("callbacks"))
        return original_fit(model, *positional, **options)

    keras.Model.compile, keras.Model.fit = compile_, fit
    try:
        yield
    finally:
        keras.Model.compile, keras.Model.fit = original_compile, original_fit
