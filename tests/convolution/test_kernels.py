"""Kernels by name or by their numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from convolution import Config, convolve
from course.convolution.kernels import read_kernel
from course.convolution.pictures import read_picture
from course.system.errors import CourseError


def test_kernels_do_what_their_names_say():
    flat = np.full((5, 5, 1), 0.5, "float32")
    for name in ("identity", "blur", "sharpen", "emboss"):
        np.testing.assert_allclose(convolve(flat, read_kernel(name)), 0.5, atol=1e-6)
    for name in ("vertical_edges", "horizontal_edges"):
        assert not convolve(flat, read_kernel(name)).any()
    left_dark = np.repeat([[0, 0, 1, 1]], 4, axis=0).astype("float32")[..., np.newaxis]
    assert (convolve(left_dark, read_kernel("vertical_edges")) == 4).all()
    assert not convolve(left_dark, read_kernel("horizontal_edges")).any()
    top_dark = left_dark.transpose(1, 0, 2)
    assert (convolve(top_dark, read_kernel("horizontal_edges")) == 4).all()
    picture = read_picture("digit")
    np.testing.assert_array_equal(convolve(picture, read_kernel("identity")), picture[1:-1, 1:-1])


@given(st.text(max_size=20) | st.lists(st.floats() | st.integers(-100, 100), min_size=8, max_size=10))
def test_a_kernel_is_nine_weights_in_range_or_refused(words):
    text = words if isinstance(words, str) else " ".join(map(str, words))
    try:
        config = Config(kernel=text)
    except CourseError as error:
        assert "kernel is" in str(error)
        assert "nine weights" in str(error)
    else:
        kernel = read_kernel(config.kernel)
        assert kernel.shape == (3, 3, 1)
        assert np.abs(kernel).max() <= 100
        if not isinstance(words, str):
            np.testing.assert_array_equal(kernel.ravel(), np.float32(words))
