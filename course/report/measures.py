"""Which classes a network confuses."""

from typing import NamedTuple

import numpy as np

from course.runs.record import Row

MOST_OTHERS = 3  # metrics, where there is no accuracy


class ClassScores(NamedTuple):
    """How well the network tells one class from the others; fractions, None where there is nothing to divide by."""

    name: str
    images: int
    precision: float | None  # of the images predicted as this class, the fraction that are of it
    recall: float | None  # of the images of this class, the fraction predicted as it


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns how often each class (row) is predicted as each class (column), int (num_classes, num_classes).

    `labels`, the true classes, and `predicted`, the network's answers, are (n,), from 0 to num_classes - 1.
    """
    pairs = num_classes * labels.astype(int) + predicted
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def precision_and_recall(matrix: np.ndarray, names: tuple[str, ...]) -> list[ClassScores]:
    """Returns what a confusion matrix, (classes, classes), says of each class; `names` are those of the classes."""
    columns = zip(names, matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1), strict=True)
    return [
        ClassScores(name, int(images), right / predicted if predicted else None, right / images if images else None)
        for name, right, predicted, images in columns
    ]


def metrics_to_draw(history: list[Row]) -> list[str]:
    """Returns the metrics, by the names that they have for training images, that curves show: loss and accuracy.

    Where a network has no accuracy, as with several outputs, the first others that it has; loss in any case.
    """
    there = [name for name in history[-1] | history[0] if is_there(history, name)]
    names = list(dict.fromkeys(name.removeprefix("val_") for name in there))
    if "accuracy" in names:
        return ["loss", "accuracy"]
    return ["loss", *[name for name in names if name not in ("epoch", "learning_rate", "loss")][:MOST_OTHERS]]


def is_there(history: list[Row], metric: str) -> bool:
    """Returns whether a metric was a number in any epoch."""
    return any(row.get(metric) is not None for row in history)
