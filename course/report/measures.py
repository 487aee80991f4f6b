"""Which classes a network confuses."""

from typing import NamedTuple

import numpy as np


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
