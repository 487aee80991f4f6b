"""A run that was interrupted and goes on: with the same numbers as one that was not, or not at all."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # each test starts programs that train
HEAVY = {"keras", "tensorflow", "wandb", "jax", "torch"}
# Everything that continues: momenta, averages, statistics, dropout and images turned at random; but small. How mlp.py
# goes on is in faults/test_kills.py.
QUICK = {
    "cnn": ("--epochs", "3", "--first_layer_convs", "4"),
    "fast": ("--epochs", "3"),
    "fashion": ("--epochs", "3"),
    "best": (
        "--epochs=3", "--first_layer_convs=4", "--second_layer_convs=4", "--third_layer_convs=8", "--flip",
        "--limit=256",
    ),
}  # fmt: skip


def kill_after_epoch(checkout, number: int, *words: str, **environment: str) -> Path:
    """Runs a script and kills it in the epoch after the one with this number; returns the folder of the run."""
    process = checkout.start(*words, **environment)
    for line in process.stdout:
        if line.startswith(f"{number} of "):
            break
    else:
        pytest.fail(process.stderr.read())
    process.kill()
    process.communicate()
    return checkout.latest(words[0].removesuffix(".py"))


def resume(checkout, script: str, *words: str, **environment: str) -> str:
    answer = checkout.run(f"{script}.py", "--resume", *words, **environment)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    return answer.stdout


@pytest.mark.parametrize("script", QUICK)
def test_a_resumed_run_ends_with_the_numbers_of_one_that_was_never_interrupted(checkout, script, small_data, thorough):
    if not thorough and script in ("best", "fast"):
        pytest.skip("CI tries a sample")
    words = (f"{script}.py", "--data", str(small_data), *QUICK[script])
    answer = checkout.run(*words)
    assert answer.returncode == 0, answer.stderr
    expected, whole = checkout.numbers(checkout.latest(script)), checkout.latest(script)
    folder = kill_after_epoch(checkout, 2, *words)
    assert folder != whole
    said = resume(checkout, script)
    assert f"Resumed: 2 of 3 epochs are finished and kept in runs/{script}/{folder.name}." in said.splitlines()
    assert re.findall(r"^\d of", said, re.MULTILINE) == ["3 of"]
    assert checkout.latest(script) == folder
    assert checkout.numbers(folder) == expected
    assert {file.name for file in folder.iterdir()} == {file.name for file in whole.iterdir()}


def test_a_reference_answer_that_is_stopped_says_how_to_go_on(checkout, small_data):
    words = ("-m", "solutions.level_2", "--data", str(small_data), "--epochs", "10000")
    process = checkout.start(*words)
    for line in process.stdout:
        if line.startswith("2 of "):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    folder = checkout.latest("fashion")
    to_go_on = f"python -m solutions.level_2 --resume runs/fashion/{folder.name}"
    assert said.strip().endswith(f"; resume it with `{to_go_on}`.")
    again = checkout.start(*to_go_on.split()[1:])
    assert f"are finished and kept in runs/fashion/{folder.name}." in next(
        line for line in again.stdout if line.startswith("Resumed:")
    )
    again.kill()
    again.communicate()


def test_a_run_goes_on_exactly_on_jax_too(checkout, small_data, thorough):
    if not thorough:
        pytest.skip("--thorough")
    words = ("mlp.py", "--data", str(small_data), "--epochs", "3")
    assert checkout.run(*words, KERAS_BACKEND="jax").returncode == 0
    expected = checkout.numbers(checkout.latest("mlp"))
    folder = kill_after_epoch(checkout, 2, *words, KERAS_BACKEND="jax")
    resume(checkout, "mlp", KERAS_BACKEND="jax")
    assert checkout.numbers(folder) == expected


@pytest.fixture(scope="module")
def killed(new_checkout, small_data):
    """A checkout with a run of mlp.py that was killed in its second epoch; to be copied, not to be changed."""
    checkout = new_checkout()
    kill_after_epoch(checkout, 1, "mlp.py", "--data", str(small_data), "--epochs", "3", "--dropout", "0.1")
    return checkout


@pytest.fixture
def interrupted(checkout, killed) -> Path:
    """The folder of such a run in the test's own checkout."""
    shutil.copytree(killed.folder / "runs", checkout.folder / "runs", symlinks=True)
    return checkout.latest("mlp")


def refused(checkout, *words: str) -> str:
    """Runs `python <words>`, which must end in a sentence at once and change nothing in runs/; returns it."""

    def files() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in (checkout.folder / "runs").rglob("*")}

    before = files()
    answer = checkout.run("-X", "importtime", *words)
    said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.split("|")[-1].strip().split(".")[0] for line in answer.stderr.splitlines() if "|" in line}
    assert answer.returncode == 2, said
    assert answer.stdout == ""
    assert len(said) == 1, said
    assert said[0].endswith(".")
    assert "pydantic" in imported
    assert not imported & HEAVY
    assert files() == before
    return said[0]


