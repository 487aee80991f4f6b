"""A trained network as a page computes with it: its layers, their settings and weights (course/report/live/)."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import NamedTuple, NotRequired, TypedDict

import keras
import numpy as np

# 3 million float32 as base64 are 16 MB: the largest page that still opens within a second or two, and can be mailed.
MOST_WEIGHTS = 3_000_000
# A browser multiplies and adds about half a billion times a second: beyond that, drawing would stutter.
MOST_PRODUCTS = 500_000_000


class NotAlive(Exception):  # noqa: N818  (it is a finding, not a mistake)
    """The network cannot be computed in a page; the text is the sentence that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This network cannot be computed in the page: {reason}.")


class Numbers(TypedDict):
    """One array of weights: `data` is base64 of little-endian float32, the last axis innermost."""

    name: str
    shape: list[int]
    data: str


class LayerDescription(TypedDict):
    """One layer: `kind` is the name of its Keras class; one that `passes` changes nothing in the test."""

    name: str
    kind: str
    settings: dict[str, object]
    weights: list[Numbers]
    passes: NotRequired[bool]


class NetworkDescription(TypedDict):
    """A network whose layers follow one another, for one image of shape `input`."""

    input: list[int]
    layers: list[LayerDescription]


class _Kind(NamedTuple):
    settings: tuple[str, ...] = ()  # what the page needs of a layer's config
    weights: tuple[str, ...] = ()  # attributes of the layer that hold arrays


KINDS = {
    "Activation": _Kind(("activation",)),
    "AveragePooling2D": _Kind(("pool_size", "strides", "padding")),
    "BatchNormalization": _Kind(("axis", "epsilon"), ("gamma", "beta", "moving_mean", "moving_variance")),
    "Conv2D": _Kind(
        ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "activation"), ("kernel", "bias")
    ),
    "Cropping2D": _Kind(("cropping",)),
    "Dense": _Kind(("units", "activation"), ("kernel", "bias")),
    "DepthwiseConv2D": _Kind(
        ("depth_multiplier", "kernel_size", "strides", "padding", "dilation_rate", "activation"), ("kernel", "bias")
    ),
    "ELU": _Kind(("alpha",)),
    "Flatten": _Kind(),
    "Flip": _Kind(("axis",)),  # keras.ops.flip, of which course/views.py makes mirror images
    "GlobalAveragePooling2D": _Kind(("keepdims",)),
    "GlobalMaxPooling2D": _Kind(("keepdims",)),
    "GroupNormalization": _Kind(("groups", "axis", "epsilon"), ("gamma", "beta")),
    "LayerNormalization": _Kind(("axis", "epsilon"), ("gamma", "beta")),
    "LeakyReLU": _Kind(("negative_slope",)),
    "MaxPooling2D": _Kind(("pool_size", "strides", "padding")),
    "Normalization": _Kind(("invert",), ("mean", "variance")),
    "PReLU": _Kind((), ("alpha",)),
    "Permute": _Kind(("dims",)),
    "ReLU": _Kind(("max_value", "negative_slope", "threshold")),
    "Rescaling": _Kind(("scale", "offset")),
    "Reshape": _Kind(("target_shape",)),
    "SeparableConv2D": _Kind(
        ("depth_multiplier", "filters", "kernel_size", "strides", "padding", "dilation_rate", "activation"),
        ("depthwise_kernel", "pointwise_kernel", "bias"),
    ),
    "Softmax": _Kind(("axis",)),
    "UpSampling2D": _Kind(("size",)),
    "ZeroPadding2D": _Kind(("padding",)),
}
# All of Keras' but glu and threshold, with which Keras builds no working layer, and sparsemax, whose sum differs there.
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu",
    "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
# Layers that work in training only; in the test they return what they are given.
PASSING = {
    "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "GaussianDropout", "GaussianNoise",
    "Identity", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom", "Solarization", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D",
}  # fmt: skip
BRANCHES = "its layers do not all follow one another: it has branches, or several inputs or outputs"

Shape = tuple[int, ...]  # of what a layer takes or returns for one image
Call = tuple[str, int]  # an operation of a functional network, and which of its calls


