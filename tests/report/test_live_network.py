"""Whole networks computed by a page's JavaScript in a real browser, against Keras, and their values opened."""

import importlib
import inspect
from collections import Counter

import keras
import live_arithmetic
import live_page
import numpy as np
import pytest

import best
import cnn
import fast
import mlp
from course.data import load_data_set, load_test_images
from course.views import average_views

pytestmark = pytest.mark.slow


def several_views():
    model = best.build_model(best.Config(first_layer_convs=8, second_layer_convs=8, third_layer_convs=8), 10)
    model.compile("sgd", "categorical_crossentropy")
    return average_views(model, shift=2, mirror=True)


def built(name):
    """Returns a lesson's network with random weights, and an image (1, ...) for it."""
    keras.utils.set_random_seed(1)
    build, brightest = NETWORKS[name]
    model, random = build(), np.random.default_rng(1)
    for weights in model.weights:
        if weights.path.endswith(("gamma", "beta", "moving_mean", "moving_variance")):
            weights.assign(random.uniform(0.5, 1.5, weights.shape))
    return model, random.uniform(0, brightest, (1, *model.input_shape[1:])).astype(np.float32)


NETWORKS = {  # and the largest value of a pixel
    "mlp": (lambda: mlp.build_model(mlp.Config(), 10), 1),
    "cnn": (lambda: cnn.build_model(cnn.Config(), 10), 1),
    "cnn 64 64": (lambda: cnn.build_model(cnn.Config(more_conv_layers=(64, 64)), 10), 1),
    "fast": (lambda: fast.build_model(fast.Config(), 10), 255),
    "views": (several_views, 255),
}
TRAINED = {  # a script, values of its config, and on how many test images the page must answer as Keras does
    "mlp": ("mlp", {}, 10_000),
    "cnn": ("cnn", {}, 10_000),
    "cnn 64 64": ("cnn", {"more_conv_layers": (64, 64)}, 10_000),
    "fast": ("fast", {}, 10_000),
    "best": ("best", {}, 500),
    "best on clothes": ("best", {"data": "fashion_mnist", "flip": True, "rotation": 0, "views_shift": 1}, 500),
    "fashion": ("fashion", {}, 500),
    **{f"level {level}": (f"solutions.level_{level}", {}, 500) for level in range(1, 7)},
}


def trained(script, values):
    """Returns a network after one epoch of 2,000 images, and what prepares images for it, as its script does."""
    keras.utils.set_random_seed(1)
    lesson = importlib.import_module(script)
    config = lesson.Config(**values)
    needed = len(inspect.signature(lesson.prepare).parameters) if hasattr(lesson, "prepare") else 0

    def prepare(images):
        return lesson.prepare(*(images, config)[:needed]) if needed else images[..., None]

    (images, labels), _ = load_data_set(config.data)
    model = lesson.build_model(config, 10)
    model.compile(
        "adam", "mean_squared_error" if script in {"fashion", "solutions.level_1"} else "categorical_crossentropy"
    )
    model.fit(prepare(images[:2000]), keras.utils.to_categorical(labels[:2000]), batch_size=100, verbose=0)
    shift, mirror = getattr(config, "views_shift", 0), script == "solutions.level_6"
    return average_views(model, shift, mirror), prepare, config.data


@pytest.fixture(scope="module")
def page(browser):
    page = live_page.open_page(browser)
    yield page
    page.close()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_page_computes_every_layer_and_its_arithmetic_as_keras_does(page, name):
    model, image = built(name)
    inside = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
    every = keras.Model(inside.inputs, [layer.output for layer in inside.layers])([image], training=False)
    expected = [image[0], *(keras.ops.convert_to_numpy(output)[0] for output in every)]
    if inside is not model:
        expected.append(model.predict(image, verbose=0)[0])
    random = np.random.default_rng(2)
    entries = random.integers(len(expected), size=50).tolist()  # with five networks more than 200
    places = [(entry, int(random.integers(expected[entry].size))) for entry in entries]
    assert live_page.read(page, model)
    outputs, arithmetic = live_page.outputs(page, image, places)
    for output, values in zip(outputs, expected, strict=True):
        assert output.values.shape == values.shape, output.name
        np.testing.assert_allclose(output.values, values, rtol=1e-4, atol=1e-4, err_msg=output.name)
    np.testing.assert_allclose(live_page.answers(page, image), expected[-1:], atol=1e-6)
    for (entry, place), opened in zip(places, arithmetic, strict=True):
        assert (opened["entry"], opened["index"]) == (entry, place)
        live_arithmetic.check(opened, float(expected[entry].ravel()[place]), outputs[max(entry - 1, 0)].values)


