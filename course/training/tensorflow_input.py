"""How TensorFlow gets its batches: without the thread that tunes this, for which the end of an epoch would wait."""

import functools


@functools.cache
def feed_without_tuning() -> None:
    """Makes Keras feed TensorFlow without tuning from now on, which changes no number.

    The tuning thread sleeps for 10, 20, 40 milliseconds and so on, and often sleeps through being told to end: the
    epoch after it begins when it wakes up. Epochs of 26 seconds took 40 (TensorFlow 2.21; docs/engineering/speed.md).
    """
    import tensorflow as tf  # late, like Keras

    class Untuned(tf.data.Options):
        def __init__(self) -> None:
            super().__init__()
            self.autotune.enabled = False

    tf.data.Options = Untuned  # Keras makes its own, and has no argument for it
