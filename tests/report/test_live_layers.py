"""Each layer that a page can compute, with random settings and weights, against Keras."""

from collections import Counter

import hypothesis.strategies as st
import keras
import live_arithmetic
import live_page
import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from keras import layers

from course.report import alive

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:(?s).*softmax over axis:UserWarning"),  # of one value: it is 1, also in the page
]
small, sides = st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(["valid", "same"])
activations = st.sampled_from(sorted({*alive.ACTIVATIONS} - {"exponential"}))  # of large values it is infinite
fractions = st.floats(0.125, 2, width=32)
ends = st.tuples(st.integers(0, 2), st.integers(0, 2))
strides_or_dilations = st.one_of(
    st.fixed_dictionaries({"strides": st.integers(1, 3).map(lambda side: (side, side))}),
    st.fixed_dictionaries({"dilation_rate": sides}),
)


def windows(**more):
    """Returns a strategy for the settings of a layer whose kernel moves over an image."""
    own = st.fixed_dictionaries({"kernel_size": sides, "padding": paddings, "activation": activations, **more})
    return st.tuples(own, strides_or_dilations, st.booleans()).map(
        lambda parts: parts[0] | parts[1] | {"use_bias": parts[2]}
    )


pools = st.fixed_dictionaries({"pool_size": sides, "strides": st.none() | sides, "padding": paddings})
KINDS = {
    "Activation": st.fixed_dictionaries({"activation": activations}),
    "AveragePooling2D": pools,
    "BatchNormalization": st.fixed_dictionaries(
        {"axis": st.sampled_from([-1, 1, 2, 3]), "epsilon": fractions, "center": st.booleans(), "scale": st.booleans()}
    ),
    "Conv2D": windows(filters=st.sampled_from([1, 2, 6, 12]), groups=st.sampled_from([1, 1, 2, 3])),
    "Cropping2D": st.fixed_dictionaries({"cropping": st.tuples(ends, ends)}),
    "Dense": st.fixed_dictionaries({"units": st.integers(1, 9), "activation": activations, "use_bias": st.booleans()}),
    "DepthwiseConv2D": windows(depth_multiplier=small),
    "ELU": st.fixed_dictionaries({"alpha": fractions}),
    "Flatten": st.just({}),
    "GlobalAveragePooling2D": st.fixed_dictionaries({"keepdims": st.booleans()}),
    "GlobalMaxPooling2D": st.fixed_dictionaries({"keepdims": st.booleans()}),
    "GroupNormalization": st.fixed_dictionaries({"groups": st.sampled_from([1, 2, 3, -1]), "epsilon": fractions}),
    "LayerNormalization": st.fixed_dictionaries(
        {"axis": st.sampled_from([-1, 3, [2, 3], [1, 2, 3]]), "center": st.booleans(), "scale": st.booleans()}
    ),
    "LeakyReLU": st.fixed_dictionaries({"negative_slope": fractions}),
    "MaxPooling2D": pools,
    "Normalization": st.fixed_dictionaries(
        {
            "axis": st.sampled_from([-1, None, (1, 2, 3)]),
            "mean": fractions,
            "variance": fractions,
            "invert": st.booleans(),
        }
    ),
    "PReLU": st.fixed_dictionaries({"shared_axes": st.sampled_from([None, [1, 2], [3]])}),
    "Permute": st.fixed_dictionaries({"dims": st.permutations([1, 2, 3])}),
    "ReLU": st.fixed_dictionaries(
        {
            "max_value": st.none() | fractions,
            "negative_slope": st.just(0) | fractions,
            "threshold": st.just(0) | fractions,
        }
    ),
    "Rescaling": st.fixed_dictionaries({"scale": st.floats(-2, 2, width=32), "offset": st.floats(-2, 2, width=32)}),
    "Reshape": st.fixed_dictionaries({"target_shape": st.sampled_from([(-1,), (-1, 1), (1, -1, 1), (1, 1, -1)])}),
    "SeparableConv2D": windows(filters=st.integers(1, 5), depth_multiplier=small),
    "Softmax": st.fixed_dictionaries({"axis": st.sampled_from([-1, 1, 2, 3])}),
    "UpSampling2D": st.fixed_dictionaries({"size": sides}),
    "ZeroPadding2D": st.fixed_dictionaries({"padding": st.tuples(ends, ends)}),
}  # fmt: skip
shapes = st.tuples(st.integers(1, 8), st.integers(1, 8), st.sampled_from([1, 2, 3, 6]))


@pytest.fixture(scope="module")
def page(browser):
    page = live_page.open_page(browser)
    yield page
    page.close()


def built(kind, options, shape, random):
    """Returns a network of one layer, with random weights."""
    if kind == "Normalization":  # one for each channel, for all, or for each value
        size = {-1: shape[-1:], None: ()}.get(options["axis"], shape)
        options |= {name: random.uniform(0.1, options[name] + 0.1, size) for name in ("mean", "variance")}
    model = keras.Sequential([keras.Input(shape), getattr(layers, kind)(**options)])
    weights = [random.uniform(0.1, 1, each.shape) if "variance" in each.path else random.normal(size=each.shape)
               for each in model.weights]  # fmt: skip
    model.set_weights(weights)
    return model


def test_every_layer_that_can_be_described_is_tried():
    assert {*KINDS, "Flip"} == {*alive.KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_computes_as_keras_does(kind, page, thorough, tried):
    outcomes = Counter()

    @settings(max_examples=40 if thorough else 4, derandomize=not thorough, suppress_health_check=list(HealthCheck))
    @given(KINDS[kind], shapes, st.integers(0, 2**32 - 1))
    def check(options, shape, seed):
        random = np.random.default_rng(seed)
        try:
            model = built(kind, dict(options), shape, random)
        except ValueError:  # Keras refuses it: a kernel larger than the image, groups that do not divide the channels
            reject()
        image = random.normal(size=(1, *shape)).astype(np.float32) * random.choice([1, 5])
        expected = keras.ops.convert_to_numpy(model(image, training=False))[0]
        assert live_page.read(page, model)
        places = random.integers(expected.size, size=3 if expected.size else 0).tolist()
        last = 2 if kind == "SeparableConv2D" else 1  # it is described as two
        outputs, arithmetic = live_page.outputs(page, image, [(last, place) for place in places])
        assert outputs[last].values.shape == expected.shape
        np.testing.assert_allclose(outputs[last].values, expected, rtol=1e-4, atol=1e-4)
        for place, opened in zip(places, arithmetic, strict=True):
            live_arithmetic.check(opened, float(expected.ravel()[place]), outputs[last - 1].values)
        outcomes["as Keras"] += 1

    check()
    tried("a layer with random settings and weights, in a page", outcomes)


@pytest.mark.parametrize("name", alive.ACTIVATIONS)
def test_every_activation_is_keras_own(name, page):
    model = keras.Sequential([keras.Input((9, 9)), layers.Activation(name)])
    values = np.linspace(-9, 9, 81, dtype=np.float32).reshape(1, 9, 9)
    assert live_page.read(page, model)
    np.testing.assert_allclose(live_page.answers(page, values), model(values).numpy().reshape(1, -1), 1e-5, 1e-5)
