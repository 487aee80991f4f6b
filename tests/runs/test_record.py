"""The files of a run, written and read again."""

import numpy as np
import pytest

from course.runs import folder as run_folder
from course.runs.record import (
    Predictions,
    Record,
    plain_numbers,
    read_config,
    read_history,
    read_predictions,
    write_history,
    write_predictions,
)
from course.system.errors import CourseError
from course.system.files import write_json


def test_what_is_not_a_single_number_is_no_metric():
    values = {"loss": np.float32(0.5), "matrix": np.eye(2), "one": np.array([1.0]), "words": "x", "none": None}
    assert plain_numbers({"epoch": 1, **values, "nan": float("nan")}) == {"epoch": 1, "loss": 0.5, "nan": None}


def test_history_has_the_columns_of_all_rows(tmp_path):
    write_history(tmp_path, [{"epoch": 1, "auc": 0.5}, {"epoch": 2, "auc_1": 0.75}, {"epoch": 3}])
    header = (tmp_path / run_folder.HISTORY).read_text().splitlines()[0]
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,auc,auc_1"
    assert [(row["epoch"], row["auc"], row["auc_1"]) for row in read_history(tmp_path)] == [
        (1, 0.5, None),
        (2, None, 0.75),
        (3, None, None),
    ]


def predictions(outputs: np.ndarray, labels: list[int], example: np.ndarray) -> Predictions:
    return Predictions(outputs.astype("float32"), np.array(labels, "uint8"), example)


def test_answers_are_kept_of_pictures_of_two_values_and_of_a_single_output(tmp_path):
    file = tmp_path / "predictions.npz"
    for outputs in (np.eye(2), np.array([[0.2], [0.9]])):
        kept = predictions(outputs, [0, 1], np.ones((1, 2, 2), bool))
        write_predictions(file, kept)
        found = read_predictions(file)
        assert found is not None
        np.testing.assert_array_equal(found.outputs, kept.outputs)
        assert found.example.dtype == bool
        assert found.accuracy == (1 if outputs.shape[1] == 2 else None)


def test_what_could_not_be_read_is_not_written(tmp_path):
    for outputs, labels in ((np.zeros((2, 3, 2)), [0, 1]), (np.eye(2), [0, 2])):
        with pytest.raises(CourseError):
            write_predictions(tmp_path / "predictions.npz", predictions(outputs, labels, np.ones((1, 2))))
    assert not list(tmp_path.iterdir())


def test_what_a_learner_calls_channels_may_be_kernels(tmp_path):
    for channels, expected in ((32, 1), (1, 1), (3, 3), ("many", 1)):
        write_json(tmp_path / run_folder.CONFIG, {"channels": channels})
        record = Record(tmp_path, read_config(tmp_path), [], {}, {}, None)
        assert record.image_channels == expected
