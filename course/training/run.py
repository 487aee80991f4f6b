"""One training of one script, from its first line to its test."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import inspect
import math
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import keras
import numpy as np

from course import data
from course.config import LessonConfig
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs import resume
from course.runs.checkpoint import Checkpoint
from course.runs.record import Predictions, plain_numbers, write_history, write_model, write_predictions
from course.system import environment, signals
from course.system.errors import CourseError, first_line
from course.system.files import UNFINISHED, shown, typed, write_json
from course.system.quiet import quiet
from course.training import devices, tracking
from course.training.fit_defaults import fit_defaults
from course.training.tensorflow_input import feed_without_tuning


class Opened(NamedTuple):
    """The folder of a run that is about to train."""

    folder: Path
    lock: BinaryIO  # keeps other processes from it until it is closed
    checkpoint: Checkpoint
    values: list[np.ndarray]  # of the network's variables; none in a new run


class Run:
    """One training of one script, from its first line to its test: its folder, its tracking and its end.

    A context manager that makes everything random repeatable by `config.seed`. `runs/<script>/<time>-<name>/` gets
    config.json, environment.json and checkpoint.npz at once; checkpoint.npz, model.keras and history.csv after each
    epoch; predictions.npz, metrics.json, report.html and its pictures at the end, when checkpoint.npz goes. A kill at
    any moment leaves either the old or the new file. `runs/<script>/latest` points to the newest run. After Ctrl-C,
    SIGTERM or a closed terminal the finished epochs are kept; a run with `config.resume` continues after them. With
    `config.data_parallel` all devices share each batch; of several processes each keeps a folder of its own.
    """

    def __init__(self, config: LessonConfig) -> None:
        """Takes note of what is to be run, of an instance of a script's Config; nothing is written yet."""
        self.config = config
        self.script = Path(inspect.getfile(type(config))).stem  # of which `runs/` has a folder
        self.folder: Path | None = None
        self._tracking: tracking.Tracking | None = None
        self._finished = False
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Makes the folder, or opens that of the run that is resumed, and starts tracking.

        Raises:
            CourseError: data, WANDB_MODE or devices are not as they should be, the folder cannot be made, or the run
                cannot be resumed.
        """
        try:
            self._begin()
        except BaseException as error:  # a `with` calls __exit__ only for what comes after this
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin(self) -> None:
        check_surroundings(self.config)
        interrupted = None if self.config.resume is None else resume.interrupted(self.config.resume)
        devices.join(self.script, self.config, len(interrupted[1].history) if interrupted else 0)
        with quiet():  # Keras seeds TensorFlow on every backend, which loads it
            keras.utils.set_random_seed(self.config.seed)
        if keras.backend.backend() == "tensorflow":
            feed_without_tuning()
        with signals.uninterrupted():
            opened = _open_again(interrupted[0], self.script, self.config) if interrupted else self._open_new()
            self.folder = opened.folder
            self._exit.callback(opened.lock.close)
            run_folder.point_latest_to(opened.folder)
            write_json(opened.folder / run_folder.ENVIRONMENT, environment.describe_environment())
        name, values = f"{self.script}/{opened.folder.name}", self.config.values()
        identity = opened.checkpoint.tracking
        self._tracking = tracking.Tracking(name, self.config.project, values, run_folder.RUNS, identity)
        for number, row in enumerate(opened.checkpoint.history, start=1):
            self._tracking.log(row, number)
        from course.training.epochs import Epochs  # late: a class of Keras' own kind loads Keras

        self._epochs = Epochs(opened.folder, opened.checkpoint, opened.values, self._tracking)
        self._exit.enter_context(fit_defaults())

    def _open_new(self) -> Opened:
        folder = run_folder.new_folder(self.script, self.config.name)
        write_json(folder / run_folder.CONFIG, self.config.values())
        checkpoint = Checkpoint(
            program=Path(sys.argv[0]).name,
            source=_source_of(self.config),
            defaults=type(self.config).model_construct().values(),
            config=self.config.values(),
            tracking=secrets.token_hex(4),
        )
        checkpoints.write(folder, checkpoint)
        return Opened(folder, run_folder.lock(folder), checkpoint, [])

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` needs among its callbacks so that epochs are kept and tracked, and a resumed run continues."""
        return [self._epochs]

    def finish(self, model: keras.Model, X_test: np.ndarray, y_test: np.ndarray, results: Mapping[str, float]) -> None:
        """Keeps the tested network and its answers, draws the report, ends tracking, and says what came out.

        Args:
            model: the network that was tested.
            X_test: the first n test images, or all, as the network takes them, (n, ...).
            y_test: their targets, one-hot (n, classes), or labels (n,) or (n, 1).
            results: what `model.evaluate(X_test, y_test, return_dict=True)` returned.
        """
        assert self.folder is not None
        assert self._tracking is not None
        _without_harm("Predictions are not kept", lambda: self._keep_predictions(model, X_test, y_test))
        devices.leave()
        write_model(self.folder, model)
        accuracy, loss = results["accuracy"], results["loss"]
        figures = {"test_accuracy": accuracy, "test_loss": loss, "parameters": model.count_params()}
        metrics = plain_numbers(figures | {"seconds": self._epochs.seconds})
        write_json(self.folder / run_folder.METRICS, metrics)
        self._tracking.summarize(metrics)
        _without_harm("There is no report", self._report)
        self._tracking.finish()
        with signals.uninterrupted():
            checkpoints.remove(self.folder)
            self._finished = True
            _say_what_came_out(self.folder, figures, self._epochs.seconds, self._tracking.directions())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stopped = signals.described(error)
        if stopped is not None:
            signals.ignore()
        if error is None:
            devices.leave()
        else:
            devices.end_alone(stopped[1] if stopped else 2 if kind is CourseError else 1)
        if error is not None and self._tracking is not None:
            self._tracking.finish(exit_code=1)
        self._exit.close()
        atexit.register(signals.ignore)  # before what libraries have registered, which would end in a traceback
        if stopped is None or self.folder is None:
            return
        signals.say(self._how_it_stopped(stopped[0]))
        sys.exit(stopped[1])

    def _how_it_stopped(self, by: str) -> str:
        folder = shown(self.folder)
        if self._finished:
            return f"Stopped by {by}: the run is finished and kept in {folder}."
        epochs = f"{len(self._epochs.history)} of {_epochs_of(self.config)} epochs"
        again = f"{typed()} --resume {folder}"
        return f"Stopped by {by}: {epochs} are finished and kept in {folder}; resume it with `{again}`."

    def _report(self) -> None:
        from course.report.page import write_report  # late: what draws takes a second to load

        with quiet():
            pictures = write_report(self.folder)
        self._tracking.log_pictures(pictures)

    def _keep_predictions(self, model: keras.Model, images: np.ndarray, targets: np.ndarray) -> None:
        rows = np.asarray(targets).reshape(len(targets), -1)
        labels = rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0]
        outputs = np.float32(model.predict(images, verbose=0))
        predictions = Predictions(outputs, labels.astype(np.uint8), np.asarray(images[:1]))
        write_predictions(self.folder, predictions)
        names = data.class_names(self.config.data)
        self._tracking.log_predictions(images, predictions, names, self.config.image_size)


