"""What a report suggests to try next."""

from pathlib import Path

import pytest

from course.runs.next_step import next_step
from course.runs.record import Record
from course.runs.verdict import Verdict


def record(script: str, command: str, tested: bool = True, **config: object) -> Record:
    metrics = {"test_accuracy": 0.9} if tested else {}
    return Record(Path("runs") / script / "run", config, [], metrics, {"command": command}, None)


@pytest.mark.parametrize(
    ("script", "command", "config", "kind", "suggested"),
    [
        ("cnn", "python cnn.py", {"epochs": 4}, "still learning", "python cnn.py --epochs 8"),
        (
            "cnn",
            "python cnn.py --epochs 4 --seed 2",
            {"epochs": 4},
            "still learning",
            "python cnn.py --seed 2 --epochs 8",
        ),
        ("mlp", "python mlp.py --dropout 0", {"dropout": 0.0}, "overfitting", "python mlp.py --dropout 0.5"),
        ("mlp", "python mlp.py", {}, "levelled off", "python cnn.py"),
        ("cnn", "python cnn.py", {}, "levelled off", "python cnn.py --more_conv_layers 64"),
        ("cnn", "python cnn.py --more_conv_layers 64", {"more_conv_layers": [64]}, "levelled off", None),
        ("fast", "python fast.py", {}, "cannot tell", None),
    ],
)
def test_one_thing_is_suggested(script, command, config, kind, suggested):
    found = next_step(record(script, command, **config), Verdict(kind, ""))
    assert (found and found.command) == suggested


def test_an_unfinished_run_is_to_be_finished_first():
    assert next_step(record("mlp", "python mlp.py", tested=False), Verdict("levelled off", "")) is None
