"""Validation losses, compared from epoch to epoch as long as network and images are the same."""

import keras
import numpy as np
import pytest

from course.runs.checkpoint import Checkpoint, EndedFit, RandomStates
from course.runs.verdict import judge, read_changes
from course.training.given import HeldOut
from course.training.validation import ValidationLosses
from tests.tiny_runs import LOSS, X, Y, network

FIRST, SECOND = (X[:16], Y[:16]), (X[16:32], 1 - Y[16:32])


def test_the_images_of_the_last_fit_count():
    held_out = HeldOut()
    held_out.note({"x": X, "y": Y, "validation_data": FIRST})
    assert held_out() is not None
    held_out.note({"x": X, "y": Y})  # which may now train on them
    assert held_out() is None


def test_other_networks_and_other_images_are_not_compared(tmp_path):
    held_out = HeldOut()
    losses = ValidationLosses(tmp_path, held_out)

    def begun(model: keras.Model, validation: tuple[np.ndarray, np.ndarray]) -> tuple[int, bool]:
        held_out.note({"x": X, "y": Y, "validation_data": validation})
        model.fit(X, Y, epochs=2, verbose=0, validation_data=validation, callbacks=[losses])
        changes = read_changes(tmp_path)
        assert changes is not None
        return changes.begun, changes.best is not None

    first = network()
    assert begun(first, FIRST) == (1, True)
    assert begun(first, FIRST) == (1, True)  # trained further
    again = keras.models.clone_model(first)
    again.compile("adam", LOSS, metrics=["accuracy"], run_eagerly=True)
    assert again.name == first.name  # as after keras.utils.clear_session
    assert begun(again, FIRST) == (5, True)
    assert begun(again, SECOND) == (7, True)


def test_a_fit_that_diverged_is_read_again():
    states = RandomStates(python=[], numpy=[])
    ended = EndedFit(network=0, history={"loss": [1.0, float("nan"), float("inf")]}, epochs=[0, 1, 2], random=states)
    kept = Checkpoint(
        program="cnn.py", conditions={}, environment={}, defaults={}, config={}, tracking="1", fits=[ended]
    )
    (found,) = Checkpoint.model_validate_json(kept.model_dump_json()).fits
    np.testing.assert_array_equal(found.history["loss"], ended.history["loss"])


def test_logits_are_compared_as_the_probabilities_that_they_stand_for(tmp_path):
    held_out = HeldOut()
    held_out.note({"x": X, "y": Y, "validation_data": FIRST})
    losses = ValidationLosses(tmp_path, held_out)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found = model.fit(X, Y, epochs=2, verbose=0, validation_data=FIRST, callbacks=[losses]).history["val_loss"]
    changes = read_changes(tmp_path)
    assert changes.previous.loss == pytest.approx(found[1] - found[0], abs=1e-5)
    assert changes.comparable


def test_of_losses_that_cannot_be_compared_nothing_is_concluded(tmp_path):
    losses = ValidationLosses(tmp_path, HeldOut())  # as if they came from a generator
    model = network()
    model.fit(X, Y, epochs=2, verbose=0, validation_data=FIRST, callbacks=[losses])
    history = [{"epoch": 1, "loss": 0.9, "val_loss": 0.1}, {"epoch": 2, "loss": 0.1, "val_loss": 9.0}]
    verdict = judge(history, read_changes(tmp_path))
    assert verdict.kind == "cannot tell"
    assert "could not be compared image by image" in verdict.sentences
