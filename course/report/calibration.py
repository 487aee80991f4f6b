"""How often a network is right when it says how sure it is."""

from typing import NamedTuple

import numpy as np

from course.runs.certainty import interval
from course.runs.record import Predictions

BINS = 10
SIMULATED = 200  # tests of a network that is exactly as sure as it should be


class Bin(NamedTuple):
    """Images for which a network was about equally sure; all but `images` from 0 to 1."""

    low: float  # they are above it,
    high: float  # and up to it
    images: int
    confidence: float  # how sure it was, on average
    accuracy: float  # the fraction that it got right


class Calibration(NamedTuple):
    """How well the confidence of a network agrees with how often it is right; fractions from 0 to 1."""

    bins: list[Bin]  # those that have images, from unsure to sure
    error: float  # the expected calibration error: the bins' differences, averaged over all images
    by_chance: float  # below it are 95 of 100 such errors of a network that is exactly as sure as it should be

    @property
    def whole(self) -> Bin:
        """All images as a single bin."""
        images = sum(each.images for each in self.bins)
        confidence = sum(each.images * each.confidence for each in self.bins) / images
        accuracy = sum(each.images * each.accuracy for each in self.bins) / images
        return Bin(0.0, 1.0, images, confidence, accuracy)


def calibrate(predictions: Predictions) -> Calibration:
    """Compares the confidence of a network whose outputs are probabilities, the largest output, with its accuracy.

    The ten bins and the error are those of Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    confidence = np.minimum(predictions.outputs.max(axis=1).astype(float), 1)  # 16 bits may round to more than 1
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.eye(BINS)[np.digitize(confidence, edges[1:-1], right=True)]  # (n, BINS), one-hot
    right = predictions.classes == predictions.labels
    images, sure = bins.sum(axis=0), confidence @ bins
    chance = np.random.default_rng(0).random((SIMULATED, len(confidence))) < confidence
    errors = np.abs(np.stack([right, *chance]) @ bins - sure).sum(axis=1) / len(confidence)
    rows = zip(edges[:-1], edges[1:], images, sure, right @ bins, strict=True)
    found = [Bin(low, high, int(count), sum_ / count, hits / count) for low, high, count, sum_, hits in rows if count]
    return Calibration(found, float(errors[0]), float(np.quantile(errors[1:], 0.95)))


def in_sentences(calibration: Calibration) -> tuple[str, str, str]:
    """Says what a calibration means: of the fullest bin, on average over all images, and the expected error."""
    fullest, whole = max(calibration.bins, key=lambda each: each.images), calibration.whole
    low, high = interval(fullest.accuracy, fullest.images)
    said = f"{100 * fullest.low:.0f} to {fullest.high:.0%} ({fullest.confidence:.2%} on average)"
    often = f"{fullest.accuracy:.2%} of the time (95% interval: {low:.2%} to {high:.2%})"
    low, high = interval(whole.accuracy, whole.images)
    points = 100 * (whole.confidence - whole.accuracy)
    verdict = f"it is {points:.2f} points too sure" if points > 0 else f"it should be {-points:.2f} points surer"
    both = f"its confidence is {whole.confidence:.2%}, and {whole.accuracy:.2%} of its answers are right"
    chance = "may be" if calibration.error <= calibration.by_chance else "is hardly"
    return (
        f"When it said {said}, it was right {often}.",
        f"On average over all {whole.images:,} images {both}: "
        + ("the difference may be chance." if low <= whole.confidence <= high else f"{verdict}."),
        f"The dots of the chart are {100 * calibration.error:.2f} points away from the dotted line, averaged over all"
        f" images; this is the expected calibration error. That {chance} chance: of networks that are exactly as sure"
        f" as they should be, 95 of 100 stay below {100 * calibration.by_chance:.2f} points.",
    )
