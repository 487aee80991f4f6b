"""What makes a run wait less for TensorFlow, and changes no number."""

from __future__ import annotations

import contextlib
import functools

import keras
import numpy as np


@functools.cache
def feed_without_tuning() -> None:
    """Makes Keras feed TensorFlow without tuning from now on.

    The tuning thread sleeps for 10, 20, 40 milliseconds and so on, and often sleeps through being told to end: the
    epoch after it begins when it wakes up. Epochs of 26 seconds took 40 (TensorFlow 2.21; docs/engineering/speed.md).
    """
    import tensorflow as tf  # late, like Keras

    class Untuned(tf.data.Options):
        def __init__(self) -> None:
            super().__init__()
            self.autotune.enabled = False

    tf.data.Options = Untuned  # Keras makes its own, and has no argument for it


def build_ahead(model: keras.Model, x: object, y: object) -> None:
    """Builds the metrics and the optimizer of a model that is about to be fitted to arrays; nothing if it cannot.

    On its other backends Keras does so itself. Without it, TensorFlow traces the training step once to find their
    variables, and once more to run it (TensorFlow 2.21; docs/engineering/speed.md).
    """
    if keras.backend.backend() != "tensorflow" or not model.built:
        return
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        with contextlib.suppress(Exception):  # what is wrong with a network or its data, `fit` says itself
            model._symbolic_build(data_batch=(x[:2], y[:2]))
