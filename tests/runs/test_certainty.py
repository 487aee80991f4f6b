"""How sure figures are, compared with what SciPy says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course.runs.certainty import by_chance, in_words, interval
from course.runs.record import Predictions


def answers(right: np.ndarray) -> Predictions:
    """Returns the answers of a network that gets these images right, (n,) of booleans; all are of class 0."""
    outputs = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0]).astype(np.float32)
    return Predictions(outputs, np.zeros(len(right), np.uint8), np.zeros((1, 1)))


@given(st.integers(1, 20_000), st.data())
def test_the_interval_is_wilsons(images, data):
    right = data.draw(st.integers(0, images))
    expected = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert interval(right / images, images) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300))
def test_the_difference_is_tested_as_scipy_tests_coins(pairs):
    first, second = np.array(pairs).T
    only = int(np.sum(first & ~second)), int(np.sum(~first & second))
    expected = stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1
    assert by_chance(answers(first), answers(second)) == pytest.approx(expected)


def test_a_difference_is_put_into_words():
    good, bad = answers(np.arange(1000) >= 10), answers(np.arange(1000) >= 40)
    assert in_words(bad, good, ("A", "B")).startswith("B gets 30 of 1,000 images more right than A. That is hardly")
    assert in_words(good, bad, ("A", "B")).startswith("B gets 30") is False
    assert "below 0.1%" in in_words(good, bad, ("A", "B"))
    assert "may be chance" in in_words(good, answers(np.arange(1000) >= 12), ("A", "B"))
    assert "the same number" in in_words(good, good, ("A", "B"))
    assert "cannot be compared" in in_words(good, answers(np.ones(7, bool)), ("A", "B"))
    assert "not tested with the same images" in in_words(good, None, ("A", "B"))
