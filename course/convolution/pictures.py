"""Pictures to look at: three that come with the course, or the learner's own."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from course import data
from course.own_pictures.reading import IN_WORDS, read_picture_file
from course.system.errors import CourseError

BUNDLED = {"digit": ("mnist", 7), "garment": ("fashion_mnist", 26)}  # training images, by number
NAMES = (*BUNDLED, "house")
LARGEST_SIDE = 128  # pixels; more would only hide what happens to each of them


def read_picture(name: str) -> np.ndarray:
    """Returns a picture as float32 (height, width, channels), 0 to 1; one channel if it is grey, else three.

    `name` is "digit", "garment", "house", or the path of a picture, whose longer side is scaled down to 128 pixels.
    Raises CourseError if the file is missing or `read_picture_file` refuses it.
    """
    if name in BUNDLED:
        data_set, number = BUNDLED[name]
        pixels = data.load_data_set(data_set)[0][0][number, ..., np.newaxis]
    else:
        pixels = np.asarray(draw_house() if name == "house" else _read_image_file(Path(name)))
        if (pixels == pixels[..., :1]).all():
            pixels = pixels[..., :1]
    return pixels.astype("float32") / 255


def draw_house() -> Image.Image:
    """Returns a house between trees in the sun, drawn for this course: 64x64 pixels, RGB, flat colours, clear edges."""
    fine = 8  # drawn this much larger, so that slanted edges come out smooth
    picture = Image.new("RGB", (64 * fine, 64 * fine), "#8ecae6")
    draw = ImageDraw.Draw(picture)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        return left * fine, top * fine, right * fine - 1, bottom * fine - 1

    draw.ellipse(box(5, 5, 17, 17), "#ffd60a")  # sun
    draw.ellipse(box(-30, 38, 62, 110), "#52a447")  # hills
    draw.ellipse(box(20, 44, 110, 120), "#3d8b37")
    draw.rectangle(box(17, 33, 44, 54), "#fff3d6")  # walls
    draw.rectangle(box(36, 15, 40, 27), "#6d4c41")  # chimney
    draw.polygon([13 * fine, 33 * fine - 1, 30.5 * fine, 15 * fine, 48 * fine, 33 * fine - 1], "#d62828")  # roof
    draw.rectangle(box(27, 42, 33, 54), "#6d4c41")  # door
    for left in (20, 36):
        draw.rectangle(box(left, 38, left + 5, 44), "#1d3557")  # windows
    for middle, top in ((54, 26), (7, 30)):
        draw.rectangle(box(middle - 1.5, top + 10, middle + 1.5, 56), "#6d4c41")  # trees
        draw.ellipse(box(middle - 6, top, middle + 6, top + 17), "#14532d")
    return picture.resize((64, 64), Image.Resampling.BOX)


def channels(picture: np.ndarray) -> list[np.ndarray]:
    """Returns the channels of a picture or a kernel (height, width, channels), each (height, width, 1)."""
    return np.split(picture, picture.shape[-1], axis=-1)


def join_channels(channels: Iterable[np.ndarray]) -> np.ndarray:
    """Returns channels, each (height, width, 1), as one picture (height, width, channels)."""
    return np.concatenate(list(channels), axis=-1)


def _read_image_file(file: Path) -> Image.Image:
    if not os.path.isfile(file):  # that of Path raises for some names
        allowed = f"one of {', '.join(NAMES)}, or the path of a {IN_WORDS} file that exists"
        raise CourseError(f"image is {str(file)!r}, but must be {allowed}.")
    return read_picture_file(file, LARGEST_SIDE)