def test_a_changed_config_is_refused_with_the_difference(checkout, interrupted):
    run = f"runs/mlp/{interrupted.name}"
    assert refused(checkout, "mlp.py", "--resume", "--dropout", "0.3").startswith(
        f"{run} was begun with dropout 0.1 (now 0.3); resume it with what it was begun with, or "
    )
    # The class's own value, too, is another one than that of this run.
    assert "with dropout 0.1 (now 0.2); " in refused(checkout, "mlp.py", "--dropout=0.2", "--resume", run)
    assert "with epochs 3 (now 4) and seed 1 (now 2); " in refused(
        checkout, "mlp.py", "--resume", interrupted.name, "--epochs=4", "--seed=2"
    )
    script = checkout.folder / "mlp.py"
    script.write_text(script.read_text().replace("hidden_nodes: Count = 200", "hidden_nodes: Count = 100"))
    assert "with hidden_nodes 200 (now 100); " in refused(checkout, "mlp.py", "--resume")


def test_a_changed_script_is_refused_before_keras_is_loaded(checkout, interrupted):
    script = checkout.folder / "mlp.py"
    script.write_text(script.read_text().replace('"relu"', '"gelu"'))
    assert re.fullmatch(
        rf"runs/mlp/{interrupted.name} was begun with script mlp.py of SHA-256 \w+\.\.\."
        r" \(now mlp.py of SHA-256 \w+\.\.\.\), so its numbers could differ .*;"
        r" restore that, add --resume_anyway to resume it all the same, or start .*",
        refused(checkout, "mlp.py", "--resume"),
    )
    assert refused(checkout, "mlp.py", "--resume_anyway").startswith("resume_anyway says how to resume, ")


@pytest.fixture(scope="module")
def resumed(new_checkout, killed):
    """A checkout in which that run has gone on, although a default that it does not have was changed meanwhile."""
    checkout = new_checkout()
    shutil.copytree(killed.folder / "runs", checkout.folder / "runs", symlinks=True)
    script = checkout.folder / "mlp.py"
    script.write_text(script.read_text().replace("dropout: Fraction = 0.2", "dropout: Fraction = 0.4"))
    return checkout, checkout.run("mlp.py", "--resume", "--epochs", "3", "--resume_anyway")


def test_a_changed_script_can_resume_all_the_same_and_a_default_that_was_overridden_is_no_hindrance(resumed):
    checkout, answer = resumed
    assert answer.returncode == 0
    assert re.fullmatch(
        r"This run was begun with script mlp.py of SHA-256 \w+\.\.\. \(now .*\); its numbers may differ from those of a"
        r" run that was not interrupted\.\n",
        answer.stderr,
    )
    assert json.loads((checkout.latest("mlp") / "config.json").read_text())["dropout"] == 0.1


def test_what_cannot_be_resumed_is_said_in_a_sentence(checkout, interrupted):
    def text(name: str) -> str:
        return (interrupted / name).read_text()

    assert refused(checkout, "cnn.py", "--resume").startswith("No run of cnn.py was interrupted, ")
    assert refused(checkout, "cnn.py", "--resume", str(interrupted)).endswith(
        " is a run of mlp.py, not of cnn.py; resume it with that."
    )
    assert refused(checkout, "mlp.py", "--resume", "nowhere").startswith("There is no run nowhere; ")
    assert refused(checkout, "mlp.py", "--resume", "x" * 1000).startswith("There is no run xxx")
    assert "is not a run of this checkout" in refused(checkout, "mlp.py", "--resume", "course")
    config = text("config.json")
    for changed in (config.replace("0.1", "0.3"), "[]"):
        (interrupted / "config.json").write_text(changed)
        assert "config.json was changed since the run began" in refused(checkout, "mlp.py", "--resume")
    (interrupted / "config.json").write_text(config)
    checkpoint = (interrupted / "checkpoint.npz").read_bytes()
    for damaged in (checkpoint[: len(checkpoint) // 2], b"", b"PK", checkpoint[:9000] + b"xyz" + checkpoint[9003:]):
        (interrupted / "checkpoint.npz").write_bytes(damaged)
        assert "checkpoint.npz is damaged or was changed" in refused(checkout, "mlp.py", "--resume")
    (interrupted / "checkpoint.npz").unlink()
    assert "has no checkpoint.npz" in refused(checkout, "mlp.py", "--resume", interrupted.name)
    assert "No run of mlp.py was interrupted" in refused(checkout, "mlp.py", "--resume")
    (interrupted / "metrics.json").write_text("{}")
    assert "is finished, so there is nothing to resume" in refused(checkout, "mlp.py", "--resume", "latest")


def test_another_network_is_refused_in_a_sentence(checkout, interrupted):
    script = checkout.folder / "mlp.py"
    script.write_text(script.read_text().replace("layers.Dense(config.hidden_nodes,", "layers.Dense(7,"))
    answer = checkout.run("mlp.py", "--resume", "--resume_anyway")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1] == (
        "mlp.py now builds a different network or optimizer than when this run began; restore the script, or start a"
        " new run without --resume."
    )
    assert "Traceback" not in answer.stderr


def test_a_run_that_is_still_running_is_left_alone(checkout, small_data):
    process = checkout.start("mlp.py", "--data", str(small_data), "--epochs", "10000")
    for line in process.stdout:
        if line.startswith("1 of "):
            break
    answers = [checkout.run("mlp.py", "--resume", *words) for words in ((), (checkout.latest("mlp").name,))]
    process.kill()
    process.communicate()
    assert [answer.returncode for answer in answers] == [2, 2]
    assert all("is still running; wait for its end" in answer.stderr for answer in answers)


def test_tracking_goes_on_as_one_run_with_each_epoch_once(resumed, tracked):
    checkout, _ = resumed
    first, second = sorted((checkout.folder / "runs" / "wandb").glob("offline-run-*"))
    identity = first.name.split("-")[-1]
    assert second.name.split("-")[-1] == identity
    inspect = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(second)]
    records = [json.loads(line) for line in subprocess.check_output(inspect, text=True).splitlines()]
    logged = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert [row["epoch"] for row in logged if "epoch" in row] == [1, 2, 3]
    assert tracked(second)["summary"]["test_accuracy"] > 0
    said = checkout.run("-m", "wandb", "sync", "--dry-run", "runs/wandb").stderr
    assert "Would sync 1 run(s)" in said
    assert (checkout.folder / said.split()[-1]).parent.resolve() == second


