"""The end of a run: what it keeps of any network, images and targets."""

import json

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


@pytest.mark.parametrize("targets", [np.full((4, 784), 0.5), np.array([0.5, 1.5, 2.5, 3.5])])
def test_what_is_no_class_is_not_counted_as_right_or_wrong(capsys, targets):
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    with Run(mlp.Config()) as run:
        run.finish(network, np.zeros((4, 28, 28)), targets, {"loss": 1.0})
    assert "Predictions are not kept (the targets are no classes)" in capsys.readouterr().err
    metrics = json.loads((run.folder / run_folder.METRICS).read_text())
    assert metrics["test_loss"] == 1
    assert "test_accuracy" not in metrics


def test_a_single_output_for_two_classes_is_kept(capsys):
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    with Run(mlp.Config()) as run:
        run.finish(network, np.zeros((4, 28, 28), bool), np.array([0, 1, 1, 0]), {"loss": 1.0, "accuracy": 0.5})
    assert read_predictions(run.folder / run_folder.PREDICTIONS).outputs.shape == (4, 1)
    said = capsys.readouterr()
    assert "Test accuracy 50.00%" in said.out
    assert "There is no report: epochs are kept and shown where fit is given callbacks=run.callbacks." in said.err


def test_a_fit_whose_epochs_are_not_kept_says_so(capsys):
    with Run(mlp.Config()):
        network = mlp.build_model(mlp.Config(), 10)
        network.compile("adam", "sparse_categorical_crossentropy")
        network.fit(np.zeros((4, 28, 28)), np.arange(4), verbose=0)
    assert "The epochs of this fit are not kept: epochs are kept and shown where fit" in capsys.readouterr().err
