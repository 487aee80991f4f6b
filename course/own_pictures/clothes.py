"""A photo of a garment, as Fashion-MNIST would have it; course/report/live/picture.js has the same rule."""

import numpy as np
from scipy import ndimage

from course.own_pictures.brightness import half_up, in_bytes, placed, shrunk, trimmed

SIDE = 28  # pixels
THUMBNAIL = 73  # pixels: the longest edge of the shop's pictures from which Fashion-MNIST was made
LIKE_CORNER = 0.05 * 255  # what differs less than this from the corner is trimmed
AROUND = np.exp(-np.add.outer(np.arange(-1, 2) ** 2, np.arange(-1, 2) ** 2) / 2)  # a Gaussian of 1 pixel
SHARPEN = np.where(AROUND == 1, 2 * AROUND.sum(), -AROUND) / (AROUND.sum() + 1)


def as_clothes(brightness: np.ndarray) -> np.ndarray | None:
    """Returns a photo on an even background, float32 (height, width), 0 to 255, as uint8 (28, 28); None if it is empty.

    The steps are those of the authors (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747).
    """
    small = shrunk(brightness, THUMBNAIL)
    # 1. Edges that are like the corner's pixel are trimmed.
    corner = float(small[0, 0])
    part = trimmed(small, lambda values: np.abs(values - corner) > LIKE_CORNER)
    if part is None:
        return None
    # 2. The longest edge becomes 28 pixels, by leaving out rows and columns.
    scale = SIDE / max(part.shape)
    height, width = (max(1, half_up(side * scale)) for side in part.shape)
    rows, columns = (
        np.minimum(old - 1, ((np.arange(new) + 0.5) / scale).astype(int))
        for old, new in zip(part.shape, (height, width), strict=True)
    )
    fewer = part[np.ix_(rows, columns)].astype(float)
    # 3. It is sharpened: a pixel counts more against those around it (the -sharpen 1x1 of ImageMagick, with which
    #    Fashion-MNIST was made).
    sharp = ndimage.correlate(fewer, SHARPEN, mode="nearest")
    # 4. It is negated, so that a light background becomes 0, and 5. put into the middle of 28 x 28.
    negated = 255 - sharp if corner >= 128 else sharp
    return in_bytes(placed(negated, (SIDE - height) // 2, (SIDE - width) // 2, SIDE))
