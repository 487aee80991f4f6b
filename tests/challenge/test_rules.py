"""What the grader says about a run, given what was observed of it."""

from pathlib import Path
from typing import Any

import pytest

from course.challenge import rules
from course.challenge.levels import DATA
from course.challenge.observed import (
    Evidence,
    MeasuredNetwork,
    ObservedArray,
    ObservedData,
    ObservedFit,
    ObservedLabels,
    ObservedLayer,
    ObservedNetwork,
    Places,
)


def layer(kind: str, activation: str | None = None, rate: float | None = None, strides: int = 1) -> ObservedLayer:
    return ObservedLayer(kind=kind, activation=activation, rate=rate, strides=strides, data_format=None)


CONVOLUTION, POOLING, FLATTEN = layer("Conv2D", "relu"), layer("MaxPooling2D", strides=2), layer("Flatten")
HIDDEN, DROPOUT, ANSWER = layer("Dense", "relu"), layer("Dropout", rate=0.4), layer("Dense", "softmax")


def network(*layers: ObservedLayer, **others: Any) -> ObservedNetwork:
    right = {"outputs": [[None, 10]], "loss": "categorical_crossentropy", "from_logits": False}
    found = layers or (CONVOLUTION, POOLING, FLATTEN, DROPOUT, HIDDEN, DROPOUT, ANSWER)
    return ObservedNetwork(layers=list(found), **right | others)


def images(lowest: float | None = 0.0, highest: float | None = 1.0, shape: tuple[int, ...] = (1000, 28, 28, 1)):
    return ObservedArray(shape=list(shape), dtype="float32", lowest=lowest, highest=highest)


def data(pixels: ObservedArray | None = None, one_hot: bool = True, **counts: int) -> ObservedData:
    labels = ObservedLabels(shape=[1000, 10], dtype="float64", lowest=0.0, highest=1.0, one_hot=one_hot)
    right = {"recognised": 1000, "test_images": 0, "own_labels": 1000}
    return ObservedData(images=pixels or images(), labels=labels, **right | counts)


def fit(**changes: Any) -> ObservedFit:
    right = {"network": network(), "learning_rate": 0.002, "training": data(), "validation": data(), "in_both": 5}
    return ObservedFit(**right | changes)


def evidence(*fits: ObservedFit, epochs: Any = (), data: str | None = DATA, folder: Path = Path("run")) -> Evidence:
    places = Places(fit=80, prepare=30, build_model=40, compile=60)
    return Evidence(folder, data, list(fits), list(epochs), places)


def test_a_right_network_is_told_only_what_it_does_not_have_yet():
    assert rules.structure(evidence(fit())) == [rules.Finding(5, "There are not several convolutions.", missing=True)]
    several = network(CONVOLUTION, CONVOLUTION, POOLING, FLATTEN, HIDDEN, ANSWER)
    assert rules.structure(evidence(fit(network=several))) == []
    first = rules.structure(evidence(fit(network=network(FLATTEN, ANSWER))))
    assert [(finding.level, finding.missing) for finding in first] == [(3, True), (4, True), (5, True)]


@pytest.mark.parametrize(
    ("changes", "level", "sentence"),
    [
        ({"training": data(images(0, 255))}, 2, "Pixels go from 0 to 255 (prepare, line 30): weights start near 0"),
        ({"training": data(images(0, 1 / 255))}, 2, "scaled twice?"),
        ({"training": data(images(0, 0))}, 1, "Every pixel is 0 (prepare, line 30)"),
        ({"training": data(images(None, 1))}, 1, "Some pixels are not numbers (prepare, line 30)"),
        ({"training": data(images(shape=(1000, 1, 28, 28)))}, 4, "with the channel first"),
        ({"training": None}, None, "Training images (fit, line 80) are not an array"),
        ({"training": data(recognised=9, own_labels=9)}, None, "changed so much that the grader does not recognise"),
        ({"training": data(test_images=30)}, 1, "30 test images were trained on (fit, line 80)"),
        ({"training": data(own_labels=100)}, 1, "Training images and labels are out of step (fit, line 80): 10%"),
        ({"validation": data(own_labels=100)}, 1, "Validation images and labels are out of step (fit, line 80)"),
        ({"validation": data(test_images=1000)}, 1, "1,000 test images are used for validation (fit, line 80)"),
        ({"in_both": 1000}, 2, "1,000 of the validation images are trained on too (fit, line 80)"),
        ({"network": network(outputs=[[None, 10]] * 2)}, 1, "The network has 2 outputs (build_model, line 40)"),
        ({"network": network(outputs=[[None, 5]])}, 1, "The network's output has the shape (5,) (build_model, line"),
        ({"network": network(HIDDEN, ANSWER, DROPOUT)}, 2, "The last layer is Dropout (build_model, line 40)"),
        ({"network": network(from_logits=True)}, 2, "The loss expects logits (compile, line 60)"),
        ({"network": network(HIDDEN, layer("Dense", "sigmoid"))}, 2, "The last activation is sigmoid (build_model"),
        ({"network": network(HIDDEN, layer("Dense"))}, 2, "The last activation is linear (build_model, line 40)"),
        ({"network": network(loss="mean_squared_error")}, 2, "The loss is mean_squared_error (compile, line 60)"),
        ({"training": data(one_hot=False)}, 2, "The targets are not one-hot, but categorical_crossentropy (compile"),
        ({"network": network(loss="sparse_categorical_crossentropy")}, 2, "The targets are one-hot, but sparse_"),
        ({"network": network(HIDDEN, layer("Dropout", rate=0.95), ANSWER)}, 3, "A dropout of 0.95 (build_model"),
        ({"network": network(layer("Dense", "linear"), DROPOUT, ANSWER)}, 3, "A dense layer without activation is"),
        ({"network": network(layer("Conv1D"), POOLING, HIDDEN, ANSWER)}, 4, "Conv1D (build_model, line 40) slides"),
    ],
)
def test_a_mistake_in_structure_or_data_is_named_with_its_place_and_level(changes, level, sentence):
    findings = [finding for finding in rules.structure(evidence(fit(**changes))) if not finding.missing]
    assert len(findings) == 1, findings
    assert findings[0].level == level
    assert sentence in findings[0].sentence


