"""How sure an accuracy is, and whether two networks differ by more than chance."""

import math
from statistics import NormalDist

import numpy as np

from course.runs.record import Predictions

SURE = 0.95  # how many of 100 such intervals contain the accuracy on all images of this kind
BY_CHANCE = 0.05  # probability below which nobody calls a difference chance


def interval(accuracy: float, images: int) -> tuple[float, float]:
    """Returns the 95% interval of an accuracy that was measured on so many images, all from 0 to 1.

    That of Wilson 1927, https://doi.org/10.2307/2276774: it stays within 0 and 1, and is right for few mistakes too.
    """
    z = NormalDist().inv_cdf((1 + SURE) / 2)
    middle = (accuracy + z * z / (2 * images)) / (1 + z * z / images)
    half = z / (1 + z * z / images) * math.sqrt(accuracy * (1 - accuracy) / images + (z / (2 * images)) ** 2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def by_chance(first: Predictions, second: Predictions) -> float | None:
    """Returns how probable it is that two equally good networks differ by as many of the same images, 0 to 1.

    None if they did not answer the same images. The exact test of McNemar: only images count that one of them gets
    right and the other one wrong, and for equally good ones each of these is a fair coin.
    """
    if len(first.labels) != len(second.labels) or not np.array_equal(first.labels, second.labels):
        return None
    right, others = (predictions.classes == predictions.labels for predictions in (first, second))
    only_first, only_second = int(np.sum(right & ~others)), int(np.sum(~right & others))
    coins, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(math.comb(coins, heads) for heads in range(fewer + 1)) / 2**coins)


def in_words(first: Predictions, second: Predictions | None, names: tuple[str, str]) -> str:
    """Says whether two networks, called by these names, differ by more than chance; None for answers on other data."""
    probability = None if second is None else by_chance(first, second)
    if second is None or probability is None or first.accuracy is None or second.accuracy is None:
        return f"{names[0]} and {names[1]} were not tested with the same images, so they cannot be compared."
    images = len(first.labels)
    more = round((second.accuracy - first.accuracy) * images)
    if more == 0:
        return f"{names[0]} and {names[1]} get the same number of {images:,} images right."
    better, worse = (names[1], names[0]) if more > 0 else names
    difference = f"{better} gets {abs(more):,} of {images:,} images more right than {worse}."
    chance = "below 0.1%" if probability < 0.001 else f"{probability:.1%}"
    verdict = "is hardly" if probability < BY_CHANCE else "may be"
    return f"{difference} That {verdict} chance: {chance} of equally good networks differ by as much."