def test_a_run_without_a_finished_epoch_begins_again_in_its_folder(checkout, interrupted, small_data):
    script = checkout.folder / "mlp.py"
    text = script.read_text()
    script.write_text(text.replace("model = build_model(config, num_classes)", "raise ValueError('a mistake')"))
    assert checkout.run("mlp.py", "--data", str(small_data), "--epochs", "1").returncode == 1
    folder = checkout.latest("mlp")
    assert folder != interrupted
    script.write_text(text)
    assert "Resumed: 0 of 1 epochs are finished" in resume(checkout, "mlp")
    assert checkout.latest("mlp") == folder
    assert len((folder / "history.csv").read_text().splitlines()) == 2


def test_a_mistake_after_training_costs_no_epoch(checkout, small_data):
    script = checkout.folder / "fashion.py"
    text = script.read_text()
    # Two calls of fit, as a learner may write them, and a mistake after the second.
    fit = text[text.index("        model.fit(") : text.index("        # The test images")]
    script.write_text(text.replace(fit, fit + fit + "        raise ValueError('a mistake')\n"))
    mistaken = checkout.run("fashion.py", "--data", str(small_data), "--epochs", "2")
    assert mistaken.returncode == 1
    folder = checkout.latest("fashion")
    again = f"python fashion.py --resume runs/fashion/{folder.name} --resume_anyway"
    assert f"; once the mistake is fixed, resume it with `{again}`.\n" in mistaken.stderr
    history = (folder / "history.csv").read_bytes()
    script.write_text(text.replace(fit, fit + fit))
    answer = checkout.run("fashion.py", "--resume", "--resume_anyway")
    assert answer.returncode == 0
    assert "This run was begun with script fashion.py" in answer.stderr
    assert "epoch " not in answer.stdout
    assert (folder / "history.csv").read_bytes() == history
    assert [row.split(b",")[0] for row in history.splitlines()[1:]] == [b"1", b"2", b"3", b"4"]
    parts = json.loads((folder / "attempt.json").read_text())["parts"]
    assert len(parts[0]["fits"]) == 2
    assert (folder / "metrics.json").exists()


def test_a_closed_terminal_ends_a_run_in_order(checkout, small_data):
    main, terminal = os.openpty()
    command = [sys.executable, "mlp.py", "--data", str(small_data), "--epochs", "10000"]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        cwd=checkout.folder,
        env=checkout.environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while b"3 of " not in shown:
        shown += os.read(main, 65536)
    os.close(main)  # the window is closed
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    folder = checkout.latest("mlp")
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) >= 3
    with np.load(folder / "checkpoint.npz", allow_pickle=False) as content:
        assert len(json.loads(content["about"].tobytes())["history"]) == len(rows) - 1


STUMBLES = {
    # As TensorFlow does now and then, when it is stopped where it opens or closes the scope of a device.
    "raises another error": """
def stumble(batch, logs):
    try:
        os.kill(os.getpid(), 15)
        time.sleep(60)
    except KeyboardInterrupt:
        raise RuntimeError("Exiting device scope without proper scope nesting")
""",
}


@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_library_that_stumbles_over_a_signal_does_not_hide_it(checkout, small_data, stumble):
    script = checkout.folder / "mlp.py"
    text = script.read_text().replace("\ndef main(", f"{STUMBLES[stumble]}\n\ndef main(")
    text = text.replace("import keras\n", "import keras\nimport os\nimport time\n", 1)
    callback = "keras.callbacks.LambdaCallback(on_train_batch_end=stumble)"
    script.write_text(text.replace("run.callbacks", f"[*run.callbacks, {callback}]"))
    answer = checkout.run("mlp.py", "--data", str(small_data))
    assert answer.returncode == 128 + signal.SIGTERM
    (said,) = answer.stderr.strip().splitlines()
    assert re.match(r"Stopped by SIGTERM: [01] of 5 epochs are finished and kept in runs/mlp/2", said)
