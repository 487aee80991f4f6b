"""Muon for networks of convolutions, whose kernels Keras' own Muon leaves to Adam."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("course")
class Muon(keras.optimizers.Muon):
    """Takes the kernels of a convolution, (height, width, channels, kernels), as a matrix with a column for each.

    Muon makes each correction of a matrix equally large in all directions, so that rare ones are learnt as fast as
    frequent ones. Everything that is no convolution (biases, normalisation, the last layer) is left to Adam, with the
    same learning rate. Source: Jordan and others 2024, https://kellerjordan.github.io/posts/muon/; the size of a
    correction is that of Liu and others 2025, https://arxiv.org/abs/2502.16982.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(x: Any) -> Any:
    return ops.reshape(x, (-1, x.shape[-1]))
