"""A photo of a handwritten digit, as MNIST would have it; course/report/live/picture.js has the same rule."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from course.own_pictures.brightness import half_up, in_bytes, placed, resized, shrunk, trimmed

SIDE, BOX = 28, 20  # pixels: MNIST fits each digit into 20 x 20 of 28 x 28
LEAST_INK = 0.1  # of the strongest: what is fainter is edge, not stroke
LONGEST = 320  # pixels to which a photo is shrunk before anything is looked for in it
COARSE = 60  # pixels: enough to see where the paper is lighter and darker
LEAST_CONTRAST = 12  # of 255, between ink and paper
LEAST_PIECE = 0.1  # of the largest connected piece of ink: smaller ones are specks
ANOTHER_DIGIT = 0.25  # of it: a piece of this size beside it is a digit of its own


class Ink(NamedTuple):
    """The ink of one digit in a photo."""

    values: np.ndarray  # float32 (height, width), 0 to 255
    others: int  # more digits that stand beside it


def as_digit(ink: np.ndarray) -> np.ndarray | None:
    """Returns ink, float32 (height, width), as uint8 (28, 28) by MNIST's own rule; None if there is none.

    What is inked fits into 20 x 20 pixels, its centre of mass is in the middle of 28 x 28 (LeCun et al. 1998).
    """
    strongest = ink.max(initial=0)
    if not strongest > 0:
        return None
    # 1. Only the box around the ink counts, not where on the paper it is.
    box = trimmed(ink, lambda values: values > LEAST_INK * strongest)
    assert box is not None
    # 2. Its longer side becomes 20 pixels, the other one keeps the proportion; the edges become grey.
    scale = BOX / max(box.shape)
    small = resized(box, *(max(1, half_up(side * scale)) for side in box.shape))
    # 3. The strongest pixel is full ink again, which a thin stroke lost when it was shrunk.
    small = small * (255 / small.max())
    # 4. The centre of mass comes to pixel (14, 14), as in MNIST.
    down, across = (float((small.sum(axis=1 - axis) * np.arange(small.shape[axis])).sum()) for axis in (0, 1))
    mass = float(small.sum())
    return in_bytes(placed(small, half_up(SIDE / 2 - down / mass), half_up(SIDE / 2 - across / mass), SIDE))


def ink_of_photo(brightness: np.ndarray) -> Ink | None:
    """Returns the ink in a photo, float32 (height, width), 0 to 255, dark on light or light on dark; None without."""
    paper = shrunk(brightness, LONGEST)
    longest = max(paper.shape)
    # 1. Which is ink? Strokes are few, so they are the rare, strong differences from the brightness around them.
    lean = ((paper - _blurred(paper, longest / 6)).astype(float) ** 3).sum()
    dark = 255 - paper if lean > 0 else paper
    # 2. The paper without the strokes: the brightest value around each pixel, and of those the darkest again, so that
    #    shadows keep their place; the difference from it is ink, wherever the shadow lies.
    reach = 2 * (COARSE // 6) + 1
    coarse = shrunk(dark, COARSE)
    closed = ndimage.minimum_filter(ndimage.maximum_filter(coarse, reach, mode="nearest"), reach, mode="nearest")
    ink = np.maximum(0, resized(closed, *dark.shape) - dark)
    if ink.max() < LEAST_CONTRAST:
        return None
    # 3. A threshold parts ink from paper.
    # 4. The largest connected piece is the digit, with what is above or below it; specks are not, nor is what reaches
    #    the edge of the photo, which is a shadow.
    kept, others = _digit(ink > _otsu(ink))
    # 5. What is as dark as the mean of the digit is full ink; the pixels next to it are its grey edge.
    full = ink[kept].mean()
    edge = ndimage.maximum_filter(kept, 3, mode="nearest")
    return Ink(np.where(edge, np.minimum(255, 255 * ink / full), 0).astype(np.float32), others)


def _digit(inked: np.ndarray) -> tuple[np.ndarray, int]:
    """Returns which pixels, bool (height, width), are the largest digit's, and how many digits stand beside it."""
    numbers, count = ndimage.label(inked, np.ones((3, 3)))
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    sizes[0] = 0
    inner = sizes.copy()
    inner[np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]])] = 0
    sizes = inner if inner.max() >= LEAST_PIECE * sizes.max() else sizes
    largest = int(sizes.argmax())
    places = ndimage.find_objects(numbers)
    own = places[largest - 1][1]  # its columns
    kept, others = np.zeros(count + 1, bool), []
    for number, (_, columns) in enumerate(places, start=1):
        if sizes[number] < LEAST_PIECE * sizes[largest]:
            continue
        if columns.start <= own.stop and columns.stop >= own.start:
            kept[number] = True
        elif sizes[number] >= ANOTHER_DIGIT * sizes[largest]:
            others.append((columns.start, columns.stop))
    digits = 0
    end = -1
    for start, stop in sorted(others):  # pieces of another digit are above each other, too
        digits += start > end
        end = max(end, stop)
    return kept[numbers], digits


def _blurred(values: np.ndarray, reach: float) -> np.ndarray:
    """Returns values without their details: each the mean of all within about `reach` pixels."""
    few = resized(values, *(max(1, half_up(side / reach)) for side in values.shape))
    return resized(few, *values.shape)


def _otsu(values: np.ndarray) -> float:
    """Returns the threshold that parts values into two groups which differ most within all (Otsu 1979)."""
    bins, top = 256, float(values.max())
    counts = np.bincount(np.minimum(bins - 1, values.ravel().astype(float) / top * bins).astype(int), minlength=bins)
    below = counts.cumsum()[:-1]
    sums = (counts * np.arange(bins)).cumsum()
    above = values.size - below
    possible = (below > 0) & (above > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return (int(np.where(possible, between, -1).argmax()) + 1) / bins * top
