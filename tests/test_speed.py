"""The benchmark of speed: what its figures mean, and that the stopwatch times what a learner runs."""

import json
import re
import shutil
import sys
import time
from pathlib import Path

import keras
import pytest

import fast
from benchmarks import speed, steps
from benchmarks.stopwatch import operations

REPOSITORY = Path(__file__).resolve().parent.parent


def run(*accuracies: float, **values) -> dict:
    """What one training leaves: its test accuracy after each epoch of 10 s."""
    return {
        "test_accuracies": list(accuracies),
        "epoch_seconds": [10.0 * epoch for epoch in range(1, len(accuracies) + 1)],
        "seconds": 50.0,
        "images_per_second": 1000.0,
        "operations": 4e6,
        "start_up_seconds": 6.0,
        "memory_mib": 900.0,
    } | values


def test_an_accuracy_is_reached_when_the_mean_over_seeds_is():
    runs = [run(0.97, 0.981, 0.99), run(0.985, 0.979, 0.992)]
    assert speed.seconds_to(0.98, runs) == 20  # not after the first epoch: the mean is 97.75%
    assert speed.seconds_to(0.991, runs) == 30
    assert speed.seconds_to(0.992, runs) is None


def test_the_table_has_mean_spread_and_medians():
    runs = [run(0.97, 0.99, seconds=40.0), run(0.97, 0.98, seconds=60.0), run(0.97, 0.985, seconds=62.0)]
    (line,) = speed.table({"cnn.py": runs}, peak=100e9).splitlines()[2:]
    assert line == "| cnn.py | 98.50% ± 0.50 | 20 | not reached | 60 | 1,000 | 4% | 6.0 | 900 |"


def test_the_ratios_divide_ours_by_theirs():
    results = {
        "cnn.py": [run(0.98, images_per_second=3000.0, callback_seconds=0.2, run_seconds=1.0, fit_seconds=10.2)],
        "fast.py": [run(0.99)],
        "original": [run(0.975, 0.98, memory_mib=1800.0)],
        "keras.io": [run(0.98, 0.985, 0.99, 0.992)],
    }
    answers = {"import keras": [4.0], "cnn.py --help": [0.5], "cnn.py --epochs 0": [0.6]}
    rows = dict(re.findall(r"^\| (.*) \| (\S+)(?: s)? \|$", speed.ratios(results, answers), re.MULTILINE))
    assert rows == {
        "what": "figure",
        "seconds to 99%, fast.py : keras.io": "0.333",
        "seconds to 98%, of cnn.py : of the whole run of original": "0.2",
        "seconds to 98%, cnn.py : original": "0.5",
        "images a second, cnn.py : fast.py": "3",
        "images a second, cnn.py : original": "3",
        "images a second, cnn.py : keras.io": "3",
        "memory, cnn.py : original": "0.5",
        "seconds in cnn.py's callbacks : in the rest of `fit`": "0.02",
        "seconds of cnn.py for its folder, tracking and pictures": "1.2",
        "seconds, `cnn.py --help` : `import keras`": "0.125",
        "seconds, `cnn.py --epochs 0` : `import keras`": "0.15",
    }


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


@pytest.mark.parametrize("words", [["cnn.py"], ["fast.py", "--batch_size", "50"]])
def test_the_stopwatch_times_a_script_and_tests_each_epoch(checkout, small_data, tmp_path, words):
    started = time.time()
    values = {"STOPWATCH_FILE": str(tmp_path / "report.json"), "STOPWATCH_STARTED": str(started)}
    options = ["--data", str(small_data), "--epochs", "3"]
    answer = checkout.run("-m", "benchmarks.stopwatch", *words, *options, **values)
    seconds = time.time() - started
    assert answer.returncode == 0, answer.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    metrics = json.loads((checkout.latest(words[0].removesuffix(".py")) / "metrics.json").read_text())
    assert report["test_accuracies"][-1] == pytest.approx(metrics["test_accuracy"], abs=1e-6)
    assert len(set(report["test_accuracies"])) > 1  # each epoch's own weights
    assert 0 < report["start_up_seconds"] < report["epoch_seconds"][0]
    assert report["epoch_seconds"] == sorted(report["epoch_seconds"])
    assert report["epoch_seconds"][-1] < seconds
    training_seconds = report["epoch_seconds"][-1] - report["start_up_seconds"]
    assert report["images_per_second"] > 3 * 1100 / training_seconds  # what comes between is not counted
    assert 0 < report["callback_seconds"] < report["fit_seconds"]
    assert report["run_seconds"] > 0
    assert 100 < report["memory_mib"] < 10_000


