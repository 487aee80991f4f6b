"""The figures of the README: computed as they say, and those that were measured."""

from pathlib import Path

from benchmarks.accuracy import COMMANDS, table

REPOSITORY = Path(__file__).resolve().parent.parent


def test_the_table_has_mean_spread_and_range_of_the_test_accuracies():
    runs = [
        {"seed": 1, "test_accuracy": 0.98, "seconds": 50.0},
        {"seed": 2, "test_accuracy": 0.99, "seconds": 70.0},
        {"seed": 3, "test_accuracy": 0.985, "seconds": 65.2},
    ]
    last = table({"cnn.py": runs}).splitlines()[-1]
    assert last == "| `python cnn.py` | 98.50% ± 0.50 | 98.00 to 99.00 | 1, 2, 3 | 65 |"


def test_the_readme_shows_what_was_measured_for_every_command():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    rows, measured = (REPOSITORY / "benchmarks" / "accuracy.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert rows in readme
    assert measured.rstrip(".") in readme.replace("\n", " ")
    for command in COMMANDS:
        assert f"| `python {command}` |" in rows
