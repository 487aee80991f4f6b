"""The stopwatch: it times what a learner runs, and counts what a network computes."""

import json
import time

import keras
import pytest

from benchmarks.stopwatch import Stopwatch, operations
from course.runs import folder as run_folder


@pytest.fixture
def stopwatch(monkeypatch) -> Stopwatch:
    """One that was started at 0, in a world where it is 0 o'clock."""
    monkeypatch.setenv("STOPWATCH_STARTED", "0")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    return Stopwatch()


def test_the_first_tenth_of_training_and_what_is_between_epochs_do_not_count_as_steady(stopwatch, monkeypatch):
    def at(moment: float) -> Stopwatch:
        monkeypatch.setattr(time, "time", lambda: moment)
        return stopwatch

    at(5).training_begins()
    at(5).epoch_begins()
    at(9).images_seen(10)  # of 100; it was slow to start
    at(10).images_seen(55)
    at(11).images_seen(100)
    at(14).epoch_ends(["weights 1"])  # validated
    at(20).epoch_begins()
    at(22).images_seen(100)
    at(23).epoch_ends(["weights 2"])
    at(24).training_ends()
    assert stopwatch.report == {
        "first_batch_seconds": 9,
        "epoch_seconds": [14, 23],
        "fit_seconds": 19,
        "images_per_second": 190 / 4,
    }


def test_the_seconds_of_an_action_add_up(stopwatch, monkeypatch):
    def action(seconds: float, *, later: float) -> float:
        monkeypatch.setattr(time, "time", lambda: seconds)
        return later

    timed = stopwatch.timed(action, "callback_seconds")
    assert [timed(3.0, later=1), timed(7.0, later=2)] == [1, 2]
    assert stopwatch.report["callback_seconds"] == 7


def test_operations_are_those_of_convolutions_and_dense_layers():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(2, (3, 3)),  # 4x4 positions, 9 weights, 2 kernels: 288 products
            layers.MaxPooling2D((2, 2)),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(5),  # 8 inputs: 40 products
        ]
    )
    # A product comes with a sum; no gradient is needed for the images themselves.
    assert operations(model) == 2 * (2 * 288 + 3 * 40)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["cnn.py"], ["fast.py", "--batch_size", "50"]])
def test_the_stopwatch_times_a_script_and_tests_each_epoch(checkout, small_data, tmp_path, words):
    started = time.time()
    values = {"STOPWATCH_FILE": str(tmp_path / "report.json"), "STOPWATCH_STARTED": str(started)}
    options = ["--data", str(small_data), "--epochs", "3"]
    answer = checkout.run("-m", "benchmarks.stopwatch", *words, *options, **values)
    seconds = time.time() - started
    assert answer.returncode == 0, answer.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    metrics = json.loads((checkout.latest(words[0].removesuffix(".py")) / run_folder.METRICS).read_text())
    assert report["test_accuracies"][-1] == pytest.approx(metrics["test_accuracy"], abs=1e-6)
    assert len(set(report["test_accuracies"])) > 1  # each epoch's own weights
    assert 0 < report["first_batch_seconds"] < report["epoch_seconds"][0]
    assert report["epoch_seconds"] == sorted(report["epoch_seconds"])
    assert report["epoch_seconds"][-1] < seconds
    training_seconds = report["epoch_seconds"][-1] - report["first_batch_seconds"]
    assert report["images_per_second"] > 3 * 1100 / training_seconds  # what comes between is not counted
    assert 0 < report["callback_seconds"] < report["fit_seconds"]
    assert 0 < report["prediction_seconds"] < report["run_seconds"] < seconds
    assert 100 < report["memory_mib"] < 10_000