def test_what_each_value_weighs_in_a_unit_is_shaped_like_the_maps_before_it(page):
    model, image = built("cnn")
    assert live_page.read(page, model)
    outputs, _ = live_page.outputs(page, image)
    (entry, last) = [number for number, output in enumerate(outputs) if output.kind == "Dense"]
    weighs = page.evaluate("place => network.weighs(outputs, ...place)", [entry, 7])
    assert weighs["shape"] == [13, 13, 32]
    products = np.reshape(weighs["values"], (13, 13, 32))
    kernel = keras.ops.convert_to_numpy(model.layers[4].kernel)[:, 7].reshape(13, 13, 32)
    np.testing.assert_allclose(products, outputs[2].values * kernel, rtol=1e-6)
    assert page.evaluate("entry => network.weighs(outputs, entry, 0).shape", last) == [100]
    assert page.evaluate("network.weighs(outputs, 1, 0)") is None
    live_page.read(page, built("mlp")[0])
    assert page.evaluate("network.weighs(network.run([]), 2, 0).shape") == [28, 28]


ODD_IMAGES = ("undefined", "null", "[]", "[NaN]", "new Float32Array(9999)", "'pixels'", "{}", "7")


@pytest.mark.parametrize("name", ["cnn", "fast", "views"])
def test_odd_images_give_numbers_and_no_exception(page, name):
    live_page.read(page, built(name)[0])
    lengths = page.evaluate(
        f"[{','.join(ODD_IMAGES)}].map(odd => [network.answer(odd).length, network.run(odd).length])"
    )
    assert lengths == [[10, page.evaluate("network.layers.length") + 1]] * len(ODD_IMAGES)


def test_a_value_that_is_not_there_has_no_arithmetic(page):
    live_page.read(page, built("fast")[0])
    places = "[[0, -1], [0, 784000], [1, 0.5], [99, 0], [-1, 0], [1, NaN], [undefined, 1], [1, '2'], [], [null, null]]"
    page.evaluate("window.outputs = network.run([])")
    for asked in ("network.arithmetic(outputs", "network.weighs(outputs", "network.arithmetic(undefined"):
        assert set(page.evaluate(f"{places}.map(place => {asked}, ...place))")) == {None}


@pytest.mark.parametrize(
    "layer",
    [
        {"kind": "Unknown"},
        {"kind": "constructor"},
        {"kind": "Conv2D", "settings": {"filters": 2, "kernel_size": [9, 9], "padding": "valid", "strides": [1, 1]}},
        {"kind": "MaxPooling2D", "settings": {"pool_size": [0, 0], "padding": "same"}},
        {"kind": "Cropping2D", "settings": {"cropping": [[3, 3], [3, 3]]}},
    ],
)
def test_odd_settings_give_no_network_or_an_empty_one(page, layer):
    kernel = {"name": "kernel", "shape": [9, 9, 1, 2], "data": [0.5] * 162}
    layer = {"name": "odd", "settings": {}, "weights": [kernel]} | layer
    answers = "description => { const network = Live.read(description); return network && [...network.answer([1])]; }"
    assert page.evaluate(answers, {"input": [4, 4, 1], "layers": [layer]}) in (None, [])


def test_one_answer_takes_few_milliseconds(page, thorough):
    if not thorough:
        pytest.skip("other tests would disturb it: with --thorough")
    live_page.read(page, built("cnn")[0])
    median = page.evaluate(
        """() => {
            const pixels = Float32Array.from({length: 784}, (_, i) => (i * 37 % 101) / 101);
            const times = Array.from({length: 100}, () => {
                const start = performance.now();
                network.answer(pixels);
                return performance.now() - start;
            });
            return times.sort((a, b) => a - b)[50];
        }"""
    )
    print(f"cnn.py: {median:.1f} ms")
    assert median < 10


@pytest.mark.parametrize("name", TRAINED)
def test_a_page_answers_test_images_as_keras_does(name, page, thorough, tried):
    if not thorough and name != "fast":
        pytest.skip("each trains: with --thorough")
    script, values, count = TRAINED[name]
    count = count if thorough else 500
    model, prepare, data = trained(script, values)
    images = prepare(load_test_images(data, (28, 28), count)[0])
    assert live_page.read(page, model)
    expected, answers = model.predict(images, verbose=0), live_page.answers(page, images)
    largest = np.abs(answers - expected).max()
    accuracy = (answers.argmax(axis=1) == load_test_images(data, (28, 28), count)[1]).mean()
    print(f"{name}: {count:,} images, {accuracy:.1%} right, largest difference {largest:.1e}")
    assert largest <= 1e-4 * max(1, np.abs(expected).max())  # probabilities, but in the challenge's first levels
    assert np.array_equal(answers.argmax(axis=1), expected.argmax(axis=1))
    tried("test images that a page answers as Keras does", Counter({"the same class": count}))


def test_a_network_with_markup_in_its_names_is_read(page):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a<b>&amp;'\"")])
    assert live_page.read(page, model)
    assert live_page.outputs(page, np.ones((1, 2)))[0][1].name == "a<b>&amp;'\""