def check_surroundings(config: LessonConfig) -> None:
    """Raises CourseError, before Keras is loaded, if data, devices, disk or WANDB_MODE rule this training out."""
    data.verify(config.data)
    devices.check(config.data_parallel)
    run_folder.check_writable()
    tracking.asked_mode()


def _open_again(folder: Path, script: str, config: LessonConfig) -> Opened:
    """Opens the folder of an interrupted run; says how far it has come, and if its script has changed."""
    if folder.parent.name != script:
        raise CourseError(f"{shown(folder)} is a run of {folder.parent.name}, not of {script}.")
    try:
        lock = run_folder.lock(folder)
    except OSError:
        raise CourseError(f"{shown(folder)} is still running, or cannot be written to.") from None
    checkpoint, values = checkpoints.read(folder)
    for leftover in folder.glob(f"{UNFINISHED}*"):
        leftover.unlink(missing_ok=True)
    if checkpoint.history:
        write_history(folder, checkpoint.history)
    epochs = f"{len(checkpoint.history)} of {_epochs_of(config)} epochs"
    print(f"Resumed: {epochs} are finished and kept in {shown(folder)}.", flush=True)
    source = _source_of(config)
    if not checkpoint.history:
        checkpoint = checkpoint.model_copy(update={"source": source})  # all of it will be of this one
    elif source != checkpoint.source:
        print(
            f"{checkpoint.program} was changed since this run began; numbers may differ from those of a run that was"
            " not interrupted.",
            file=sys.stderr,
        )
    return Opened(folder, lock, checkpoint, values)


def _source_of(config: LessonConfig) -> str:
    """Returns the SHA-256 of the script in which the class of a config is written."""
    return hashlib.sha256(Path(inspect.getfile(type(config))).read_bytes()).hexdigest()


def _epochs_of(config: LessonConfig) -> int:
    return config.values().get("epochs", 0)


def _say_what_came_out(folder: Path, figures: Mapping[str, float], seconds: float, directions: list[str]) -> None:
    accuracy, loss, parameters = figures["test_accuracy"], figures["test_loss"], figures["parameters"]
    print(f"\nTest accuracy {accuracy:.2%}, loss {loss:.4f}: {parameters:,} parameters, {seconds:.0f} s.")
    if not math.isfinite(loss):
        print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")
    files = ", ".join((run_folder.CONFIG, run_folder.HISTORY, run_folder.METRICS, run_folder.MODEL))
    print(f"Kept in:     {shown(folder)} ({files})")
    if (folder / run_folder.REPORT).exists():
        print(f"Report:      {shown(folder / run_folder.REPORT)}")
    for direction in directions:
        print(direction)


def _without_harm(failure: str, action: Callable[[], None]) -> None:
    """Does something that a finished training must not fail for; says in a sentence if it did not work."""
    try:
        action()
    except Exception as error:  # a learner's network, labels and images may be anything
        print(f"{failure} ({first_line(error)}); the run itself is not affected.", file=sys.stderr)
