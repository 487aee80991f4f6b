"""A script as an agent of Weights & Biases starts it for a sweep: wandb's own agent, and a stand-in for its server."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml
from checkout import Checkout
from wandb.sdk.lib import config_util

import cnn
import mlp
from course.system.errors import CourseError


class Server:
    """Answers wandb's agent as the server of Weights & Biases does, on loopback: one run after the other."""

    def __init__(self, program: str, runs: dict[str, dict], to_be_stopped: Callable[[str], bool]) -> None:
        """Takes the values of each run by its id, and what says whether it is time to stop one of them."""
        left, sweep = list(runs), yaml.safe_dump({"program": program, "method": "grid"})

        def commands(running: list[str]) -> list[dict]:
            if running:
                return [{"type": "stop", "run_id": run} for run in running if to_be_stopped(run)]
            if not left:
                return [{"type": "exit"}]
            run = left.pop(0)
            args = {name: {"value": value} for name, value in runs[run].items()}
            return [{"type": "run", "run_id": run, "program": program, "args": args}]

        def answer(query: str, variables: dict) -> dict:
            if "SweepWithRuns" in query:
                return {"project": {"sweep": {"id": "1", "config": sweep, "runs": {"edges": []}}}}
            if "CreateAgent" in query:
                return {"createAgent": {"agent": {"id": "agent"}}}
            if "Heartbeat" in query:
                given = json.dumps(commands(list(json.loads(variables["runState"]))))
                return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": given}}
            return {"viewer": {"id": "1", "username": "learner", "entity": "learner", "flags": "{}"}}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b"{}"
                if self.path == "/graphql":
                    asked = json.loads(asked)
                    body = json.dumps({"data": answer(asked["query"], asked.get("variables") or {})}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclass
class Swept:
    """Two runs of a sweep that wandb's agent started: `whole`, and `stopped` by the server."""

    checkout: Checkout
    agent: subprocess.CompletedProcess
    errors: str  # what the scripts wrote to standard error, but not the agent

    def folder(self, name: str) -> Path:
        (folder,) = (self.checkout.folder / "runs" / "cnn").glob(f"*-{name}")
        return folder

    def tracked(self, name: str) -> Path:
        (folder,) = (self.checkout.folder / "runs" / "wandb").glob(f"offline-run-*-{name}")
        return folder


@pytest.fixture(scope="module")
def values(small_data) -> dict:
    """Values of every type; YAML takes the dropout for text, because there is no dot in it."""
    few = {"first_layer_convs": 2, "more_conv_layers": [2, 2], "dense_layer_size": 9, "data_parallel": False}
    return few | {"dropout": "1e-1", "limit": None, "epochs": 2, "data": str(small_data)}


@pytest.fixture(scope="module")
def swept(new_checkout, values, no_network) -> Swept:
    checkout = new_checkout()
    runs = {"whole": values | {"name": "whole"}, "stopped": values | {"name": "stopped", "epochs": 10_000}}

    def has_trained(run: str) -> bool:
        return run == "stopped" and any((checkout.folder / "runs" / "cnn").glob("*-stopped/history.csv"))

    server = Server("cnn.py", runs, to_be_stopped=has_trained)
    environment = checkout.environment(WANDB_MODE="offline", WANDB_BASE_URL=server.url, WANDB_API_KEY="0123456789" * 4)
    commands = checkout.home.parent / "commands"
    commands.mkdir()
    python, errors = commands / "python", commands / "errors.txt"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@" 2>> "{errors}"\n')
    python.chmod(0o755)
    environment["PATH"] = f"{commands}{os.pathsep}{environment['PATH']}"
    agent = subprocess.run(
        [sys.executable, "-m", "wandb", "agent", "learner/course/sweep"],
        cwd=checkout.folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return Swept(checkout, agent, errors.read_text())


@pytest.mark.slow
def test_an_agent_runs_a_script_with_the_values_of_the_sweep(swept, values):
    assert swept.agent.returncode == 0, swept.agent.stderr
    assert '/usr/bin/env python cnn.py --first_layer_convs=2 "--more_conv_layers=[2, 2]"' in swept.agent.stderr
    assert "--data_parallel=False" in swept.agent.stderr
    config = json.loads((swept.folder("whole") / "config.json").read_text())
    assert {name: config[name] for name in values} == values | {"dropout": 0.1}
    assert (swept.folder("whole") / "metrics.json").is_file()


@pytest.mark.slow
def test_the_tracked_config_is_that_of_the_run_and_belongs_to_the_sweep(swept, tracked):
    record = tracked(swept.tracked("whole"))
    config = json.loads((swept.folder("whole") / "config.json").read_text())
    assert {name: record["config"][name] for name in config} == config
    assert record["project"] == "course"
    assert record["summary"]["epoch"] == 2


@pytest.mark.slow
def test_a_run_that_the_server_stops_keeps_its_epochs(swept, tracked):
    rows = (swept.folder("stopped") / "history.csv").read_text().splitlines()[1:]
    said = re.search(
        r"Stopped by SIGTERM: (\d+) of 10000 epochs are finished and kept in (\S+); resume it", swept.errors
    )
    assert (int(said[1]), said[2]) == (len(rows), f"runs/cnn/{swept.folder('stopped').name}")
    assert len(rows) >= 1
    assert (swept.folder("stopped") / "model.keras").is_file()
    assert tracked(swept.tracked("stopped"))["summary"]["epoch"] >= len(rows) - 1


@pytest.mark.slow
def test_wandb_says_nothing_in_the_scripts(swept):
    assert [line for line in swept.errors.splitlines() if line and not line.startswith("Stopped by SIGTERM: ")] == []
    assert "wandb:" not in swept.agent.stdout


@pytest.mark.slow
def test_a_swept_run_reaches_what_the_command_line_reaches(swept, values):
    words = ["--dropout=0.1", "--first_layer_convs=2", "--more_conv_layers", "2", "2", "--dense_layer_size=9"]
    answer = swept.checkout.run("cnn.py", *words, "--epochs=2", f"--data={values['data']}", "--name=plain")
    assert answer.returncode == 0, answer.stderr
    histories = [(swept.folder(name) / "history.csv").read_text() for name in ("whole", "plain")]
    assert histories[0] == histories[1]


@pytest.fixture
def sweep_sets(tmp_path, monkeypatch):
    """Leaves values where wandb's agent leaves them, written by its own code; returns the file."""

    def leave(**values) -> Path:
        file = tmp_path / "wandb" / "sweep-1" / "config-1.yaml"
        config_util.save_config_file_from_dict(str(file), {name: {"value": value} for name, value in values.items()})
        monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(file))
        return file

    return leave


def test_the_sweep_wins_over_the_command_line_which_wins_over_the_file(sweep_sets):
    sweep_sets(dropout=0.2, more_conv_layers=[8, 8], limit=None)
    words = ["--dropout=0.3", "--epochs=7", "--more_conv_layers=[64]", "--limit", "100", "--batch_size", "100"]
    config = cnn.Config.from_command_line(words)
    assert config == cnn.Config(dropout=0.2, epochs=7, more_conv_layers=(8, 8), batch_size=100)
    assert config.learning_rate == cnn.Config().learning_rate


def test_a_sweep_that_sets_nothing_changes_nothing(sweep_sets):
    sweep_sets()
    assert mlp.Config.from_command_line(["--dropout=0.3"]) == mlp.Config(dropout=0.3)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"dropout": 1.5}, r"dropout is 1\.5, but must be a number, at least 0 and below 1; CHANGE\."),
        ({"epochs": [1, 2]}, r"epochs is \[1, 2\], but must be a whole number, .*; CHANGE\."),
        ({"optimizer": {"value": 1}}, r"optimizer is \{'value': 1\}, but must be adam or .*; CHANGE\."),
        ({"dropuot": 0.1}, r"Unknown value dropuot; did you mean dropout\? CHANGE\."),
        ({"batch_size": 70_000}, r"batch_size is 70000, but .*; give a smaller one \(the sweep sets batch_size\)\."),
    ],
)
def test_a_wrong_value_is_answered_in_a_sentence_that_names_the_sweep(sweep_sets, values, sentence):
    sweep_sets(**values)
    with pytest.raises(CourseError) as error:
        cnn.Config.from_command_line([f"--{name}={value}" for name, value in values.items()])
    assert re.fullmatch(sentence.replace("CHANGE", "change it in the sweep, which sets it"), str(error.value))


@pytest.mark.parametrize("content", [None, b"", b"wandb_version: 1\n\ndropout:\n  val", b"a: [", b"\xff\xfe", b"- 1\n"])
def test_a_missing_or_damaged_file_of_values_is_answered_in_one_sentence(checkout, tmp_path, content):
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content)
    answer = checkout.run("mlp.py", WANDB_SWEEP_PARAM_PATH=str(file))
    assert answer.returncode == 2
    assert re.fullmatch(rf"The sweep's values in {file} are missing or damaged \(.*\); have .*\.\n", answer.stderr)
    assert not (checkout.folder / "runs").exists()


def test_a_wrong_value_of_a_sweep_is_answered_before_anything_heavy_is_loaded(checkout, sweep_sets, monkeypatch):
    file = sweep_sets(hidden_nodes=0)
    monkeypatch.setattr(checkout, "environment", partial(checkout.environment, WANDB_SWEEP_PARAM_PATH=str(file)))
    heavy = {"keras", "tensorflow", "wandb", "jax", "torch"}
    assert "the sweep, which sets it" in checkout.refuses("mlp.py", "--hidden_nodes=0", before_loading=heavy)
