"""The figures of the lesson on convolution: what is written on them is what Keras computes."""

import re

import keras
import numpy as np
import pytest

from convolution import Config, convolve, ideas, pool
from course.convolution.kernels import KERNELS, learnt_kernels, read_kernel
from course.convolution.pictures import read_picture
from course.system.errors import CourseError


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
    numerator, _, denominator = text.replace("−", "-").removeprefix("× ").partition("/")
    return float(numerator) / float(denominator or 1)


def labelled(figure, label: str):
    """Returns the axes with this text above or below them."""
    (axes,) = [axes for axes in figure.axes if label in (axes.get_title(), axes.get_xlabel())]
    return axes


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize("name", ["1-kernel", "5-padding"])
def test_a_weighted_sum_written_out_adds_up(figures, name):
    nine, weights = (written(labelled(figures[name], label)) for label in ("nine pixels", "nine weights"))
    np.testing.assert_array_equal(weights, read_kernel("vertical_edges")[..., 0])
    (total,) = written(labelled(figures[name], "one output pixel")).ravel()
    assert total == pytest.approx((nine * weights).sum(), abs=0.005 * 9)  # all are rounded to two digits


def test_the_first_figure_shows_the_picture_its_output_and_nine_products(figures):
    picture = read_picture("digit")
    output = convolve(picture, read_kernel("vertical_edges"))[..., 0]
    before, after = (labelled(figures["1-kernel"], label) for label in ("picture, 28×28", "output, 26×26"))
    np.testing.assert_array_equal(before.images[0].get_array(), picture[..., 0])
    np.testing.assert_array_equal(after.images[0].get_array(), output)
    nine = written(labelled(figures["1-kernel"], "nine pixels"))
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0], (3, 3))
    ((row, column),) = np.argwhere((np.abs(windows - nine) <= 0.005 + 1e-6).all(axis=(2, 3)))
    assert written(labelled(figures["1-kernel"], "one output pixel")) == pytest.approx(output[row, column], abs=0.005)
    products = written(labelled(figures["1-kernel"], "nine products"))
    exact = windows[row, column] * read_kernel("vertical_edges")[..., 0]
    np.testing.assert_allclose(products, exact, atol=0.005 + 1e-6)
    mark = after.patches[-1]
    assert (mark.get_x() + 0.5, mark.get_y() + 0.5) == (column, row)


def test_colours_add_up_on_their_figure(figures):
    sentence, _, difference = texts(figures["3-colour"]).splitlines()[-3:]
    *parts, total = [number(text) for text in re.findall(r"−?\d+\.\d\d", sentence)]
    assert len(parts) == 3
    assert total == pytest.approx(sum(parts), abs=0.02)
    assert float(difference.split()[-1].rstrip(".")) < 2e-6
    labels = [axes.get_xlabel() for axes in figures["3-colour"].axes]
    assert f"sum: {total:.2f}".replace("-", "−") in labels


def test_sizes_are_written_as_they_are():
    figures = dict(ideas(Config(stride=3, padding="same", pool_size=3)))
    stride = texts(figures["4-stride"])
    for said in ("28×28 → 26×26", "28×28 → 13×13", "28×28 → 9×9", "= 13.50 → 13", "= 9.33 → 9"):
        assert said in stride
    padding = texts(figures["5-padding"])
    assert "no zeros\n2×2: (8 − 3) / 3 + 1,\nrounded down" in padding
    assert "zeros: 0 before, 1 after\n3×3: 8 / 3, rounded up" in padding
    pooling = texts(figures["6-pooling"])
    assert "values before: 100, after: 9" in pooling
    assert labelled(figures["6-pooling"], "feature map\n10×10")
    assert labelled(figures["7-receptive-field"], "28×28\nframe: 26×26")


