"""A training of the challenge, which also keeps for its grader the learner's file and what its network was given."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from course.challenge import observed
from course.challenge.levels import SCRIPT_NAME
from course.challenge.losses import observe_loss
from course.challenge.trace import observe_network
from course.config import LessonConfig, script_file
from course.data import load
from course.runs import folder as run_folder
from course.runs.record import Predictions, Row, as_array, as_labels, read_predictions
from course.system.errors import without_harm
from course.system.files import replacing, write_json
from course.training.given import pairs_of
from course.training.run import Run
from course.training.tested import Results

AT_A_TIME = 5_000  # images
TRACED = 64  # images that a network is run on to see what it does
Array = np.ndarray | None  # None for everything that is not one of numbers


class Attempt(Run):
    """One training of the challenge; `model.fit` is watched while it is entered.

    Its folder also gets a copy of the learner's file, and attempt.json with what each `fit` and `run.finish` was given
    and what network and loss do with it. At its end it says how many validation images are right: test images are for
    the end of the work.
    """

    examples = 200  # prepared test images, with which the grader compares the kept network and its answers

    def __init__(self, config: LessonConfig) -> None:
        """Takes note of what is to be run; the runs of reference answers are kept with those of fashion.py."""
        super().__init__(config)
        self.script = SCRIPT_NAME

    def _begin(self) -> None:
        super()._begin()
        if (script := script_file(self.config)) is not None:
            with replacing(self.folder / run_folder.SCRIPT) as unfinished:
                unfinished.write_bytes(script.read_bytes())
        self._observations = observed.Observations(process=os.getpid())
        self._write_observations()
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
            self._observations.fits.append(found)
            self._write_observations()
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

    def _write_observations(self) -> None:
        write_json(self.folder / run_folder.OBSERVED, self._observations.model_dump())

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


class KnownImages:
    """The images of the data set, recognised in whatever range and shape a learner gives them to `fit`."""

    def __init__(self, config: LessonConfig) -> None:
        """Reads the data set of a config; raises CourseError as `load` does."""
        self.of_data_set: dict[int, tuple[str, int]] = {}  # what an image looks like → its part, and its label
        train, test = load(config)
        self.test_labels = test[1]
        for part, (images, labels) in (("test", test), ("training", train)):
            for look, label in zip(_looks(images), labels, strict=True):
                self.of_data_set[look] = (part, int(label))

    def compare(self, images: Array, targets: Array) -> tuple[set[int], observed.ObservedData | None]:
        """Returns the looks of images (n, ...), and what there is to say about them and their targets.

        Nothing and None if they are not arrays of images with a label each, of shape (n,), (n, 1) or (n, classes).
        """
        if images is None or targets is None or len(images) != len(targets) or images.ndim < 2 or not images.size:
            return set(), None
        labels = as_labels(targets)
        looks = _looks(images)
        found = [
            (*self.of_data_set[look], int(label))
            for look, label in zip(looks, labels, strict=True)
            if look in self.of_data_set
        ]
        rows = targets if targets.ndim == 2 and targets.shape[1] > 1 else None
        distributions = rows is not None and bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3))
        return set(looks), observed.ObservedData(
            images=observed.ObservedArray.of(images),
            labels=observed.ObservedLabels.of(targets, distributions=distributions),
            recognised=len(found),
            test_images=sum(part == "test" for part, _, _ in found),
            own_labels=sum(own == label for _, own, label in found),
            in_order=np.array_equal(labels, self.test_labels),
        )


def _looks(images: np.ndarray) -> list[int]:
    """Returns one number per image (n, ...), the same for the same image in another shape or on another scale.

    Each image is stretched to 0...255. Where that rounds the other way, an image is not recognised: a few are not.
    """
    looks = []
    for first in range(0, len(images), AT_A_TIME):
        part = images[first : first + AT_A_TIME]
        pixels = part.reshape(len(part), -1).astype("float32")
        lowest, highest = pixels.min(axis=1, keepdims=True), pixels.max(axis=1, keepdims=True)
        stretched = np.rint((pixels - lowest) * (255 / np.maximum(highest - lowest, 1e-9)))
        looks += [hash(image.tobytes()) for image in np.nan_to_num(stretched).astype(np.uint8)]
    return looks
