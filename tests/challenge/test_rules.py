"""What the grader says about a run, given what was observed of it."""

from pathlib import Path
from typing import Any

import pytest

from course.challenge import rules
from course.challenge.levels import DATA
from course.challenge.observed import (
    Evidence,
    Measured,
    ObservedArray,
    ObservedData,
    ObservedFit,
    ObservedLabels,
    ObservedLayer,
    ObservedLoss,
    ObservedNetwork,
    ObservedTest,
    Places,
)

IMAGES = 10_000


def images(size: float | None = 0.4, shape: tuple[int, ...] = (1000, 28, 28, 1), highest: float = 1.0) -> ObservedArray:
    return ObservedArray(shape=list(shape), dtype="float32", lowest=0.0, highest=highest, size=size)


def layer(kind: str, *kernels: list[int], **changes: Any) -> ObservedLayer:
    right = {"data_format": None, "received": images(), "returned": [64, 100], "linear": False}
    return ObservedLayer(kind=kind, kernels=list(kernels), **right | changes)


def convolution(**changes: Any) -> ObservedLayer:
    right = {"data_format": "channels_last", "returned": [64, 26, 26, 32]}
    return layer("Conv2D", [3, 3, 1, 32], **right | changes)


HIDDEN = layer("Dense", [5408, 100], received=images(shape=(64, 5408)))  # a quarter of what the convolution returns
ANSWER = layer("Dense", [100, 10], received=images(shape=(64, 100)))


def network(*layers: ObservedLayer, **others: Any) -> ObservedNetwork:
    right = {"outputs": [[None, 10]], "dropout": 0.4, "last": "Dense", "activation": "softmax", "probabilities": True}
    return ObservedNetwork(layers=list(layers or (convolution(), HIDDEN, ANSWER)), **right | others)


def loss(name: str = "categorical_crossentropy", **others: Any) -> ObservedLoss:
    return ObservedLoss(name=name, **{"from_logits": False, "of_probability": True} | others)


def data(pixels: ObservedArray | None = None, distributions: bool = True, **counts: Any) -> ObservedData:
    labels = ObservedLabels(
        shape=[1000, 10], dtype="float64", lowest=0.0, highest=1.0, size=0.3, distributions=distributions
    )
    right = {"recognised": 1000, "test_images": 0, "own_labels": 1000}
    return ObservedData(images=pixels or images(), labels=labels, **right | counts)


def fit(**changes: Any) -> ObservedFit:
    right = {"network": network(), "loss": loss(), "learning_rate": 0.002, "training": data(), "validation": data()}
    return ObservedFit(**right | {"in_both": 5} | changes)


def test(**changes: Any) -> ObservedTest:
    right = {"network": network(), "data": data(images(shape=(IMAGES, 28, 28, 1)), in_order=True), "expected": IMAGES}
    return ObservedTest(**right | changes)


test.__test__ = False  # it makes what a test needs


def evidence(*fits: ObservedFit, epochs: Any = (), data: str | None = DATA, **others: Any) -> Evidence:
    places = Places(fit=80, prepare=30, build_model=40, compile=60)
    right = {"folder": Path("run"), "config": {"data": data}, "test": None, "places": places}
    return Evidence(fits=list(fits), epochs=list(epochs), **right | others)


def test_a_right_network_is_told_only_what_it_does_not_have_yet():
    assert rules.structure(evidence(fit())) == [rules.Finding(5, "There are not several convolutions.", missing=True)]
    assert rules.structure(evidence(fit(network=network(convolution(), convolution(), HIDDEN, ANSWER)))) == []
    first = rules.structure(evidence(fit(network=network(ANSWER))))
    assert [(finding.level, finding.missing) for finding in first] == [(3, True), (4, True), (5, True)]
    nothing_smaller = network(convolution(), layer("Dense", [21632, 10], received=images(shape=(64, 21632))))
    found = rules.structure(evidence(fit(network=nothing_smaller)))
    assert rules.Finding(4, "There is no pooling: nothing makes the image smaller.", missing=True) in found


def test_a_step_or_a_stride_makes_the_image_smaller_wherever_it_is():
    strided = convolution(returned=[64, 13, 13, 32])
    first = convolution(data_format="channels_first", received=images(shape=(64, 1, 28, 28)), returned=[64, 32, 13, 13])
    for only in (strided, first):
        alone = network(only, layer("Dense", [5408, 10], received=images(shape=(64, 5408))))
        assert [finding.level for finding in rules.structure(evidence(fit(network=alone)))] == [5]


