"""What the numbers of a run say: which classes are confused, and whether the network overfits."""

from typing import NamedTuple

import numpy as np

from course.runs.record import Row


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


def turning_point(history: list[Row]) -> int | None:
    """Returns the epoch with the lowest val_loss if the loss rose after it, else None."""
    losses = {number: loss for number, row in enumerate(history, start=1) if (loss := row.get("val_loss")) is not None}
    lowest = min(losses, key=losses.__getitem__, default=None)
    return None if lowest == max(losses, default=None) else lowest


def overfitting(history: list[Row]) -> str:
    """Says in plain words whether the network was still learning in the end, or memorising."""
    if len(history) < 2:
        return "After a single epoch nobody can tell yet whether the network learns or memorises."
    last = [history[-1].get(name) for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
    numbers = [number for number in last if number is not None]
    if len(numbers) < len(last):
        return "In the last epoch not everything was a number, so nobody can tell whether the network overfits."
    loss, accuracy, _, val_accuracy = numbers
    right = f"{accuracy:.1%} of the training images right and {val_accuracy:.1%} of the validation images."
    end = f"In the last epoch it got {right}"
    if val_accuracy > accuracy:
        end += " (Training accuracy is counted during the epoch, while the network still changes and dropout is on;"
        end += " validation accuracy is counted afterwards, without dropout.)"
    turned = turning_point(history)
    if turned is None:
        return f"{end} Its validation loss was still falling, so it was learning what holds for other images too."
    since = f"{end} Its validation loss was lowest after epoch {turned}"
    lowest = history[turned - 1].get("loss")
    if lowest is not None and loss < lowest:
        return (
            f"{since} and rose after it, while its training loss kept falling: from there on it memorises its training"
            " images. That is overfitting; dropout, more images or fewer epochs help."
        )
    return f"{since}, but its training loss is no lower since either: something other than overfitting holds it back."
