"""A picture of the learner's own, made like those that a network was trained on."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from course.own_pictures.brightness import brightness_of, in_bytes, resized
from course.own_pictures.clothes import as_clothes
from course.own_pictures.digits import as_digit, ink_of_photo
from course.own_pictures.folder import fitted
from course.system.errors import CourseError


class PreparedPicture(NamedTuple):
    """A picture as a data set would have stored it."""

    image: np.ndarray  # uint8 (height, width), or (height, width, 3) in colour
    remark: str  # what is worth knowing about it, mostly nothing


def prepared(picture: Image.Image, data: str, image_size: tuple[int, int], channels: int) -> PreparedPicture:
    """Returns an RGB picture as `data` has its images: digits and clothes by the rules of their authors, others whole.

    Raises CourseError without a subject, such as "shows no digit", if there is nothing on it.
    """
    if data not in ("mnist", "fashion_mnist"):
        image = fitted(picture.convert("L" if channels == 1 else "RGB"), image_size)
        return PreparedPicture(image[..., 0] if channels == 1 else image, "")
    brightness, remark = brightness_of(picture), ""
    if data == "mnist":
        ink = ink_of_photo(brightness)
        made = None if ink is None else as_digit(ink.values)
        if ink is not None and ink.others:
            remark = f"it shows {ink.others + 1} digits, of which the largest was taken"
    else:
        made = as_clothes(brightness)
    if made is None:
        what = "no ink" if data == "mnist" else "nothing but its background"
        raise CourseError(f"shows {what}; take a picture with more contrast.")
    return PreparedPicture(in_bytes(resized(made.astype(np.float32), *image_size)), remark)
