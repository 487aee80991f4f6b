"""A training of the challenge, which also keeps for its grader the learner's file and what its network was given."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

from course.challenge import observed
from course.challenge.known_images import Array, KnownImages
from course.challenge.levels import SCRIPT_NAME
from course.challenge.losses import observe_loss
from course.challenge.trace import observe_network
from course.challenge.uses import Uses
from course.config import LessonConfig, script_file
from course.runs import folder as run_folder
from course.runs.record import Predictions, Row, as_array, read_predictions
from course.system import program
from course.system.errors import CourseError, without_harm
from course.system.files import replacing, write_json
from course.training.given import pairs_of
from course.training.run import Run
from course.training.tested import Results

TRACED = 64  # images that a network is run on to see what it does


class Attempt(Run):
    """One training of the challenge; `model.fit` is watched while it is entered.

    Its folder also gets a copy of the learner's file, and attempt.json with what each `fit` and `run.finish` was given
    and what network and loss do with it; a resumed run adds to them, and a copy of another file stays beside the new
    one. At its end it says how many validation images are right: test images are for the end of the work.
    """

    examples = 200  # prepared test images, with which the grader compares the kept network and its answers

    def __init__(self, config: LessonConfig) -> None:
        """Takes note of what is to be run; the runs of reference answers are kept with those of fashion.py."""
        super().__init__(config)
        self.script = SCRIPT_NAME

    def _begin(self) -> None:
        super()._begin()
        source = keep_source(self.folder, script_file(self.config))
        self._observations = earlier_parts(self.folder, trained=bool(self._history))
        self._observations.process = os.getpid()
        self._observations.parts.append(observed.ObservedPart(source=source))
        self._uses = Uses(self._test_images, self._write_observations)
        self._write_observations()
        self._exit.callback(self._write_at_the_end)
        self._exit.enter_context(self._uses.watched())
        self._exit.enter_context(self._watched_fit())

    def finish(
        self, model: keras.Model, X_test: np.ndarray, y_test: np.ndarray, results: Results | None = None
    ) -> None:
        """Keeps what a run of a lesson keeps, and what the grader needs."""
        without_harm("The test is not observed", lambda: self._observe_test(model, as_array(X_test), as_array(y_test)))
        super().finish(model, X_test, y_test, results)

    def _result(self, metrics: Row) -> tuple[str, Predictions | None]:
        kept = read_predictions(self.folder / run_folder.VALIDATION)
        return super()._result(metrics) if kept is None else ("Validation", kept)

    @contextlib.contextmanager
    def _watched_fit(self) -> Iterator[None]:
        original = keras.Model.fit
        signature = inspect.signature(original)

        @functools.wraps(original)
        def fit(model: keras.Model, *arguments: object, **options: object) -> keras.callbacks.History:
            given = signature.bind(model, *arguments, **options).arguments
            images = as_array(given.get("x"))
            found = self._observe(model, given)
            self._observations.parts[-1].fits.append(found)
            self._write_observations()
            with self._uses.during_fit():
                history = original(model, *arguments, **options)
            if images is not None:
                found.network = observe_network(model, images[:TRACED])  # by now it knows its shapes
            self._write_observations()
            return history

        keras.Model.fit = fit
        try:
            yield
        finally:
            keras.Model.fit = original

    @functools.cached_property
    def _known(self) -> KnownImages:
        return KnownImages(self.config)  # late, and once: it reads the whole data set

    def _test_images(self, images: np.ndarray) -> set[int]:
        return self._known.test_images(images)

    def _write_observations(self) -> None:
        self._observations.parts[-1].uses = self._uses.found
        write_json(self.folder / run_folder.OBSERVED, self._observations.model_dump())

    def _write_at_the_end(self) -> None:
        with contextlib.suppress(CourseError):  # whatever ended the run, says why
            self._write_observations()

    def _observe(self, model: keras.Model, given: Mapping[str, object]) -> observed.ObservedFit:
        (x, y), (x_held_out, y_held_out) = (pair or (None, None) for pair in pairs_of(given))
        x = as_array(given.get("x")) if x is None else x  # the network may have several outputs
        looks, training = self._known.compare(x, y)
        others, validated = self._known.compare(x_held_out, y_held_out)
        untried = observed.ObservedNetwork(outputs=[], dropout=0)
        return observed.ObservedFit(
            network=observe_network(model, x[:TRACED]) if x is not None and model.built else untried,
            loss=observe_loss(model, y),
            learning_rate=float(getattr(getattr(model, "optimizer", None), "learning_rate", 0)),
            training=training,
            validation=validated,
            in_both=len(looks & others),
        )

    def _observe_test(self, model: keras.Model, images: Array, targets: Array) -> None:
        _, data = self._known.compare(images, targets)
        network = observe_network(model, None if images is None else images[:TRACED])
        expected = len(self._known.test_labels)
        self._observations.test = observed.ObservedTest(network=network, data=data, expected=expected)
        self._write_observations()


def keep_source(folder: Path, script: Path | None) -> str:
    """Copies the learner's file to a run's folder, where that of an earlier part stays under a name of its own.

    Returns the fingerprint of its code, nothing if there is no file; raises CourseError if it cannot be written.
    """
    if script is None:
        return ""
    copy, content = folder / run_folder.SCRIPT, script.read_bytes()
    if copy.exists() and copy.read_bytes() != content:
        names = (copy.with_stem(f"{copy.stem}-part-{number}") for number in itertools.count(1))
        copy.rename(next(name for name in names if not name.exists()))
    with replacing(copy) as unfinished:
        unfinished.write_bytes(content)
    return program.fingerprint(script)


def earlier_parts(folder: Path, trained: bool) -> observed.Observations:
    """Returns what a run has left so far; if it has trained and that cannot be read, it is lost."""
    with contextlib.suppress(CourseError):
        found = observed.read_observations(folder)
        if found.parts:
            return found
    return observed.Observations(lost=trained)
