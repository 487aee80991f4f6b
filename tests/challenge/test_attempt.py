"""A training of the challenge, and what is kept of it for the grader."""

from pathlib import Path

import keras
import numpy as np
import pytest

import fashion
from course import data
from course.challenge import rules
from course.challenge.attempt import Attempt
from course.challenge.known_images import KnownImages
from course.challenge.observed import read_evidence, read_observations
from course.runs import folder as run_folder


@pytest.fixture
def attempt(tmp_path, monkeypatch) -> Attempt:
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return Attempt(fashion.Config())


def test_images_are_recognised_whatever_their_scale_and_shape():
    """On which rests that test images among training images are seen."""
    (images, labels), (test, test_labels) = data.load_data_set("fashion_mnist")
    images, labels = np.concatenate([images[:500], test[:300]]), np.concatenate([labels[:500], test_labels[:300]])
    known = KnownImages(fashion.Config())
    for change in (
        lambda x: x.astype("float32"),
        lambda x: x / 255,
        lambda x: ((x - 72.9) / 90.0).astype("float32")[..., None],
        lambda x: (x / 127.5 - 1).astype("float32").reshape(len(x), -1),
    ):
        looks, found = known.compare(change(images), labels)
        assert 270 <= found.test_images <= 300
        assert 700 <= found.own_labels == found.recognised <= len(looks) <= 800
        others, _ = known.compare(change(images[:250]), np.roll(labels[:250], 1))
        assert len(looks & others) >= 225
    assert known.compare(images, np.roll(labels, 1))[1].own_labels < 200
    assert known.compare(None, labels) == (set(), None)
    assert known.compare(test, test_labels)[1].in_order
    assert not known.compare(test[:300], test_labels[:300])[1].in_order


def test_a_resumed_run_keeps_what_its_earlier_parts_were_given(attempt, tmp_path, monkeypatch):
    """Which a run that began with test images, and was resumed without them, had left no trace of."""
    script = tmp_path / "mine.py"
    monkeypatch.setattr("course.challenge.attempt.script_file", lambda config: script)
    (images, labels), (test, test_labels) = data.load_data_set("fashion_mnist")

    def train(run: Attempt, images: np.ndarray, labels: np.ndarray) -> None:
        model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images / 255, labels, 100, epochs=2, callbacks=run.callbacks, verbose=0)
        model.train_on_batch(test[:30] / 255, test_labels[:30])
        raise KeyError

    script.write_text("first = 1\n")
    with pytest.raises(KeyError), attempt as run:
        train(run, test[:100], test_labels[:100])
    script.write_text("second = 2\n")
    resumed = Attempt(fashion.Config(resume=str(run.folder)))
    with pytest.raises(KeyError), resumed as run:
        train(run, images[:100], labels[:100])

    evidence = read_evidence(run.folder)
    assert [fit.training.test_images for fit in evidence.fits] == [100, 0]
    assert (evidence.sources, evidence.lost) == (2, False)
    assert (run.folder / "fashion-part-1.py").read_text() == "first = 1\n"
    assert (run.folder / run_folder.SCRIPT).read_text() == "second = 2\n"
    said = [(finding.level, finding.sentence) for finding in rules.structure(evidence)]
    assert (1, rules.SENTENCES["trained on test"].format(images=100, place="")) in said
    assert (1, rules.SENTENCES["trained on test"].format(images=30, place=" (train_on_batch)")) in said
    assert (None, rules.SENTENCES["several files"]) in said

    (run.folder / run_folder.OBSERVED).write_text("")  # as a power cut may leave it
    with pytest.raises(KeyError), Attempt(fashion.Config(resume=str(run.folder))):
        raise KeyError
    assert (None, rules.SENTENCES["lost"]) in [
        (finding.level, finding.sentence) for finding in rules.structure(read_evidence(run.folder))
    ]
    assert [file.name for file in run.folder.glob("fashion*.py")].count(run_folder.SCRIPT) == 1


def test_what_fit_gets_is_kept_with_what_keras_splits_off(attempt):
    (images, labels), _ = data.load_data_set("fashion_mnist")
    original = keras.Model.fit
    with attempt as run:
        model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images[:100], labels[:100], 32, validation_split=0.25)
        model.compile(keras.optimizers.SGD(0.5), "no loss")
        with pytest.raises(ValueError, match="no loss"):
            model.fit(x=images[:100] / 255, y=labels[:100], validation_data=(images[:100], labels[:100]))
    assert keras.Model.fit is original
    assert (run.folder / run_folder.SCRIPT).read_text(encoding="utf-8") == Path(fashion.__file__).read_text("utf-8")

    finished, failed = read_observations(run.folder).fits  # what fails is kept as well
    assert finished.training.images.shape == [75, 28, 28]
    assert (finished.validation.images.shape, finished.in_both) == ([25, 28, 28], 0)
    assert finished.network.outputs == [[None, 10]]
    (layer,) = finished.network.layers
    assert (layer.kind, layer.kernels, layer.received.highest) == ("Dense", [[784, 10]], 255)
    assert (finished.loss.name, finished.loss.from_logits) == ("sparse_categorical_crossentropy", True)
    assert (failed.loss.name, failed.learning_rate) == ("no loss", 0.5)
    assert failed.training.images.highest == 1
    assert failed.in_both == 100
