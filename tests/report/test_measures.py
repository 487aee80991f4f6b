"""What the numbers of a run say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from course.report import measures


@st.composite
def answers(draw) -> tuple[int, np.ndarray, np.ndarray]:
    """How many classes there are, and some labels with what they are predicted as."""
    num_classes = draw(st.integers(2, 12))
    number = st.integers(0, num_classes - 1)
    pairs = draw(st.lists(st.tuples(number, number), min_size=1, max_size=200))
    return num_classes, *np.array(pairs).T


@given(answers())
def test_confusion_precision_and_recall_are_scikit_learns(drawn):
    num_classes, labels, predicted = drawn
    matrix = measures.confusion_matrix(labels.astype(np.uint8), predicted, num_classes)
    names = tuple(map(str, range(num_classes)))
    assert np.array_equal(matrix, confusion_matrix(labels, predicted, labels=range(num_classes)))
    expected = precision_recall_fscore_support(labels, predicted, labels=range(num_classes), zero_division=np.nan)
    for number, scores in enumerate(measures.precision_and_recall(matrix, names)):
        assert scores.images == expected[3][number]
        for found, wanted in ((scores.precision, expected[0][number]), (scores.recall, expected[1][number])):
            assert np.isnan(wanted) if found is None else found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("metrics", "drawn"),
    [
        (("accuracy", "val_accuracy", "auc"), ["loss", "accuracy"]),
        ((), ["loss"]),
        (("val_auc", "auc", "auc_1"), ["loss", "auc", "auc_1"]),
        (("a_loss", "b_loss", "a_accuracy", "b_accuracy"), ["loss", "a_loss", "b_loss", "a_accuracy"]),
    ],
)
def test_the_metrics_that_are_there_are_drawn(metrics, drawn):
    row = {"epoch": 1, "loss": 0.5, "accuracy": None, "learning_rate": 0.1} | dict.fromkeys(metrics, 0.5)
    assert measures.metrics_to_draw([row, row]) == drawn
