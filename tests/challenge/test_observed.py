"""What a run leaves for its grader, written and read."""

import json

import numpy as np
import pytest

from course.challenge.observed import Observations, ObservedArray, ObservedLabels, read_evidence, trained_by
from course.runs import folder as run_folder
from course.system.errors import CourseError

ARRAY = {"shape": [1000, 28, 28, 1], "dtype": "float32", "lowest": 0.0, "highest": 1.0, "size": 0.4}
LABELS = {
    "shape": [1000, 10], "dtype": "float64", "lowest": 0.0, "highest": 1.0, "size": 0.3, "distributions": True,
}  # fmt: skip
NETWORK = {
    "outputs": [[None, 10]],
    "dropout": 0.4,
    "layers": [
        {
            "kind": "Dense", "kernels": [[784, 10]], "data_format": None, "received": ARRAY, "returned": [64, 10],
            "linear": False,
        },
    ],
    "last": "Dense",
    "activation": "softmax",
    "probabilities": True,
    "normalised": False,
    "beyond": False,
}  # fmt: skip
DATA = {
    "images": ARRAY, "labels": LABELS, "recognised": 998, "test_images": 0, "own_labels": 997, "in_order": False,
}  # fmt: skip
FITS = [
    {
        "network": NETWORK,
        "loss": {"name": "categorical_crossentropy", "from_logits": False, "of_probability": True},
        "learning_rate": 0.002,
        "training": DATA,
        "validation": None,
        "in_both": 0,
    }
]
USE = {"method": "evaluate", "purpose": "during fit", "test_images": 1000}
WRITTEN = {
    "process": 4711,
    "parts": [{"source": "a", "fits": FITS, "uses": []}, {"source": "b", "fits": FITS, "uses": [USE]}],
    "lost": False,
    "test": {"network": NETWORK, "data": DATA, "expected": 10_000},
}
SCRIPT = "def prepare(images):\n    return images\n\n\nmodel.fit(1)\n"


def test_attempt_json_is_written_as_it_is_read():
    text = json.dumps(WRITTEN)
    assert json.dumps(Observations.model_validate_json(text).model_dump()) == text


def test_an_array_is_described_by_finite_numbers():
    array = np.array([[0.5, np.inf], [np.nan, 1]])
    assert ObservedArray.of(array[:1]).model_dump() == {
        "shape": [1, 2], "dtype": "float64", "lowest": 0.5, "highest": None, "size": None,
    }  # fmt: skip
    assert ObservedArray.of(np.array([1, 7], "uint8")).size == 5
    assert ObservedLabels.of(np.eye(3), distributions=True).distributions


def test_what_is_not_there_is_empty_and_what_is_there_has_its_place(tmp_path):
    nothing = read_evidence(tmp_path)
    assert (nothing.data, nothing.fits, nothing.epochs, nothing.places) == (None, [], [], {})
    assert trained_by(tmp_path) is None
    (tmp_path / run_folder.OBSERVED).write_text(json.dumps(WRITTEN))
    (tmp_path / run_folder.CONFIG).write_text('{"data": "fashion_mnist"}')
    (tmp_path / run_folder.SCRIPT).write_text(SCRIPT)
    evidence = read_evidence(tmp_path)
    assert evidence.data == "fashion_mnist"
    assert evidence.fits[0].training.images.shape == [1000, 28, 28, 1]
    assert evidence.places("prepare") == " (prepare, line 1)"
    assert evidence.places("fit") == " (fit, line 5)"
    assert evidence.places("compile") == ""
    assert trained_by(tmp_path) == 4711
    assert (evidence.uses[0].test_images, evidence.sources, evidence.lost) == (1000, 2, False)


def test_what_an_earlier_version_wrote_can_be_graded(tmp_path):
    (tmp_path / run_folder.OBSERVED).write_text(json.dumps({"process": 1, "fits": FITS, "test": None}))
    (fit,) = read_evidence(tmp_path).fits
    assert fit.training.recognised == 998


@pytest.mark.parametrize("damaged", ["{", '{"fits": [{}]}', '{"fits": 1}', "\0"])
def test_damage_is_said_in_a_sentence(tmp_path, damaged):
    (tmp_path / run_folder.OBSERVED).write_text(damaged)
    with pytest.raises(CourseError, match=r"attempt.json was damaged or changed \(.*\); train it again.$"):
        read_evidence(tmp_path)
    assert trained_by(tmp_path) is None
