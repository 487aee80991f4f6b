"""Batches are handed over several at a time only where nothing is to be done between them."""

import keras
import pytest

from course.training.fit_defaults import BATCHES_AT_A_TIME, fit_defaults
from tests.tiny_runs import X, Y, network

pytestmark = pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch takes batches one by one")


class Count(keras.callbacks.Callback):
    """Counts how often it is called."""

    calls = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.calls += 1


def steps(callback: keras.callbacks.Callback | None, **options: object) -> int:
    with fit_defaults(lambda callbacks: callbacks or [], lambda given: None):
        model = network(run_eagerly=False, **options)
        model.fit(X, Y, batch_size=4, epochs=1, verbose=0)
        model.fit(X, Y, batch_size=4, epochs=1, verbose=0, callbacks=[callback] if callback else [])
    return model.steps_per_execution


def test_a_callback_that_acts_on_each_batch_is_called_for_each():
    count = Count()
    assert steps(count) == 1
    assert count.calls == 16
    called = []
    assert steps(keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: called.append(batch))) == 1
    assert called == list(range(16))


def test_else_several_batches_are_handed_over_or_as_many_as_the_script_says():
    assert steps(None) == BATCHES_AT_A_TIME
    assert steps(keras.callbacks.EarlyStopping("loss")) == BATCHES_AT_A_TIME
    assert steps(Count(), steps_per_execution=8) == 8


def test_a_number_of_batches_is_exactly_that_number():
    def batches():
        while True:
            yield X[:8], Y[:8]

    with fit_defaults(lambda callbacks: callbacks or [], lambda given: None):
        model = network(run_eagerly=False)
        model.fit(batches(), steps_per_epoch=5, epochs=2, verbose=0, shuffle=False)
    assert int(model.optimizer.iterations) == 10