def test_a_contestant_measured_anew_leaves_the_others_figures(tmp_path, monkeypatch):
    shutil.copy(speed.FOLDER / "speed.json", tmp_path)
    before = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    run = before["results"]["cnn.py"][0] | {"memory_mib": 1.0}
    monkeypatch.setattr(speed, "FOLDER", tmp_path)
    monkeypatch.setattr(speed, "train", lambda contestant, seed: run | {"seed": seed})
    monkeypatch.setattr(speed, "answer_seconds", lambda *words: 1.0)
    monkeypatch.setattr(speed, "largest_product", lambda: before["operations_per_second"] / 2)
    monkeypatch.setattr(speed, "plot", lambda results, file: None)
    monkeypatch.setattr(sys, "argv", ["speed", "--only", "cnn.py", "--seeds", "2"])
    speed.main()
    after = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert list(after["results"]) == list(before["results"])
    assert [run["memory_mib"] for run in after["results"].pop("cnn.py")] == [1.0, 1.0]
    assert after["results"] == {name: runs for name, runs in before["results"].items() if name != "cnn.py"}
    assert after["operations_per_second"] == before["operations_per_second"]


def test_the_documentation_shows_what_was_measured_for_every_contestant():
    documentation = (REPOSITORY / "docs" / "speed.md").read_text(encoding="utf-8")
    tables = (REPOSITORY / "benchmarks" / "speed.md").read_text(encoding="utf-8").strip()
    *rows, measured = tables.split("\n\n")
    for table in rows:
        assert table in documentation
    assert measured in documentation.replace("\n", " ")
    assert rows[0] in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for contestant in speed.CONTESTANTS:
        assert f"| {contestant} |" in rows[0]


def test_each_step_changes_something_and_the_last_is_fast():
    recipes = list(steps.recipes().values())
    assert len(set(recipes)) == len(recipes)
    assert recipes[0] == steps.Recipe()
    last, lesson = recipes[-1], fast.Config()
    assert last.network_of_fast
    for value in ("batch_size", "learning_rate", "label_smoothing"):
        assert getattr(last, value) == getattr(lesson, value)
    assert lesson.warm_up == 0.25


def test_pooling_moves_before_normalising():
    def layers(**values: bool) -> list[str]:
        return [type(layer).__name__ for layer in steps.build(steps.Recipe(**values)).layers][2:6]

    assert layers() == ["Conv2D", "ReLU", "MaxPooling2D", "Flatten"]
    assert layers(normalised=True) == ["Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D"]
    assert layers(normalised=True, pooled_first=True) == ["Conv2D", "MaxPooling2D", "BatchNormalization", "ReLU"]


def test_the_documentation_shows_what_was_measured_for_every_step():
    documentation = (REPOSITORY / "docs" / "speed.md").read_text(encoding="utf-8")
    rows, measured = (REPOSITORY / "benchmarks" / "steps.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in documentation
    assert measured in documentation.replace("\n", " ")
    for step in steps.STEPS:
        assert f"| {step} |" in rows


def test_the_last_step_measured_is_fast_as_shipped():
    def accuracies(file: str, name: str) -> dict[int, float]:
        runs = json.loads((REPOSITORY / "benchmarks" / file).read_text(encoding="utf-8"))["results"][name]
        return {run["seed"]: run["test_accuracy"] for run in runs}

    lesson, step = accuracies("accuracy.json", "fast.py"), accuracies("steps.json", list(steps.STEPS)[-1])
    assert step == {seed: lesson[seed] for seed in step}  # the same seeds, on the same machine: the same numbers
