"""The report of a run: its numbers, its pictures, and the page as a browser shows it."""

import io
import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from browsing import look_at
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

import cnn
import mlp
from course.data import load_data_set
from course.report import figures, measures
from course.report.network import Network
from course.report.page import write_comparison, write_report
from course.runs import folder as run_folder
from course.runs import record
from course.system.errors import CourseError
from course.training.run import Run
from course.views import average_views

HOSTILE = "<script>document.title='run'</script><img src=x onerror=alert(1)>"
NAMES = tuple("0123456789")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=200))
def test_confusion_precision_and_recall_are_scikit_learns(pairs):
    labels, classes = np.array(pairs).T
    matrix = measures.confusion_matrix(labels.astype(np.uint8), classes)
    assert np.array_equal(matrix, confusion_matrix(labels, classes, labels=range(10)))
    expected = precision_recall_fscore_support(labels, classes, labels=range(10), zero_division=np.nan)
    for number, quality in enumerate(measures.precision_and_recall(matrix, NAMES)):
        assert quality.images == expected[3][number]
        for found, wanted in ((quality.precision, expected[0][number]), (quality.recall, expected[1][number])):
            assert np.isnan(wanted) if found is None else found == pytest.approx(wanted)


def row(epoch: int, loss: float, val_loss: float | None, accuracy: float = 0.9, val_accuracy: float = 0.88) -> dict:
    return {"epoch": epoch, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}


@pytest.mark.parametrize(
    ("history", "turned", "said"),
    [
        ([row(1, 0.5, 0.4)], None, "single epoch"),
        ([row(1, 0.5, 0.4), row(2, 0.4, 0.3)], None, "validation was still falling"),
        ([row(1, 0.5, 0.4), row(2, 0.4, 0.3), row(3, 0.3, 0.35)], 2, "after epoch 2 and rose .* by heart"),
        ([row(1, 0.5, 0.3), row(2, 0.6, 0.35)], 1, "after epoch 1, but .* something else than overfitting"),
        ([row(1, 0.5, 0.3), row(2, 0.6, None)], None, "not everything was a number"),
        ([row(1, 0.5, 0.3), row(2, 0.4, 0.2, 0.8, 0.9)], None, "80.0% .* 90.0% .* with dropout at work"),
    ],
)
def test_overfitting_is_told_in_plain_words(history, turned, said):
    assert measures.turning_point(history) == turned
    assert re.search(said, measures.overfitting(history))


def test_each_kernel_and_feature_map_is_shown_where_it_belongs():
    images = np.arange(3 * 2 * 5, dtype=float).reshape(3, 2, 5)
    whole = figures.montage(images, columns=2)
    assert whole.shape == (3 * 3 + 2, 2 * 2 + 1)
    for number, (top, left) in enumerate([(0, 0), (0, 3), (4, 0), (4, 3), (8, 0)]):
        assert np.array_equal(whole[top : top + 3, left : left + 2], images[..., number])
    assert np.isnan(whole).sum() == whole.size - images.size


def test_a_network_is_told_layer_by_layer_and_followed_to_its_answer(tmp_path):
    keras.utils.set_random_seed(1)
    model = cnn.build_model(cnn.Config(more_conv_layers=(8,)))
    model.save(tmp_path / "model.keras")
    network = Network(tmp_path / "model.keras")
    layers = network.layers()
    assert [(layer.kind, layer.parameters) for layer in layers if layer.parameters] == [
        ("Conv2D", 320), ("Conv2D", 2312), ("Dense", 20100), ("Dense", 1010),
    ]  # fmt: skip
    assert sum(layer.share for layer in layers) == pytest.approx(1)
    assert layers[0].output == (26, 26, 32)
    image = np.random.default_rng(1).random((1, 28, 28, 1), dtype=np.float32)
    steps = network.journey(image)
    assert next(name for name, _ in steps).endswith(": 26 x 26 x 32")
    assert len(steps) == len(layers) - 2  # dropout changes nothing
    np.testing.assert_allclose(steps[-1][1], model.predict(image, verbose=0)[0], atol=1e-6)
    what, kernels = network.first_weights(28, 28)
    assert what.startswith("kernels of conv2d")
    assert np.array_equal(kernels, np.array(model.layers[0].kernel)[:, :, 0])


def test_the_network_inside_several_views_is_followed_as_it_is_in_the_test(tmp_path):
    keras.utils.set_random_seed(1)
    random = [keras.layers.RandomTranslation(0.3, 0.3), keras.layers.Rescaling(1 / 255)]
    last = [keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *random, keras.layers.Conv2D(4, 3), *last])
    model.compile("adam", "categorical_crossentropy")
    average_views(model, 1).save(tmp_path / "model.keras")
    image = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 1), dtype=np.uint8)
    *_, (_, answer) = Network(tmp_path / "model.keras").journey(image)
    np.testing.assert_allclose(answer, model.predict(image, verbose=0)[0], atol=1e-6)


