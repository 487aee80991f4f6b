"""What one run leaves on disk, and how it is found again."""

import atexit
import csv
import hashlib
import inspect
import io
import math
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from course.data import class_names
from course.runs import checkpoint, resume
from course.runs import folder as run_folder
from course.runs.checkpoint import Checkpoint
from course.runs.record import Predictions, write_predictions
from course.system import environment, signals
from course.system.errors import CourseError, first_line
from course.system.files import UNFINISHED, replacing, shown, typed, write_json, write_text
from course.system.quiet import quiet
from course.training import devices
from course.training.tensorflow_input import feed_without_tuning
from course.training.tracking import Tracking

HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
PREDICTIONS_TRACKED = 16  # images


class Run:
    """One training of one script, from its first line to its test: its folder, its tracking and its end.

    A context manager that fixes everything random by `config.seed`. `runs/<script>/<time>-<name>/` gets config.json,
    environment.json and checkpoint.npz at once; checkpoint.npz, model.keras and history.csv after each epoch;
    predictions.npz, metrics.json, report.html and its pictures in the end, when checkpoint.npz goes. A kill at any
    moment leaves either the old or the new file. `runs/<script>/latest` points to the newest run. After Ctrl-C, SIGTERM
    or a closed terminal the finished epochs are kept; a run with `config.resume` goes on with them. With
    `config.data_parallel` all devices share each batch; of several processes each keeps a folder of its own.
    """

    def __init__(self, script: str, config: Any) -> None:
        """Takes note of what is to be run; nothing is written before the run is entered.

        `verbose` and `steps_per_execution` are for `fit` and `compile` of Keras: how much is shown, and how many
        batches the backend gets at a time. The latter saves time between them and changes no number.

        Args:
            script: the name of the script without .py, such as "cnn".
            config: an instance of the script's Config.
        """
        self.script = script
        self.config = config
        self.verbose = 1 if sys.stdout.isatty() else 2  # what Keras calls a progress bar, and a line an epoch
        self.history: list[dict[str, float]] = []
        self.folder: Path | None = None
        self._started = time.monotonic()
        self._locked: Any = None
        self._tracking: Tracking | None = None
        self._resumed: tuple[Checkpoint, list[np.ndarray]] | None = None
        self._fits = 0  # calls of `fit` that came to their end
        self._finished = False

    def __enter__(self) -> Self:
        """Makes the folder, or opens that of the run that is resumed, and starts tracking.

        Raises:
            CourseError: the folder cannot be made, or the run cannot be resumed.
        """
        try:
            self._begin()
        except BaseException as error:  # a `with` calls __exit__ only for what comes after this
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin(self) -> None:
        import keras  # late, because the command line is checked before keras is loaded

        folder, epochs = None, 0
        if self.config.resume is not None:
            folder, stood = resume.interrupted(run_folder.RUNS, self.config.resume)
            epochs = len(stood.history)
        devices.join(self.script, self.config, epochs)
        with quiet():  # Keras seeds TensorFlow on every backend, which loads it
            keras.utils.set_random_seed(self.config.seed)
        if keras.backend.backend() == "tensorflow":
            feed_without_tuning()
        self.steps_per_execution = 1 if keras.backend.backend() == "torch" else 16  # PyTorch takes batches one by one
        with signals.uninterrupted():
            if folder is None:
                self._open_new_folder()
            else:
                self._open_folder_again(folder)
            run_folder.point_latest_to(self.folder)
            write_json(self.folder / "environment.json", environment.describe_environment())
        name, values = f"{self.script}/{self.folder.name}", self.config.values()
        self._tracking = Tracking(name, self.config.project, values, run_folder.RUNS, self._checkpoint.tracking)
        for number, row in enumerate(self.history, start=1):
            self._tracking.log(row, number)

    def _open_new_folder(self) -> None:
        self.folder = run_folder.new_folder(self.script, self.config.name)
        write_json(self.folder / "config.json", self.config.values())
        self._locked = run_folder.lock(self.folder)
        self._checkpoint = Checkpoint(
            program=Path(sys.argv[0]).name,
            source=_source_of(self.config),
            defaults=type(self.config).model_construct().values(),
            config=self.config.values(),
            tracking=secrets.token_hex(4),
        )
        checkpoint.write(self.folder, self._checkpoint)

    def _open_folder_again(self, folder: Path) -> None:
        if folder.parent.name != self.script:
            raise CourseError(f"{shown(folder)} is a run of {folder.parent.name}, not of {self.script}.")
        try:
            self._locked = run_folder.lock(folder)
        except OSError:
            raise CourseError(f"{shown(folder)} is still running, or cannot be written to.") from None
        self.folder = folder
        self._resumed = checkpoint.read(folder)
        self._checkpoint = self._resumed[0]
        self.history = list(self._checkpoint.history)
        self._started -= self._checkpoint.seconds
        for leftover in folder.glob(f"{UNFINISHED}*"):
            leftover.unlink(missing_ok=True)
        if self.history:
            self._write_history()
        epochs = f"{len(self.history)} of {self.config.epochs} epochs"
        print(f"Resumed: {epochs} are finished and kept in {shown(folder)}.", flush=True)
        source = _source_of(self.config)
        if not self.history:
            self._checkpoint = self._checkpoint.model_copy(update={"source": source})  # all of it will be of this one
        elif source != self._checkpoint.source:
            print(
                f"{self._checkpoint.program} was changed since this run began; numbers may differ from those of a run"
                " that was not interrupted.",
                file=sys.stderr,
            )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        stopped = signals.described(error)
        if stopped is not None:
            signals.ignore()
        if error is None:
            devices.leave()
        else:
            devices.end_alone(stopped[1] if stopped else 2 if kind is CourseError else 1)
        if error is not None and self._tracking is not None:
            self._tracking.finish(exit_code=1)
        if self._locked is not None:
            self._locked.close()
        atexit.register(signals.ignore)  # before what libraries have registered, which would end in a traceback
        if stopped is None or self.folder is None:
            return
        signals.say(self._how_it_stopped(stopped[0]))
        sys.exit(stopped[1])

    def _how_it_stopped(self, by: str) -> str:
        if self.folder is None:
            return f"Stopped by {by}."
        if self._finished:
            return f"Stopped by {by}: the run is finished and kept in {shown(self.folder)}."
        again = f"{typed()} --resume {shown(self.folder)}"
        epochs = f"{len(self.history)} of {self.config.epochs} epochs"
        kept = f"{epochs} are finished and kept in {shown(self.folder)}"
        return f"Stopped by {by}: {kept}; resume it with `{again}`."

    def after_each_epoch(self) -> Any:
        """Returns the keras.callbacks.Callback that keeps and tracks what each epoch brought.

        In a run that is resumed it has `fit` go on where it stood: after the epochs that are finished.
        """
        import keras  # late, because the command line is checked before keras is loaded

        callback = keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs: self._begin_fit(callback.model),
            on_epoch_end=lambda epoch, logs: self._keep_epoch(callback.model, epoch + 1, logs),
            on_train_end=lambda logs: self._keep_fit(callback.model),
        )
        return callback

    def _begin_fit(self, model: Any) -> None:
        self._go_on(model)

    def _go_on(self, model: Any) -> None:
        devices.share(model)
        if self._resumed is None:
            return
        stood, values = self._resumed
        if self._fits < stood.fits:
            model._initial_epoch = sys.maxsize  # as keras.callbacks.BackupAndRestore does it; here nothing is left
        elif self._fits == stood.fits and stood.epochs:
            model._initial_epoch = stood.epochs
        if values and self._fits == (stood.fits if stood.epochs else stood.fits - 1):
            checkpoint.restore(stood, values, model)
            self.keep_model(model)  # which may not have come to it
            self._resumed = (stood, [])  # and its memory is free

    def _keep_epoch(self, model: Any, epoch: int, logs: dict[str, float]) -> None:
        rate = float(model.optimizer.learning_rate)
        with signals.uninterrupted():
            self.history.append(_plain({"epoch": epoch, **logs, "learning_rate": rate}))
            # First what a resumed run reads, in one file: the others follow from it.
            self._keep_checkpoint(model, epoch)
            self.keep_model(model)
            self._write_history()
            self._tracking.log(self.history[-1], len(self.history))

    def _keep_fit(self, model: Any) -> None:
        model._initial_epoch = None  # another `fit` begins at its beginning
        self._fits += 1
        if self._fits > self._checkpoint.fits:
            with signals.uninterrupted():
                self._keep_checkpoint(model, 0)

    def _keep_checkpoint(self, model: Any, epochs: int) -> None:
        progress = {"fits": self._fits, "epochs": epochs, "history": self.history}
        seconds = time.monotonic() - self._started
        self._checkpoint = self._checkpoint.model_copy(update={**progress, "seconds": seconds})
        checkpoint.write(self.folder, self._checkpoint, model)

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
        with signals.uninterrupted():
            checkpoint.remove(self.folder)
            self._finished = True
            self._say_what_came_out(test_loss, test_accuracy, parameters, seconds)

    def _say_what_came_out(self, test_loss: float, test_accuracy: float, parameters: int, seconds: float) -> None:
        print(f"\nTest accuracy {test_accuracy:.2%}, loss {test_loss:.4f}: {parameters:,} parameters, {seconds:.0f} s.")
        if not math.isfinite(test_loss):
            print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")
        print(f"Kept in:     {shown(self.folder)} (config.json, history.csv, metrics.json, model.keras)")
        if (self.folder / "report.html").exists():
            print(f"Report:      {shown(self.folder / 'report.html')}")
        for direction in self._tracking.directions():
            print(direction)

    def _report(self) -> None:
        from course.report.page import write_report  # late, because pictures are drawn in the end only

        with quiet():
            pictures = write_report(self.folder)
        self._tracking.log_pictures(pictures)

    def _write_history(self) -> None:
        text = io.StringIO()
        columns = dict.fromkeys([*HISTORY, *self.history[-1]])  # metrics that the learner added come last
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.folder / "history.csv", text.getvalue())

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


def _source_of(config: Any) -> str:
    """Returns the SHA-256 of the script in which the class of a config is written."""
    return hashlib.sha256(Path(inspect.getfile(type(config))).read_bytes()).hexdigest()


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
