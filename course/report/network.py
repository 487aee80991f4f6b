"""What a trained network consists of, and what each of its layers makes of an image."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from course.report.alive import NotAlive, views_of
from course.runs.kept_network import load_network

AT_A_TIME = 100  # images


class LayerSummary(NamedTuple):
    """One layer of a network."""

    kind: str
    output: tuple[int, ...]  # the shape of its output for one image
    parameters: int
    fraction: float  # of all parameters, 0 to 1


class FirstWeights(NamedTuple):
    """The weights of the first layer that has any, as images."""

    kind: str  # "kernels" or "units"
    layer: str  # its name
    images: np.ndarray  # (height, width, n), in colour (height, width, 3, n); of other channels their mean


class SavedNetwork:
    """A network as a run saved it; of one that looks at several views of an image (course/views.py), that inside it."""

    def __init__(self, file: Path) -> None:
        """Loads a .keras file; raises what `load_network` does if it cannot."""
        model = load_network(file)
        self._whole, self._model = model, model
        with contextlib.suppress(NotAlive):
            self._model, _ = views_of(model) or (model, [])

    @property
    def whole(self) -> keras.Model:
        """The network itself, with all its views."""
        return self._whole

    def layers(self) -> list[LayerSummary]:
        """Returns its layers in their order."""
        total = max(self._model.count_params(), 1)
        return [
            LayerSummary(type(layer).__name__, tuple(layer.output.shape[1:]), parameters, parameters / total)
            for layer in _inner_layers(self._model)
            for parameters in [layer.count_params()]
        ]

    def first_weights(self, height: int, width: int) -> FirstWeights | None:
        """Returns what the first layer with weights looks for, None if that is not an image.

        The weights of a unit that sees all pixels of an image, (height, width), are such an image too.
        """
        layer = next((layer for layer in _inner_layers(self._model) if hasattr(layer, "kernel")), None)
        if layer is None:
            return None
        weights = keras.ops.convert_to_numpy(layer.kernel)
        if weights.ndim == 4:
            coloured = weights.shape[2] == 3
            return FirstWeights("kernels", layer.name, weights if coloured else weights.mean(axis=2))
        if weights.ndim == 2 and len(weights) == height * width:
            return FirstWeights("units", layer.name, weights.reshape(height, width, -1))
        return None

    def answers(self, images: np.ndarray) -> np.ndarray:
        """Returns what the whole network says of prepared images, (n, ...): outputs (n, classes)."""
        parts = [images[first : first + AT_A_TIME] for first in range(0, len(images), AT_A_TIME)]
        return np.concatenate([keras.ops.convert_to_numpy(self._whole(part, training=False)) for part in parts])

    def outputs(self, image: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """Returns titles and outputs of the layers for one image (1, ...).

        An output is (height, width, channels) or (n,). Layers that change nothing in the test are left out.
        """
        layers = [layer for layer in self._model.layers if not _is_idle(layer)]
        outputs = keras.Model(self._model.inputs, [layer.output for layer in layers])([image], training=False)
        values = [keras.ops.convert_to_numpy(output)[0] for output in outputs]
        titles = [
            f"{_in_words(layer)}: {' x '.join(f'{size:,}' for size in output.shape)}"
            for layer, output in zip(layers, values, strict=True)
        ]
        return list(zip(titles, values, strict=True))


def _inner_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a network in their order, those of the networks inside it in the place of these."""
    parts = [_inner_layers(layer) if isinstance(layer, keras.Model) else [layer] for layer in model.layers]
    return [layer for part in parts for layer in part]


def _in_words(layer: keras.Layer) -> str:
    kind = type(layer).__name__
    return {"Conv2D": "convolution", "MaxPooling2D": "pooling", "Flatten": "flattened", "Dense": "dense"}.get(
        kind, kind
    )


def _is_idle(layer: keras.Layer) -> bool:
    """Returns whether a layer changes nothing in the test that could be seen."""
    if isinstance(layer, keras.Model):
        return all(map(_is_idle, layer.layers))
    idle = (keras.layers.InputLayer, keras.layers.Dropout, keras.layers.BatchNormalization, keras.layers.Rescaling)
    return isinstance(layer, idle) or type(layer).__name__.startswith("Random")
