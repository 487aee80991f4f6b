"""predict.py as a learner runs it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import predict
from benchmarks.photos import KINDS, photo
from course.data import load_data_set
from course.report import asked
from course.runs import folder as run_folder
from course.runs.record import read_run


@pytest.fixture(scope="module")
def run(train_cnn) -> Path:
    """The folder of a run of cnn.py that reads most digits."""
    return train_cnn(limit=5_000, epochs=2)


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder with a subfolder for each digit, in it photos of test images."""
    _, (images, labels) = load_data_set("mnist")
    random = np.random.default_rng(1)
    for number, (image, label) in enumerate(zip(images[:20], labels, strict=False)):
        folder = tmp_path / "photos" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(image, KINDS[number % len(KINDS)], random)).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_pictures_are_answered_and_bad_ones_named(run, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_folder, "RUNS", run.parent.parent)
    (photos / "7" / "[red]not\x1b[31m a picture.png").write_text("text")
    Image.new("L", (50, 50), 200).save(tmp_path / "empty.png")
    several = [str(file) for file in sorted((photos / "7").iterdir())]
    assert predict.main(predict.Options(pictures=(*several, str(tmp_path / "empty.png")))) == 2
    said = capsys.readouterr()
    first = next(line for line in said.out.splitlines() if "/7/0.png" in line)
    assert first.split()[1] == "7"
    assert first.split()[2].endswith("%")
    assert "empty.png shows no ink; take a picture with more contrast." in said.err
    assert "is not a PNG, JPEG, WebP or BMP picture" in said.err
    assert "\x1b" not in said.out + said.err
    page = (run.parent.parent / "predictions.html").read_text(encoding="utf-8")
    assert "<strong>7</strong>" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_folder_with_classes_is_counted(run, photos, monkeypatch, capsys):
    monkeypatch.setattr(run_folder, "RUNS", run.parent.parent)
    assert predict.main(predict.Options(pictures=(str(photos),))) == 0
    said = capsys.readouterr().out
    right = int(next(line for line in said.splitlines() if "are right" in line).split()[0])
    assert right >= 17
    assert f"{right} of 20 pictures in folders called like a class are right" in said
    assert "Confusion matrix of 20 pictures." in (run.parent.parent / "predictions.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Name at least one picture"),
        (["gone.png"], "No run is finished yet"),
        (["a.png", "--run", "runs/nothing"], "is not a run with a finished epoch"),
    ],
)
def test_wrong_use_is_answered_in_one_sentence(checkout, words, sentence):
    refused = checkout.run("predict.py", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_no_picture_can_be_read(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_folder, "RUNS", run.parent.parent)
    assert predict.main(predict.Options(pictures=(str(tmp_path / "gone.png"),))) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "gone.png cannot be read" in said.err
    (tmp_path / "none").mkdir()
    with pytest.raises(predict.CourseError, match=r"has no pictures, and no subfolder .*0, 1, 2, 3"):
        predict.main(predict.Options(pictures=(str(tmp_path / "none"),)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_read_nearly_as_well_as_the_originals(run, kind, thorough):
    record = read_run(run)
    _, (images, labels) = load_data_set("mnist")
    count, random = (1000, np.random.default_rng(2)) if thorough else (100, np.random.default_rng(2))
    pictures = [Image.fromarray(photo(image, kind, random)).convert("RGB") for image in images[:count]]
    made = [asked.prepared(picture, "mnist", (28, 28), 1) for picture in pictures]
    found = asked.answers([asked.Question(Path("p"), "", each, b"") for each in made], record)
    right = sum(answer.best[0][0] == str(label) for answer, label in zip(found, labels, strict=False))
    originals = int((record.predictions.classes == record.predictions.labels)[:count].sum())
    print(f"{kind}: {right} of {count}, originals {originals}")
    assert right >= originals - max(0.02 * count, 3)


@pytest.mark.slow
def test_a_lesson_its_report_and_predict_run_on_a_folder(checkout):
    drawn = checkout.run("data/fruit.py", "fruit")
    assert drawn.returncode == 0, drawn.stderr
    for each in sorted((checkout.folder / "fruit" / "test").glob("*/0[2-9]*.png")):
        each.unlink()
    trained = checkout.run(
        "cnn.py", "--data", "fruit", "--channels", "3", "--epochs", "3", "--batch_size", "32", WANDB_MODE="disabled"
    )
    assert trained.returncode == 0, trained.stderr
    report = (checkout.latest("cnn") / "report.html").read_text(encoding="utf-8")
    assert "green apple" in report
    assert "for red, green and blue" in report
    shutil.rmtree(checkout.folder / "fruit" / "train")  # the network and the names of its classes are kept
    (checkout.folder / "fruit" / "train").mkdir()
    metrics = json.loads((checkout.latest("cnn") / "metrics.json").read_text())
    assert metrics["test_accuracy"] > 0.5
