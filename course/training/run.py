"""One training of one script, from its first line to its test."""

from __future__ import annotations

import atexit
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

import keras
import numpy as np

from course import data
from course.config import LessonConfig
from course.late import LateModule
from course.runs import checkpoint as checkpoints
from course.runs import folder as run_folder
from course.runs import resume
from course.runs.record import Predictions, Row, as_labels, plain_numbers, write_model, write_predictions
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


Results = Mapping[str, float] | Sequence[float] | float  # what Keras' evaluate may return
Result = TypeVar("Result")


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

    examples = 1  # test images that are kept as the network takes them

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
        folder, tracked, epochs = self._inside()
        answers = without_harm(
            "Predictions are not kept",
            lambda: keep_answers(folder / run_folder.PREDICTIONS, model, X_test, y_test, self.examples),
        )
        if answers is not None:
            names, size = data.class_names(self.config.data), self.config.image_size
            without_harm("Predictions are not tracked", lambda: tracked.log_predictions(X_test, answers, names, size))
        devices.leave()
        write_model(folder, model)
        figures = _figures(answers, results)
        metrics = plain_numbers(figures | {"parameters": model.count_params(), "seconds": epochs.seconds})
        write_json(folder / run_folder.METRICS, metrics)
        tracked.summarize(metrics)
        without_harm("There is no report", lambda: _draw_report(folder, tracked))
        tracked.finish()
        with signals.uninterrupted():
            checkpoints.remove(folder)
            self._finished = True
            print(f"\n{self._result(metrics)}: {model.count_params():,} parameters, {epochs.seconds:.0f} s.")
            if metrics.get("test_loss", 0) is None:
                print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")
            _say_where_it_is(folder, tracked.directions())

    def _result(self, metrics: Row) -> str:
        """Returns how the line with the result begins."""
        accuracy, loss = metrics.get("test_accuracy"), metrics.get("test_loss")
        said = [] if accuracy is None else [f"Test accuracy {accuracy:.2%}"]
        if "test_loss" in metrics:
            said.append("loss nan" if loss is None else f"loss {loss:.4f}")
        return ", ".join(said) or "Finished"

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


def keep_answers(
    file: Path, model: keras.Model, images: np.ndarray, targets: np.ndarray, examples: int = 1
) -> Predictions:
    """Writes what a network says of images (n, ...), with their labels, and the first of the images; returns it."""
    outputs = np.asarray(model.predict(images, verbose=0)).astype(np.float32)
    answers = Predictions(outputs, as_labels(targets).astype(np.uint8), np.asarray(images[:examples]))
    write_predictions(file, answers)
    return answers


def _figures(answers: Predictions | None, results: Results | None) -> dict[str, float]:
    """Returns the figures of a test; those of another network than the one that gave the answers are left out."""
    if not isinstance(results, Mapping):
        results = {} if results is None else {"loss": np.ravel(results)[0]}
    figures = {f"test_{name}": value for name, value in results.items() if np.ndim(value) == 0}
    counted = None if answers is None else answers.accuracy
    if answers is None or counted is None:
        return figures
    said = results.get("accuracy")
    if said is not None and abs(said - counted) * len(answers.labels) > 2:  # more than rounding
        print(
            f"The accuracy given to run.finish is {said:.2%}, but the network given to it gets {counted:.2%} of the"
            " test images right: another network was tested, or other images. The network is kept, with its figure.",
            file=sys.stderr,
        )
        figures = {}
    return figures | {"test_accuracy": counted}


def _draw_report(folder: Path, tracked: tracking.Tracking) -> None:
    from course.report.page import write_report  # late: what draws takes a second to load

    with quiet():
        pictures = write_report(folder)
    tracked.log_pictures(pictures)


def _say_where_it_is(folder: Path, directions: list[str]) -> None:
    files = ", ".join((run_folder.CONFIG, run_folder.HISTORY, run_folder.METRICS, run_folder.MODEL))
    print(f"Kept in:     {shown(folder)} ({files})")
    if (folder / run_folder.REPORT).exists():
        print(f"Report:      {shown(folder / run_folder.REPORT)}")
    for direction in directions:
        print(direction)


def without_harm(failure: str, action: Callable[[], Result]) -> Result | None:
    """Does something that a finished training must not fail for; says in a sentence if it did not work."""
    try:
        return action()
    except Exception as error:  # a learner's network, labels and images may be anything
        print(f"{failure} ({first_line(error)}); the run itself is not affected.", file=sys.stderr)
        return None
