"""Brightness of pictures as arrays: what the rules for digits and clothes share."""

from collections.abc import Callable

import numpy as np
from PIL import Image

RED_GREEN_BLUE = (0.299, 0.587, 0.114)  # how much each adds to brightness, as in JPEG


def brightness_of(picture: Image.Image) -> np.ndarray:
    """Returns how bright each pixel of an RGB picture is, float32 (height, width), 0 to 255."""
    return (np.asarray(picture, np.float32) @ np.array(RED_GREEN_BLUE, np.float32)).astype(np.float32)


def resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns values, float32 (height, width), in another size: bilinear, and antialiased where they shrink."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def shrunk(values: np.ndarray, longest: int) -> np.ndarray:
    """Returns values so that their longer side is at most `longest`."""
    scale = longest / max(values.shape)
    return values if scale >= 1 else resized(values, *(max(1, half_up(side * scale)) for side in values.shape))


def trimmed(values: np.ndarray, counts: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """Returns the part around all values of which `counts` is true, None if there is none."""
    rows, columns = np.nonzero(counts(values))
    if not len(rows):
        return None
    return values[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def placed(part: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """Returns an empty square with `part` laid on it, its upper left corner at (top, left); what sticks out is lost."""
    square = np.zeros((side, side), part.dtype)
    rows, columns = (slice(max(0, -start), max(0, side - start)) for start in (top, left))
    inside = part[rows, columns]
    square[max(0, top) : max(0, top) + inside.shape[0], max(0, left) : max(0, left) + inside.shape[1]] = inside
    return square


def in_bytes(values: np.ndarray) -> np.ndarray:
    """Returns values as uint8: rounded, at least 0 and at most 255."""
    return np.floor(np.clip(values, 0, 255) + 0.5).astype(np.uint8)


def half_up(number: float) -> int:
    """Returns a number rounded, a half upwards, as the report's scripts do."""
    return int(np.floor(number + 0.5))
