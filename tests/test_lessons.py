"""The scripts as lessons: a page each, the networks they build, and that every field has an effect."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import best
import cnn
import fashion
import fast
import mlp
from course.data import load_data_set
from course.runs import folder as run_folder
from course.runs.record import read_run

REPOSITORY = Path(__file__).resolve().parent.parent
LESSONS = {"mlp": mlp, "cnn": cnn, "fast": fast, "best": best, "fashion": fashion}


def test_a_lesson_is_one_page(script):
    assert len((REPOSITORY / f"{script}.py").read_text().splitlines()) <= 90


def test_the_lessons_network_is_the_default():
    layers = [(type(layer).__name__, layer.get_config()) for layer in cnn.build_model(cnn.Config(), 10).layers]
    assert [name for name, _ in layers] == [
        "Conv2D", "MaxPooling2D", "Flatten", "Dropout", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    conv, pool, _, dropout, dense, dropout_again, last = [values for _, values in layers]
    assert (conv["filters"], tuple(conv["kernel_size"]), conv["activation"]) == (32, (3, 3), "relu")
    assert tuple(pool["pool_size"]) == (2, 2)
    assert dropout["rate"] == dropout_again["rate"] == 0.4
    assert dense["activation"] == "relu"
    assert (last["units"], last["activation"]) == (10, "softmax")


@pytest.mark.parametrize("more", [(), (8,), (8, 8), (8, 8, 8)])
@pytest.mark.parametrize("pixels", [4, 20, 28])
def test_each_further_convolution_is_followed_by_pooling_and_leaves_something(more, pixels):
    model = cnn.build_model(cnn.Config(more_conv_layers=more, img_width=pixels, img_height=pixels), 10)
    kinds = {"Conv2D": "c", "MaxPooling2D": "p"}
    assert "".join(kinds.get(type(layer).__name__, "") for layer in model.layers) == "cp" * (1 + len(more))
    sizes = [layer.output.shape[1] for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    expected = [(pixels - 2) // 2]
    for _ in more:
        expected.append(-(-expected[-1] // 2))
    assert sizes == expected


def test_the_number_of_classes_comes_from_the_data(tmp_path, monkeypatch):
    (images, labels), (test_images, test_labels) = load_data_set("mnist")
    few, few_tests = labels < 3, test_labels < 2  # the last class is not tested
    arrays = {"x_train": images[few][:240], "y_train": labels[few][:240]}
    arrays |= {"x_test": test_images[few_tests][:50], "y_test": test_labels[few_tests][:50]}
    np.savez(tmp_path / "three.npz", **arrays)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    mlp.main(mlp.Config(data=str(tmp_path / "three.npz"), epochs=2))
    found = read_run(tmp_path / "runs" / "mlp" / "latest")
    assert found.predictions.outputs.shape == (50, 3)
    assert "report.html" in {file.name for file in found.folder.iterdir()}


def test_the_perceptron_is_flatten_dense_dense():
    model = mlp.build_model(mlp.Config(hidden_nodes=33), 10)
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense", "Dropout", "Dense"]
    assert (model.layers[1].units, model.layers[1].activation.__name__) == (33, "relu")
    assert (model.layers[3].units, model.layers[3].activation.__name__) == (10, "softmax")


def test_the_challenge_starts_where_the_lessons_began():
    model = fashion.build_model(fashion.Config(), 10)
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense"]
    assert model.layers[-1].activation.__name__ == "linear"
    assert fashion.Config().data == "fashion_mnist"


# Another value for every field of every script.
OTHER = {
    "img_width": 20,
    "img_height": 20,
    "first_layer_convs": 3,
    "first_layer_conv_width": 2,
    "first_layer_conv_height": 2,
    "more_conv_layers": (3,),
    "second_layer_convs": 3,
    "third_layer_convs": 3,
    "label_smoothing": 0.3,
    "warm_up": 0.1,
    "rotation": 0.2,
    "shift": 0.2,
    "flip": True,
    "views_shift": 1,
    "dense_layer_size": 9,
    "hidden_nodes": 9,
    "dropout": 0.7,
    "epochs": 2,
    "batch_size": 50,
    "learning_rate": 0.0005,
    "optimizer": "sgd",
    "limit": 200,
    "seed": 2,
    "name": "another",
    "project": "another",
}


# Their effect is tested below, and for data_parallel, which this backend refuses, in tests/training/test_devices.py.
ELSEWHERE = ("project", "data_parallel", "channels")  # these images are grey: see test_predict.py


@pytest.fixture
def small_base(script, small_data):
    """Values with which a script trains in seconds; where it takes TensorFlow as long to compile, it does not."""
    base = {"data": str(small_data), "epochs": 1}
    if script == "best":
        # Few batches do not settle normalisation; with fewer kernels at the end, none of them would be left active.
        base |= {"first_layer_convs": 4, "second_layer_convs": 4, "third_layer_convs": 32, "limit": 256}
        import tensorflow as tf  # late: the other tests need no TensorFlow of their own

        tf.config.run_functions_eagerly(True)
    yield base
    if script == "best":
        tf.config.run_functions_eagerly(False)


@pytest.mark.slow
def test_every_field_has_an_effect(script, small_base, other_small_data, tracked, tmp_path, monkeypatch, thorough):
    if not thorough and script != "mlp":
        pytest.skip("CI tries a sample")
    lesson = LESSONS[script]

    monkeypatch.setattr("course.report.page.write_report", lambda folder: [])  # takes longer than these trainings

    def outcome(number: int, tracking: str = "disabled", **values) -> dict[str, str]:
        """What a run with these values leaves: its numbers and its names, but not the values themselves."""
        monkeypatch.setenv("WANDB_MODE", tracking)
        monkeypatch.setattr(run_folder, "RUNS", tmp_path / str(number))
        lesson.main(lesson.Config(**small_base | values))
        (folder,) = (path for path in (tmp_path / str(number) / script).iterdir() if path.name != "latest")
        metrics = json.loads((folder / "metrics.json").read_text())
        return {
            "history": (folder / "history.csv").read_text(),
            "metrics": json.dumps(metrics | {"seconds": None}),
            "name": re.sub(r"^[\d_-]+", "", folder.name),
        }

    def project(number: int) -> str:
        (run,) = (tmp_path / str(number) / "wandb").glob("offline-run-*")
        return tracked(run)["project"]

    unchanged = outcome(0, "offline")
    others = OTHER | {"data": str(other_small_data)}
    # Tracking alone knows of the project; all numbers must stay as they are, so that a difference below is the field's.
    assert outcome(1, "offline", project=others["project"]) == unchanged
    assert project(0) != project(1) == others["project"]
    without_effect = [
        field
        for number, field in enumerate(lesson.Config().values(), start=2)
        if field not in ELSEWHERE and outcome(number, **{field: others[field]}) == unchanged
    ]
    assert without_effect == []
