"""Every lesson and tool on folders with few and with many classes, called by names that are hard to show."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EACH = 16  # pictures of a class
SWEEP = """program: cnn.py
method: grid
metric: {name: val_accuracy, goal: maximize}
parameters:
  data: {value: photos}
  epochs: {value: 1}
  batch_size: {value: 4}
  dropout: {values: [0.0, 0.3]}
"""


def name(label: int) -> str:
    return f"kind {label:02d} <b>&[red] é"


def make(folder: Path, classes: int) -> None:
    random = np.random.default_rng(classes)
    for label in range(classes):
        (folder / name(label)).mkdir(parents=True)
        mean = random.integers(0, 256, (6, 5, 3))
        for number in range(EACH):
            pixels = np.clip(mean + random.normal(0, 30, mean.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((64, 48)).save(folder / name(label) / f"{number}.png")


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3, 37])
@pytest.mark.parametrize("lesson", ["mlp", "cnn", "fast", "best", "fashion"])
def test_a_lesson_its_report_and_its_answers_go_by_names(checkout, thorough, lesson, classes):
    if not thorough and (lesson, classes) != ("fashion", 37):
        pytest.skip("CI tries a sample")
    make(checkout.folder / "photos", classes)
    trained = checkout.run(f"{lesson}.py", "--data", "photos", "--epochs", "1", "--batch_size", "4")
    assert trained.returncode == 0, trained.stderr
    for line in trained.stderr.splitlines():  # a class that is missing from few validation images is named
        assert line.startswith("photos: none of the ")
        assert "images is of class kind " in line
    run = checkout.latest(lesson)
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "kind 00 &lt;b&gt;&amp;[red] é" in report
    assert "<b>" not in report
    assert np.load(run / "predictions.npz")["names"].tolist() == [name(label) for label in range(classes)]
    assert checkout.run("report.py", str(run)).returncode == 0
    answered = checkout.run("predict.py", "--run", str(run), "photos")
    assert (answered.returncode, answered.stderr) == (0, "")
    assert f"of {classes * EACH} pictures in folders called like a class are right" in answered.stdout.replace(",", "")
    assert "kind 01 <b>&[red] é" in answered.stdout


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 37])
def test_a_sweep_tries_values_on_pictures(checkout, thorough, classes):
    if not thorough:
        pytest.skip("CI tries a sample of the lessons")
    make(checkout.folder / "photos", classes)
    (checkout.folder / "mine.yaml").write_text(SWEEP, encoding="utf-8")
    swept = checkout.run("sweep.py", "mine.yaml")
    assert swept.returncode == 0, swept.stderr
    runs = list((checkout.folder / "runs").glob("**/metrics.json"))
    assert len(runs) == 2
    assert all(0 <= json.loads(run.read_text())["test_accuracy"] <= 1 for run in runs)
