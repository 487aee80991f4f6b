"""The page of a run, and that of several side by side, as they are written and as a browser shows them."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browsing import look_at
from checkout import REPOSITORY
from PIL import Image

import mlp
import report
from course.data import load_data_set
from course.report.page import write_comparison, write_report
from course.runs import folder as run_folder
from course.runs import record
from course.system.errors import CourseError

HOSTILE = "<script>document.title='run'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def trained(small_data, tmp_path_factory) -> Path:
    """The folder of runs of mlp.py that differ in their dropout."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.setattr(run_folder, "RUNS", folder)
        for dropout in (0.0, 0.5):
            mlp.main(mlp.Config(data=str(small_data), epochs=2, dropout=dropout, name=f"dropout-{dropout}"))
    return folder / "mlp"


@pytest.fixture
def two_runs(trained, tmp_path) -> list[Path]:
    """Copies of these runs, the second one stopped before its test."""
    folders = [
        shutil.copytree(run, tmp_path / "mlp" / run.name)
        for run in sorted(trained.glob("2*"), key=lambda folder: folder.name[-3:])
    ]
    (folders[1] / run_folder.METRICS).unlink()
    (folders[1] / run_folder.PREDICTIONS).unlink()
    return folders


def text_of(folder: Path) -> str:
    """Returns the source of a run's report."""
    return (folder / run_folder.REPORT).read_text(encoding="utf-8")


def headings(folder: Path) -> list[str]:
    return re.findall("<h2>(.*)</h2>", text_of(folder))


def change_config(folder: Path, **values: object) -> None:
    file = folder / run_folder.CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_report_has_all_there_is_to_see(two_runs):
    write_report(two_runs[0])
    assert headings(two_runs[0]) == [
        "Learning curves", "Try next", "Repeat this run", "Try it", "What each layer makes of it",
        "Most confident mistakes", "Confusion matrix", "Class by class", "How sure it is, and how often right",
        "How sure it is of nonsense", "Layers", "One image, layer by layer", "What the units look for",
    ]  # fmt: skip
    found = record.read_run(two_runs[0])
    wrong = int((found.predictions.classes != found.predictions.labels).sum())
    assert f"the {wrong} mistakes lie off it." in text_of(two_runs[0])


def test_the_most_confident_mistakes_are_shown(two_runs, small_data):
    found = record.read_run(two_runs[0]).predictions
    _, (images, labels) = load_data_set(str(small_data))
    wrong = [
        (outputs.max(), number)
        for number, outputs in enumerate(found.outputs)
        if outputs.argmax() != found.labels[number]
    ]
    most_confident = [number for _, number in sorted(wrong, reverse=True)[:12]]
    mistakes = [picture for picture in write_report(two_runs[0]) if picture.name == "mistakes"]
    assert len(mistakes) == 12
    for picture, number in zip(mistakes, most_confident, strict=True):
        truth, answer = labels[number], found.outputs[number].argmax()
        assert picture.words == f"Test image {number}, {truth}, predicted as {answer}"
        with Image.open(io.BytesIO(picture.png)) as shown:
            assert np.array_equal(255 - np.array(shown), images[number])
    shown = text_of(two_runs[0]).split("<h2>Most confident mistakes</h2>")[1].split("</ul>")[0]
    percentages = re.findall(r'<span class="soft">\((.*)%\)</span></li>', shown)
    assert [float(each) for each in percentages] == [
        round(float(100 * found.outputs[number].max()), 1) for number in most_confident
    ]


