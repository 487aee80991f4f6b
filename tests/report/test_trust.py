"""How far to trust a network: what its report shows of it."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from course.data import class_names, load_test_images
from course.report import trust, votes
from course.report.page import write_report
from course.report.run_to_show import RunToShow
from course.report.trust import how_far_to_trust
from course.runs import folder as run_folder
from course.runs.record import Predictions, Record, read_run, write_predictions

Prepare = Callable[[np.ndarray], np.ndarray]
DIGITS = tuple("0123456789")


def scaled(images: np.ndarray) -> np.ndarray:
    return images.astype("float32") / 255


def each_by_itself(images: np.ndarray) -> np.ndarray:
    """What one image cannot show: each is scaled by its own ink."""
    return images / images.mean(axis=(1, 2), keepdims=True)


@pytest.fixture
def tested(tmp_path) -> Callable[..., Record]:
    """Makes a run with an untrained network that was tested, prepared as asked."""

    def make(data: str = "mnist", prepare: Prepare = scaled, activation: str = "softmax", count: int = 400) -> Record:
        keras.utils.set_random_seed(1)
        layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation)]
        model = keras.Sequential(layers)
        model.save(tmp_path / run_folder.MODEL)
        images, labels = load_test_images(data, (28, 28), count)
        prepared = prepare(images)
        outputs = model.predict(prepared, verbose=0)
        write_predictions(tmp_path / run_folder.PREDICTIONS, Predictions(outputs, labels, prepared[:1]))
        (tmp_path / run_folder.CONFIG).write_text(json.dumps({"data": data}))
        (tmp_path / run_folder.HISTORY).write_text("epoch,loss\n1,0.5\n")
        return read_run(tmp_path)

    return make


def looked_at(record: Record) -> trust.Trust:
    return how_far_to_trust(RunToShow(record), lambda *picture: None)


def stored(answered: trust.Answered) -> np.ndarray:
    """Returns the image in an address as it is stored."""
    with Image.open(io.BytesIO(base64.b64decode(answered.address.partition(",")[2]))) as picture:
        return 255 - np.array(picture)


@pytest.mark.parametrize(("data", "other"), [("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")])
def test_nonsense_is_answered_as_the_network_would(tested, data, other):
    record = tested(data)
    found = looked_at(record)
    assert found.not_fooled == ""
    assert [each.what for each in found.fooled] == ["empty", "noise", "noise", *class_names(other)]
    model = keras.saving.load_model(record.folder / run_folder.MODEL)
    pictures = np.stack([stored(each) for each in found.fooled])
    outputs = model.predict(scaled(pictures), verbose=0)
    assert [each.answer for each in found.fooled] == [class_names(data)[row.argmax()] for row in outputs]
    assert [each.remark for each in found.fooled] == [f"{row.max():.1%}" for row in outputs]
    images, labels = load_test_images(other, (28, 28), 1_000)
    sure = np.sum(model.predict(scaled(images), verbose=0).max(axis=1) >= 0.9)
    assert f"{sure:,} of 1,000 images of {'clothes' if other == 'fashion_mnist' else 'digits'}" in found.how_often_sure
    for label, picture in enumerate(pictures[3:]):
        assert np.array_equal(picture, images[np.flatnonzero(labels == label)[0]])


def test_it_is_known_of_no_data_that_it_differs_from_the_learners_own(tested, small_data):
    found = looked_at(tested(str(small_data)))
    assert [each.what for each in found.fooled] == ["empty", "noise", "noise"]
    assert found.how_often_sure.endswith(" of 100 images of noise")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [(np.sqrt, "what the lesson makes of an image's pixels cannot be told"), (each_by_itself, "differ from image to")],
)
def test_nonsense_is_left_out_where_it_cannot_be_prepared(tested, prepare, reason):
    record = tested(prepare=prepare)
    found = looked_at(record)
    assert found.fooled == ()
    assert reason in found.not_fooled
    assert len(found.confidence) == 3
    write_report(record.folder)
    assert "How sure it is of nonsense cannot be shown: " in (record.folder / run_folder.REPORT).read_text("utf-8")


def test_outputs_that_are_not_probabilities_are_not_called_confidence(tested):
    found = looked_at(tested(activation="linear"))
    assert (found.confidence, found.fooled, found.not_fooled) == ((), (), "")


def test_mistakes_whose_labels_most_people_reject_are_shown(tested):
    record = tested(count=2_000)
    predictions = record.predictions
    wrong = np.flatnonzero(predictions.classes != predictions.labels)
    disputed = {number: each for number, each in votes.read_votes("mnist").items() if number in wrong}
    rejected = {number: each for number, each in disputed.items() if each.against_label}
    found = looked_at(record)
    assert found.disputed == len(disputed) > len(rejected) > 0
    images, _ = load_test_images("mnist", (28, 28), 2_000)
    for (number, each), shown in zip(rejected.items(), found.rejected, strict=True):
        assert np.array_equal(stored(shown), images[number])
        said = (shown.what, shown.answer, shown.remark)
        assert said == (DIGITS[each.label], DIGITS[predictions.classes[number]], each.in_words)


def test_a_disputed_mistake_is_marked_among_the_most_confident(tested):
    record = tested(count=600)
    outputs = record.predictions.outputs.copy()
    outputs[:] = np.eye(10)[record.predictions.labels]
    outputs[[247, 300]] = np.eye(10)[[6, (record.predictions.labels[300] + 1) % 10]]  # about 300 nobody was asked
    write_predictions(record.folder / run_folder.PREDICTIONS, record.predictions._replace(outputs=outputs))
    write_report(record.folder)
    page = (record.folder / run_folder.REPORT).read_text("utf-8")
    items = page.split("<h2>Most confident mistakes</h2>")[1].split("</ul>")[0].split("<li>")[1:]
    assert ["five people: 5" in item for item in items] == [True, False]


def test_missing_votes_are_said(tested, monkeypatch):
    monkeypatch.setattr(votes, "FILE", Path("gone.csv"))
    found = looked_at(tested())
    assert found.no_votes.startswith("gone.csv is missing or was changed")
    assert found.fooled


def test_a_run_without_answers_shows_nothing(tested):
    record = tested()._replace(predictions=None)
    assert looked_at(record) == trust.Trust()
