"""Runs one training script under a stopwatch: `python -m benchmarks.stopwatch cnn.py --seed 1`.

The script runs as it is; only what Keras does inside `fit` and `evaluate` is watched. The weights are copied after each
epoch, and all copies are tested after the script's own test, when the clock has stopped. The report goes to the file
that the environment variable STOPWATCH_FILE names; STOPWATCH_STARTED is when the command was given, as time.time().
"""

from __future__ import annotations

import functools
import json
import math
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict, TypeVar

if TYPE_CHECKING:
    import keras
    import numpy as np

WARM_UP = 0.1  # fraction of the first epoch that does not count as steady state
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Bookkeeping = Literal["callback_seconds", "run_seconds", "prediction_seconds"]


class Report(TypedDict, total=False):
    """What the stopwatch measures of one training; times of moments are in seconds since the command."""

    first_batch_seconds: float  # when the first batch, or the first batches handed over at once, had been learnt from
    epoch_seconds: list[float]  # when each epoch ended, validation included
    fit_seconds: float  # how long training took
    images_per_second: float  # in steady state
    operations: int  # floating-point operations of training on one image
    callback_seconds: float  # how long the course's callback took, over all epochs
    run_seconds: float  # how long the course took at the beginning and at the end of the run
    prediction_seconds: float  # of them, how long the network took to predict the test images once more
    memory_mib: float  # of the whole process, at most
    test_accuracies: list[float]  # after each epoch, 0 to 1
    testing_seconds: float  # how long the tests of the epochs took, which no learner waits for


