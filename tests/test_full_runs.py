"""Each script as it is, on all its data, run once: what it says, what it reaches, what it leaves."""

import importlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from browsing import look_at
from checkout import Checkout
from PIL import Image
from sklearn.metrics import confusion_matrix

from course.data import load_data_set
from course.report import figures, measures
from course.report.page import write_report
from course.runs import record

REPOSITORY = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow  # each script is trained in full
HISTORY = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate"
# Of the test images: at least, below. best.py takes minutes.
REPORT_SIZES = {"mlp": 4, "cnn": 4, "fast": 1.5, "fashion": 1.5}  # MiB at most, with the network itself inside
REACHED = {"mlp": (0.975, 1), "cnn": (0.98, 1), "fast": (0.99, 1), "fashion": (0.11, 0.80)}


@dataclass
class FinishedRun:
    """A script that was run as it is, on all its data, without a network."""

    checkout: Checkout
    finished: subprocess.CompletedProcess
    folder: Path


@pytest.fixture(scope="module", params=REACHED)
def full_run(request, new_checkout, no_network) -> FinishedRun:
    checkout = new_checkout()
    finished = checkout.run(f"{request.param}.py", before=no_network)
    return FinishedRun(checkout, finished, checkout.latest(request.param))


def test_a_full_run_reaches_what_the_course_promises(full_run):
    script = full_run.folder.parent.name
    accuracy = json.loads((full_run.folder / "metrics.json").read_text())["test_accuracy"]
    at_least, below = REACHED[script]
    assert at_least <= accuracy < below
    said = f"Test accuracy {accuracy:.2%}" in full_run.finished.stdout
    assert said == (script != "fashion")  # of which test images are left for check.py


def test_a_full_run_says_what_a_learner_needs_and_nothing_else(full_run):
    config = importlib.import_module(full_run.folder.parent.name).Config()
    script, epochs = full_run.folder.parent.name, config.epochs
    metrics = json.loads((full_run.folder / "metrics.json").read_text())
    assert full_run.finished.stderr == ""
    summary = r"Model: |[┏┃┡│├└]| (Total|Trainable|Non-trainable) params: | None: any number of images"  # Keras' own
    lines = [line for line in full_run.finished.stdout.splitlines() if line and not re.match(summary, line)]
    assert max(map(len, lines)) <= 80
    part, images = ("Validation", "5,000 images") if script == "fashion" else ("Test", "10,000 images, loss 0.")
    accuracy = r"\S+%" if script == "fashion" else f"{metrics['test_accuracy']:.2%}"
    expected = [
        rf"{script}\.py: {epochs} epochs? with 55,000 training images.*\.$",
        r"Loading Keras \.\.\.$",
        " +training +validation$",
        "epoch +accuracy +loss +accuracy +loss +seconds$",
        *[rf"{epoch} of {epochs} +\S+% +\S+ +\S+% +\S+ +\d+$" for epoch in range(1, epochs + 1)],
        *["Validation can be better: training is counted", "with dropout on"]
        * any("can be better" in line for line in lines),
        rf"{part} accuracy {accuracy}, 95% interval \S+% to \S+%$",
        rf"{images}.*, {metrics['parameters']:,} parameters, {metrics['seconds']:.0f} s\.$",
        *[r"README: \S+% ± \S+ on average, over \d+ seeds\.$"] * (script != "fashion"),
        *["It(s last epoch changed nothing measurable| was still learning| overfits)"] * (epochs > 1),
        "Report:      runs/",
        "Kept in:     runs/",
        "Try next:    python ",
        "Upload it:   wandb sync runs/wandb/",
    ]
    assert len(lines) == len(expected), lines
    assert [line for line, pattern in zip(lines, expected, strict=True) if not re.match(pattern, line)] == []
    assert f" Total params: {metrics['parameters']:,} " in full_run.finished.stdout


def test_a_full_run_leaves_config_history_model_and_metrics(full_run):
    assert full_run.finished.returncode == 0, full_run.finished.stderr
    challenge = {"attempt.json", "fashion.py"} if full_run.folder.parent.name == "fashion" else set()
    numbers = {"config.json", "environment.json", "history.csv", "metrics.json", "model.keras", "predictions.npz"}
    numbers |= {"validation.npz", "changes.json"}
    assert {file.name for file in full_run.folder.iterdir()} == numbers | challenge | {"pictures", "report.html"}
    config = json.loads((full_run.folder / "config.json").read_text())
    history = (full_run.folder / "history.csv").read_text().splitlines()
    metrics = json.loads((full_run.folder / "metrics.json").read_text())
    assert config == importlib.import_module(full_run.folder.parent.name).Config().values()
    assert history[0] == HISTORY
    assert [row.split(",")[0] for row in history[1:]] == [str(epoch + 1) for epoch in range(config["epochs"])]
    assert set(metrics) == {"test_accuracy", "test_loss", "parameters", "seconds"}