@pytest.mark.parametrize(
    ("changes", "level", "sentence"),
    [
        (
            {"network": network(convolution(received=images(90.0, highest=255)), HIDDEN, ANSWER)},
            2,
            "from 0 to 255 (pre",
        ),
        ({"network": network(convolution(received=images(0.001, highest=0.004)), HIDDEN, ANSWER)}, 2, "scaled twice?"),
        ({"training": data(images(None))}, 1, "Some pixels are not numbers (prepare, line 30)"),
        ({"training": data(images(0.0, highest=0.0))}, 1, "Every pixel is 0 (prepare, line 30)"),
        (
            {"network": network(convolution(received=images(shape=(64, 1, 28, 28))), HIDDEN, ANSWER)},
            4,
            "with the channel first",
        ),
        ({"training": None}, None, "Training images (fit, line 80) are not an array"),
        ({"training": data(recognised=9, own_labels=9)}, None, "changed so much that the grader does not recognise"),
        ({"training": data(test_images=30)}, 1, "30 test images were trained on (fit, line 80)"),
        ({"training": data(own_labels=100)}, 1, "Training images and labels are out of step (fit, line 80): 10%"),
        ({"validation": data(own_labels=100)}, 1, "Validation images and labels are out of step (fit, line 80)"),
        ({"validation": data(test_images=1000)}, 1, "1,000 test images are used for validation (fit, line 80)"),
        ({"in_both": 1000}, 2, "1,000 of the validation images are trained on too (fit, line 80)"),
        ({"network": network(outputs=[[None, 10]] * 2)}, 1, "The network has 2 outputs (build_model, line 40)"),
        ({"network": network(outputs=[[None, 5]])}, 1, "The network's output has the shape (5,) (build_model, line"),
        ({"network": network(last="Dropout")}, 2, "The last layer is Dropout (build_model, line 40)"),
        ({"loss": loss(from_logits=True)}, 2, "The loss expects logits (compile, line 60)"),
        (
            {"network": network(activation="sigmoid", probabilities=False)},
            2,
            "The last activation is sigmoid (build_model",
        ),
        (
            {"network": network(activation="linear", probabilities=False)},
            2,
            "The last activation is linear (build_model, line 40)",
        ),
        (
            {"network": network(activation="linear", probabilities=False), "loss": ObservedLoss(name="mine")},
            None,
            "Whether your loss expects that, the grader cannot tell.",
        ),
        ({"loss": loss("mean_squared_error")}, 2, "The loss is mean_squared_error (compile, line 60)"),
        ({"loss": loss("mine", of_probability=False)}, 2, "The loss is mine (compile, line 60)"),
        ({"training": data(distributions=False)}, 2, "The targets are not one-hot, but categorical_crossentropy (comp"),
        ({"loss": loss("sparse_categorical_crossentropy")}, 2, "The targets are one-hot, but sparse_"),
        ({"network": network(dropout=0.95)}, 3, "A dropout of 0.95 (build_model"),
        (
            {"network": network(convolution(), layer("Dense", [9, 9], linear=True), ANSWER)},
            3,
            "A dense layer without ac",
        ),
        ({"network": network(layer("Conv1D", [3, 28, 32]), HIDDEN, ANSWER)}, 4, "Conv1D (build_model, line 40) slides"),
    ],
)
def test_a_mistake_in_structure_or_data_is_named_with_its_place_and_level(changes, level, sentence):
    findings = [finding for finding in rules.structure(evidence(fit(**changes))) if not finding.missing]
    assert len(findings) == 1, findings
    assert findings[0].level == level
    assert sentence in findings[0].sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": None}, "The answers of the network on the test images were not kept"),
        ({"data": data(images(shape=(500, 28, 28, 1)))}, "run.finish got 500 test images, not all 10,000"),
        (
            {"data": data(images(shape=(IMAGES, 784)), test_images=0)},
            "are not the test images, or their labels are not",
        ),
        (
            {"network": network(convolution(received=images(90.0, highest=255)), HIDDEN, ANSWER)},
            "was trained on pixels from 0 to 1 (prepare, line 30), but tested on pixels from 0 to 255",
        ),
    ],
)
def test_a_mistake_in_the_test_is_named(changes, sentence):
    right = evidence(fit(), test=test(), tested=Measured(0.9, IMAGES))
    assert [finding.level for finding in rules.structure(right)] == [5]
    (finding,) = [found for found in rules.structure(right._replace(test=test(**changes))) if found.level == 1]
    assert sentence in finding.sentence


