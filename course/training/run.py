"""One training of one script, from its first line to its test."""

from __future__ import annotations

import atexit
import contextlib
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import keras
import numpy as np

from course import data
from course.config import LessonConfig, script_file
from course.late import LateModule
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs import resume
from course.runs.record import (
    Predictions,
    Row,
    plain_numbers,
    read_predictions,
)
from course.system import program, signals
from course.system.errors import CourseError, without_harm
from course.system.files import shown, write_json
from course.system.quiet import quiet
from course.training import devices, tracking
from course.training.closing import (
    NO_EPOCHS,
    finished_epochs,
    opening_line,
    say_how_to_resume,
    say_result,
    say_where_it_is,
)
from course.training.conditions import check_conditions, conditions_before_keras
from course.training.given import HeldOut
from course.training.opening import Opened, open_folder
from course.training.tensorflow_waits import feed_without_tuning
from course.training.tested import Results, figures_of_test, keep_network

if TYPE_CHECKING:
    from course.training.epochs import Epochs

LOADED = [time.monotonic()]  # when the program began, from which the seconds of its first run count


class _Entered(NamedTuple):
    """What a run has from its first line on."""

    folder: Path
    tracking: tracking.Tracking
    epochs: Epochs
    others: list[keras.callbacks.Callback]
    held_out: HeldOut


