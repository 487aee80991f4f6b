"""Sweep files for tests, and what a sweep leaves."""

import csv
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY, Checkout

from course.runs import folder as run_folder
from course.sweep.trials import Sweep, Trial

GOOD = {
    "program": "mlp.py",
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "run_cap": 4,
    "parameters": {"dropout": {"values": [0.1, 0.2]}},
}


def changed(**changes) -> dict:
    """Returns a good file's content with other values; what is None is left out."""
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def one(**parameter) -> dict:
    """Returns a good file's content with another parameter."""
    return changed(parameters={"dropout": parameter})


def grid(**parameters) -> dict:
    """Returns the content of a good file for a grid of these parameters."""
    return changed(method="grid", parameters=parameters)


def write(folder: Path, content: str | dict | list) -> Path:
    """Writes a sweep's file, and returns it."""
    file = folder / "sweep.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return file


def slow_sweep(**changes) -> dict:
    """Returns the content of a file for eight trials of some seconds each, of tests/stand_in.py."""
    return changed(program="stand_in.py", run_cap=8, parameters={"dropout": {"min": 0.0, "max": 0.9}}) | changes


def newest(checkout: Checkout) -> Path:
    """Returns the folder of the newest sweep."""
    return (checkout.folder / "runs" / "sweeps" / "latest").resolve()


def table(checkout: Checkout) -> list[dict[str, str]]:
    """Returns the rows of trials.csv of the newest sweep, none before it is written."""
    file = newest(checkout) / "trials.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines())) if file.exists() else []


@pytest.fixture
def sweep(tmp_path, monkeypatch) -> Sweep:
    """A sweep of mlp.py of which one trial was chosen."""
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    sweep = Sweep.new(write(tmp_path, changed(name="Which dropout?")), None, 1)
    sweep.keep(Trial(number=1, values={"dropout": 0.1}))
    return sweep


def scored(number: int, score: float | None, **changes) -> Trial:
    """Returns a finished trial."""
    return Trial(**{"number": number, "values": {"dropout": 0.1}, "score": score, "state": "finished"} | changes)
