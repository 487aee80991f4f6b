"""Where the windows of convolution and pooling lie: as Keras has it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convolution import convolve, pool
from course import geometry
from course.system.errors import CourseError


@given(st.integers(3, 40), st.integers(1, 4), st.sampled_from(["valid", "same"]))
def test_sizes_and_zeros_are_those_of_keras(size, stride, padding):
    ones = np.ones((size, size, 1), "float32")
    output = convolve(ones, np.ones((3, 3, 1), "float32"), stride, padding)[..., 0]
    before, after = geometry.zeros_added(size, 3, stride, padding)
    assert output.shape == (geometry.output_size(size, 3, stride, padding),) * 2
    # The sums of ones tell how many of the first and of the last three pixels are zeros, unless nothing is between.
    if len(output) > 1:
        assert output[0, 0] == (3 - before) ** 2
        assert output[-1, -1] == (3 - after) ** 2


@given(
    size=st.integers(9, 24),
    stride=st.integers(1, 3),  # with 4, a kernel of three pixels leaves some out
    padding=st.sampled_from(["valid", "same"]),
    pool_size=st.integers(2, 3),
    data=st.data(),
)
@settings(max_examples=25)
def test_only_pixels_of_the_receptive_field_decide_about_an_output_pixel(size, stride, padding, pool_size, data):
    left = geometry.output_size(size, 3, stride, padding) // pool_size - 2
    assume(left >= 1)
    place = data.draw(st.integers(0, left - 1))
    kernel = np.ones((3, 3, 1), "float32")

    def output(picture: np.ndarray) -> float:
        first = convolve(picture, kernel, stride, padding)
        return convolve(pool(first, pool_size, "average"), kernel)[place, place, 0]

    seen = []
    for pixel in range(size):
        picture = np.zeros((size, size, 1), "float32")
        picture[pixel] = 1  # a whole row, so that the column does not matter
        seen.append(output(picture) != 0)
    first, last = geometry.receptive_field(place, size, stride, padding, pool_size)
    assert [pixel for pixel in range(size) if seen[pixel]] == list(range(first, last + 1))


@pytest.mark.parametrize(
    ("size", "stride", "pool_size", "enough"),
    [(28, 1, 2, True), (28, 4, 4, False), (9, 1, 2, True), (8, 1, 2, False), (1, 1, 2, False)],
)
def test_a_picture_of_which_nothing_would_be_left_is_refused(size, stride, pool_size, enough):
    picture = np.zeros((size, 28, 1), "float32")
    if enough:
        geometry.check_picture_is_large_enough(picture, stride, "valid", pool_size)
    else:
        with pytest.raises(CourseError, match=f"{size}x28 pixels .*larger picture"):
            geometry.check_picture_is_large_enough(picture, stride, "valid", pool_size)
