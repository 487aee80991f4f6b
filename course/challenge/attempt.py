"""What a run of the challenge leaves for its grader, besides what every run leaves."""

import functools
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from course.data import load_data_set
from course.system.files import write_json, write_text
from course.training.run import Run

SCRIPT = "fashion.py"  # in the run's folder: the learner's file as it was when the run began
OBSERVED = "attempt.json"
AT_A_TIME = 5_000  # images


class Attempt(Run):
    """One training of the challenge; `model.fit` is watched while it is entered.

    Its folder gets a copy of the learner's file and attempt.json, with what each `fit` was given: the network, its
    loss, and of images and labels their shape, dtype, range, and how many are whose.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.script = "fashion"  # a reference answer, too, is graded as an attempt

    def _begin(self) -> None:
        import keras  # late, because the command line is checked before keras is loaded

        super()._begin()
        source = Path(sys.modules[type(self.config).__module__].__file__)
        write_text(self.folder / SCRIPT, source.read_text(encoding="utf-8"))
        self._observed = {"process": os.getpid(), "fits": []}
        write_json(self.folder / OBSERVED, self._observed)
        self._fit = keras.Model.fit

        def watched(model: keras.Model, *arguments: Any, **options: Any) -> Any:
            given = inspect.signature(self._fit).bind(model, *arguments, **options).arguments
            self._keep(self._look_at(model, given))
            history = self._fit(model, *arguments, **options)
            self._keep(self._observed["fits"].pop() | {"network": _network(model)})  # by now it knows its shapes
            return history

        keras.Model.fit = watched

    def __exit__(self, *error: Any) -> None:
        import keras

        keras.Model.fit = getattr(self, "_fit", keras.Model.fit)  # not there if the run did not begin
        super().__exit__(*error)

    @functools.cached_property
    def _known(self) -> "_KnownImages":
        return _KnownImages(self.config)  # late, and once: it reads the whole data set

    def _keep(self, fit: dict[str, Any]) -> None:
        self._observed["fits"].append(fit)
        write_json(self.folder / OBSERVED, self._observed)

    def _look_at(self, model: Any, given: dict[str, Any]) -> dict[str, Any]:
        x, y, validation = given.get("x"), given.get("y"), given.get("validation_data")
        share = given.get("validation_split") or 0
        if validation is None and share and hasattr(x, "__len__") and hasattr(y, "__len__"):  # as Keras splits
            kept = int(len(x) * (1 - share))
            x, y, validation = x[:kept], y[:kept], (x[kept:], y[kept:])
        looks, training = self._known.look_at(x, y)
        others, validation = (
            self._known.look_at(*validation[:2]) if isinstance(validation, tuple | list) else (set(), None)
        )
        return {
            "network": _network(model),
            "learning_rate": float(getattr(getattr(model, "optimizer", None), "learning_rate", 0)),
            "training": training,
            "validation": validation,
            "in_both": len(looks & others),
        }


class _KnownImages:
    """The images of the data set, recognised in whatever range and shape a learner gives them to `fit`."""

    def __init__(self, config: Any) -> None:
        size = (getattr(config, "img_height", 28), getattr(config, "img_width", 28))
        self.of_data_set: dict[int, tuple[str, int]] = {}  # what an image looks like → whose it is, and its label
        train, test = load_data_set(config.data, size)
        for part, (images, labels) in (("test", test), ("training", train)):
            for look, label in zip(_looks(images), labels, strict=True):
                self.of_data_set[look] = (part, int(label))

    def look_at(self, images: Any, labels: Any) -> tuple[set[int], dict[str, Any] | None]:
        """Returns the looks of images, and what can be said of them and their labels; None if they are not arrays."""
        images, labels = _array(images), _array(labels)
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
        return set(looks), {
            "images": described(images),
            "labels": described(labels) | {"one_hot": bool(labels.ndim == 2 and (labels.sum(axis=1) == 1).all())},
            "recognised": len(found),
            "test_images": sum(part == "test" for part, _, _ in found),
            "own_labels": sum(own == label for _, own, label in found),
        }


def described(array: np.ndarray) -> dict[str, Any]:
    """Returns shape, dtype, lowest and highest value of an array as JSON has them; None for what is not finite."""
    lowest, highest = float(array.min()), float(array.max())
    lowest, highest = (value if np.isfinite(value) else None for value in (lowest, highest))
    return {"shape": list(array.shape), "dtype": str(array.dtype), "lowest": lowest, "highest": highest}


def _array(values: Any) -> np.ndarray | None:
    import keras  # late, because the command line is checked before keras is loaded

    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in "uifb" else None
    return keras.ops.convert_to_numpy(values) if keras.ops.is_tensor(values) else None


def _looks(images: np.ndarray) -> list[int]:
    """Returns one number an image, the same for the same image in another shape or on another scale.

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


def _network(model: Any) -> dict[str, Any]:
    """Returns outputs, layers and loss of a compiled network; names as Keras has them."""
    loss = getattr(model, "loss", None)  # not there if compile was forgotten
    settings = loss.get_config() if hasattr(loss, "get_config") else {}
    return {
        "outputs": [list(output.shape) for output in getattr(model, "outputs", None) or []],
        "layers": [_layer(layer) for layer in _all_layers(model)],
        "loss": str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss),
        "from_logits": bool(settings.get("from_logits", False)),
    }


def _all_layers(model: Any) -> list[Any]:
    """Returns the layers of a model in their order, those of models inside it in their place."""
    return [inner for layer in model.layers for inner in (_all_layers(layer) if hasattr(layer, "layers") else [layer])]


def _layer(layer: Any) -> dict[str, Any]:
    kind = type(layer).__name__
    activation = getattr(layer, "activation", None)
    name = "softmax" if kind == "Softmax" else "relu" if kind == "ReLU" else getattr(activation, "__name__", None)
    return {
        "kind": kind,
        "activation": name,
        "rate": getattr(layer, "rate", None) if kind.endswith("Dropout") else None,
        "strides": max(np.atleast_1d(getattr(layer, "strides", 1)).tolist()),
        "data_format": getattr(layer, "data_format", None),
    }