def test_three_classes_make_a_report_about_three(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    splits = dict(zip(("train", "test"), load_data_set("mnist"), strict=True))
    few = {part: np.flatnonzero(labels < 3)[:300] for part, (_, labels) in splits.items()}
    arrays = {f"x_{part}": splits[part][0][few[part]] for part in few}
    arrays |= {f"y_{part}": splits[part][1][few[part]] for part in few}
    np.savez_compressed(tmp_path / "three.npz", **arrays)
    mlp.main(mlp.Config(data=str(tmp_path / "three.npz"), epochs=1, hidden_nodes=8))
    (folder,) = run_folder.folders_with(run_folder.METRICS)
    assert record.read_run(folder).predictions.outputs.shape == (300, 3)
    table = text_of(folder).split("<h2>Class by class</h2>")[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">(\w+)</th>', table) == ["0", "1", "2"]
    assert "when the network says 0," in text_of(folder)
    assert "cannot be shown" not in text_of(folder)
    assert {file.stem for file in (folder / run_folder.PICTURES).iterdir()} == {
        "curves", "confusion", "calibration", "kernels", "journey",
    }  # fmt: skip


def test_outputs_that_no_class_has_are_called_by_their_numbers(two_runs):
    rows = np.eye(12, dtype=np.float32)
    predictions = record.Predictions(rows, np.arange(12, dtype=np.uint8), np.zeros((1, 28, 28)))
    record.write_predictions(two_runs[0] / run_folder.PREDICTIONS, predictions)
    write_report(two_runs[0])
    assert '<th scope="row">11</th>' in text_of(two_runs[0])
    assert "the 0 mistakes lie off it." in text_of(two_runs[0])


def test_an_unfinished_run_is_shown_as_far_as_it_came(two_runs):
    assert [picture.name for picture in write_report(two_runs[1])] == ["curves", "kernels"]
    assert "Unfinished, and not tested" in text_of(two_runs[1])
    assert headings(two_runs[1]) == ["Learning curves", "Repeat this run", "Layers", "What the units look for"]


def test_runs_side_by_side_show_what_differs(two_runs, tmp_path):
    write_comparison(two_runs, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    differing = page[page.index("<h2>Different settings</h2>") :]
    assert re.findall(r'<th scope="row">(\w+)</th>', differing) == ["dropout", "name"]
    accuracy = record.read_run(two_runs[0]).metrics["test_accuracy"]
    assert f"{accuracy:.2%}" in page
    assert all(folder.name in page for folder in two_runs)


def test_a_star_stands_for_all_runs_and_each_is_shown_once(two_runs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    (tmp_path / "mlp" / run_folder.LATEST).symlink_to(two_runs[0].name)
    report.main(report.Options(runs=(str(tmp_path / "mlp" / "*"),)))
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert all(folder.name in page for folder in two_runs)
    assert run_folder.LATEST not in page


def test_a_run_that_is_named_again_stays_where_it_was(two_runs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    report.main(report.Options(runs=tuple(map(str, [*two_runs, two_runs[0]]))))
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert re.findall(r"(\d): mlp/(\S+?),", page)[0] == ("1", two_runs[0].name)


@pytest.mark.slow
def test_pages_are_as_a_reader_needs_them(two_runs, browser, tmp_path):
    for folder in two_runs:
        write_report(folder)
        look_at(browser, folder / run_folder.REPORT, 360)
    write_comparison(two_runs, tmp_path / "comparison.html")
    look_at(browser, tmp_path / "comparison.html", 360)
    look_at(browser, tmp_path / "comparison.html", 1280, "dark")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # matplotlib has no place for such names
def test_names_with_markup_are_shown_and_not_run(two_runs, browser, tmp_path, monkeypatch):
    monkeypatch.setattr("course.report.run_to_show.names_of", lambda record, predictions: (HOSTILE, *"123456789"))
    folder = two_runs[0].rename(two_runs[0].with_name(HOSTILE.replace("/", "")))
    change_config(folder, name=HOSTILE, **{HOSTILE: HOSTILE})
    write_report(folder)
    text = look_at(browser, folder / run_folder.REPORT, 1280)
    assert text.count(HOSTILE) >= 4
    assert folder.name in text
    write_comparison([folder, two_runs[1]], tmp_path / "comparison.html")
    assert HOSTILE in look_at(browser, tmp_path / "comparison.html", 1280)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (run_folder.CONFIG, "[]"),
        (run_folder.CONFIG, "{"),
        (run_folder.METRICS, "3"),
        (run_folder.HISTORY, "epoch,loss\n1,low\n"),
        (run_folder.PREDICTIONS, "nothing"),
    ],
)
def test_a_damaged_run_is_answered_in_a_sentence(two_runs, file, content):
    (two_runs[0] / file).write_text(content)
    with pytest.raises(CourseError, match="was damaged or changed"):
        write_report(two_runs[0])


def test_predictions_are_not_unpickled(two_runs, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    arrays = {"outputs": np.array([Trap()], dtype=object), "labels": np.zeros(1), "example": np.zeros(1)}
    np.savez(two_runs[0] / run_folder.PREDICTIONS, **arrays)
    with pytest.raises(CourseError, match="was damaged or changed"):
        write_report(two_runs[0])
    assert not (tmp_path / "sprung").exists()


def test_a_run_whose_images_are_gone_is_shown_without_them(two_runs):
    change_config(two_runs[0], data="gone.npz")
    assert [picture.name for picture in write_report(two_runs[0])] == ["curves", "confusion", "calibration", "kernels"]
    assert "Its mistakes cannot be shown: data is &#39;gone.npz&#39;" in text_of(two_runs[0])
    assert "Not all of this network can be shown" in text_of(two_runs[0])


@pytest.mark.parametrize("field", ["img_width", "epochs", "data"])
def test_a_value_that_a_learner_took_out_of_the_config_is_not_missed(two_runs, field):
    file = two_runs[1] / run_folder.CONFIG
    config = json.loads(file.read_text())
    file.write_text(json.dumps({name: config[name] for name in config if name != field}))
    assert [picture.name for picture in write_report(two_runs[1])] == ["curves", "kernels"]


def test_a_network_that_cannot_be_shown_keeps_the_rest_of_the_report(two_runs):
    (two_runs[0] / run_folder.MODEL).write_text("not a network")
    assert [picture.name for picture in write_report(two_runs[0])][:2] == ["curves", "confusion"]
    assert "Not all of this network can be shown" in text_of(two_runs[0])


def test_importing_what_writes_reports_does_not_load_keras():
    program = "import sys, course.report.page; print('keras.src' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