def description(model: keras.Model) -> NetworkDescription:
    """Returns what a page needs to compute with a trained network; it can be written as JSON.

    The answer's mean over several views of an image (course/views.py) is a last layer of kind "Views", whose setting
    `views` has for each view the layers that make it; the first view is the image itself. Such a network and all
    models inside a model are flattened; a separable convolution is described as the two that it consists of. In a
    template, `tojson` keeps names from becoming markup.

    Raises:
        NotAlive: the page cannot compute it.
    """
    inside, views = views_of(model) or (model, [])
    shape = _input_shape(model)
    if model.count_params() > MOST_WEIGHTS:
        raise NotAlive(f"its {model.count_params():,} weights are more than the {MOST_WEIGHTS:,} that a page can hold")
    layers: list[LayerDescription] = []
    products, output = 0, shape
    for operation in _chain(inside):
        described, after = _described(operation, output)
        layers += described
        for layer in described:  # every weight of a dense layer or convolution is used at every place of its output
            places = math.prod(after[:-1]) if layer["kind"].endswith(("Conv2D", "Dense")) else 1
            products += places * sum(math.prod(numbers["shape"]) for numbers in layer["weights"])
        output = after
    products *= max(len(views), 1)
    if products > MOST_PRODUCTS:
        raise NotAlive(f"an answer needs {products:,} multiplications, too many for a page ({MOST_PRODUCTS:,})")
    if views:
        settings: dict[str, object] = {"views": [_moves(view, shape) for view in views]}
        layers.append({"name": model.layers[-1].name, "kind": "Views", "settings": settings, "weights": []})
    return {"input": list(shape), "layers": layers}


def _input_shape(model: keras.Model) -> Shape:
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or not all(type(size) is int for size in shape[1:]):
        raise NotAlive("it does not take one image of one fixed size")
    return tuple(shape[1:])


class _Graph:
    """Which call of which operation a functional network feeds into which, as its config says."""

    def __init__(self, model: keras.Model) -> None:
        if not hasattr(model, "operations"):
            raise NotAlive(f"{type(model).__name__} is a class of your own, whose steps the page cannot see")
        self.operations: dict[str, keras.Operation] = {each.name: each for each in model.operations}
        config = model.get_config()
        self._calls = {
            (layer["name"], number): list(_tensors(call))
            for layer in config["layers"]
            for number, call in enumerate(layer["inbound_nodes"])
        }
        ends = keras.tree.flatten([config["input_layers"], config["output_layers"]])
        if len(ends) != 6:  # name, call and tensor of one input and of one output
            raise NotAlive(BRANCHES)
        self.output: Call = (ends[3], ends[4])

    def inputs(self, call: Call) -> list[Call]:
        """Returns whose outputs an operation takes in one call."""
        return self._calls.get(call, [])

    def chain(self, call: Call) -> list[keras.Operation]:
        """Returns the operations from the network's input to the output of `call`; raises NotAlive at a branch."""
        steps = []
        while not isinstance(operation := self.operations[call[0]], keras.layers.InputLayer):
            inputs = self.inputs(call)
            if len(inputs) != 1:
                raise NotAlive(BRANCHES)
            steps.append(operation)
            call = inputs[0]
        return steps[::-1]


def _tensors(config: object) -> Iterator[Call]:
    """Yields whose outputs the arguments of a call name."""
    if isinstance(config, dict):
        if config.get("class_name") == "__keras_tensor__":
            name, call, _ = config["config"]["keras_history"]
            yield name, call
        else:
            config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _tensors(part)


def _chain(model: keras.Model) -> list[keras.Operation]:
    """Returns the operations of a network in their order, those of the models inside it included."""
    if isinstance(model, keras.Sequential):
        steps = model.layers
    else:
        graph = _Graph(model)
        steps = graph.chain(graph.output)
    return [inner for step in steps for inner in (_chain(step) if isinstance(step, keras.Model) else [step])]


def views_of(model: keras.Model) -> tuple[keras.Model, list[list[keras.Operation]]] | None:
    """Returns the network whose answers to several views are averaged, and what makes each view, the image first."""
    if isinstance(model, keras.Sequential):
        return None
    graph = _Graph(model)
    if not isinstance(graph.operations[graph.output[0]], keras.layers.Average):
        return None
    answers = graph.inputs(graph.output)
    inside = graph.operations[answers[0][0]]
    if not isinstance(inside, keras.Model) or len({name for name, _ in answers}) != 1:
        return None
    views = sorted((graph.chain(view) for answer in answers for view in graph.inputs(answer)), key=len)
    if views[0] or len(views) != len(answers):
        raise NotAlive(BRANCHES)
    return inside, views


def _moves(view: list[keras.Operation], shape: Shape) -> list[LayerDescription]:
    """Returns the layers that make one view of an image; they may only move its values."""
    moves: list[LayerDescription] = []
    for operation in view:
        if type(operation).__name__ not in {"ZeroPadding2D", "Cropping2D", "Flip"}:
            raise NotAlive(BRANCHES)
        described, shape = _described(operation, shape)
        moves += described
    return moves