class Run:
    """One training of one script, from its first line to its test: its folder, its tracking and its end.

    A context manager that makes everything random repeatable by `config.seed`. `runs/<script>/<time>-<name>/` gets
    config.json, environment.json and checkpoint.npz at once; checkpoint.npz, model.keras and history.csv after each
    epoch; predictions.npz, metrics.json, report.html and its pictures at the end, when checkpoint.npz goes. A kill at
    any moment leaves either the old or the new file. `runs/<script>/latest` points to the newest run. After Ctrl-C,
    SIGTERM or a closed terminal the finished epochs are kept; a run with `config.resume` continues after them. With
    `config.data_parallel` all devices share each batch; of several processes each keeps a folder of its own.
    """

    examples = 1  # test images that are kept as the network takes them

    def __init__(self, config: LessonConfig) -> None:
        """Takes note of what is to be run, of an instance of a script's Config; nothing is written yet."""
        self.config = config
        self.script = Path(script_file(config) or program.NOTEBOOK).stem  # of which `runs/` has a folder
        self._folder: Path | None = None
        self._history: list[Row] = []
        self._entered: _Entered | None = None
        self._finished = False
        self._began = LOADED.pop() if LOADED else time.monotonic()
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
        resumed = _prepare_process(self.script, self.config)
        with signals.uninterrupted():
            opened = open_folder(resumed, self.script, self.config)
            folder, checkpoint = opened.folder, opened.checkpoint
            self._exit.callback(opened.lock.close)
            self._folder, self._history = folder, list(checkpoint.history)
        name, values = f"{self.script}/{folder.name}", self.config.values()
        tracked = tracking.Tracking(name, self.config.project, values, run_folder.RUNS, checkpoint.tracking)
        self._exit.push(lambda kind, error, traceback: _end_tracking(self, tracked, error))
        for number, row in enumerate(self._history, start=1):
            tracked.log(row, number)
        self._entered = _watch_fit(self, opened, tracked)

    @property
    def folder(self) -> Path:
        """Where this run is kept."""
        return self._inside().folder

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` needs among its callbacks so that epochs are kept and tracked, and a resumed run continues."""
        inside = self._inside()
        return [*inside.others, inside.epochs]

    def finish(
        self, model: keras.Model, X_test: np.ndarray, y_test: np.ndarray, results: Results | None = None
    ) -> None:
        """Keeps the tested network and its answers, draws the report, ends tracking, and says what came out.

        The accuracy that is kept is that of the network given here; if `results` say another one, both are printed.

        Args:
            model: the network that was tested.
            X_test: the first n test images, or all, as the network takes them, (n, ...).
            y_test: their targets, one-hot (n, classes), or labels (n,) or (n, 1).
            results: what `model.evaluate(X_test, y_test, return_dict=True)` returned, with whatever metrics; or
                without `return_dict`, whose first number is the loss; or nothing.
        """
        folder, tracked, epochs, _, held_out = self._inside()
        held = None if self.config.data_parallel else held_out()
        names, size = _class_names(self.config), self.config.image_size
        answers = keep_network(folder, model, (X_test, y_test), held, self.examples, names)
        if answers is not None:
            without_harm("Predictions are not tracked", lambda: tracked.log_predictions(X_test, answers, names, size))
        devices.leave()
        figures = figures_of_test(answers, results, model)
        metrics = plain_numbers(figures | {"parameters": model.count_params(), "seconds": epochs.seconds})
        write_json(folder / run_folder.METRICS, metrics)
        tracked.summarize(metrics)
        if self._history:
            without_harm("There is no report", lambda: _draw_report(folder, tracked))
        else:
            print(f"There is no report: {NO_EPOCHS}", file=sys.stderr)
        tracked.finish()
        with signals.uninterrupted():
            checkpoints.remove(folder)
            self._finished = True
            verdict = say_result(self._result(metrics), metrics, folder, self.config)
            say_where_it_is(folder, tracked.directions(), self.config, verdict)

    def _result(self, metrics: Row) -> tuple[str, Predictions | None]:
        """Returns which images the result is about, and what the network says to them."""
        return "Test", read_predictions(self.folder / run_folder.PREDICTIONS)

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
        _leave_process()
        if error is not None and self._folder is not None:
            epochs = None if self._finished else len(self._history)
            say_how_to_resume(error, stopped, (self._folder, epochs), self.config)
            if stopped is not None:
                sys.exit(stopped[1])

    def _inside(self) -> _Entered:
        assert self._entered is not None, "this belongs inside `with Run(config) as run:`"
        return self._entered


def _prepare_process(script: str, config: LessonConfig) -> Path | None:
    """Loads Keras and seeds it; returns the folder of the resumed run, None for a new one. Raises CourseError."""
    if program.is_interactive():  # where an earlier run has given the signals back
        signals.stop_in_order()
    check_surroundings(config)
    resumed = None if config.resume is None else resume.interrupted(config.resume)
    if resumed is not None and not config.resume_anyway:
        check_conditions(*resumed, conditions_before_keras(config))
    devices.join(script, config, len(resumed[1].history) if resumed else 0)
    print(opening_line(config), flush=True)  # Keras takes seconds to load
    with quiet():  # Keras seeds TensorFlow on every backend, which loads it
        keras.utils.set_random_seed(config.seed)
    if keras.backend.backend() == "tensorflow":
        feed_without_tuning()
    return None if resumed is None else resumed[0]


def _watch_fit(run: Run, opened: Opened, tracked: tracking.Tracking) -> _Entered:
    # Late: they derive from classes of Keras, and so load it.
    from course.training.epoch_table import EpochTable
    from course.training.epochs import Epochs
    from course.training.fit_defaults import fit_defaults
    from course.training.validation import ValidationLosses

    held_out, table = HeldOut(), EpochTable()
    epochs = Epochs(opened, run._history, tracked, run._began, table)
    others = [table]
    if not run.config.data_parallel:  # several processes would have to predict together
        others.append(ValidationLosses(opened.folder, held_out))
    run._exit.enter_context(fit_defaults(epochs.come_last, held_out.note))
    return _Entered(opened.folder, tracked, epochs, others, held_out)


def check_surroundings(config: LessonConfig) -> None:
    """Raises CourseError, before Keras is loaded, if data, devices, disk or WANDB_MODE rule this training out."""
    data.verify(config.data, config.image_size, config.image_channels)
    devices.check(config.data_parallel)
    run_folder.check_writable()
    tracking.asked_mode()


def _class_names(config: LessonConfig) -> tuple[str, ...]:
    """Returns what the labels mean; nothing if the learner's own data are gone by now."""
    return without_harm("Names of classes are not kept", lambda: data.class_names(config.data)) or ()


def _end_tracking(run: Run, tracked: tracking.Tracking, error: BaseException | None) -> None:
    """Ends the tracking of a run that did not come to its `finish`, and says so where nothing else does."""
    if error is not None:
        tracked.finish(exit_code=1)
    elif not run._finished:
        tracked.finish()
        kept = f"{finished_epochs(len(run._history), run.config)} and kept in {shown(run.folder)}"
        print(f"run.finish was not called: nothing was tested, there is no report; {kept}.", flush=True)


def _leave_process() -> None:
    """Prepares the end of a process, or takes back what a run changed in a notebook: the next is as the first was."""
    if not program.is_interactive():
        atexit.register(signals.ignore)  # before what libraries have registered, which would end in a traceback
        return
    signals.give_back()
    if isinstance(keras, LateModule):  # it was never used
        return
    policy = keras.config.dtype_policy()
    keras.utils.clear_session()  # else the metric auc would be auc_1 next time
    if program.script() is None:  # what a script sets ends with it; what a notebook sets does not
        keras.config.set_dtype_policy(policy)


def _draw_report(folder: Path, tracked: tracking.Tracking) -> None:
    from course.report.page import write_report  # late: what draws takes a second to load

    with quiet():
        pictures = write_report(folder)
    tracked.log_pictures(pictures)
