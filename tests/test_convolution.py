"""The lesson on convolution: its operations are what they are said to be, and its figures show what they made."""

import itertools
import os
import re
import struct
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.signal import correlate2d

import convolution
from convolution import Config, convolve, ideas, pool
from course import geometry
from course.convolution.kernels import KERNELS, read_kernel
from course.convolution.pictures import LARGEST_SIDE, draw_house, read_picture
from course.runs import folder as run_folder
from course.system.errors import CourseError

REPOSITORY = Path(__file__).resolve().parent.parent
NAMES = (
    "1-kernel", "2-kernels", "3-colour", "4-stride", "5-padding", "6-pooling", "7-receptive-field", "8-flattening",
)  # fmt: skip


def values(*shape: int) -> st.SearchStrategy:
    """Numbers that float32 can add and multiply without rounding."""
    return arrays("float32", shape, elements=st.integers(-64, 64).map(lambda number: number / 64))


@st.composite
def convolutions(draw, channels: int = 1) -> tuple:
    """An image, a kernel, a stride and a padding that fit."""
    height, width = draw(st.integers(3, 14)), draw(st.integers(3, 14))
    image = draw(values(height, width, channels))
    return image, draw(values(3, 3, channels)), draw(st.integers(1, 4)), draw(st.sampled_from(["valid", "same"]))


