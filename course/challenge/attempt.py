"""A training of the challenge, which also keeps for its grader the learner's file and what `fit` was given."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from course.challenge import observed
from course.challenge.levels import SCRIPT_NAME
from course.config import LessonConfig
from course.data import load
from course.runs import folder as run_folder
from course.system.files import write_json, write_text
from course.training.run import Run

AT_A_TIME = 5_000  # images
Array = np.ndarray | None  # None for everything that is not one of numbers


class Attempt(Run):
    """One training of the challenge; `model.fit` is watched while it is entered.

    Its folder also gets a copy of the learner's file, and attempt.json with what each `fit` was given: the network, its
    loss, and of images and labels their shape, dtype and range, and whether they are those of the data set.
    """

    def __init__(self, config: LessonConfig) -> None:
        """Takes note of what is to be run; the runs of reference answers are kept with those of fashion.py."""
        super().__init__(config)
        self.script = SCRIPT_NAME

    def _begin(self) -> None:
        super()._begin()
        source = Path(inspect.getfile(type(self.config)))
        write_text(self.folder / run_folder.SCRIPT, source.read_text(encoding="utf-8"))
        self._file = self.folder / run_folder.OBSERVED
        self._observations = observed.Observations(process=os.getpid())
        self._write_observations()
        self._exit.enter_context(self._watched_fit())

    @contextlib.contextmanager
    def _watched_fit(self) -> Iterator[None]:
        original = keras.Model.fit
        signature = inspect.signature(original)

        @functools.wraps(original)
        def fit(model: keras.Model, *arguments: Any, **options: Any) -> keras.callbacks.History:
            given = self._observe(model, signature.bind(model, *arguments, **options).arguments)
            self._observations.fits.append(given)
            self._write_observations()
            history = original(model, *arguments, **options)
            given.network = _observe_network(model)  # by now it knows its shapes
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
        write_json(self._file, self._observations.model_dump())

    def _observe(self, model: keras.Model, inputs: Mapping[str, Any]) -> observed.ObservedFit:
        x, y, validation = _as_array(inputs.get("x")), _as_array(inputs.get("y")), inputs.get("validation_data")
        fraction = inputs.get("validation_split") or 0
        if validation is None and fraction and x is not None and y is not None:  # as Keras splits
            kept = int(len(x) * (1 - fraction))
            x, y, validation = x[:kept], y[:kept], (x[kept:], y[kept:])
        held_out = validation[:2] if isinstance(validation, tuple | list) else (None, None)
        looks, training = self._known.compare(x, y)
        others, validated = self._known.compare(*map(_as_array, held_out))
        return observed.ObservedFit(
            network=_observe_network(model),
            learning_rate=float(getattr(getattr(model, "optimizer", None), "learning_rate", 0)),
            training=training,
            validation=validated,
            in_both=len(looks & others),
        )


class KnownImages:
    """The images of the data set, recognised in whatever range and shape a learner gives them to `fit`."""

    def __init__(self, config: LessonConfig) -> None:
        """Reads the data set of a config; raises CourseError as `load` does."""
        self.of_data_set: dict[int, tuple[str, int]] = {}  # what an image looks like → its part, and its label
        train, test = load(config)
        for part, (images, labels) in (("test", test), ("training", train)):
            for look, label in zip(_looks(images), labels, strict=True):
                self.of_data_set[look] = (part, int(label))

    def compare(self, images: Array, labels: Array) -> tuple[set[int], observed.ObservedData | None]:
        """Returns the looks of images (n, ...), and what there is to say about them and their labels.

        Nothing and None if they are not arrays of images with a label each, of shape (n,), (n, 1) or (n, classes).
        """
        if images is None or labels is None or len(images) != len(labels) or images.ndim < 2 or not images.size:
            return set(), None
        rows = labels.reshape(len(labels), -1)
        classes = rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0]
        looks = _looks(images)
        found = [
            (*self.of_data_set[look], int(label))
            for look, label in zip(looks, classes, strict=True)
            if look in self.of_data_set
        ]
        one_hot = bool(labels.ndim == 2 and (labels.sum(axis=1) == 1).all())
        return set(looks), observed.ObservedData(
            images=observed.ObservedArray.of(images),
            labels=observed.ObservedLabels.of(labels, one_hot=one_hot),
            recognised=len(found),
            test_images=sum(part == "test" for part, _, _ in found),
            own_labels=sum(own == label for _, own, label in found),
        )


def _as_array(values: object) -> Array:
    """Returns an array or a tensor of numbers as an array, None for everything else."""
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in "uifb" else None
    return keras.ops.convert_to_numpy(values) if keras.ops.is_tensor(values) else None


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


def _observe_network(model: keras.Model) -> observed.ObservedNetwork:
    loss = getattr(model, "loss", None)  # not there if compile was forgotten
    settings: dict[str, Any] = getattr(loss, "get_config", dict)()  # none of a loss that is a name or a function
    return observed.ObservedNetwork(
        outputs=[list(output.shape) for output in getattr(model, "outputs", None) or []],
        layers=[_observe_layer(layer) for layer in _all_layers(model)],
        loss=str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss),
        from_logits=bool(settings.get("from_logits", False)),
    )


def _all_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a model in their order, with the layers of models inside it in their place."""
    return [inner for layer in model.layers for inner in (_all_layers(layer) if hasattr(layer, "layers") else [layer])]


def _observe_layer(layer: keras.Layer) -> observed.ObservedLayer:
    kind = type(layer).__name__
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return observed.ObservedLayer(
        kind=kind,
        activation={"Softmax": "softmax", "ReLU": "relu"}.get(kind, name),
        rate=getattr(layer, "rate", None) if kind.endswith("Dropout") else None,
        strides=max(np.atleast_1d(getattr(layer, "strides", None) or 1).tolist()),
        data_format=getattr(layer, "data_format", None),
    )