def test_pooled_numbers_are_the_largest_and_the_average_of_those_in_the_same_place(figures):
    figure = figures["6-pooling"]
    part = written(labelled(figure, "a part of it"))
    assert part.min() >= 0  # as after relu
    blocks = part.reshape(2, 2, 2, 2)
    np.testing.assert_allclose(written(labelled(figure, "the largest")), blocks.max(axis=(1, 3)))
    np.testing.assert_allclose(written(labelled(figure, "the average")), blocks.mean(axis=(1, 3)), atol=0.011)
    places = [labelled(figure, name).get_position() for name in ("a part of it", "the largest", "the average")]
    assert len({(round(place.y0, 6), round(place.y1, 6)) for place in places}) == 1


def test_padding_counts_zeros_as_the_pixels_around(figures):
    nine = written(labelled(figures["5-padding"], "nine pixels"))
    picture = read_picture("digit")
    assert not nine[0].any()
    assert not nine[:, 0].any()
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0], (2, 2))
    assert (np.abs(windows - nine[1:, 1:]) <= 0.005 + 1e-6).all(axis=(2, 3)).any()


def dashed(axes) -> list[tuple[float, ...]]:
    """Returns left, top, width and height of the dashed frames on axes, in values."""
    frames = [frame for frame in axes.patches if frame.get_linestyle() not in ("-", "solid")]
    return [(frame.get_x() + 0.5, frame.get_y() + 0.5, frame.get_width(), frame.get_height()) for frame in frames]


def test_the_edge_that_zeros_make_is_marked_where_they_make_it(figures):
    frames = [dashed(axes) for axes in figures["5-padding"].axes]
    assert [frame for frame in frames if frame] == [[(7, 0, 1, 8)]]  # the digit is bright at the right border
    assert "false edge" in texts(figures["5-padding"])
    assert "false edge" not in texts(dict(ideas(Config(kernel="identity")))["5-padding"])


def test_one_pixel_is_what_keras_computes_with_the_learnt_kernels(figures):
    figure, learnt, picture = figures["7-receptive-field"], learnt_kernels(), read_picture("digit")
    model = keras.Sequential(
        [
            keras.Input(picture.shape),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(1, 3, activation="relu"),
        ]
    )
    first = [np.moveaxis(learnt.first, 0, -1), learnt.biases]
    model.set_weights([*first, learnt.second[..., np.newaxis], learnt.bias.reshape(1)])
    output = keras.ops.convert_to_numpy(model(picture[np.newaxis]))[0, ..., 0]
    drawn = labelled(figure, "second\nconvolution").images[0].get_array()
    np.testing.assert_allclose(drawn, output, atol=1e-5)
    said = " ".join(texts(figure).splitlines()[-2:])
    three, others, bias, total = [number(text) for text in re.findall(r"−?\d+\.\d\d", said)]
    assert total == pytest.approx(output.max(), abs=0.005)
    assert total == pytest.approx(three + others + bias, abs=0.016)
    assert bias == pytest.approx(float(learnt.bias), abs=0.005)
    tables = [axes for axes in figure.axes if axes.get_title().endswith("nine values")]
    weights = [axes for axes in figure.axes if axes.get_title() == "times nine weights"]
    for values, kernel in zip(tables, weights, strict=True):
        place = int(re.search(r"\d+", values.get_title())[0]) - 1
        np.testing.assert_allclose(written(kernel), learnt.second[..., place], atol=0.005 + 1e-6)
        added = number(kernel.get_xlabel().removeprefix("adds "))
        assert added == pytest.approx((written(values) * written(kernel)).sum(), abs=0.05)


def test_flattening_keeps_the_values_of_a_pixel_next_to_each_other(figures):
    picture = read_picture("digit")
    maps = [pool(np.maximum(convolve(picture, read_kernel(name)), 0), 2, "max")[..., 0] for name in KERNELS]
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


def test_damaged_kernels_are_answered_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("course.convolution.kernels.LEARNT", tmp_path / "learnt.npz")
    (tmp_path / "learnt.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CourseError, match=r"learnt\.npz cannot be read: .*; take it from the course again\."):
        learnt_kernels()
