"""Averaging over views: the mean of what the network says to each, computed here by hand."""

import keras
import numpy as np
import pytest

from course.views import average_views


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((6, 5, 2)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    )
    model.compile(loss="categorical_crossentropy")
    return model


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_the_answer_is_the_mean_over_the_views(model, shift, mirror):
    images = np.random.default_rng(1).random((3, 6, 5, 2), dtype="float32")
    views = [images]
    if shift:
        views += [np.zeros_like(images) for _ in range(4)]
        views[1][:, shift:] = images[:, :-shift]
        views[2][:, :-shift] = images[:, shift:]
        views[3][:, :, shift:] = images[:, :, :-shift]
        views[4][:, :, :-shift] = images[:, :, shift:]
    if mirror:
        views += [view[:, :, ::-1] for view in views]
    expected = np.mean([model.predict(view, verbose=0) for view in views], axis=0)
    assert average_views(model, shift, mirror).predict(images, verbose=0) == pytest.approx(expected, abs=1e-6)


def test_with_one_view_the_network_stays_as_it_is(model):
    assert average_views(model) is model


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("views", [{"shift": 1}, {"mirror": True}])
def test_the_averaging_network_is_tested_and_kept_like_any_other(model, tmp_path, views):
    images, targets = np.ones((4, 6, 5, 2), dtype="float32"), np.eye(10)[:4]
    model.fit(images, targets, verbose=0)
    averaged = average_views(model, **views)
    averaged.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert again.evaluate(images, targets, verbose=0) == pytest.approx(averaged.evaluate(images, targets, verbose=0))
    assert averaged.count_params() == model.count_params()
