"""Muon for convolutions: what it does to a kernel, and that everything else is Adam's."""

import keras
import numpy as np
import pytest

from course.muon import Muon

generator = np.random.default_rng(1)


def correction(optimizer: keras.optimizers.Optimizer, gradient: np.ndarray) -> np.ndarray:
    """Returns what one step takes from a variable of zeros."""
    variable = keras.Variable(np.zeros_like(gradient))
    optimizer.build([variable])
    optimizer.apply_gradients([(keras.ops.convert_to_tensor(gradient), variable)])
    return -keras.ops.convert_to_numpy(variable)


def test_a_kernel_is_corrected_about_equally_in_all_directions():
    columns = np.geomspace(1, 100, 16)  # some directions of the gradient are a hundred times as strong as others
    gradient = (generator.standard_normal((3, 3, 8, 16)) * columns).astype("float32")
    step = correction(Muon(0.01), gradient).reshape(-1, 16)
    strengths = np.linalg.svd(step, compute_uv=False)
    assert strengths.max() / strengths.min() < 2
    assert strengths == pytest.approx(0.01 * 0.2 * np.sqrt(72), rel=0.5)  # 72 weights a kernel
    assert np.sum(step * gradient.reshape(-1, 16)) > 0


@pytest.mark.parametrize("shape", [(40, 10), (10,)])
def test_what_is_no_convolution_is_corrected_by_adam(shape):
    gradient = generator.standard_normal(shape).astype("float32")
    step = correction(Muon(0.01), gradient)
    assert step == pytest.approx(correction(keras.optimizers.Adam(0.01), gradient), rel=1e-4)
