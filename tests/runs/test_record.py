"""The files of a run, written and read again."""

import numpy as np

from course.runs import folder as run_folder
from course.runs.record import plain_numbers, read_history, write_history


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