def _described(operation: keras.Operation, shape: Shape) -> tuple[list[LayerDescription], Shape]:
    """Returns the description of one layer or operation, and the shape of its output."""
    kind, name = type(operation).__name__, operation.name
    if type(operation).__module__.partition(".")[0] != "keras":
        raise NotAlive(f"its layer {name} is of a class of your own, {kind}")
    if kind in PASSING:
        return [{"name": name, "kind": kind, "settings": {}, "weights": [], "passes": True}], shape
    if kind not in KINDS:
        raise NotAlive(f"the page does not know its layer {name}, of class {kind}")
    config = operation.get_config()
    output = shape
    if isinstance(operation, keras.Layer):
        output = tuple(operation.compute_output_shape((None, *shape))[1:])
    settings = _settings(operation, config, shape, output)
    weights = [numbers for each in KINDS[kind].weights for numbers in _weights(operation, each, shape)]
    if kind == "SeparableConv2D":
        return _as_two(name, settings, weights), output
    return [{"name": name, "kind": kind, "settings": settings, "weights": weights}], output


def _settings(operation: keras.Operation, config: dict, shape: Shape, output: Shape) -> dict[str, object]:
    """Returns a layer's settings as the page takes them; an axis counts from 0, without that of the images."""
    kind, name = type(operation).__name__, operation.name
    settings = {each: config[each] for each in KINDS[kind].settings}
    if config.get("data_format") == "channels_first":
        raise NotAlive(f"its layer {name} has channels first; the page computes with channels last")
    if config.get("quantization_config") or getattr(operation, "quantization_mode", None):
        raise NotAlive(f"the weights of its layer {name} are quantised")
    if settings.get("activation", "linear") not in ACTIVATIONS:
        raise NotAlive(f"the page does not know the activation of its layer {name}")
    if config.get("interpolation", "nearest") != "nearest" or config.get("rms_scaling"):
        raise NotAlive(f"the page does not know a setting of its layer {name}, of class {kind}")
    if "axis" in settings:
        axes = keras.tree.flatten(settings["axis"])  # None among them if it is all axes, that of the images included
        axes = sorted(-1 if axis is None else axis % (len(shape) + 1) - 1 for axis in axes)
        following = list(range(axes[0], len(shape)))
        known = axes == following if kind in {"LayerNormalization", "GroupNormalization"} else len(axes) == 1
        if not known or axes[0] < 0:
            raise NotAlive(f"its layer {name} works along axes that the page does not know")
        settings |= {"axis": axes[0], "size": math.prod(shape[axes[0] :])}
    if kind == "Reshape":
        settings["target_shape"] = output
    if kind == "Rescaling":
        settings |= {each: np.asarray(getattr(operation, each)).tolist() for each in settings}
        if not all(isinstance(value, int | float) for value in settings.values()):
            raise NotAlive(f"its layer {name} has a scale for each channel")
    if not all(math.isfinite(value) for value in settings.values() if isinstance(value, float)):
        raise NotAlive(f"its layer {name} has a setting that is not a finite number")
    return settings


def _weights(operation: keras.Operation, name: str, shape: Shape) -> Iterator[Numbers]:
    """Yields one array of a layer, if the layer has it."""
    array = getattr(operation, name, None)
    if array is None:
        return
    values = np.asarray(keras.ops.convert_to_numpy(array), dtype="<f4")
    if not np.isfinite(values).all():
        raise NotAlive(f"weights of its layer {operation.name} are infinite or not numbers: its training diverged")
    if isinstance(operation, keras.layers.Normalization | keras.layers.PReLU):  # one for each value: nothing to align
        values = np.broadcast_to(values, (1, *shape))[0]
    yield {"name": name, "shape": list(values.shape), "data": base64.b64encode(values.tobytes()).decode("ascii")}


def _as_two(name: str, settings: dict[str, object], weights: list[Numbers]) -> list[LayerDescription]:
    """Returns a separable convolution as one of each channel, and one that mixes the channels."""
    depthwise, pointwise, *bias = weights
    first = settings | {"activation": "linear"}
    del first["filters"]
    second = {each: settings[each] for each in ("filters", "activation")}
    second |= {"kernel_size": (1, 1), "strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1), "groups": 1}
    return [
        {"name": name, "kind": "DepthwiseConv2D", "settings": first, "weights": [depthwise | {"name": "kernel"}]},
        {"name": name, "kind": "Conv2D", "settings": second, "weights": [pointwise | {"name": "kernel"}, *bias]},
    ]
