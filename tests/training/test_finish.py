"""The end of a run: what it keeps of any network, images and targets."""

import keras
import numpy as np
import pytest

import mlp
from course.runs import folder as run_folder
from course.runs.record import read_predictions
from course.training.run import Run

RESULTS = {"accuracy": 0.25, "loss": 1.0}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    """Keeps runs in a folder of this test, and tracks none of them."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 10)])
@pytest.mark.parametrize("kind", [np.asarray, keras.ops.convert_to_tensor])
def test_labels_are_kept_whatever_their_shape(capsys, shape, kind):
    labels = np.array([3, 1, 4, 1])
    targets = np.eye(10)[labels] if shape[-1] == 10 else labels.reshape(shape)
    with Run(mlp.Config()) as run:
        run.finish(mlp.build_model(run.config, 10), np.zeros((4, 28, 28)), kind(targets), RESULTS)
    assert read_predictions(run.folder / run_folder.PREDICTIONS).labels.tolist() == [3, 1, 4, 1]
    assert "Predictions" not in capsys.readouterr().err


def test_images_that_cannot_be_predicted_do_not_end_a_run(capsys):
    with Run(mlp.Config()) as run:
        run.finish(mlp.build_model(run.config, 10), None, None, RESULTS)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Predictions are not kept (")
    assert said[0].endswith("); the run itself is not affected.")
    assert (run.folder / run_folder.METRICS).is_file()
