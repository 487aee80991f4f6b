"""convolution.py: its operations are what they are said to be, and the script as one runs it."""

import itertools
import os
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from picture_files import huge_png
from PIL import Image
from scipy.signal import correlate2d

import convolution
from convolution import Config, convolve, ideas, pool
from course.convolution.pictures import draw_house
from course.runs import folder as run_folder

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


OTHER = {
    "kernel": "0 1 0 1 -4 1 0 1 0",
    "stride": 2,
    "padding": "same",
    "pooling": "average",
    "pool_size": 3,
    "open": True,
}


@pytest.mark.slow
def test_every_field_has_an_effect(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def outcome(**values) -> dict[str, bytes]:
        convolution.main(Config(**values))
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
    assert (
        changed
        == {
            "image": everything,
            "kernel": everything - {"7-receptive-field.png"},  # whose kernels are learnt
            "stride": {f"{name}.png" for name in NAMES[3:]},
            "padding": {f"{name}.png" for name in NAMES[4:]},
            "pooling": {f"{name}.png" for name in NAMES[5:]},
            "pool_size": {f"{name}.png" for name in NAMES[5:]},
            "open": set(),
        }
    )
    assert [address.rsplit("/")[-1] for address in opened] == ["report.html"]


def test_every_figure_is_made_and_in_order():
    assert tuple(name for name, _ in ideas(Config())) == NAMES


def test_a_missing_viewer_does_not_fail_the_lesson(tmp_path, monkeypatch):
    def fail(address: str) -> None:
        raise OSError("no viewer")

    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    monkeypatch.setattr("webbrowser.open", fail)
    convolution.kept.keep_figures(itertools.islice(ideas(Config()), 2), Config(open=True))
    assert len(list((tmp_path / "convolution" / "latest").glob("*.png"))) == 2


@pytest.mark.slow
def test_a_learner_gets_eight_figures_in_runs_and_nothing_else(checkout):
    before = {file for file in checkout.folder.rglob("*") if file.is_file()}
    photo = checkout.home / "my \x1b[31mphoto.jpg"  # a name that colours a terminal
    Image.new("RGB", (300, 120), "teal").save(photo)
    answer = checkout.run("convolution.py", "--image", str(photo), "--kernel", "0 -1 0 -1 4 -1 0 -1 0")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    (folder,) = (path for path in (checkout.folder / "runs" / "convolution").iterdir() if path.name != "latest")
    assert folder.name.endswith("-my -31mphoto")
    *lines, last = answer.stdout.splitlines()
    assert last.replace("'", "").endswith("report.html  A page in which to change all of it")
    assert len(lines) == len(NAMES)
    for line, name in zip(lines, NAMES, strict=True):
        assert re.fullmatch(rf"'?runs/convolution/{folder.name}/{name}\.png'?  \w.*", line)
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width == 864
    assert checkout.latest("convolution") == folder
    after = {file for file in checkout.folder.rglob("*") if file.is_file()}
    assert {file.relative_to(checkout.folder).parts[0] for file in after - before} == {"runs"}
    assert {path.name for path in checkout.home.iterdir()} == {photo.name}


IMPOSSIBLE = [
    ("--image huge.png", "huge.png", "scale it down"),
    ("--image nowhere.png", "nowhere.png", "digit, garment, house"),
    ("--kernel blurr", "kernel is blurr", "nine weights"),
    ("--kernel 1 2 3", "kernel is 1 2 3", "nine weights"),
    ("--kernel 0 0 0 0 nan 0 0 0 0", "kernel is", "nine weights"),
    ("--stride 4 --pool_size 4", "stride 4", "28x28"),
    ("--padding full", "padding is full", "valid or same"),
]


@pytest.mark.parametrize(("arguments", "named", "allowed"), IMPOSSIBLE)
def test_what_is_impossible_is_answered_before_keras_is_loaded(checkout, arguments, named, allowed):
    (checkout.folder / "huge.png").write_bytes(huge_png())
    said = checkout.refuses("convolution.py", *arguments.split(), before_loading={"keras", "tensorflow", "matplotlib"})
    assert named in said
    assert allowed in said


def test_a_wrong_picture_is_answered_with_less_than_a_second_of_work(checkout):
    (checkout.folder / "huge.png").write_bytes(huge_png())
    work = []
    for _ in range(3):  # the least of them: work on a busy machine takes longer, too
        before = os.times()
        answer = checkout.run("convolution.py", "--image", "huge.png")
        after = os.times()  # not the clock: the machine may be busy
        assert answer.returncode == 2
        work.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert 0 < min(work) < 1
