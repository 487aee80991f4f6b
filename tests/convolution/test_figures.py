"""The figures of the lesson on convolution: what is written on them is what Keras computes."""

import re

import keras
import numpy as np
import pytest

from convolution import Config, convolve, ideas, pool
from course.convolution.kernels import KERNELS, read_kernel
from course.convolution.pictures import read_picture
from course.report.style import BLUE, svg


@pytest.fixture(scope="module")
def figures() -> dict:
    """The figures of the defaults, by name."""
    return dict(ideas(Config()))


def written(axes) -> np.ndarray:
    """Returns the numbers in the cells of axes, as they lie there."""
    cells = {
        (round(text.get_position()[1]), round(text.get_position()[0])): number(text.get_text()) for text in axes.texts
    }
    rows, columns = (max(place[axis] for place in cells) + 1 for axis in (0, 1))
    return np.array([[cells[row, column] for column in range(columns)] for row in range(rows)])


def number(text: str) -> float:
    numerator, _, denominator = text.replace("−", "-").partition("/")
    return float(numerator) / float(denominator or 1)


def labelled(figure, label: str):
    """Returns the axes with this text above or below them."""
    (axes,) = [axes for axes in figure.axes if label in (axes.get_title(), axes.get_xlabel())]
    return axes


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize("name", ["1-kernel", "4-stride", "7-receptive-field"])
def test_a_weighted_sum_written_out_adds_up(figures, name):
    nine, weights = (written(labelled(figures[name], label)) for label in ("nine values", "nine weights"))
    np.testing.assert_array_equal(weights, read_kernel("vertical_edges")[..., 0])
    (total,) = written(labelled(figures[name], "one output pixel")).ravel()
    assert total == pytest.approx((nine * weights).sum(), abs=0.005 * 9)  # all are rounded to two digits


def test_the_first_figure_shows_the_picture_its_output_and_nine_products(figures):
    picture = read_picture("digit")
    output = convolve(picture, read_kernel("vertical_edges"))[..., 0]
    before, after = (labelled(figures["1-kernel"], label) for label in ("picture, 28×28", "output, 26×26"))
    np.testing.assert_array_equal(before.images[0].get_array(), picture[..., 0])
    np.testing.assert_array_equal(after.images[0].get_array(), output)
    nine = written(labelled(figures["1-kernel"], "nine values"))
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0], (3, 3))
    ((row, column),) = np.argwhere((np.abs(windows - nine) <= 0.005 + 1e-6).all(axis=(2, 3)))
    assert written(labelled(figures["1-kernel"], "one output pixel")) == pytest.approx(output[row, column], abs=0.005)
    products = written(labelled(figures["1-kernel"], "nine products"))
    exact = windows[row, column] * read_kernel("vertical_edges")[..., 0]
    np.testing.assert_allclose(products, exact, atol=0.005 + 1e-6)
    mark = after.patches[-1]
    assert (mark.get_x() + 0.5, mark.get_y() + 0.5) == (column, row)


def test_colours_add_up_on_their_figure(figures):
    sentence, difference = texts(figures["3-colour"]).splitlines()[-2:]
    *parts, total = [number(text) for text in re.findall(r"−?\d+\.\d\d", sentence)]
    assert len(parts) == 3
    assert total == pytest.approx(sum(parts), abs=0.02)
    assert float(difference.split(": ")[1]) < 2e-6
    labels = [axes.get_xlabel() for axes in figures["3-colour"].axes]
    assert f"all at once: {total:.2f}".replace("-", "−") in labels


def test_sizes_are_written_as_they_are():
    figures = dict(ideas(Config(stride=3, padding="same", pool_size=3)))
    stride = texts(figures["4-stride"])
    for said in ("28×28 → 26×26", "28×28 → 13×13", "28×28 → 9×9", "= 13.50 → 13", "= 9.33 → 9"):
        assert said in stride
    padding = texts(figures["5-padding"])
    assert "no zeros;  output: (8 − 3) / 3 + 1, rounded down, is 2" in padding
    assert "zeros: 0 before, 1 after;  output: 8 / 3, rounded up, is 3" in padding
    pooling = texts(figures["6-pooling"])
    assert "values before: 100\nvalues after: 9" in pooling
    assert labelled(figures["6-pooling"], "feature map, 10×10")
    assert labelled(figures["7-receptive-field"], "26×26 pixels seen")


def test_pooled_numbers_are_the_largest_and_the_average_of_those_next_to_them(figures):
    figure = figures["6-pooling"]
    part = written(labelled(figure, "a part of it")).reshape(2, 2, 2, 2)
    np.testing.assert_allclose(written(labelled(figure, "max (chosen)")), part.max(axis=(1, 3)))
    np.testing.assert_allclose(written(labelled(figure, "average")), part.mean(axis=(1, 3)), atol=0.011)


def test_padding_counts_zeros_as_the_pixels_around(figures):
    nine = [written(axes) for axes in figures["5-padding"].axes if axes.get_xlabel() == "nine values"]
    weights = [axes for axes in figures["5-padding"].axes if axes.get_xlabel().startswith("sum = ")]
    for values, axes in zip(nine, weights, strict=True):
        total = (values * read_kernel("vertical_edges")[..., 0]).sum()
        assert number(axes.get_xlabel().removeprefix("sum = ")) == pytest.approx(total, abs=0.045)
    assert not nine[1][0].any()
    assert not nine[1][:, 0].any()
    np.testing.assert_array_equal(nine[1][1:, 1:], nine[0][:2, :2])


def test_flattening_keeps_the_values_of_a_pixel_next_to_each_other(figures):
    picture = read_picture("digit")
    maps = [pool(convolve(picture, read_kernel(name)), 2, "max")[..., 0] for name in KERNELS]
    row_of_numbers = np.stack(maps, axis=-1).ravel()
    shown = [
        image.get_array() for axes in figures["8-flattening"].axes for image in axes.images if image.get_size()[0] > 1
    ]
    np.testing.assert_allclose(shown, maps, atol=1e-6)
    cells = [axes for axes in figures["8-flattening"].axes if re.fullmatch(r"[\d,]+", axes.get_xlabel())]
    assert len(cells) == len(KERNELS)
    for axes in cells:
        place = int(axes.get_xlabel().replace(",", ""))
        assert number(axes.texts[0].get_text()) == pytest.approx(row_of_numbers[place], abs=0.00501)


@pytest.mark.parametrize("image", ["digit", "house"])
def test_parameters_are_those_that_keras_counts(image):
    figure = dict(ideas(Config(image=image, stride=2)))["8-flattening"]
    channels = read_picture(image).shape[-1]
    model = keras.Sequential(
        [
            keras.Input(read_picture(image).shape),
            keras.layers.Conv2D(6, 3, strides=2),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(100),
            keras.layers.Dense(10),
        ]
    )
    said = texts(figure)
    for layer in model.layers:
        assert f"\n{layer.count_params():,}" in said
        assert "×".join(f"{size:,}" for size in layer.output.shape[1:]) in said
    for units, weights, bias in re.findall(r"([\d,]+) × \(([\d,]+) weights \+ (1) bias\)", said):
        product = int(units.replace(",", "")) * (int(weights.replace(",", "")) + int(bias))
        assert f"\n{product:,}" in said
    assert f"6 × ({9 * channels} weights + 1 bias)" in said


def test_the_bars_of_the_last_figure_are_drawn_as_vectors_too(figures):
    """The ground of axes is not: a page is light or dark."""
    assert BLUE in svg(figures["8-flattening"], "flattening", "what is flattened")
