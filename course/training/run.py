"""One training of one script, from its first line to its test."""

from __future__ import annotations

import atexit
import contextlib
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import keras
import numpy as np

from course import data
from course.config import LessonConfig
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs import resume
from course.runs.record import Predictions, Row, plain_numbers, write_model, write_predictions
from course.system import environment, program, signals
from course.system.errors import CourseError, first_line
from course.system.files import shown, typed, write_json
from course.system.quiet import quiet
from course.training import devices, tracking
from course.training.fit_defaults import fit_defaults
from course.training.opening import open_again, open_new_folder, script_file
from course.training.tensorflow_input import feed_without_tuning

if TYPE_CHECKING:
    from course.training.epochs import Epochs


class _Entered(NamedTuple):
    """What a run has from its first line on."""

    folder: Path
    tracking: tracking.Tracking
    epochs: Epochs


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
        self.script = Path(script_file(config) or program.NOTEBOOK).stem  # of which `runs/` has a folder
        self._folder: Path | None = None
        self._history: list[Row] = []
        self._entered: _Entered | None = None
        self._finished = False
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Makes the folder, or opens that of the resumed run, and starts tracking; raises CourseError if it cannot."""
        try:
            self._begin()
        except BaseException as error:  # a `with` calls __exit__ only for what comes after this
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin(self) -> None:
        if program.is_interactive():  # where an earlier run has given the signals back
            signals.stop_in_order()
        check_surroundings(self.config)
        resumed = None if self.config.resume is None else resume.interrupted(self.config.resume)
        devices.join(self.script, self.config, len(resumed[1].history) if resumed else 0)
        with quiet():  # Keras seeds TensorFlow on every backend, which loads it
            keras.utils.set_random_seed(self.config.seed)
        if keras.backend.backend() == "tensorflow":
            feed_without_tuning()
        with signals.uninterrupted():
            if resumed is None:
                opened = open_new_folder(self.script, self.config)
            else:
                opened = open_again(resumed[0], self.script, self.config)
            folder, checkpoint = opened.folder, opened.checkpoint
            self._exit.callback(opened.lock.close)
            self._folder, self._history = folder, list(checkpoint.history)
            run_folder.point_latest_to(folder)
            write_json(folder / run_folder.ENVIRONMENT, environment.describe_environment())
        name, values = f"{self.script}/{folder.name}", self.config.values()
        tracked = tracking.Tracking(name, self.config.project, values, run_folder.RUNS, checkpoint.tracking)
        self._exit.push(lambda kind, error, traceback: tracked.finish(exit_code=1) if error else None)
        for number, row in enumerate(self._history, start=1):
            tracked.log(row, number)
        self._exit.enter_context(fit_defaults())
        from course.training.epochs import Epochs  # late: it derives from a class of Keras, and so loads it

        self._entered = _Entered(folder, tracked, Epochs(folder, checkpoint, opened.values, self._history, tracked))

    @property
    def folder(self) -> Path:
        """Where this run is kept."""
        return self._inside().folder

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` needs among its callbacks so that epochs are kept and tracked, and a resumed run continues."""
        return [self._inside().epochs]

    def finish(self, model: keras.Model, X_test: np.ndarray, y_test: np.ndarray, results: Mapping[str, float]) -> None:
        """Keeps the tested network and its answers, draws the report, ends tracking, and says what came out.

        Args:
            model: the network that was tested.
            X_test: the first n test images, or all, as the network takes them, (n, ...).
            y_test: their targets, one-hot (n, classes), or labels (n,) or (n, 1).
            results: what `model.evaluate(X_test, y_test, return_dict=True)` returned.
        """
        folder, tracked, epochs = self._inside()
        _without_harm("Predictions are not kept", lambda: _keep_predictions(self, model, X_test, y_test))
        devices.leave()
        write_model(folder, model)
        figures = {"test_accuracy": results["accuracy"], "test_loss": results["loss"]}
        metrics = plain_numbers(figures | {"parameters": model.count_params(), "seconds": epochs.seconds})
        write_json(folder / run_folder.METRICS, metrics)
        tracked.summarize(metrics)
        _without_harm("There is no report", lambda: _draw_report(folder, tracked))
        tracked.finish()
        with signals.uninterrupted():
            checkpoints.remove(folder)
            self._finished = True
            _say_what_came_out(results, model.count_params(), epochs.seconds)
            _say_where_it_is(folder, tracked.directions())

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
        self._exit.__exit__(kind, error, traceback)
        if program.is_interactive():
            _leave_process()
        else:
            atexit.register(signals.ignore)  # before what libraries have registered, which would end in a traceback
        if stopped is not None and self._folder is not None:
            signals.say(f"Stopped by {stopped[0]}: {self._how_far(self._folder)}.")
            sys.exit(stopped[1])

    def _inside(self) -> _Entered:
        assert self._entered is not None, "this belongs inside `with Run(config) as run:`"
        return self._entered

    def _how_far(self, folder: Path) -> str:
        if self._finished:
            return f"the run is finished and kept in {shown(folder)}"
        epochs = f"{len(self._history)} of {self.config.values().get('epochs')} epochs"
        again = typed("--resume", shown(folder))
        return f"{epochs} are finished and kept in {shown(folder)}; resume it with `{again}`"


def check_surroundings(config: LessonConfig) -> None:
    """Raises CourseError, before Keras is loaded, if data, devices, disk or WANDB_MODE rule this training out."""
    data.verify(config.data)
    devices.check(config.data_parallel)
    run_folder.check_writable()
    tracking.asked_mode()


def _leave_process() -> None:
    """Takes back what a run changed in a process that continues, so that the next run is as the first was."""
    signals.restore()
    policy = keras.config.dtype_policy()
    keras.utils.clear_session()  # else the metric auc would be auc_1 next time
    if program.script() is None:  # what a script sets ends with it; what a notebook sets does not
        keras.config.set_dtype_policy(policy)


def _keep_predictions(run: Run, model: keras.Model, images: np.ndarray, targets: np.ndarray) -> None:
    folder, tracked, _ = run._inside()
    rows = np.asarray(targets).reshape(len(targets), -1)
    labels = rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0]
    outputs = model.predict(images, verbose=0).astype(np.float32)
    predictions = Predictions(outputs, labels.astype(np.uint8), np.asarray(images[:1]))
    write_predictions(folder, predictions)
    tracked.log_predictions(images, predictions, data.class_names(run.config.data), run.config.image_size)


def _draw_report(folder: Path, tracked: tracking.Tracking) -> None:
    from course.report.page import write_report  # late: what draws takes a second to load

    with quiet():
        pictures = write_report(folder)
    tracked.log_pictures(pictures)


def _say_what_came_out(results: Mapping[str, float], parameters: int, seconds: float) -> None:
    accuracy, loss = results["accuracy"], results["loss"]
    print(f"\nTest accuracy {accuracy:.2%}, loss {loss:.4f}: {parameters:,} parameters, {seconds:.0f} s.")
    if not math.isfinite(loss):
        print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")


def _say_where_it_is(folder: Path, directions: list[str]) -> None:
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
