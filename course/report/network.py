"""What a trained network consists of, and what each of its layers makes of an image."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from course.system.quiet import quiet

with quiet():
    import keras

    import course.muon  # noqa: F401  what best.py saves names this optimizer

# In the test these change nothing that could be seen.
UNSEEN = (keras.layers.InputLayer, keras.layers.Dropout, keras.layers.BatchNormalization, keras.layers.Rescaling)


class Layer(NamedTuple):
    """One layer of a network."""

    name: str
    kind: str
    output: tuple[int, ...]  # the shape of what comes out, for one image
    parameters: int
    share: float  # of all parameters, 0 to 1


class Network:
    """A network as a run saved it; that inside it if it looks at several views of an image (course/views.py)."""

    def __init__(self, file: Path) -> None:
        """Loads a .keras file, running no code from it; raises what Keras does if it cannot."""
        model = keras.models.load_model(file, compile=False, safe_mode=True)
        inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
        self._model = inside[0] if len(inside) == 1 else model

    def layers(self) -> list[Layer]:
        """Returns its layers in their order."""
        total = max(self._model.count_params(), 1)
        return [
            Layer(
                layer.name,
                type(layer).__name__,
                tuple(layer.output.shape[1:]),
                layer.count_params(),
                layer.count_params() / total,
            )
            for layer in self._model.layers
        ]

    def first_weights(self, height: int, width: int) -> tuple[str, np.ndarray] | None:
        """Returns what the first layer with weights looks for, None if that is no image.

        Args:
            height, width: of the images in pixels; the weights of a node that sees all pixels are such an image too.

        Returns:
            What they are in words, and the weights, (height, width, n); their mean if there are several channels.
        """
        layer = next((layer for layer in self._model.layers if hasattr(layer, "kernel")), None)
        weights = None if layer is None else keras.ops.convert_to_numpy(layer.kernel)
        if weights is not None and weights.ndim == 4:
            return f"kernels of {layer.name}", weights.mean(axis=2)
        if weights is not None and weights.ndim == 2 and len(weights) == height * width:
            return f"nodes of {layer.name}", weights.reshape(height, width, -1)
        return None

    def journey(self, image: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """Returns what comes out of each layer for one image, (1, ...), but of those that change nothing in the test.

        Returns:
            For each layer its name with what it gives, and that itself: (height, width, channels) or (n,).
        """
        seen = [layer for layer in self._model.layers if not _unseen(layer)]
        outputs = keras.Model(self._model.inputs, [layer.output for layer in seen])([image], training=False)
        steps = []
        for layer, output in zip(seen, outputs, strict=True):
            given = keras.ops.convert_to_numpy(output)[0]
            steps.append((f"{layer.name}: {' x '.join(map(str, given.shape))}", given))
        return steps


def _unseen(layer: keras.Layer) -> bool:
    return isinstance(layer, UNSEEN) or type(layer).__name__.startswith("Random")