def test_the_saved_model_is_the_tested_one(full_run):
    model = keras.saving.load_model(full_run.folder / "model.keras", safe_mode=True)
    config = json.loads((full_run.folder / "config.json").read_text())
    metrics = json.loads((full_run.folder / "metrics.json").read_text())
    _, (images, labels) = load_data_set(config["data"])
    scaled = full_run.folder.parent.name in ("mlp", "cnn")  # not by the challenge; fast.py's network does it itself
    images = images.reshape(-1, *model.input_shape[1:]).astype("float32") / (255 if scaled else 1)
    right = np.mean(model.predict(images, verbose=0).argmax(axis=1) == labels)
    assert right == pytest.approx(metrics["test_accuracy"], abs=2e-4)
    assert model.count_params() == metrics["parameters"]


def test_nothing_but_runs_is_written(full_run):
    top = {path.name for path in full_run.checkout.folder.iterdir()}
    assert top == {"runs", "course", "data", "benchmarks", "solutions"} | {
        file.name for file in REPOSITORY.glob("*.py")
    }
    assert {path.name for path in (full_run.checkout.folder / "data").iterdir()} == {
        "README.md", "build.py", "fruit.py", "shuffled.py", "mnist.npz", "fashion_mnist.npz", "mnist_label_votes.csv",
        "LICENSE-Apache-2.0",
    }  # fmt: skip
    assert list(full_run.checkout.home.rglob("*")) == []


def test_a_full_run_has_a_report_with_all_there_is_to_see(full_run):
    folder = full_run.folder
    script = folder.parent.name
    assert f"Report:      runs/{script}/{folder.name}/report.html" in full_run.finished.stdout
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= REPORT_SIZES[script] * 2**20
    found = record.read_run(folder)
    assert f"{found.metrics['test_accuracy']:.2%} of 10,000 test\nimages right" in page
    drawn = {"curves", "confusion", "kernels", "journey"} | ({"calibration"} if script != "fashion" else set())
    assert {file.name for file in (folder / "pictures").iterdir()} == {f"{name}.png" for name in drawn}
    assert page.count("<svg ") == len(drawn)
    lists = {title: part.count("<li>") for title, part in re.findall(r"<h2>([^<]*)</h2>(.*?)(?=<h2>)", page, re.DOTALL)}
    assert lists["Most confident mistakes"] == 12
    if script != "fashion":  # whose outputs are not probabilities
        assert lists["How sure it is of nonsense"] == 13
        assert 1 <= lists["Mistakes whose labels may be wrong"] <= 15
    for quality in measures.precision_and_recall(
        confusion_matrix(found.predictions.labels, found.predictions.classes), "0123456789"
    ):
        assert f'<td class="of">{quality.recall:.2%}</td>' in page
    right = np.mean(found.predictions.classes == found.predictions.labels)
    assert right == pytest.approx(found.metrics["test_accuracy"], abs=2e-4)
    assert json.loads((folder / "environment.json").read_text())["Keras"] == keras.__version__ in page


def test_the_pictures_go_to_weights_and_biases_too(full_run):
    (folder,) = (full_run.checkout.folder / "runs" / "wandb").glob("offline-run-*")
    names = {re.sub(r"_\d+_\w+\.png$", "", file.name) for file in (folder / "files" / "media" / "images").iterdir()}
    calibration = {"calibration"} if full_run.folder.parent.name != "fashion" else set()
    assert names == {"predictions", "curves", "confusion", "kernels", "journey", "mistakes"} | calibration


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_report_can_be_read_by_everybody_and_needs_nothing_else(full_run, browser, width, scheme):
    look_at(browser, full_run.folder / "report.html", width, scheme)


def test_a_report_is_made_anew_from_what_is_on_disk(full_run):
    folder, checkout = full_run.folder, full_run.checkout
    files = [folder / "report.html", *(folder / "pictures").iterdir()]
    before = [file.read_bytes() for file in files]
    (folder / "report.html").unlink()
    shutil.rmtree(folder / "pictures")
    pictures = checkout.folder / "runs" / "convolution" / "9999-digit"  # newer, but nothing was trained for it
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "config.json").write_text("{}")
    if folder.parent.name == "fast":  # once as a learner does
        answer = checkout.run("report.py")
        said = f"Report:      runs/fast/{folder.name}/report.html\n"
        assert (answer.returncode, answer.stdout, answer.stderr) == (0, said, "")
    else:
        write_report(folder)
    assert [file.read_bytes() for file in files] == before


def test_pictures_are_png_files_of_their_size(full_run):
    for file in (full_run.folder / "pictures").iterdir():
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert picture.width == round(figures.WIDTH * 144)
