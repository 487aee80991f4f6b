"""A run on disk: that it repeats, and what is left when it is stopped."""

import json
import os
import re
import signal
import time
import types
from pathlib import Path

import keras
import pytest

import mlp
from course.data import load_data_set
from course.runs import folder as run_folder
from course.training.closing import finished_epochs
from course.training.run import Run
from tests.tiny_runs import fit, keep_in, network, train

HISTORY = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(checkout):
    def run(seed: int) -> tuple[bytes, dict]:
        answer = checkout.run("cnn.py", "--limit", "3000", "--epochs", "2", "--seed", str(seed))
        assert answer.returncode == 0, answer.stderr
        metrics = json.loads((checkout.latest("cnn") / "metrics.json").read_text())
        return (checkout.latest("cnn") / "history.csv").read_bytes(), metrics

    (first, first_metrics), (second, second_metrics), (other, _) = run(1), run(1), run(2)
    assert first == second != other
    assert first_metrics | {"seconds": 0} == second_metrics | {"seconds": 0}
    assert len(list((checkout.folder / "runs" / "cnn").glob("*-run*"))) == 3


class BeginningOfEpochs(keras.callbacks.Callback):
    """Notes how long the first batch of each epoch takes; each epoch lasts until TensorFlow's tuning is fast asleep."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seconds.append(-time.monotonic())

    def on_train_batch_end(self, batch, logs=None):
        self.seconds[-1] += time.monotonic()
        time.sleep(1.4)  # it sleeps from 1.27 s to 2.55 s after the first batch


@pytest.mark.slow
def test_no_epoch_waits_for_the_end_of_the_one_before(small_data, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    beginning = BeginningOfEpochs()
    config = mlp.Config(data=str(small_data))
    with Run(config):
        model = mlp.build_model(config, 10)
        model.compile(loss="sparse_categorical_crossentropy")
        (images, labels), _ = load_data_set(config.data)
        model.fit(images, labels, batch_size=len(images), epochs=11, callbacks=[beginning], verbose=0)
    _, *later = beginning.seconds  # the first one compiles
    assert len(later) == 10
    assert max(later) < 0.8  # else one in two to six of them takes 1.1 s


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "exit_code", "named"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_stopped_run_keeps_its_finished_epochs(checkout, small_data, sent, exit_code, named):
    process = checkout.start("mlp.py", "--epochs", "10000", "--data", str(small_data))
    for line in process.stdout:
        if line.startswith("4 of "):
            break
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert "Traceback" not in said
    folder = checkout.latest("mlp")
    kept = rf"Stopped by {named}: (\d+) of 10000 epochs are finished and kept in runs/mlp/{folder.name}; "
    found = re.fullmatch(rf"{kept}resume it with `python mlp.py --resume runs/mlp/{folder.name}`.", said.strip())
    assert found, said
    finished = int(found[1])
    assert finished >= 4
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + finished
    assert keras.saving.load_model(folder / "model.keras", safe_mode=True).count_params() == 159_010
    assert sorted(file.name for file in folder.iterdir()) == [
        "changes.json", "checkpoint.npz", "config.json", "environment.json", "history.csv", "model.keras",
    ]  # fmt: skip


def test_ctrl_c_while_keras_is_loading_ends_in_a_sentence(checkout):
    program = checkout.folder / "cnn.py"
    text = program.read_text().replace("with Run(config) as run:", 'print("loading", flush=True)\n    if keras.layers:')
    program.write_text(text)
    process = checkout.start("cnn.py")
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "Stopped by Ctrl-C."


@pytest.mark.slow
def test_a_diverged_training_says_so_and_leaves_valid_files(checkout, small_data):
    # Unscaled pixels and such a step: the loss is infinite or no number soon.
    answer = checkout.run("fashion.py", "--data", str(small_data), "--optimizer", "sgd", "--learning_rate", "10")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "The loss is no longer a number: training diverged." in answer.stdout
    metrics = json.loads((checkout.latest("fashion") / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert metrics["test_loss"] is None
    assert (checkout.latest("fashion") / "history.csv").read_text().splitlines()[-1].startswith("5,,")


@pytest.mark.slow
def test_a_learners_changes_to_labels_metrics_and_images_do_not_end_a_run(checkout, small_data):
    script = checkout.folder / "fashion.py"
    text = script.read_text()
    for old, new in (
        ('metrics=["accuracy"]', 'metrics=["accuracy", "sparse_top_k_categorical_accuracy"]'),
        ("        y_train = keras.utils.to_categorical(y_train)\n        num_classes = y_train.shape[1]\n", ""),
        ("y_test = keras.utils.to_categorical(y_test, num_classes)", "num_classes = 10"),
        ('"mean_squared_error"', '"sparse_categorical_crossentropy"'),
        ('return images.astype("float32")', 'return images.astype("float32")[:, ::2, ::2]'),
        ("keras.Input((config.img_height, config.img_width))", "keras.Input((14, 14))"),
    ):
        assert old in text
        text = text.replace(old, new)
    script.write_text(text)
    answer = checkout.run("fashion.py", "--data", str(small_data))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.startswith("Tracking failed (cannot reshape array")
    assert answer.stderr.endswith("the run itself is not affected.\n")
    header = (checkout.latest("fashion") / "history.csv").read_text().splitlines()[0]
    assert header == f"{HISTORY},sparse_top_k_categorical_accuracy,val_sparse_top_k_categorical_accuracy"
    assert (checkout.latest("fashion") / "metrics.json").is_file()


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_no_hindrance(checkout, small_data):
    answer = checkout.run("mlp.py", "--data", str(small_data), before=read_only(checkout.home))
    assert answer.returncode == 0
    assert answer.stderr == ""
    assert "wandb sync" in answer.stdout


def test_a_read_only_checkout_is_answered_in_one_sentence(checkout):
    answer = checkout.run(
        "cnn.py", before=read_only(checkout.folder, checkout.folder / "data", checkout.folder / "course")
    )
    assert answer.returncode == 2
    sentence = f"{checkout.folder} cannot be written to; copy the course to a folder of your own and run it there.\n"
    assert answer.stderr == sentence
    assert not (checkout.folder / "runs").exists()


def read_only(*folders: Path) -> tuple[str, ...]:
    """Makes folders read-only; returns what must stand before a command so that it is held to that."""
    for folder in folders:
        folder.chmod(0o555)
    if os.geteuid() != 0:
        return ()
    # The superuser may write everywhere, unless this right is taken away.
    return ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")


def test_a_run_without_its_finish_says_so(tmp_path, monkeypatch, capsys):
    keep_in(tmp_path, monkeypatch)
    folder, _ = train(lambda callbacks: fit(network(), callbacks))
    said = capsys.readouterr().out
    assert "run.finish was not called: nothing was tested, there is no report; 2 of 5 epochs are finished" in said
    assert folder.name in said


@pytest.mark.parametrize(
    ("epochs", "finished", "said"),
    [(4, 2, "2 of 4 epochs are"), (1, 2, "2 epochs are"), (None, 1, "1 epoch is"), (None, 0, "0 epochs are")],
)
def test_epochs_are_counted_of_those_that_were_planned_if_that_is_known(epochs, finished, said):
    config = types.SimpleNamespace(values=lambda: {"epochs": epochs})
    assert finished_epochs(finished, config) == f"{said} finished"
