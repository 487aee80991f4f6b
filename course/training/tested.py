"""What a run keeps of the network that was tested: the network, its answers, and its figures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from course.runs import folder as run_folder
from course.runs.record import Predictions, are_probabilities, as_labels, write_model, write_predictions
from course.system.errors import CourseError, without_harm
from course.training.accuracy import with_accuracy

Results = Mapping[str, float] | Sequence[float] | float  # what Keras' evaluate may return
Part = tuple[np.ndarray, np.ndarray]  # images as the network takes them, (n, ...), and their targets


def keep_network(
    folder: Path, model: keras.Model, test: Part, validation: Part | None, examples: int, names: Sequence[str]
) -> Predictions | None:
    """Writes a network and its answers to a run's folder; what cannot be kept is said in a sentence.

    Returns its answers on the test images, None if they were not kept.
    """
    if validation is not None:
        file = folder / run_folder.VALIDATION
        without_harm("Validation is not kept", lambda: _keep_answers(file, model, *validation, names))
    file = folder / run_folder.PREDICTIONS
    answers = without_harm("Predictions are not kept", lambda: _keep_answers(file, model, *test, names, examples))
    if problem := write_model(folder, model):
        print(f"This network cannot be kept in a file ({problem}); its answers are.", file=sys.stderr)
    return answers


def figures_of_test(answers: Predictions | None, results: Results | None, model: keras.Model) -> dict[str, float]:
    """Returns the figures of a test; those of another network than the one that gave the answers are left out."""
    if not isinstance(results, Mapping):
        results = {} if results is None else {"loss": np.ravel(results)[0]}
    results = with_accuracy(results, model)
    figures = {f"test_{name}": value for name, value in results.items() if np.ndim(value) == 0}
    counted = None if answers is None else answers.accuracy
    if answers is None or counted is None:
        return figures
    said = results.get("accuracy")
    if said is not None and abs(said - counted) * len(answers.labels) > 2:  # more than rounding
        print(
            f"The accuracy given to run.finish is {said:.2%}, but the network given to it gets {counted:.2%} of the"
            " test images right: another network was tested, or other images. The network is kept, with its figure.",
            file=sys.stderr,
        )
        figures = {}
    return figures | {"test_accuracy": counted}


def _keep_answers(
    file: Path, model: keras.Model, images: np.ndarray, targets: np.ndarray, names: Sequence[str], examples: int = 1
) -> Predictions:
    """Writes what a network says of images (n, ...), their labels with names, and the first of the images."""
    outputs = np.asarray(model.predict(images, verbose=0)).astype(np.float32)
    labels, example = as_labels(targets), np.asarray(images[:examples])
    rows = np.asarray(targets).reshape(len(targets), -1)
    if (rows.shape[1] > 1 and not are_probabilities(rows)) or not np.isin(labels, range(256)).all():
        raise CourseError("the targets are no classes")
    labels = labels.astype(np.uint8)
    answers = Predictions(outputs, labels, example, np.array(names, np.str_))
    write_predictions(file, answers)
    return answers
