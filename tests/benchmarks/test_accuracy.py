"""The figures of the README: computed as they say, and those that were measured."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import TABLES, table
from course.runs import folder as run_folder
from course.system import program

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = TABLES["accuracy"]


def test_the_table_has_mean_spread_and_range_of_the_test_accuracies():
    runs = [
        {"seed": 1, "test_accuracy": 0.98, "seconds": 50.0},
        {"seed": 2, "test_accuracy": 0.99, "seconds": 70.0},
        {"seed": 3, "test_accuracy": 0.985, "seconds": 65.2},
    ]
    last = table({"cnn.py": runs}).splitlines()[-1]
    assert last == "| `python cnn.py` | 98.50% ± 0.50 | 98.00 to 99.00 | 1 to 3 | 65 |"


def test_a_run_is_measured_by_its_test_its_last_epoch_and_its_best(tmp_path, monkeypatch):
    (tmp_path / run_folder.METRICS).write_text('{"test_accuracy": 0.97, "test_loss": 0.1, "seconds": 4.04}')
    rows = "1,0.9,0.91,0.3", "2,0.95,0.94,0.2", "3,0.99,0.93,0.25", "4,1.0,0.92,"  # the last one's val_loss diverged
    (tmp_path / run_folder.HISTORY).write_text("\n".join(["epoch,accuracy,val_accuracy,val_loss", *rows]))
    monkeypatch.setattr(accuracy, "run", lambda command, seed: tmp_path)
    measured = accuracy.measure("cnn.py", seed=2)
    tested = {"seed": 2, "test_accuracy": 0.97, "test_loss": 0.1, "seconds": 4.0}
    assert measured == tested | {"accuracy": 1.0, "val_accuracy": 0.92, "best_epoch": 2}


def test_a_command_measured_again_leaves_the_others_figures(tmp_path, monkeypatch):
    def measure_as(found: float, *words: str) -> dict[str, list[float]]:
        run = {"test_accuracy": found, "seconds": 9.0}
        monkeypatch.setattr(accuracy, "measure", lambda command, seed: {"seed": seed} | run)
        monkeypatch.setattr(sys, "argv", ["accuracy", *words])
        accuracy.main()
        results = json.loads((tmp_path / "accuracy.json").read_text())["results"]
        assert list(results) == [command for command in COMMANDS if command in results]  # in their order
        return {command: [run["test_accuracy"] for run in runs] for command, runs in results.items()}

    def measured() -> str:
        return (tmp_path / "accuracy.md").read_text().splitlines()[-1]

    monkeypatch.setattr(accuracy, "FOLDER", tmp_path)
    monkeypatch.setattr(accuracy, "measured_on", lambda: "one day, one machine")
    assert measure_as(0.5, "--only", "fast.py", "--seeds", "1") == {"fast.py": [0.5]}
    monkeypatch.setattr(accuracy, "measured_on", lambda: "another day, another machine")
    before = measure_as(0.6, "accuracy", "--seeds", "2")
    assert before == {command: [0.6, 0.6] for command in COMMANDS}
    assert measured() == "another day, another machine."  # nothing is left of the first
    monkeypatch.setattr(accuracy, "measured_on", lambda: "today, here")
    assert measure_as(0.7, "--only", "cnn.py", "--seeds", "1") == before | {"cnn.py": [0.7]}
    assert measured() == "another day, another machine; today, here."
    assert "60.00%" in (tmp_path / "accuracy.md").read_text()
    assert measure_as(0.8, "--only", "cnn.py", "--seeds", "3", "--add") == before | {"cnn.py": [0.7, 0.8, 0.8]}


def test_figures_of_a_script_that_has_changed_since_keep_its_fingerprint(tmp_path, monkeypatch):
    def main(*words: str) -> dict[str, str]:
        monkeypatch.setattr(sys, "argv", ["accuracy", "--seeds", "1", *words])
        accuracy.main()
        return json.loads((tmp_path / "accuracy.json").read_text())["scripts"]

    monkeypatch.setattr(accuracy, "FOLDER", tmp_path)
    monkeypatch.setattr(accuracy, "measure", lambda command, seed: {"seed": seed, "test_accuracy": 0.5, "seconds": 1})
    monkeypatch.setattr(program, "fingerprint", lambda file: f"{file.name} as it was")
    before = main()
    assert list(before) == list(accuracy.SCRIPTS)
    monkeypatch.setattr(program, "fingerprint", lambda file: f"{file.name} today")
    assert main("--only", "mlp.py") == before | {"mlp.py": "mlp.py today"}
    with pytest.raises(SystemExit):
        main("--only", "cnn.py", "--add")


def test_the_readme_shows_what_was_measured_for_every_command():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    rows, measured = (REPOSITORY / "benchmarks" / "accuracy.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in readme
    assert measured.rstrip(".") in readme.replace("\n", " ")
    for command in COMMANDS:
        assert f"| `python {command}` |" in rows


def test_what_was_measured_are_the_scripts_as_they_are():
    kept = json.loads((REPOSITORY / "benchmarks" / "accuracy.json").read_text(encoding="utf-8"))
    assert kept["scripts"] == {name: program.fingerprint(REPOSITORY / name) for name in accuracy.SCRIPTS}


def test_the_page_shows_what_the_reference_answers_were_measured_to_reach():
    solutions = REPOSITORY / "benchmarks" / "solutions"
    rows, *_ = solutions.with_suffix(".md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in (REPOSITORY / "docs" / "challenge.md").read_text(encoding="utf-8")
    results = json.loads(solutions.with_suffix(".json").read_text(encoding="utf-8"))["results"]
    for command, seeds in TABLES["solutions"].items():
        assert [run["seed"] for run in results[command]] == list(range(1, seeds + 1))


RIGHT = {"test_accuracy": 0.9, "val_accuracy": 0.9}


def test_the_reference_answers_have_a_table_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "FOLDER", tmp_path)
    asked = []
    monkeypatch.setattr(
        accuracy,
        "measure",
        lambda command, seed: (
            asked.append(command) or {"seed": seed, "test_accuracy": 0.9, "val_accuracy": 0.9, "seconds": 9.0}
        ),
    )
    monkeypatch.setattr(sys, "argv", ["accuracy", "solutions"])
    accuracy.main()
    assert [asked.count(f"-m solutions.level_{level}") for level in range(2, 7)] == [10] * 5
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["solutions.json", "solutions.md"]
    monkeypatch.setattr(sys, "argv", ["accuracy", "solutions", "--only", "cnn.py"])
    with pytest.raises(SystemExit) as ended:
        accuracy.main()
    assert ended.value.code == 2
