"""What the numbers of a run say: which classes are confused, and whether the network overfits."""

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


def turning_point(history: list[Row]) -> int | None:
    """Returns the epoch with the lowest val_loss if the loss rose after it, else None."""
    losses = {number: loss for number, row in enumerate(history, start=1) if (loss := row.get("val_loss")) is not None}
    lowest = min(losses, key=losses.__getitem__, default=None)
    return None if lowest == max(losses, default=None) else lowest


def overfitting(history: list[Row]) -> str:
    """Says in plain words whether the network was still learning in the end, or memorising."""
    if len(history) < 2:
        return "After a single epoch nobody can tell yet whether the network learns or memorises."
    if not is_there(history, "val_loss"):
        return "There is no validation loss, so nobody can tell whether the network overfits."
    loss, val_loss = history[-1].get("loss"), history[-1].get("val_loss")
    if loss is None or val_loss is None:
        return "In the last epoch not everything was a number, so nobody can tell whether the network overfits."
    end = (
        _at_the_end(history[-1])
        or f"In the last epoch its training loss was {loss:.4g}, its validation loss {val_loss:.4g}."
    )
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


def _at_the_end(last: Row) -> str:
    """Says how many images were right in the last epoch; nothing if that is not known."""
    accuracy, val_accuracy = last.get("accuracy"), last.get("val_accuracy")
    if accuracy is None or val_accuracy is None:
        return ""
    right = f"{accuracy:.1%} of the training images right and {val_accuracy:.1%} of the validation images."
    end = f"In the last epoch it got {right}"
    if val_accuracy > accuracy:
        end += " (Training accuracy is counted during the epoch, while the network still changes and dropout is on;"
        end += " validation accuracy is counted afterwards, without dropout.)"
    return end
