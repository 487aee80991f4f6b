"""What one run leaves on disk, and how it is found again."""

import contextlib
import csv
import io
import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from course import devices, environment
from course.data import class_names
from course.errors import CourseError, first_line
from course.files import replacing, shown, write_json, write_text
from course.quiet import quiet
from course.record import Predictions, write_predictions
from course.tracking import Tracking

RUNS = Path(__file__).resolve().parent.parent / "runs"
HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
PREDICTIONS_TRACKED = 16  # images
STOPPED = {130: "Ctrl-C", 143: "SIGTERM", devices.LOST: "the loss of another process of this training"}  # exit codes


def check_writable() -> None:
    """Raises CourseError unless a run can write its folder."""
    folder = RUNS if RUNS.exists() else RUNS.parent
    if not os.access(folder, os.W_OK):
        raise CourseError(f"{folder} cannot be written to; copy the course to a folder of your own and run it there.")


def new_folder(script: str, name: str) -> Path:
    """Makes runs/<script>/<time>-<name>, with a number behind it if it exists, and points `latest` beside it to it.

    Raises:
        CourseError: it cannot be made.
    """
    parent = RUNS / script
    base = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{name}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = parent / (base if number == 1 else f"{base}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                break
    except OSError as error:
        raise CourseError(f"No folder can be made in {RUNS} ({error.strerror}); no run is started.") from None
    link = folder / "latest"  # made where no other run makes one, then moved to its place
    with contextlib.suppress(OSError):  # Windows lets not everybody make links
        link.symlink_to(folder.name, target_is_directory=True)
        os.replace(link, parent / "latest")
    return folder


class Run:
    """One training of one script, from its first line to its test: its folder, its tracking and its end.

    A context manager that fixes everything random by `config.seed`. `runs/<script>/<time>-<name>/` gets config.json and
    environment.json at once, history.csv and model.keras after each epoch, predictions.npz, metrics.json, report.html
    and its pictures in the end; a kill at any moment leaves either the old or the new file. `runs/<script>/latest`
    points to the newest run. After Ctrl-C or SIGTERM the finished epochs are kept. With `config.data_parallel` all
    devices share each batch (course/devices.py); of several processes each keeps a folder of its own.
    """

    def __init__(self, script: str, config: Any) -> None:
        """Makes the folder and starts tracking.

        `verbose` and `steps_per_execution` are for `fit` and `compile` of Keras: how much is shown, and how many
        batches the backend gets at a time. The latter saves time between them and changes no number.

        Args:
            script: the name of the script without .py, such as "cnn".
            config: an instance of the script's Config.

        Raises:
            CourseError: the folder cannot be made, or batches cannot be shared as config.data_parallel asks.
        """
        devices.join(script, config, lambda: self._how_it_stopped(devices.LOST))
        self.config = config
        self.verbose = 1 if sys.stdout.isatty() else 2  # what Keras calls a progress bar, and a line an epoch
        self.history: list[dict[str, float]] = []
        self._started = time.monotonic()
        values = config.values()
        self.folder = new_folder(script, config.name)
        write_json(self.folder / "config.json", values)
        self._tracking = Tracking(f"{script}/{self.folder.name}", config.project, values, RUNS)

    def __enter__(self) -> Self:
        import keras  # late, because the command line is checked before keras is loaded

        with quiet():  # Keras seeds TensorFlow on every backend, which loads it
            keras.utils.set_random_seed(self.config.seed)
        write_json(self.folder / "environment.json", environment.described())
        self.steps_per_execution = 1 if keras.backend.backend() == "torch" else 16  # PyTorch takes batches one by one
        self._old_handler = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        signal.signal(signal.SIGTERM, self._old_handler)
        if error is None:
            devices.leave()
            return
        exit_code = 130 if kind is KeyboardInterrupt else error.code if kind is SystemExit else 1
        exit_code = devices.LOST if devices.is_loss(error) else exit_code
        devices.end_without_the_others(exit_code)
        self._tracking.finish(exit_code=1)
        if exit_code in STOPPED:
            print(self._how_it_stopped(exit_code), file=sys.stderr)
            sys.exit(exit_code)

    def _how_it_stopped(self, exit_code: int) -> str:
        kept = f"{len(self.history)} of {self.config.epochs} epochs are finished and kept in {shown(self.folder)}"
        return f"\nStopped by {STOPPED[exit_code]}: {kept}."

    def after_each_epoch(self) -> Any:
        """Returns the keras.callbacks.Callback that keeps and tracks what each epoch brought."""
        import keras  # late, because the command line is checked before keras is loaded

        def keep(epoch: int, logs: dict[str, float]) -> None:
            rate = float(callback.model.optimizer.learning_rate)
            self._keep_epoch({"epoch": epoch + 1, **logs, "learning_rate": rate})
            self.keep_model(callback.model)

        def share(logs: dict[str, float]) -> None:
            devices.share(callback.model)

        callback = keras.callbacks.LambdaCallback(on_train_begin=share, on_epoch_end=keep)
        return callback

    def keep_model(self, model: Any) -> None:
        """Writes a keras.Model to model.keras in the run's folder."""
        with replacing(self.folder / "model.keras") as unfinished:
            model.save(unfinished)

    def show_predictions(self, images: np.ndarray, targets: np.ndarray, predictions: np.ndarray) -> None:
        """Keeps what the network makes of the test images, for the report, and tracks the first of them.

        Args:
            images: the first n test images, or all, as the network takes them, (n, ...).
            targets: one-hot (n, 10), or labels (n,) or (n, 1).
            predictions: what the network says, (n, 10).
        """
        _without_harm("Predictions are not kept", lambda: self._keep_predictions(images, targets, predictions))

    def finish(self, test_loss: float, test_accuracy: float, parameters: int) -> None:
        """Writes metrics.json, ends tracking, and says what came out and where it is.

        Args:
            test_loss: mean loss of the finished model on the test images.
            test_accuracy: share of the test images it gets right, 0 to 1.
            parameters: how many numbers the model has learnt.
        """
        devices.leave()
        seconds = time.monotonic() - self._started
        metrics = _plain(
            {"test_accuracy": test_accuracy, "test_loss": test_loss, "parameters": parameters, "seconds": seconds}
        )
        write_json(self.folder / "metrics.json", metrics)
        self._tracking.summarize(metrics)
        _without_harm("There is no report", self._report)
        self._tracking.finish()
        print(f"\nTest accuracy {test_accuracy:.2%}, loss {test_loss:.4f}: {parameters:,} parameters, {seconds:.0f} s.")
        if not math.isfinite(test_loss):
            print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")
        print(f"Kept in:     {shown(self.folder)} (config.json, history.csv, metrics.json, model.keras)")
        if (self.folder / "report.html").exists():
            print(f"Report:      {shown(self.folder / 'report.html')}")
        for direction in self._tracking.directions():
            print(direction)

    def _report(self) -> None:
        from course.report import write_report  # late, because pictures are drawn in the end only

        with quiet():
            pictures = write_report(self.folder)
        self._tracking.log_pictures(pictures)

    def _keep_epoch(self, metrics: dict[str, float]) -> None:
        self.history.append(_plain(metrics))
        text = io.StringIO()
        columns = dict.fromkeys([*HISTORY, *self.history[-1]])  # metrics that the learner added come last
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.folder / "history.csv", text.getvalue())
        self._tracking.log(self.history[-1])

    def _keep_predictions(self, images: np.ndarray, targets: np.ndarray, predictions: np.ndarray) -> None:
        rows = np.asarray(targets).reshape(len(targets), -1)
        labels = rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0]
        kept = Predictions(np.float32(predictions), labels.astype(np.uint8), np.asarray(images[:1]))
        write_predictions(self.folder, kept)
        first = slice(PREDICTIONS_TRACKED)
        self._tracking.guard(lambda: self._track_predictions(images[first], labels[first], predictions[first]))

    def _track_predictions(self, images: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> None:
        names = class_names(self.config.data)
        probable = Predictions(predictions, labels, images[:1]).are_probabilities
        captions = []
        for label, scores in zip(labels, predictions, strict=True):
            share = f" ({scores.max():.0%})" if probable else ""
            captions.append(f"{names[label]}, taken for {names[scores.argmax()]}{share}")
        pixels = images.reshape(len(images), self.config.img_height, self.config.img_width)
        self._tracking.log_predictions(pixels, captions)


def _without_harm(failure: str, action: Callable[[], None]) -> None:
    """Does something that a finished training must not fail for; says in a sentence if it did not work."""
    try:
        action()
    except Exception as error:  # a learner's network, labels and images may be anything
        print(f"{failure} ({first_line(error)}); the run itself is not affected.", file=sys.stderr)


def _plain(metrics: dict[str, Any]) -> dict[str, int | float | None]:
    """Returns metrics as plain numbers of six digits; what is not finite, as after a divergence, becomes None."""
    plain = {}
    for name, value in metrics.items():
        number = value if isinstance(value, int) else float(f"{float(value):.6g}")
        plain[name] = number if math.isfinite(number) else None
    return plain
