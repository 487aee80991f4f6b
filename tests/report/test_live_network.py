"""Whole networks computed by a page's JavaScript in a real browser, against Keras, and their values opened."""

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
from course.data import load_test_images
from course.muon import Muon
from course.report.preparation import Preparation
from course.runs.record import read_predictions
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
RUNS = {  # a command, and on how many test images it must answer as Keras did
    "mlp.py": 10_000,
    "cnn.py": 10_000,
    "cnn.py --more_conv_layers 64 64": 10_000,
    "fast.py": 10_000,
    "best.py": 500,
    "best.py --data fashion_mnist --flip --rotation 0 --views_shift 1": 500,
    "fashion.py": 500,
    **{f"-m solutions.level_{level}": 500 for level in range(1, 7)},
}


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


@pytest.mark.parametrize("command", RUNS)
def test_a_page_answers_all_test_images_as_keras_did(command, page, new_checkout, thorough, tried):
    if not thorough:
        pytest.skip("each trains: with --thorough")
    count = RUNS[command]
    checkout = new_checkout()
    trained = checkout.run(*command.split(), "--limit", "2000", "--epochs", "1")
    assert trained.returncode == 0, trained.stderr
    (folder,) = (checkout.folder / "runs").glob("*/latest")
    model = keras.models.load_model(folder / "model.keras", custom_objects={"Muon": Muon}, compile=False)
    predictions = read_predictions(folder / "predictions.npz")
    data = "fashion_mnist" if "fashion" in command or "solutions" in command else "mnist"
    images, _ = load_test_images(data, (28, 28), count)
    prepared = Preparation.derived(images, predictions.example).apply(images)
    assert live_page.read(page, model)
    expected, answers = predictions.outputs[:count], live_page.answers(page, prepared)
    largest = np.abs(answers - expected).max()
    print(f"{command}: {count:,} images, largest difference {largest:.1e}")
    tolerance = 1e-4 if predictions.are_probabilities else 1e-4 * np.abs(expected).max()
    assert largest <= tolerance
    assert np.array_equal(answers.argmax(axis=1), expected.argmax(axis=1))
    tried("test images that a page answers as Keras did", Counter({"the same class": count}))


def test_a_network_with_markup_in_its_names_is_read(page):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a<b>&amp;'\"")])
    assert live_page.read(page, model)
    assert live_page.outputs(page, np.ones((1, 2)))[0][1].name == "a<b>&amp;'\""
