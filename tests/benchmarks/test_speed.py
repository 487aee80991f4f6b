"""The benchmark of speed: what its figures mean, and that the pages show them."""

import re
import shutil
import statistics
import sys
from pathlib import Path

import pytest

from benchmarks import speed

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*accuracies: float, **values) -> dict:
    """What one training leaves: its test accuracy after each epoch of 10 s."""
    return {
        "test_accuracies": list(accuracies),
        "epoch_seconds": [10.0 * epoch for epoch in range(1, len(accuracies) + 1)],
        "seconds": 50.0,
        "images_per_second": 1000.0,
        "operations": 4e6,
        "first_batch_seconds": 6.0,
        "memory_mib": 900.0,
    } | values


def test_an_accuracy_is_reached_when_the_mean_over_seeds_is():
    runs = [run(0.97, 0.981, 0.99), run(0.985, 0.979, 0.992)]
    assert speed.seconds_to(0.98, runs) == 20  # not after the first epoch: the mean is 97.75%
    assert speed.seconds_to(0.991, runs) == 30
    assert speed.seconds_to(0.992, runs) is None


def test_the_table_has_mean_spread_and_medians():
    runs = [run(0.97, 0.99, seconds=40.0), run(0.97, 0.98, seconds=60.0), run(0.97, 0.985, seconds=62.0)]
    (line,) = speed.table({"cnn.py": runs}, {"cnn.py": 100e9}).splitlines()[2:]
    assert line == "| cnn.py | 98.50% ± 0.50 | 20 | not reached | 60 | 1,000 | 4% | 6.0 | 900 |"


def test_the_ratios_divide_ours_by_theirs():
    results = {
        "cnn.py": [run(0.98, images_per_second=3000.0, callback_seconds=0.2, run_seconds=1.0, fit_seconds=10.2)],
        "fast.py": [run(0.99, callback_seconds=0.2, run_seconds=1.0, fit_seconds=10.2, prediction_seconds=0.5)],
        "cnn.py's network, plain Keras": [run(0.98, first_batch_seconds=5.0)],
        "original": [run(0.975, 0.98, memory_mib=1800.0)],
        "keras.io": [run(0.98, 0.985, 0.99, 0.992)],
    }
    assert speed.ratio_table(results).splitlines()[2:] == [
        "| seconds to 99% | fast.py: 10 | keras.io: 30 | 0.333 |",
        "| seconds to 98% | cnn.py: 10 | original: 20 | 0.5 |",
        "| images per second | cnn.py: 3,000 | cnn.py's network, plain Keras: 1,000 | 3 |",
        "| images per second | cnn.py: 3,000 | original: 1,000 | 3 |",
        "| seconds to the first batch | cnn.py: 6.0 | cnn.py's network, plain Keras: 5.0 | 1.2 |",
        "| memory | cnn.py: 900 | original: 1,800 | 0.5 |",
    ]
    answers = {"import keras": [4.0], "cnn.py --help": [0.5], "cnn.py --epochs 0": [0.6]}
    rows = dict(re.findall(r"^\| (.*) \| (\S+)(?: s)? \|$", speed.cost_table(results, answers), re.MULTILINE))
    assert rows == {
        "what the course takes": "figure",
        "seconds in cnn.py's callbacks : in the rest of `fit`": "0.02",
        "seconds of cnn.py for its folder, tracking and pictures": "1.2",
        "seconds in fast.py's callbacks : in the rest of `fit`": "0.02",
        "seconds of fast.py for its folder, tracking and pictures": "0.7",
        "seconds, `cnn.py --help` : `import keras`": "0.125",
        "seconds, `cnn.py --epochs 0` : `import keras`": "0.15",
    }


def test_of_several_processors_the_least_favourable_is_quoted():
    def measured(ours: float, theirs: float, images: float) -> dict:
        of = {"fast.py": [run(0.99, epoch_seconds=[ours])], "keras.io": [run(0.99, epoch_seconds=[theirs])]}
        of |= {"cnn.py": [run(0.9, images_per_second=images)], "original": [run(0.9)]}
        return {"results": of}

    machines = {"old": measured(10, 100, 1500.0), "new": measured(5, 25, 2000.0)}
    rows = speed.quoted(machines).splitlines()
    assert "| seconds to 99% | fast.py: 5.0 | keras.io: 25 | 0.2 | new |" in rows
    assert "| images per second | cnn.py: 1,500 | original: 1,000 | 1.5 | old |" in rows


