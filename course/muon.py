"""Muon for networks of convolutions, whose kernels Keras' own Muon leaves to Adam."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("course")
class Muon(keras.optimizers.Muon):
    """Treats the kernels of a convolution, (height, width, channels, kernels), as a matrix with one column per kernel.

    Muon makes each update of a matrix equally large in all directions, so that rare ones are learnt as fast as frequent
    ones. Everything else (biases, normalisation, dense layers) is left to Adam, with the same learning rate. Source:
    Jordan and others 2024, https://kellerjordan.github.io/posts/muon/; the size of an update is that of Liu and others
    2025, https://arxiv.org/abs/2502.16982.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(x: keras.KerasTensor) -> keras.KerasTensor:
    return ops.reshape(x, (-1, x.shape[-1]))
