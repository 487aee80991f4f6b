"""Defaults of Keras' compile, fit and summary while a run trains, so that lessons need not spell them."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from course.training.epoch_table import EpochTable
from course.training.tensorflow_waits import build_ahead

EXPLAINED = " None: any number of images. Param #: weights and biases, which are learnt."
BATCHES_AT_A_TIME = 16  # which the backend gets at once: it saves the time between them, and changes no number
POSITION = {"steps_per_execution": 6, "verbose": 4, "callbacks": 5}  # of these arguments, after the model itself


@contextlib.contextmanager
def fit_defaults(
    arrange: Callable[[keras.callbacks.CallbackList], keras.callbacks.CallbackList],
    note: Callable[[Mapping[str, object]], None],
) -> Iterator[None]:
    """Makes compile hand over several batches at a time, and fit show the run's table in the place of Keras' bar.

    What a script says itself counts. `arrange` takes the callbacks given to fit and returns those that Keras gets.
    `note` takes all that fit is given. What the words of a summary mean is said once.
    """
    original_compile, original_fit, original_summary = keras.Model.compile, keras.Model.fit, keras.Model.summary
    signature, explained = inspect.signature(original_fit), False
    batches = 1 if keras.backend.backend() == "torch" else BATCHES_AT_A_TIME  # PyTorch takes them one by one
    several_at_a_time: weakref.WeakSet[keras.Model] = weakref.WeakSet()  # networks of which nobody has asked for it

    @functools.wraps(original_compile)
    def compile_(model: keras.Model, *arguments: object, **options: object) -> None:
        if len(arguments) <= POSITION["steps_per_execution"] and "steps_per_execution" not in options:
            options["steps_per_execution"] = batches
            several_at_a_time.add(model)
        original_compile(model, *arguments, **options)

    @functools.wraps(original_fit)  # whoever asks sees Keras' own parameters: learners, and attempt.py
    def fit(model: keras.Model, *arguments: Any, **options: Any) -> keras.callbacks.History:
        note(given := signature.bind(model, *arguments, **options).arguments)
        build_ahead(model, given.get("x"), given.get("y"))
        if len(positional := list(arguments)) > POSITION["callbacks"]:
            callbacks = positional[POSITION["callbacks"]] = arrange(positional[POSITION["callbacks"]])
        else:
            callbacks = options["callbacks"] = arrange(options.get("callbacks"))
        if model in several_at_a_time and (_counts(given) or any(map(_acts_per_batch, _listed(callbacks)))):
            _take_one_by_one(model)
        asked = len(arguments) > POSITION["verbose"] or "verbose" in options
        shown = _told(callbacks, silent=asked)
        if not asked:
            options["verbose"] = 0 if shown else 1 if sys.stdout.isatty() else 2  # a progress bar, or a line per epoch
        return original_fit(model, *positional, **options)

    @functools.wraps(original_summary)
    def summary(model: keras.Model, *arguments: object, **options: object) -> None:
        nonlocal explained
        original_summary(model, *arguments, **options)
        if not (explained or arguments or options):
            explained = True
            print(EXPLAINED, flush=True)

    keras.Model.compile, keras.Model.fit, keras.Model.summary = compile_, fit, summary
    try:
        yield
    finally:
        keras.Model.compile, keras.Model.fit, keras.Model.summary = original_compile, original_fit, original_summary


def _listed(callbacks: keras.callbacks.CallbackList) -> list[keras.callbacks.Callback]:
    listed = isinstance(callbacks, keras.callbacks.CallbackList)
    given = callbacks.callbacks if listed else keras.tree.flatten(callbacks)
    return [each for each in given if each is not None]


def _told(callbacks: keras.callbacks.CallbackList, silent: bool) -> bool:
    """Tells the run's table whether to be silent; returns whether it is there."""
    tables = [each for each in _listed(callbacks) if isinstance(each, EpochTable)]
    for table in tables:
        table.silent = silent
    return bool(tables)


def _counts(given: Mapping[str, object]) -> bool:
    """Returns whether a call of fit says how many batches there are in an epoch."""
    return any(given.get(name) is not None for name in ("steps_per_epoch", "validation_steps"))


def _take_one_by_one(model: keras.Model) -> None:
    """Makes a compiled network take its batches one by one: Keras' count of steps is exact, callbacks see each."""
    model.steps_per_execution = 1
    model.train_function = model.test_function = model.predict_function = None  # to be made anew


def _acts_per_batch(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback of the script's own has something to do before or after each batch."""
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    defined = [getattr(type(callback), hook).__module__ for hook in hooks]
    foreign = any(module.partition(".")[0] not in ("keras", "course") for module in defined)
    return foreign or any(hook in vars(callback) for hook in hooks)  # as Keras' LambdaCallback has them
