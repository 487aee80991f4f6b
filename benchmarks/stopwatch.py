"""Runs one training script under a stopwatch: `python -m benchmarks.stopwatch cnn.py --seed 1`.

The script runs as it is; only what Keras does inside `fit` and `evaluate` is watched. The network is kept after each
epoch (a copy of its weights) and all copies are tested after the script's own test, when the clock has stopped. The
report goes to the file that the environment variable STOPWATCH_FILE names; STOPWATCH_STARTED is when the command was
given, in seconds since the epoch of the clock.
"""

import json
import math
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 0.1  # share of the first epoch that does not count as steady state


class Stopwatch:
    """Takes the times of one training and writes them, with the test accuracy after each epoch, to STOPWATCH_FILE."""

    def __init__(self) -> None:
        self.started = float(os.environ["STOPWATCH_STARTED"])
        self.report: dict[str, Any] = {"epoch_seconds": []}
        self._weights: list[Any] = []
        self._marks: list[tuple[float, int]] = []  # when how many images of this epoch had been seen
        self._steady_seconds = 0.0
        self._steady_images = 0

    def training_begins(self) -> None:
        """Start-up ends here."""
        self._training_began = self._now()
        self.report["start_up_seconds"] = self._training_began

    def epoch_begins(self) -> None:
        self._marks = [(self._now(), 0)]

    def images_seen(self, images: int) -> None:
        """To be called after each batch, or after several, with the number of images since the last call."""
        self._marks.append((self._now(), self._marks[-1][1] + images))

    def epoch_ends(self, weights: Any) -> None:
        """Keeps the weights, which must be copies, and takes the time, validation included."""
        warm_up = 0 if self._weights else WARM_UP * self._marks[-1][1]
        steady = [mark for mark in self._marks if mark[1] >= warm_up]
        self._steady_seconds += steady[-1][0] - steady[0][0]
        self._steady_images += steady[-1][1] - steady[0][1]
        self._weights.append(weights)
        self.report["epoch_seconds"].append(self._now())

    def training_ends(self) -> None:
        self.report["fit_seconds"] = self._now() - self._training_began
        self.report["images_per_second"] = self._steady_images / self._steady_seconds

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


def operations(model: Any) -> int:
    """Returns the floating-point operations of training a built Keras model on one image.

    Counts the products and sums of convolutions and dense layers: forward, for the gradient of their weights, and
    (but for the first of them) for the gradient of their inputs. The rest, such as pooling, is not counted.
    """
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            positions = math.prod(layer.output.shape[1:-1])  # a kernel is applied at each; 1 for a dense layer
            total += 2 * positions * math.prod(layer.kernel.shape) * (3 if total else 2)
    return total


def watch_keras(stopwatch: Stopwatch) -> None:
    """Has `fit` of Keras call the stopwatch, and the script's own test be followed by that of each epoch."""
    import keras

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            stopwatch.report["operations"] = operations(self.model)
            stopwatch.training_begins()

        def on_epoch_begin(self, epoch, logs=None):
            self.batches = 0
            stopwatch.epoch_begins()

        def on_train_batch_end(self, batch, logs=None):  # once for steps_per_execution batches
            stopwatch.images_seen((batch + 1 - self.batches) * self.batch_size)
            self.batches = batch + 1

        def on_epoch_end(self, epoch, logs=None):
            stopwatch.epoch_ends(self.model.get_weights())

        def on_train_end(self, logs=None):
            stopwatch.training_ends()

    fit, evaluate = keras.Model.fit, keras.Model.evaluate
    watch = Watch()

    def watched_fit(model, x, y, batch_size=32, callbacks=(), **options):
        watch.batch_size = batch_size
        history = fit(model, x, y, batch_size=batch_size, callbacks=[*callbacks, watch], **options)
        keras.Model.evaluate = watched_evaluate  # not before, because fit itself evaluates for validation
        return history

    def watched_evaluate(model, x, y, **options):
        result = evaluate(model, x, y, **options)
        finished = model.get_weights()

        def accuracy(weights: Any) -> float:
            model.set_weights(weights)
            return float((model.predict(x, batch_size=500, verbose=0).argmax(1) == y.argmax(1)).mean())

        stopwatch.test(accuracy)
        model.set_weights(finished)
        return result

    keras.Model.fit = watched_fit


def watch_bookkeeping(stopwatch: Stopwatch) -> None:
    """Adds up what a run of the course spends on its folder, its tracking and its pictures."""
    from course.training.run import Run

    def timed(action: Callable, name: str) -> Callable:
        def measured(*arguments):
            began = time.time()
            result = action(*arguments)
            stopwatch.report[name] = stopwatch.report.get(name, 0) + time.time() - began
            return result

        return measured

    after_each_epoch = Run.after_each_epoch

    def timed_callback(run: Run) -> Any:
        callback = after_each_epoch(run)
        callback.on_epoch_end = timed(callback.on_epoch_end, "callback_seconds")
        return callback

    Run.after_each_epoch = timed_callback
    for method in ("__init__", "show_predictions", "finish"):
        setattr(Run, method, timed(getattr(Run, method), "run_seconds"))


def main() -> None:
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    stopwatch = Stopwatch()
    if Path(script).parent == Path():  # a script of the course, which settles its environment before keras is loaded
        watch_bookkeeping(stopwatch)
    watch_keras(stopwatch)
    runpy.run_path(script, run_name="__main__")
    stopwatch.write()


if __name__ == "__main__":
    main()
