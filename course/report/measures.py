"""What the numbers of a run say: about classes that are taken for each other, and about overfitting."""

from typing import NamedTuple

import numpy as np

History = list[dict[str, float | None]]  # one row an epoch; None for what was no finite number


class Quality(NamedTuple):
    """How well one class is told from the others; shares from 0 to 1, None where there is nothing to divide."""

    name: str
    images: int
    precision: float | None  # of the images that are taken for this class, how many are
    recall: float | None  # of the images of this class, how many are taken for it


def confusion_matrix(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns how often images of each class (row) are taken for each class (column), int (10, 10).

    Args:
        labels: what the images are, (n,), 0 to 9.
        classes: what they are taken for, (n,), 0 to 9.
    """
    return np.bincount(10 * labels.astype(int) + classes, minlength=100).reshape(10, 10)


def precision_and_recall(matrix: np.ndarray, names: tuple[str, ...]) -> list[Quality]:
    """Returns what a confusion matrix, (10, 10), says of each class."""

    def share(right: int, images: int) -> float | None:
        return right / images if images else None

    right, taken, images = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
    return [
        Quality(name, int(images[number]), share(right[number], taken[number]), share(right[number], images[number]))
        for number, name in enumerate(names)
    ]


def turning_point(history: History) -> int | None:
    """Returns the epoch with the lowest val_loss if the loss rose after it, else None."""
    losses = [(row["val_loss"], int(row["epoch"])) for row in history if row.get("val_loss") is not None]
    return min(losses)[1] if losses and min(losses)[1] < losses[-1][1] else None


def overfitting(history: History) -> str:
    """Says in plain words whether the network was still learning in the end, or learning by heart."""
    if len(history) < 2:
        return "After a single epoch there is no telling yet whether the network learns, or learns by heart."
    last, turned = history[-1], turning_point(history)
    if any(last.get(name) is None for name in ("loss", "accuracy", "val_loss", "val_accuracy")):
        return "In the last epoch not everything was a number, so there is no telling whether the network overfits."
    end = (
        f"In the last epoch it got {last['accuracy']:.1%} of the training images right and"
        f" {last['val_accuracy']:.1%} of the validation images."
    )
    if last["val_accuracy"] > last["accuracy"]:
        end += " (Training counts while the network is still changing, and with dropout at work.)"
    if turned is None:
        return f"{end} Its loss in validation was still falling, so it was learning what holds for other images too."
    since = f"{end} Its loss in validation was lowest after epoch {turned}"
    lowest = next(row["loss"] for row in history if row["epoch"] == turned)
    if lowest is not None and last["loss"] < lowest:
        return (
            f"{since} and rose after it, while that in training went on falling: from there on it learnt its training"
            " images by heart. That is overfitting; dropout, more images or fewer epochs help."
        )
    return f"{since}, but that in training is no lower since either: something else than overfitting holds it back."