def by_hand(image: np.ndarray, kernel: np.ndarray, stride: int, padding: str) -> np.ndarray:
    """The convolution of each channel by scipy, of which every `stride`-th value remains, summed over the channels."""
    height, width, channels = image.shape
    if padding == "same":  # as TensorFlow documents it
        missing = [max((-(-size // stride) - 1) * stride + 3 - size, 0) for size in (height, width)]
        image = np.pad(image, [(zeros // 2, zeros - zeros // 2) for zeros in missing] + [(0, 0)])
    maps = [
        correlate2d(image[..., channel].astype("float64"), kernel[..., channel].astype("float64"), mode="valid")
        for channel in range(channels)
    ]
    return sum(maps)[::stride, ::stride]


@given(convolutions())
def test_a_convolution_is_a_correlation(drawn):
    np.testing.assert_allclose(convolve(*drawn)[..., 0], by_hand(*drawn), rtol=0, atol=1e-6)


@given(convolutions(channels=3))
def test_three_channels_are_the_sum_of_three_convolutions(drawn):
    image, kernel, stride, padding = drawn
    parts = [convolve(image[..., [c]], kernel[..., [c]], stride, padding) for c in range(3)]
    np.testing.assert_allclose(convolve(*drawn), sum(parts), rtol=0, atol=1e-6)
    np.testing.assert_allclose(convolve(*drawn)[..., 0], by_hand(*drawn), rtol=0, atol=1e-6)


@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 12), st.data())
def test_pooling_keeps_the_largest_or_the_average(size, height, width, data):
    assume(min(height, width) >= size)
    image = data.draw(values(height, width, 1))
    rows, columns = height // size, width // size
    blocks = image[: rows * size, : columns * size, 0].reshape(rows, size, columns, size)
    np.testing.assert_array_equal(pool(image, size, "max")[..., 0], blocks.max(axis=(1, 3)))
    average = blocks.astype("float64").mean(axis=(1, 3))
    np.testing.assert_allclose(pool(image, size, "average")[..., 0], average, rtol=0, atol=1e-6)


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


# ---- what is written on the figures


@pytest.fixture(scope="module")
def figures() -> dict:
    """The figures of the defaults, by name."""
    return {name: figure for name, _, figure in ideas(Config())}


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


def test_every_figure_is_made_and_in_order(figures):
    assert tuple(figures) == NAMES


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
    figures = {name: figure for name, _, figure in ideas(Config(stride=3, padding="same", pool_size=3))}
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


def test_pooled_numbers_are_the_largest_and_the_average_of_those_beside_them(figures):
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


def test_flattening_keeps_the_values_of_a_pixel_beside_each_other(figures):
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
    figure = {name: figure for name, _, figure in ideas(Config(image=image, stride=2))}["8-flattening"]
    channels = read_picture(image).shape[-1]
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(read_picture(image).shape),
            layers.Conv2D(6, 3, strides=2),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(100),
            layers.Dense(10),
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


# ---- the lesson as it is run

OTHER = {
    "kernel": "0 1 0 1 -4 1 0 1 0",
    "stride": 2,
    "padding": "same",
    "pooling": "average",
    "pool_size": 3,
    "show": True,
}


def test_every_field_has_an_effect(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def outcome(**values) -> dict[str, bytes]:
        convolution.draw.keep(ideas(Config(**values)), Config(**values))
        return {file.name: file.read_bytes() for file in (tmp_path / "convolution" / "latest").glob("*.png")}

    draw_house().resize((40, 30)).save(tmp_path / "own.png")
    others = OTHER | {"image": str(tmp_path / "own.png")}
    unchanged = outcome()
    assert not opened
    changed = {
        field: {name for name, figure in outcome(**{field: others[field]}).items() if figure != unchanged[name]}
        for field in Config.model_fields
    }
    everything = {f"{name}.png" for name in NAMES}
    assert changed == {
        "image": everything,
        "kernel": everything,
        "stride": {f"{name}.png" for name in NAMES[3:]},
        "padding": {f"{name}.png" for name in NAMES[4:]},
        "pooling": {f"{name}.png" for name in NAMES[5:]},
        "pool_size": {f"{name}.png" for name in NAMES[5:]},
        "show": set(),
    }
    assert [address.rsplit("/")[-1] for address in opened] == [f"{name}.png" for name in NAMES]


def test_a_missing_viewer_does_not_fail_the_lesson(tmp_path, monkeypatch):
    def fail(address: str) -> None:
        raise OSError("no viewer")

    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    monkeypatch.setattr("webbrowser.open", fail)
    convolution.draw.keep(itertools.islice(ideas(Config()), 2), Config(show=True))
    assert len(list((tmp_path / "convolution" / "latest").glob("*.png"))) == 2


def test_a_learner_gets_eight_figures_in_runs_and_nothing_else(checkout):
    before = {file for file in checkout.folder.rglob("*") if file.is_file()}
    Image.new("RGB", (300, 120), "teal").save(checkout.home / "my photo.jpg")
    answer = checkout.run(
        "convolution.py", "--image", str(checkout.home / "my photo.jpg"), "--kernel", "0 -1 0 -1 4 -1 0 -1 0"
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    (folder,) = (path for path in (checkout.folder / "runs" / "convolution").iterdir() if path.name != "latest")
    assert folder.name.endswith("-my photo")
    lines = answer.stdout.splitlines()
    assert len(lines) == len(NAMES)
    for line, name in zip(lines, NAMES, strict=True):
        assert re.fullmatch(rf"'?runs/convolution/{folder.name}/{name}\.png'?  \w.*", line)
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width == 1008
    assert checkout.latest("convolution") == folder
    after = {file for file in checkout.folder.rglob("*") if file.is_file()}
    assert {file.relative_to(checkout.folder).parts[0] for file in after - before} == {"runs"}
    assert {path.name for path in checkout.home.iterdir()} == {"my photo.jpg"}


def test_the_lesson_is_one_page():
    assert len((REPOSITORY / "convolution.py").read_text(encoding="utf-8").splitlines()) <= 110


# ---- the learner's own pictures


def test_a_picture_of_every_kind_is_read(tmp_path):
    grey = np.linspace(0, 255, 20 * 30).reshape(20, 30).astype("uint8")
    colour = np.stack([grey, 255 - grey, grey // 2], axis=-1)
    opaque = Image.fromarray(colour)
    half = opaque.copy()
    half.putalpha(128)
    kinds = {
        "grey.png": (Image.fromarray(grey), grey[..., np.newaxis]),
        "colour.png": (opaque, colour),
        "rgba.png": (half, 255 - (255 - colour.astype(float)) * 128 / 255),
        "16bit.png": (Image.fromarray(grey.astype("uint16") * 257), grey[..., np.newaxis]),
        "one bit.png": (Image.fromarray(grey > 127), ((grey > 127) * 255)[..., np.newaxis]),
        "palette.png": (opaque.quantize(256), np.asarray(opaque.quantize(256).convert("RGB"))),
        "jpeg.jpg": (opaque, None),
        "cmyk.jpg": (opaque.convert("CMYK"), None),
    }
    for name, (picture, expected) in kinds.items():
        picture.save(tmp_path / name, **({"quality": 100, "subsampling": 0} if expected is None else {}))
        read = read_picture(str(tmp_path / name))
        assert read.dtype == np.float32, name
        expected, tolerance = (colour, 12) if expected is None else (expected, 1.01)  # noqa: PLW2901
        np.testing.assert_allclose(read * 255, expected, atol=tolerance, err_msg=name)


def test_a_large_picture_is_scaled_down_and_stands_upright(tmp_path):
    picture = np.zeros((1200, 3000, 3), "uint8")
    picture[:, :1500] = 255, 0, 0  # the left half is red
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: left is up
    Image.fromarray(picture).save(tmp_path / "turned.jpg", exif=exif)
    read = read_picture(str(tmp_path / "turned.jpg"))
    assert read.shape == (LARGEST_SIDE, 51, 3)
    assert read[:60, :, 0].min() > 0.9
    assert read[68:].max() < 0.1


def test_the_bundled_pictures_are_what_they_are_called():
    assert read_picture("digit").shape == read_picture("garment").shape == (28, 28, 1)
    assert read_picture("house").shape == (64, 64, 3)
    assert np.array_equal(draw_house(), draw_house())
    assert np.asarray(draw_house())[24, 30].tolist() == [0xD6, 0x28, 0x28]  # the roof is red


def bomb(file: Path) -> None:
    """A PNG of a few hundred bytes that says it has 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def truncated(file: Path) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), "uint8")).save(file)
    file.write_bytes(file.read_bytes()[:5000])


WRONG = {
    "missing.png": (lambda file: None, "image is", "that exists"),
    "folder.png": (lambda file: file.mkdir(), "image is", "that exists"),
    "text.png": (lambda file: file.write_text("not a picture"), "text.png", "is not a PNG or JPEG picture"),
    "moving.gif": (lambda file: Image.new("L", (30, 30)).save(file), "moving.gif", "is not a PNG or JPEG picture"),
    "empty.jpg": (lambda file: file.touch(), "empty.jpg", "is not a PNG or JPEG picture"),
    "truncated.png": (truncated, "truncated.png", "cannot be read"),
    "bomb.png": (bomb, "bomb.png", "more than 89,478,485 pixels"),
    "dot.png": (lambda file: Image.new("L", (1, 1)).save(file), "1x1", "larger picture"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_picture_that_cannot_be_used_is_named_in_one_sentence(tmp_path, name):
    make, named, said = WRONG[name]
    make(tmp_path / name)
    with pytest.raises(CourseError) as raised:
        Config(image=str(tmp_path / name))
    assert named in str(raised.value)
    assert said in str(raised.value)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


IMPOSSIBLE = [
    ("--image bomb.png", "bomb.png", "scale it down"),
    ("--image nowhere.png", "nowhere.png", "digit, garment, house"),
    ("--kernel blurr", "kernel is blurr", "nine weights"),
    ("--kernel 1 2 3", "kernel is 1 2 3", "nine weights"),
    ("--kernel 0 0 0 0 nan 0 0 0 0", "kernel is", "nine weights"),
    ("--stride 4 --pool_size 4", "stride 4", "28x28"),
    ("--padding full", "padding is full", "valid or same"),
]


@pytest.mark.parametrize(("arguments", "named", "allowed"), IMPOSSIBLE)
def test_what_is_impossible_is_answered_before_keras_is_loaded(checkout, arguments, named, allowed):
    bomb(checkout.folder / "bomb.png")
    said = checkout.refuses("convolution.py", *arguments.split(), before_loading={"keras", "tensorflow", "matplotlib"})
    assert named in said
    assert allowed in said


def test_a_wrong_picture_is_answered_with_less_than_a_second_of_work(checkout):
    bomb(checkout.folder / "bomb.png")
    before = os.times()
    answer = checkout.run("convolution.py", "--image", "bomb.png")
    after = os.times()  # not the clock: the machine may be busy
    assert answer.returncode == 2
    work = after.children_user + after.children_system - before.children_user - before.children_system
    assert 0 < work < 1


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_file_gives_a_picture_or_one_sentence(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("damaged") / ("picture" + data.draw(st.sampled_from([".png", ".jpg"])))
    Image.fromarray(np.arange(1200, dtype="uint16").astype("uint8").reshape(20, 20, 3)).save(file)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        picture = read_picture(str(file))
    except CourseError as error:
        assert str(error).endswith(".")
    else:
        assert picture.ndim == 3
        assert 0 <= picture.min() <= picture.max() <= 1


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
