"""What a network does with some images: which kernels it applies, in which order, and to what."""

from __future__ import annotations

import contextlib
import functools
import itertools
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from course.challenge.observed import ObservedArray, ObservedLayer, ObservedNetwork
from course.runs.record import are_probabilities


class _Call:
    """One call of a layer, with the calls inside it."""

    def __init__(self, layer: keras.Layer, given: object) -> None:
        self.layer, self.given = layer, given
        self.answer: object = None
        self.inner: list[_Call] = []

    @property
    def received(self) -> np.ndarray:
        """The first array that the layer was called with, (n, ...)."""
        return _arrays(self.given)[0]

    @property
    def returned(self) -> np.ndarray:
        """The first array of its answer, (n, ...)."""
        return _arrays(self.answer)[0]

    def kernels(self) -> list[np.ndarray]:
        """Returns the layer's own weights that combine values, not those of layers inside it.

        Weights as large as an image or as its channels, such as those of normalisation, do not.
        """
        others = {id(weight) for call in self.inner for weight in call.layer.weights}
        own = [keras.ops.convert_to_numpy(weight) for weight in self.layer.weights if id(weight) not in others]
        shape = self.received.shape[1:] if own else ()
        return [
            weight
            for weight in own
            if weight.ndim >= 2 and weight.shape != shape and not (weight.ndim > 2 and weight[..., 0].size == 1)
        ]

    def with_inner(self) -> Iterator[_Call]:
        """Yields this call and all calls inside it, in the order in which they began."""
        yield self
        for call in self.inner:
            yield from call.with_inner()


def observe_network(model: keras.Model, images: np.ndarray | None) -> ObservedNetwork:
    """Runs a network on images (n, ...), as it takes them, and returns what there is to say about it.

    How its layers are listed does not matter: they may be inside one another, or called in a method of the learner's.
    If it cannot be run on these images, only what can be read off it is there.
    """
    rates = [getattr(layer, "rate", None) for layer in _inside(model) if type(layer).__name__.endswith("Dropout")]
    dropout = max([float(rate) for rate in rates if isinstance(rate, int | float)], default=0.0)
    try:
        with _watched_calls() as calls, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are said when the learner's own calls cause them
            answers = _arrays(model(images, training=False))
        everything = [call for outer in calls for call in outer.with_inner()]
        layers = _layers_with_kernels(everything)
    except Exception:  # a learner's network may do anything
        outputs = [list(output.shape) for output in getattr(model, "outputs", None) or []]
        return ObservedNetwork(outputs=outputs, dropout=dropout)
    last = [call.layer for call in everything if not call.inner][-1]
    return ObservedNetwork(
        outputs=[[None, *answer.shape[1:]] for answer in answers],
        layers=layers,
        last=type(last).__name__,
        activation=getattr(getattr(last, "activation", None), "__name__", None) or type(last).__name__.lower(),
        dropout=dropout,
        probabilities=are_probabilities(answers[0]),
        beyond=_goes_beyond([call.layer for call in everything]),
        normalised=any(isinstance(call.layer, keras.layers.BatchNormalization) for call in _before(everything)),
    )


@contextlib.contextmanager
def _watched_calls() -> Iterator[list[_Call]]:
    """Notes every call of a layer meanwhile: yields the outermost ones, each with those inside it."""
    original = keras.Layer.__call__
    outermost: list[_Call] = []
    open_calls: list[list[_Call]] = [outermost]

    @functools.wraps(original)
    def watched(layer: keras.Layer, *arguments: object, **options: object) -> object:
        call = _Call(layer, (arguments, options))
        open_calls[-1].append(call)
        open_calls.append(call.inner)
        try:
            call.answer = original(layer, *arguments, **options)
        finally:
            open_calls.pop()
        return call.answer

    keras.Layer.__call__ = watched
    try:
        yield outermost
    finally:
        keras.Layer.__call__ = original


def _layers_with_kernels(calls: list[_Call]) -> list[ObservedLayer]:
    found = [(call, kernels) for call in calls if (kernels := call.kernels())]
    following: list[_Call | None] = [*(call for call, _ in found[1:]), None]
    return [
        ObservedLayer(
            kind=type(call.layer).__name__,
            kernels=[list(kernel.shape) for kernel in kernels],
            data_format=getattr(call.layer, "data_format", None),
            received=ObservedArray.of(call.received),
            returned=list(call.returned.shape),
            linear=after is not None and _nothing_between(call, kernels, after),
        )
        for (call, kernels), after in zip(found, following, strict=True)
    ]


def _nothing_between(call: _Call, kernels: list[np.ndarray], after: _Call) -> bool:
    """Returns whether the next layer receives the sums of this dense one, at most shifted and scaled."""
    (kernel, *others), values = kernels, call.received
    if others or kernel.ndim != 2 or values.shape[-1] != len(kernel):
        return False
    sums, received = ((array.reshape(len(values), -1)) for array in (values @ kernel, after.received))
    if sums.shape != received.shape:
        return False
    alive = sums.std(axis=0) > 1e-6
    pairs = zip(sums.T[alive], received.T[alive], strict=True)
    return bool(alive.any()) and all(b.std() > 0 and abs(np.corrcoef(a, b)[0, 1]) > 0.9999 for a, b in pairs)


def _before(calls: list[_Call]) -> Iterator[_Call]:
    """Yields the calls before the first kernel, without the models and layers that it is inside of."""
    return itertools.takewhile(lambda call: call.inner or not call.kernels(), calls)


def _goes_beyond(layers: list[keras.Layer]) -> bool | None:
    """Returns whether one of the layers changes images at random or normalises values, None if that is not known."""
    names = [type(layer).__name__ for layer in layers]
    if any(name.startswith("Random") or name.endswith("Normalization") for name in names):
        return True
    own = any(not type(layer).__module__.startswith("keras.") for layer in layers)
    return None if own else False


def _inside(layer: keras.Layer) -> list[keras.Layer]:
    return layer._flatten_layers()


def _arrays(values: object) -> list[np.ndarray]:
    tensors = [
        value for value in keras.tree.flatten(values) if keras.ops.is_tensor(value) or isinstance(value, np.ndarray)
    ]
    arrays = [keras.ops.convert_to_numpy(tensor) for tensor in tensors]
    return [array if array.dtype.kind in "uifb" else array.astype(np.float32) for array in arrays]  # bfloat16
