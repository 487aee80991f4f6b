"""Waiting less for TensorFlow: one trace of the training step, with the same numbers."""

import keras
import numpy as np
import pytest

from course.training.tensorflow_waits import build_ahead

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="is about TensorFlow")
IMAGES = np.random.default_rng(1).random((32, 4, 4, 1), dtype="float32")
TARGETS = np.eye(3, dtype="float32")[np.arange(32) % 3]


class Traced(keras.Sequential):
    """Counts how often TensorFlow traces its training step."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


def network() -> Traced:
    keras.utils.set_random_seed(1)
    layers = keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(3)
    model = Traced(layers)
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy", "auc"])
    return model


def test_a_step_is_traced_once_and_learns_the_same():
    usual, ahead = network(), network()
    build_ahead(ahead, IMAGES, TARGETS)
    keras.utils.set_random_seed(2)
    expected = usual.fit(IMAGES, TARGETS, batch_size=8, epochs=2, verbose=0).history
    keras.utils.set_random_seed(2)
    assert ahead.fit(IMAGES, TARGETS, batch_size=8, epochs=2, verbose=0).history == expected
    for one, other in zip(usual.get_weights(), ahead.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (usual.traces, ahead.traces) == (2, 1)


@pytest.mark.parametrize(
    ("x", "y"), [(IMAGES, TARGETS[:, :2]), (IMAGES.reshape(32, 16), TARGETS), (None, None), (IMAGES[:0], TARGETS[:0])]
)
def test_what_cannot_be_built_ahead_is_left_to_fit(x, y):
    model = network()
    build_ahead(model, x, y)
    model.fit(IMAGES, TARGETS, batch_size=8, verbose=0)
