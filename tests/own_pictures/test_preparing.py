"""Pictures of the learner's own, made like those of a data set."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.photos import KINDS, photo
from course.data import load_data_set
from course.own_pictures.digits import as_digit, ink_of_photo
from course.own_pictures.preparing import prepared
from course.system.errors import CourseError


def drawn(*strokes: tuple[tuple[int, int], ...], size: tuple[int, int] = (400, 300), width: int = 12) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    for stroke in strokes:
        ImageDraw.Draw(picture).line(stroke, "navy", width)
    return picture


ONE, SEVEN = ((60, 60), (60, 220)), ((200, 60), (300, 60), (230, 220))


def test_mnists_rule_leaves_its_own_images_as_they_are():
    _, (images, _) = load_data_set("mnist")
    for image in images[:50]:
        made = as_digit(image.astype(np.float32))
        assert made is not None
        assert np.abs(made.astype(int) - image).mean() < 12  # some of them are a pixel off their own rule
        down, across = (np.indices(made.shape).reshape(2, -1) * made.ravel()).sum(axis=1) / made.sum()
        assert abs(down - 14) < 0.6
        assert abs(across - 14) < 0.6


def test_a_digit_fits_into_twenty_pixels_wherever_it_is():
    made = [
        prepared(drawn(stroke), "mnist", (28, 28), 1).image
        for stroke in (ONE, tuple((x + 250, y - 50) for x, y in ONE))
    ]
    assert np.array_equal(*made)
    rows, _ = np.nonzero(made[0] > 25)
    assert rows.max() - rows.min() + 1 in (20, 21)


def test_of_several_digits_the_largest_is_taken():
    found = prepared(drawn(ONE, SEVEN), "mnist", (28, 28), 1)
    alone = prepared(drawn(SEVEN), "mnist", (28, 28), 1)
    assert found.remark == "it shows 2 digits, of which the largest was taken"
    assert alone.remark == ""
    assert np.abs(found.image.astype(int) - alone.image).mean() < 3


def test_pieces_above_each_other_are_one_digit():
    five = prepared(
        drawn(((200, 60), (260, 60)), ((200, 90), (200, 130), (260, 160), (200, 220))), "mnist", (28, 28), 1
    )
    assert five.remark == ""
    assert (five.image[:8] > 100).any()


@pytest.mark.parametrize("data", ["mnist", "fashion_mnist"])
def test_an_empty_picture_shows_nothing(data):
    with pytest.raises(CourseError, match=r"^shows (no ink|nothing but)"):
        prepared(Image.new("RGB", (300, 200), "grey"), data, (28, 28), 1)


def test_other_data_are_taken_whole():
    found = prepared(drawn(ONE), "photos", (20, 28), 3)
    assert found.image.shape == (20, 28, 3)
    assert prepared(drawn(ONE), "photos", (20, 28), 1).image.shape == (20, 28)
    assert found.image.max() == 255  # white paper stays white


def test_a_garment_becomes_light_on_dark_and_fills_the_picture():
    shop = Image.new("RGB", (120, 200), "white")
    shop.paste((100, 100, 100), (30, 20, 86, 132))  # twice as tall as wide
    seen = prepared(shop, "fashion_mnist", (28, 28), 1).image
    assert np.flatnonzero(seen.max(axis=1)).tolist() == list(range(28))
    assert np.flatnonzero(seen.max(axis=0)).tolist() == list(range(7, 21))
    assert np.all(seen[3:25, 10:18] == 155)


@pytest.mark.parametrize("kind", KINDS)
def test_ink_is_found_on_any_paper(kind):
    _, (images, _) = load_data_set("mnist")
    random, alike = np.random.default_rng(0), []
    for image in images[:20]:
        found = ink_of_photo(photo(image, kind, random).astype(np.float32))
        assert found is not None
        made, original = (as_digit(ink.astype(np.float32)) for ink in (found.values, image))
        alike.append(np.corrcoef(made.ravel(), original.ravel())[0, 1])
    assert np.median(alike) > (0.85 if "pen" in kind else 0.95), alike
