"""Test images are seen in whatever way a network is given them, where that can be seen."""

import keras
import numpy as np
import pytest

from course.challenge.uses import LOOP, Uses

TEST = np.ones((40, 2), "float32")
TEST[:, 1] = np.arange(40)
TRAINING = np.zeros((40, 2), "float32")
LABELS = np.zeros(40)


@pytest.fixture
def model() -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def found(*actions) -> set[tuple[str, str, int]]:
    """Returns what is noted while these are done."""
    uses = Uses(lambda images: {int(image[1]) for image in images if image[0] == 1}, lambda: None)
    with uses.watched():
        for action in actions:
            action(uses)
    return {(use.method, use.purpose, use.test_images) for use in uses.found}


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback):
    """Trains as an attempt does, whose `fit` is watched."""

    def action(uses: Uses) -> None:
        with uses.during_fit():
            model.fit(TRAINING, LABELS, validation_data=(TEST, LABELS), callbacks=callbacks, verbose=0)

    return action


def own_loop(model: keras.Model, images: np.ndarray) -> None:
    tf = pytest.importorskip("tensorflow", reason="this loop is one of TensorFlow")

    for first in range(0, len(images), 10):
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(model(images[first : first + 10], training=True) ** 2)
        model.optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )


def test_what_is_trained_on(model):
    assert found(lambda uses: model.train_on_batch(TRAINING, LABELS)) == set()
    assert found(
        lambda uses: model.train_on_batch(TEST[:10], LABELS[:10]), lambda uses: model.train_on_batch(TEST, LABELS)
    ) == {("train_on_batch", "training", 40)}
    assert found(lambda uses: own_loop(model, TRAINING)) == set()
    assert found(lambda uses: own_loop(model, TEST)) == {(LOOP, "training", 40)}


@pytest.mark.parametrize("look", ["evaluate", "predict", "test_on_batch", "predict_on_batch"])
def test_what_is_looked_at_before_training_ends(model, look):
    def action(uses: Uses | None = None) -> None:
        method = getattr(model, look)
        method(TEST) if "predict" in look else method(TEST, LABELS)

    assert found(fit(model), action) == set()  # that is what they are for
    assert found(action, fit(model)) == {(look, "before training", 40)}
    assert found(action, lambda uses: model.train_on_batch(TRAINING, LABELS)) == {(look, "before training", 40)}
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: action())
    assert found(fit(model, callback)) == {(look, "during fit", 40)}


def test_a_call_of_the_network_is_a_look_unless_an_update_follows(model):
    assert found(fit(model), lambda uses: model(TEST), lambda uses: model(TEST, training=True)) == set()
    assert found(lambda uses: model(TEST), lambda uses: own_loop(model, TRAINING)) == {(LOOP, "before training", 40)}


def test_afterwards_keras_is_as_it_was(model):
    before = {name: getattr(keras.Model, name) for name in ("__call__", "evaluate", "predict", "train_on_batch")}
    own = {*vars(keras.Model)}
    found(fit(model))
    assert {name: getattr(keras.Model, name) for name in before} == before
    assert {*vars(keras.Model)} == own


def test_what_cannot_be_seen_changes_nothing(model):
    tf = pytest.importorskip("tensorflow", reason="this function is one of TensorFlow")

    @tf.function
    def compiled(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=True)

    assert found(lambda uses: compiled(tf.constant(TEST)), lambda uses: own_loop(model, TRAINING)) == set()
    assert found(lambda uses: model.predict(tf.data.Dataset.from_tensors(TEST), verbose=0), fit(model)) == set()
