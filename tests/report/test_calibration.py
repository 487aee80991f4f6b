"""How sure a network is and how often it is right: against scikit-learn, and against a loop over the images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from course.report.calibration import calibrate, in_sentences
from course.runs.record import Predictions


def simulated(images: int, seed: int, surer: float = 1.0) -> Predictions:
    """Returns answers of a network whose confidence is exact, or with `surer` above 1 too high."""
    random = np.random.default_rng(seed)
    outputs = random.dirichlet(np.full(5, 0.3), images)
    below = np.cumsum(outputs, axis=1)[:, :-1] < random.random((images, 1))
    labels = below.sum(axis=1).astype(np.uint8)  # each class as often as its probability says
    outputs = outputs**surer
    outputs /= outputs.sum(axis=1, keepdims=True)
    return Predictions(outputs.astype(np.float32), labels, np.zeros((1, 2, 2)))


def expected_error(predictions: Predictions) -> float:
    """The expected calibration error as Guo et al. define it, image by image."""
    bins = {}
    for outputs, label in zip(predictions.outputs.astype(float), predictions.labels, strict=True):
        number = next(number for number in range(1, 11) if outputs.max() <= number / 10 or number == 10)
        bins.setdefault(number, []).append((outputs.max(), outputs.argmax() == label))
    gaps = [abs(sum(sure for sure, _ in each) - sum(right for _, right in each)) for each in bins.values()]
    return sum(gaps) / len(predictions.labels)


@given(st.integers(1, 300), st.integers(0, 10**6), st.floats(0.3, 3))
def test_bins_and_error_are_those_of_others(images, seed, surer):
    predictions = simulated(images, seed, surer)
    found = calibrate(predictions)
    confidence = np.minimum(predictions.outputs.max(axis=1).astype(float), 1)
    accuracy, sure = calibration_curve(predictions.classes == predictions.labels, confidence, pos_label=1, n_bins=10)
    assert [each.accuracy for each in found.bins] == pytest.approx(accuracy)
    assert [each.confidence for each in found.bins] == pytest.approx(sure)
    assert all(each.low <= each.confidence <= each.high for each in found.bins)
    assert found.error == pytest.approx(expected_error(predictions))
    assert found.whole.images == images
    assert found.whole.accuracy == pytest.approx(predictions.accuracy)


def test_an_exact_network_seldom_passes_for_another_one():
    hardly = sum("is hardly chance" in in_sentences(calibrate(simulated(500, seed)))[2] for seed in range(100))
    assert hardly <= 12  # 5 are expected


@pytest.mark.parametrize(
    ("surer", "verdict"), [(3, "too sure."), (0.3, "surer."), (1, "the difference may be chance.")]
)
def test_what_it_means_is_said(surer, verdict):
    predictions = simulated(3000, seed=1, surer=surer)
    _, on_average, error = in_sentences(calibrate(predictions))
    assert on_average.endswith(verdict)
    assert on_average.startswith("On average over all 3,000 images its confidence is ")
    assert f"are {100 * expected_error(predictions):.2f} points away" in error
    assert ("is hardly chance" in error) == (surer != 1)


def test_the_fullest_bin_is_said_with_its_interval():
    outputs = np.array([[0.95, 0.05]] * 100 + [[0.6, 0.4]] * 20, np.float32)
    labels = np.array([0] * 90 + [1] * 30, np.uint8)
    said = in_sentences(calibrate(Predictions(outputs, labels, np.zeros((1, 2, 2)))))[0]
    low, high = binomtest(90, 100).proportion_ci(method="wilson")
    assert said == (
        "When it said 90 to 100% (95.00% on average), it was right 90.00% of the time"
        f" (95% interval: {low:.2%} to {high:.2%})."
    )