class Stopwatch:
    """Takes the times of one training and writes them, with the test accuracy after each epoch, to STOPWATCH_FILE."""

    def __init__(self) -> None:
        self.started = float(os.environ["STOPWATCH_STARTED"])
        self.report: Report = {"epoch_seconds": []}
        self._weights: list[Any] = []  # of each epoch, as the library has them
        self._marks: list[tuple[float, int]] = []  # when how many images of this epoch had been seen
        self._steady_seconds = 0.0
        self._steady_images = 0

    def training_begins(self) -> None:
        """Takes the time from which the training counts."""
        self._training_began = self._now()

    def epoch_begins(self) -> None:
        """Starts counting images."""
        self._marks = [(self._now(), 0)]

    def images_seen(self, images: int) -> None:
        """To be called after each batch, or after several, with the number of images since the epoch began."""
        self._marks.append((self._now(), images))
        self.report.setdefault("first_batch_seconds", self._marks[-1][0])

    def epoch_ends(self, weights: Any) -> None:
        """Keeps the weights, which must be copies, and takes the time, validation included."""
        warm_up = 0 if self._weights else WARM_UP * self._marks[-1][1]
        steady = [mark for mark in self._marks if mark[1] >= warm_up]
        self._steady_seconds += steady[-1][0] - steady[0][0]
        self._steady_images += steady[-1][1] - steady[0][1]
        self._weights.append(weights)
        self.report["epoch_seconds"].append(self._now())

    def training_ends(self) -> None:
        """Takes the time of the whole training."""
        self.report["fit_seconds"] = self._now() - self._training_began
        self.report["images_per_second"] = self._steady_images / self._steady_seconds

    def timed(self, action: Callable[Arguments, Result], name: Bookkeeping) -> Callable[Arguments, Result]:
        """Returns an action that adds the seconds it takes to the report."""

        @functools.wraps(action)
        def measured(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
            began = self._now()
            result = action(*arguments, **options)
            self.report[name] = self.report.get(name, 0.0) + self._now() - began
            return result

        return measured

    def test(self, accuracy: Callable[[Any], float]) -> None:
        """Asks for `accuracy(weights)` of each epoch; neither the clock nor the memory counts what that takes."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.report["memory_mib"] = peak / (2**20 if sys.platform == "darwin" else 2**10)
        began = self._now()
        self.report["test_accuracies"] = [accuracy(weights) for weights in self._weights]
        self.report["testing_seconds"] = self._now() - began

    def write(self) -> None:
        """Writes the report."""
        Path(os.environ["STOPWATCH_FILE"]).write_text(json.dumps(self.report), encoding="utf-8")

    def _now(self) -> float:
        return time.time() - self.started


def operations(model: keras.Model) -> int:
    """Returns the floating-point operations of training a built model on one image.

    Counts the products and sums of convolutions and dense layers: forward, for the gradient of their weights, and
    (except in the first of them) for the gradient of their inputs. The rest, such as pooling, is not counted.
    """
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            positions = math.prod(layer.output.shape[1:-1])  # a kernel is applied at each; 1 for a dense layer
            total += 2 * positions * math.prod(layer.kernel.shape) * (3 if total else 2)
    return total


def keras_watch(stopwatch: Stopwatch, images: int, batch_size: int) -> keras.callbacks.Callback:
    """Returns a callback that calls the stopwatch; `images` are those of one epoch, `batch_size` those of one batch."""
    import keras  # late, because network_torch.py needs the stopwatch without it, and a script its environment first

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            stopwatch.report["operations"] = operations(self.model)
            stopwatch.training_begins()

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            stopwatch.epoch_begins()

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            # Once per steps_per_execution batches; the last number may be beyond the last batch.
            stopwatch.images_seen(min((batch + 1) * batch_size, images))

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            stopwatch.epoch_ends(self.model.get_weights())

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            stopwatch.training_ends()

    return Watch()


def watch_keras(stopwatch: Stopwatch) -> None:
    """Makes `fit` of Keras call the stopwatch, and test each epoch's weights after the script's own test."""
    import keras  # late: see keras_watch

    fit, evaluate = keras.Model.fit, keras.Model.evaluate

    @functools.wraps(fit)
    def watched_fit(
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 32,
        *,
        validation_split: float = 0.0,
        callbacks: list[keras.callbacks.Callback] | None = None,
        **options: Any,
    ) -> keras.callbacks.History:
        watch = keras_watch(stopwatch, int(len(x) * (1 - validation_split)), batch_size)
        history = fit(
            model,
            x,
            y,
            batch_size=batch_size,
            validation_split=validation_split,
            callbacks=[*(callbacks or []), watch],
            **options,
        )
        keras.Model.evaluate = watched_evaluate  # not before, because fit itself evaluates for validation
        return history

    @functools.wraps(evaluate)
    def watched_evaluate(model: keras.Model, x: np.ndarray, y: np.ndarray, **options: Any) -> Any:
        result = evaluate(model, x, y, **options)
        finished = model.get_weights()

        def accuracy(weights: list[np.ndarray]) -> float:
            model.set_weights(weights)
            return float((model.predict(x, batch_size=500, verbose=0).argmax(1) == y.argmax(1)).mean())

        stopwatch.test(accuracy)
        model.set_weights(finished)
        keras.Model.predict = stopwatch.timed(keras.Model.predict, "prediction_seconds")  # in Run.finish
        return result

    keras.Model.fit = watched_fit


def watch_bookkeeping(stopwatch: Stopwatch) -> None:
    """Adds up what a run of the course spends on its folder, its tracking and its pictures."""
    from course.training.epochs import Epochs  # late: no other contestant needs the course
    from course.training.run import Run

    Epochs.on_epoch_end = stopwatch.timed(Epochs.on_epoch_end, "callback_seconds")  # type: ignore[method-assign]
    for method in ("__enter__", "finish"):
        setattr(Run, method, stopwatch.timed(getattr(Run, method), "run_seconds"))


def main() -> None:
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    stopwatch = Stopwatch()
    if Path(script).parent == Path():  # a script of the course, which settles its environment before Keras is loaded
        watch_bookkeeping(stopwatch)
    watch_keras(stopwatch)
    runpy.run_path(script, run_name="__main__")
    stopwatch.write()


if __name__ == "__main__":
    main()
