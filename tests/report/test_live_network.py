"""Networks computed by a page's JavaScript in a real browser, against Keras."""

import keras
import live_page
import numpy as np
import pytest

import best
import cnn
import fast
import mlp
from course.views import average_views

pytestmark = pytest.mark.slow
NETWORKS = {
    "mlp": lambda: mlp.build_model(mlp.Config(), 10),
    "cnn": lambda: cnn.build_model(cnn.Config(), 10),
    "cnn 64 64": lambda: cnn.build_model(cnn.Config(more_conv_layers=(64, 64)), 10),
    "fast": lambda: fast.build_model(fast.Config(), 10),
    "best": lambda: best.build_model(best.Config(), 10),
}


@pytest.fixture(scope="module")
def page(browser):
    page = live_page.open_page(browser)
    yield page
    page.close()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_page_answers_as_keras_does(name, page):
    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    assert live_page.read(page, model)
    images = np.random.default_rng(1).random((20, *model.input_shape[1:]), dtype=np.float32)
    assert np.abs(live_page.answers(page, images) - model.predict(images, verbose=0)).max() < 1e-4


def test_a_page_averages_several_views(page):
    keras.utils.set_random_seed(1)
    model = best.build_model(best.Config(), 10)
    model.compile("sgd", "categorical_crossentropy")
    averaged = average_views(model, shift=2, mirror=True)
    assert live_page.read(page, averaged)
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28, 1)).astype(np.float32)
    assert np.abs(live_page.answers(page, images) - averaged.predict(images, verbose=0)).max() < 1e-4