def test_the_network_that_was_tested_counts_and_it_may_have_a_softmax_more():
    trained = fit(network=network(activation="linear", probabilities=False), loss=loss(from_logits=True))
    assert [finding.level for finding in rules.structure(evidence(trained, test=test(), tested=Measured(1, 9)))] == [5]


def test_what_the_grader_cannot_run_it_does_not_refuse():
    unknown = ObservedNetwork(outputs=[], dropout=0.0)
    found = rules.structure(evidence(fit(network=unknown), test=test(network=unknown), tested=Measured(0.9, IMAGES)))
    assert [finding.level for finding in found] == [None]
    assert "could not run your network" in found[0].sentence


def test_pixels_may_be_large_where_a_batch_is_normalised():
    scaled = network(convolution(received=images(90.0, highest=255)), convolution(), HIDDEN, ANSWER, normalised=True)
    assert rules.structure(evidence(fit(network=scaled, training=data(images(90.0, highest=255))))) == []


def test_the_beginning_is_one_idea_and_not_three_mistakes():
    poor = network(
        layer("Dense", [784, 10], received=images(90.0, highest=255)), activation="linear", probabilities=False
    )
    found = rules.structure(evidence(fit(network=poor, loss=loss("mean_squared_error", of_probability=False))))
    assert [(finding.level, finding.missing) for finding in found] == [(3, True), (4, True), (5, True), (2, True)]


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
    ],
)
def test_what_epochs_show(epoch, rate, level, sentence):
    right = {"epoch": 1, "loss": 0.3, "accuracy": 0.9, "val_accuracy": 0.89, "learning_rate": 0.0}
    (finding,) = rules.learning(evidence(fit(learning_rate=rate), epochs=[right | epoch]))
    assert finding.level == level
    assert sentence in finding.sentence
    assert list(rules.learning(evidence(fit(), epochs=[right]))) == []


def test_overfitting_is_what_the_verdict_says():
    epochs = [
        {"epoch": n, "loss": 1 / n, "accuracy": 0.9, "val_loss": abs(n - 2) + 0.3, "val_accuracy": 0.8}
        for n in (1, 2, 3)
    ]
    (finding,) = rules.learning(evidence(fit(), epochs=epochs))
    assert finding.level is None
    assert "That is overfitting" in finding.sentence


def test_advice_is_about_what_was_seen():
    falling = [{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.4}]
    limited = evidence(fit(), epochs=falling, config={"data": DATA, "limit": 6000})
    said = list(rules.advice(limited, 55_000))
    assert said[0].startswith("limit is 6,000: the network was trained on so many images.")
    assert said[1].startswith("val_loss was still falling in the last epoch")
    assert list(rules.advice(evidence(fit(), epochs=falling[::-1]), 55_000)) == []


def test_a_kept_network_that_cannot_be_compared():
    assert rules.not_compared("TypeError: Could not locate class 'Net'.").level is None
    assert rules.not_compared("ValueError: the `Lambda` layer ...").level == 1
    assert "(ValueError: bad)" in rules.not_compared("Traceback\n  File\nValueError: bad\n").sentence


def test_what_a_run_did_not_reach(tmp_path):
    (nothing,) = rules.unfinished(evidence(folder=tmp_path, tested=Measured(0.2, IMAGES)))
    assert "Nothing was trained: model.fit was not called" in nothing.sentence
    (own_loop,) = rules.unfinished(evidence(folder=tmp_path, tested=Measured(0.8, IMAGES)))
    assert (own_loop.level, own_loop.sentence[:25]) == (None, "model.fit was not called,")
    (no_epoch,) = rules.unfinished(evidence(fit(), folder=tmp_path))
    assert "No epoch was kept (fit, line 80)" in no_epoch.sentence
    trained = evidence(fit(), epochs=[{"epoch": 1}], folder=tmp_path)
    (no_test,) = rules.unfinished(trained)
    assert "The run did not finish" in no_test.sentence
    (tmp_path / "metrics.json").touch()
    assert list(rules.unfinished(trained)) == []
