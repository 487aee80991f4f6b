"""Tracking: online with credentials, offline without; for bad servers see tests/faults/test_server.py."""

import json
import sys
from pathlib import Path

import pytest

from course.training.tracking import Tracking, asked_mode

QUICK = ("cnn.py", "--epochs", "2", "--first_layer_convs", "2", "--batch_size", "100")
KEY = "0123456789" * 4


def only_run(checkout) -> Path:
    runs = list((checkout.folder / "runs" / "wandb").glob("*run-*-*"))
    assert len(runs) == 1, runs
    return runs[0]


@pytest.mark.slow
def test_without_an_account_a_run_is_tracked_offline_with_everything(checkout, small_data, no_network, tracked):
    answer = checkout.run(*QUICK, "--data", str(small_data), "--project", "my-project", before=no_network)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    run = only_run(checkout)
    assert run.name.startswith("offline-run-")
    record = tracked(run)
    summary = record["summary"]
    folder = checkout.latest("cnn")
    last = dict(
        zip(*((folder / "history.csv").read_text().splitlines()[row].split(",") for row in (0, 2)), strict=True)
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch"):
        assert summary[name] == pytest.approx(float(last[name]), abs=1e-6)
    for name in ("test_accuracy", "test_loss", "parameters"):
        assert summary[name] == pytest.approx(metrics[name], abs=1e-6)
    assert record["project"] == "my-project"
    for name, value in json.loads((folder / "config.json").read_text()).items():
        assert record["config"][name] == value
    pictures = list((run / "files" / "media" / "images").glob("predictions*.png"))
    assert len(pictures) == 16
    assert answer.stdout.splitlines()[-1] == f"Upload it:   wandb sync runs/wandb/{run.name}"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["disabled", "offline"])
def test_wandb_mode_is_obeyed_even_with_a_key(checkout, small_data, no_network, mode):
    answer = checkout.run(*QUICK, "--data", str(small_data), before=no_network, WANDB_MODE=mode, WANDB_API_KEY=KEY)
    assert answer.returncode == 0, answer.stderr
    kept = list((checkout.folder / "runs").glob("wandb/offline-run-*"))
    assert len(kept) == (0 if mode == "disabled" else 1)
    assert ("wandb sync" in answer.stdout) == (mode != "disabled")
    assert answer.stderr == ""


def test_a_mode_that_there_is_not_is_refused(checkout):
    answer = checkout.run(*QUICK, WANDB_MODE="nonsense")
    assert answer.returncode == 2
    assert (
        answer.stderr == "WANDB_MODE is nonsense, but must be online or offline or disabled; change it or unset it.\n"
    )


@pytest.mark.parametrize(
    ("variable", "value", "mode"),
    [
        ("WANDB_MODE", "offline", "offline"),
        ("WANDB_MODE", "dryrun", "offline"),
        ("WANDB_MODE", "run", "online"),
        ("WANDB_DISABLED", "true", "disabled"),
        ("WANDB_DISABLED", "false", None),
    ],
)
def test_older_ways_to_turn_tracking_off_are_understood(variable, value, mode, monkeypatch):
    for name in ("WANDB_MODE", "WANDB_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert asked_mode() == mode


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "mode"), [("disabled", "disabled"), ("offline", "offline"), ("online", "online")])
def test_what_was_typed_earlier_counts_unless_the_variable_says_otherwise(typed, mode, checkout):
    assert checkout.run("-m", "wandb", typed).returncode == 0
    chosen = ("-c", "from course.training import tracking; print(tracking.chosen_mode())")
    assert checkout.run(*chosen).stdout == f"{mode}\n"
    assert checkout.run(*chosen, WANDB_MODE="dryrun").stdout == "offline\n"


@pytest.mark.slow
def test_a_run_is_not_tracked_after_wandb_disabled_even_with_a_key(checkout, small_data, no_network):
    assert checkout.run("-m", "wandb", "disabled").returncode == 0
    answer = checkout.run(*QUICK, "--data", str(small_data), before=no_network, WANDB_API_KEY=KEY)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "wandb" not in answer.stdout
    assert not list((checkout.folder / "runs").glob("wandb/*run-*"))


@pytest.mark.slow
def test_a_key_that_is_no_key_costs_nothing_and_is_not_shown(checkout, small_data, no_network):
    answer = checkout.run(*QUICK, "--data", str(small_data), before=no_network, WANDB_API_KEY="secret")
    assert answer.returncode == 0
    assert "tracked offline" in answer.stderr
    assert "secret" not in answer.stderr + answer.stdout


def test_a_run_does_without_what_only_launched_jobs_need(tmp_path, monkeypatch):
    """If this fails after an upgrade, see `left_out` in course/training/tracking.py."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delitem(sys.modules, "wandb.sdk.launch", raising=False)
    tracked = Tracking("mlp/a", "course-in-a-box", {"epochs": 1}, tmp_path, "0123abcd")
    assert "wandb.sdk.launch" not in sys.modules
    tracked.log({"loss": 1.0}, 1)
    tracked.finish()
    assert not tracked.failed
    assert list(tmp_path.glob("wandb/offline-run-*/run-0123abcd.wandb"))