@pytest.fixture
def measuring(tmp_path, monkeypatch) -> str:
    """A copy of what was measured, and a world in which a training takes no time; returns the machine there."""
    shutil.copy(speed.FOLDER / "speed.json", tmp_path)
    here, report = next(iter(speed.kept().items()))
    run = report["results"]["cnn.py"][0] | {"memory_mib": 1.0}
    monkeypatch.setattr(speed, "FOLDER", tmp_path)
    monkeypatch.setattr(speed, "installed", lambda names: names)
    monkeypatch.setattr(speed, "train", lambda contestant, seed: run | {"seed": seed})
    monkeypatch.setattr(speed, "answer_seconds", lambda *words: 1.0)
    monkeypatch.setattr(speed, "largest_product", lambda: 1e12)
    monkeypatch.setattr(speed, "measured_on", lambda: "today, here.")
    monkeypatch.setattr(speed, "plot", lambda results, file: None)
    monkeypatch.setattr(speed, "machine", lambda: here)
    return here


def test_a_contestant_measured_again_leaves_the_others_figures(measuring, tmp_path, monkeypatch):
    before = speed.kept()[measuring]
    monkeypatch.setattr(sys, "argv", ["speed", "--only", "cnn.py", "--only", "fast.py", "--seeds", "2"])
    speed.main()
    after = speed.kept()[measuring]
    assert list(after["results"]) == list(before["results"])
    for name, runs in after["results"].items():
        if name in ("cnn.py", "fast.py"):
            assert [(run["seed"], run["memory_mib"]) for run in runs] == [(1, 1.0), (2, 1.0)]
            assert after["operations_per_second"][name] == 1e12
        else:
            assert runs == before["results"][name]
            assert after["operations_per_second"][name] == before["operations_per_second"][name]
    assert after["measured"] == f"{before['measured'].rstrip('.')}; today, here."
    assert (tmp_path / "speed.md").read_text(encoding="utf-8").endswith(f" to 1000 GFLOP/s; {after['measured']}\n")


def test_seeds_are_added_to_those_that_there_are(measuring, monkeypatch):
    before = speed.kept()[measuring]["results"]["cnn.py"]
    monkeypatch.setattr(sys, "argv", ["speed", "--add", "--only", "cnn.py", "--seeds", "9"])
    speed.main()
    after = speed.kept()[measuring]["results"]["cnn.py"]
    assert after[: len(before)] == before
    assert [run["seed"] for run in after] == list(range(1, 10))


def test_another_processor_gets_figures_of_its_own(measuring, monkeypatch):
    before = speed.kept()
    monkeypatch.setattr(speed, "machine", lambda: "another")
    monkeypatch.setattr(sys, "argv", ["speed", "--only", "cnn.py", "--seeds", "1"])
    speed.main()
    after = speed.kept()
    assert list(after["another"]["results"]) == ["cnn.py"]
    assert after | {"another": None} == before | {"another": None}


def test_the_kept_tables_follow_from_the_kept_figures(tmp_path, monkeypatch):
    before = speed.kept()
    monkeypatch.setattr(speed, "FOLDER", tmp_path)
    monkeypatch.setattr(speed, "plot", lambda results, file: None)
    speed.write(before)
    for name in ("speed.md", "speed.json"):
        assert (tmp_path / name).read_bytes() == (REPOSITORY / "benchmarks" / name).read_bytes()


def test_the_documentation_shows_what_was_measured_for_every_contestant():
    documentation = (REPOSITORY / "docs" / "engineering" / "speed.md").read_text(encoding="utf-8")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    machines = speed.kept()
    for name, report in machines.items():
        assert name in documentation
        assert speed.table(report["results"], report["operations_per_second"]) in documentation
        assert speed.ratio_table(report["results"]) in documentation
        assert speed.cost_table(report["results"], report["answers"]) in documentation
        assert report["measured"] in documentation.replace("\n", " ")
        first = {
            of: f"{statistics.mean(run['test_accuracies'][0] for run in report['results'][of]):.2%}"
            for of in ("cnn.py", "original", "original, fast kernels")
        }
        assert "`cnn.py` has read {} (mean of five seeds), the original {} and with fast kernels {}".format(
            *first.values()
        ) in documentation.replace("\n", " ")
    assert speed.quoted(machines) in readme
    for contestant in speed.CONTESTANTS:
        assert f"| {contestant} |" in documentation