def test_nodes_that_see_the_whole_image_are_shown_as_images(tmp_path):
    model = mlp.build_model(mlp.Config(hidden_nodes=5))
    model.save(tmp_path / "model.keras")
    what, weights = Network(tmp_path / "model.keras").first_weights(28, 28)
    assert what.startswith("nodes of dense")
    assert np.array_equal(weights[:, :, 3].ravel(), np.array(model.layers[1].kernel)[:, 3])


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
        truth, taken_for = labels[number], found.outputs[number].argmax()
        assert picture.words == f"Test image {number}, {truth}, taken for {taken_for}"
        with Image.open(io.BytesIO(picture.png)) as shown:
            assert np.array_equal(255 - np.array(shown), images[number])
    page = (two_runs[0] / "report.html").read_text(encoding="utf-8")
    sure = [float(share) for share in re.findall(r'<span class="soft">\((.*)%\)</span></li>', page)]
    assert sure == [round(float(100 * found.outputs[number].max()), 1) for number in most_confident]


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
    (folders[1] / "metrics.json").unlink()
    (folders[1] / record.PREDICTIONS).unlink()
    return folders


def test_runs_side_by_side_show_what_differs(two_runs, browser, tmp_path):
    write_comparison(two_runs, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    differing = page[page.index("What differs") :]
    assert re.findall(r'<th scope="row">(\w+)</th>', differing) == ["dropout", "name"]
    accuracy = record.read_run(two_runs[0]).metrics["test_accuracy"]
    text = look_at(browser, tmp_path / "comparison.html", 360)
    assert f"{accuracy:.2%}" in text
    assert all(folder.name in text for folder in two_runs)
    look_at(browser, tmp_path / "comparison.html", 1280, "dark")


def test_an_unfinished_run_is_shown_as_far_as_it_came(two_runs, browser):
    pictures = write_report(two_runs[1])
    assert [picture.name for picture in pictures] == ["curves", "kernels"]
    assert "Unfinished, and not tested" in look_at(browser, two_runs[1] / "report.html", 360)


def test_names_with_markup_are_shown_and_not_run(two_runs, browser, tmp_path, monkeypatch):
    monkeypatch.setattr("course.report.page.class_names", lambda data: (HOSTILE, *NAMES[1:]))
    folder = two_runs[0].rename(two_runs[0].with_name(HOSTILE.replace("/", "")))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"name": HOSTILE, HOSTILE: HOSTILE}))
    write_report(folder)
    text = look_at(browser, folder / "report.html", 1280)
    assert text.count(HOSTILE) >= 4
    assert folder.name in text
    write_comparison([folder, two_runs[1]], tmp_path / "comparison.html")
    assert HOSTILE in look_at(browser, tmp_path / "comparison.html", 1280)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "[]"),
        ("config.json", "{"),
        ("metrics.json", "3"),
        ("history.csv", "epoch,loss\n1,low\n"),
        ("predictions.npz", "nothing"),
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
    np.savez(two_runs[0] / record.PREDICTIONS, **arrays)
    with pytest.raises(CourseError, match="was damaged or changed"):
        write_report(two_runs[0])
    assert not (tmp_path / "sprung").exists()


def test_a_run_whose_images_are_gone_is_shown_without_them(two_runs):
    config = json.loads((two_runs[0] / "config.json").read_text())
    (two_runs[0] / "config.json").write_text(json.dumps(config | {"data": "gone.npz"}))
    assert [picture.name for picture in write_report(two_runs[0])] == ["curves", "confusion", "kernels"]
    page = (two_runs[0] / "report.html").read_text(encoding="utf-8")
    assert "Its mistakes cannot be shown: data is &#39;gone.npz&#39;" in page
    assert "Not all of this network can be shown" in page


@pytest.mark.parametrize("field", ["img_width", "epochs", "data"])
def test_a_value_that_a_learner_took_out_of_the_config_is_not_missed(two_runs, field):
    config = json.loads((two_runs[1] / "config.json").read_text())
    (two_runs[1] / "config.json").write_text(json.dumps({name: config[name] for name in config if name != field}))
    assert [picture.name for picture in write_report(two_runs[1])] == ["curves", "kernels"]


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 10)])
@pytest.mark.parametrize("kind", [np.asarray, keras.ops.convert_to_tensor])
def test_labels_are_kept_whatever_their_shape(tmp_path, monkeypatch, capsys, shape, kind):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    labels = np.array([3, 1, 4, 1])
    targets = np.eye(10)[labels] if shape[-1] == 10 else labels.reshape(shape)
    with Run("mlp", mlp.Config()) as run:
        run.show_predictions(np.zeros((4, 28, 28)), kind(targets), np.eye(10)[labels])
    with np.load(run.folder / record.PREDICTIONS) as kept:
        assert kept["labels"].tolist() == [3, 1, 4, 1]
    assert capsys.readouterr().err == ""


def test_predictions_that_are_none_do_not_end_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    with Run("mlp", mlp.Config()) as run:
        run.show_predictions(None, None, None)
    assert re.fullmatch(r"Predictions are not kept \(.*\); the run itself is not affected.\n", capsys.readouterr().err)


def test_a_network_that_cannot_be_shown_keeps_the_rest_of_the_report(two_runs):
    (two_runs[0] / "model.keras").write_text("no network")
    assert [picture.name for picture in write_report(two_runs[0])][:2] == ["curves", "confusion"]
    assert "Not all of this network can be shown" in (two_runs[0] / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No run has finished an epoch yet; `python cnn.py` makes one."),
        (["data"], "data holds no run that finished an epoch; give one such as runs/cnn/latest."),
        (["a b", "c"], "'a b' holds no run that finished an epoch; give one such as runs/cnn/latest."),
        (["--shwo", "True"], "There is no --shwo; did you mean --show? --help lists them all."),
    ],
)
def test_wrong_use_is_answered_in_one_sentence(checkout, words, sentence):
    answer = checkout.run("report.py", *words)
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", f"{sentence}\n")
