"""Pictures to look at: those of the course, and the learner's own."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import huge_png
from PIL import Image

from course.convolution.pictures import LARGEST_SIDE, draw_house, read_picture
from course.system.errors import CourseError


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


def truncated(file: Path) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), "uint8")).save(file)
    file.write_bytes(file.read_bytes()[:5000])


WRONG = {
    "missing.png": (lambda file: None, "image is", "that exists"),
    "folder.png": (lambda file: file.mkdir(), "image is", "that exists"),
    "text.png": (lambda file: file.write_text("not a picture"), "text.png", "is not a PNG, JPEG, WebP or BMP picture"),
    "moving.gif": (
        lambda file: Image.new("L", (30, 30)).save(file),
        "moving.gif",
        "is not a PNG, JPEG, WebP or BMP picture",
    ),
    "empty.jpg": (lambda file: file.touch(), "empty.jpg", "is not a PNG, JPEG, WebP or BMP picture"),
    "truncated.png": (truncated, "truncated.png", "cannot be read"),
    "huge.png": (lambda file: file.write_bytes(huge_png()), "huge.png", "more than 89,478,485 pixels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_picture_that_cannot_be_used_is_named_in_one_sentence(tmp_path, name):
    make, named, said = WRONG[name]
    make(tmp_path / name)
    with pytest.raises(CourseError) as raised:
        read_picture(str(tmp_path / name))
    assert named in str(raised.value)
    assert said in str(raised.value)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


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