def test_pixels_may_be_large_where_a_layer_scales_them():
    scaled = network(layer("Rescaling"), CONVOLUTION, CONVOLUTION, POOLING, FLATTEN, HIDDEN, ANSWER)
    assert rules.structure(evidence(fit(network=scaled, training=data(images(0, 255))))) == []


def test_every_fit_is_looked_at_for_test_images():
    findings = rules.structure(evidence(fit(training=data(test_images=500)), fit()))
    assert any("500 test images were trained on" in finding.sentence for finding in findings)


def test_the_challenge_is_about_its_data_set():
    assert "data is mnist" in rules.structure(evidence(fit(), data="mnist"))[0].sentence


@pytest.mark.parametrize(
    ("epoch", "rate", "level", "sentence"),
    [
        ({"loss": None}, 1.0, 1, "In epoch 1 the loss stopped being a number: training diverged. The learning rate"),
        ({"val_accuracy": None}, 0.002, None, "Nothing was validated"),
        ({"val_accuracy": 0.09}, 0.002, 1, "The network gets 90% of the training images right, but 9% of the"),
        ({"accuracy": 0.1, "val_accuracy": 0.09}, 1.0, 1, "with a learning rate of 1, the updates were too large"),
        ({"accuracy": 0.1, "val_accuracy": 0.09}, 0.002, 1, "labels and images may be out of step"),
        ({"accuracy": 0.99}, 0.002, None, "Overfitting: 99.0% of the training images, but 89.0%"),
    ],
)
def test_what_epochs_show(epoch, rate, level, sentence):
    right = {"epoch": 1, "loss": 0.3, "accuracy": 0.9, "val_accuracy": 0.89, "learning_rate": 0.0}
    (finding,) = rules.learning(evidence(fit(learning_rate=rate), epochs=[right | epoch]))
    assert finding.level == level
    assert sentence in finding.sentence
    assert list(rules.learning(evidence(fit(), epochs=[right]))) == []


def test_test_images_must_be_prepared_as_training_images_were():
    def sentences(**network: Any) -> list[str]:
        return [
            finding.sentence for finding in rules.examined(evidence(fit()), MeasuredNetwork(**network), "ValueError")
        ]

    assert sentences(images=images(), accuracy=0.9) == []
    assert (
        "makes pixels from 0 to 255, but the network was trained on pixels from 0 to 1"
        in sentences(images=images(0, 255), accuracy=0.1)[0]
    )
    assert "makes images of shape (784,)" in sentences(images=images(shape=(1000, 784)))[0]
    assert sentences() == ["The network could not be tested with your `prepare`.\n\nValueError"]


def test_what_a_run_did_not_reach(tmp_path):
    (nothing,) = rules.unfinished(evidence(folder=tmp_path))
    assert "model.fit was not called" in nothing.sentence
    (no_epoch,) = rules.unfinished(evidence(fit(), folder=tmp_path))
    assert "No epoch was kept (fit, line 80)" in no_epoch.sentence
    trained = evidence(fit(), epochs=[{"epoch": 1}], folder=tmp_path)
    (no_test,) = rules.unfinished(trained)
    assert "The run did not finish" in no_test.sentence
    (tmp_path / "metrics.json").touch()
    assert list(rules.unfinished(trained)) == []
