"""What is suggested to try next."""

import pytest
from checkout import REPOSITORY

from course.runs.next_step import LESSONS, next_step
from course.runs.verdict import Verdict


@pytest.mark.parametrize(
    ("command", "config", "kind", "suggested"),
    [
        ("python cnn.py", {"epochs": 4}, "still learning", "python cnn.py --more_conv_layers 64"),
        ("python cnn.py --seed 2", {"epochs": 4}, "still learning", "python cnn.py --more_conv_layers 64"),
        (
            "python cnn.py --epochs 3 --seed 2",
            {"epochs": 3},
            "still learning",
            "python cnn.py --seed 2 --epochs 6",
        ),
        ("python mlp.py --dropout 0", {"dropout": 0.0}, "overfitting", "python mlp.py --dropout 0.5"),
        ("python mlp.py", {}, "unchanged", "python cnn.py"),
        ("python mlp.py --epochs 9", {}, "unchanged", "python cnn.py"),
        ("python cnn.py --epochs 9", {}, "unchanged", "python cnn.py --epochs 9 --more_conv_layers 64"),
        ("python cnn.py --more_conv_layers 64", {"more_conv_layers": [64]}, "unchanged", "python fast.py"),
        ("python cnn.py --more_conv_layers 64 64", {"more_conv_layers": [64, 64]}, "unchanged", None),
        ("python fast.py", {}, "cannot tell", "python best.py"),
        ("python fast.py --epochs 2", {}, "cannot tell", None),
    ],
)
def test_one_thing_is_suggested(command, config, kind, suggested):
    found = next_step(command, config, Verdict(kind, ""))
    assert (found and found.command) == suggested


def test_each_lesson_leads_to_a_script_that_is_there():
    for step in LESSONS.values():
        assert (REPOSITORY / step.command.split()[1]).exists()
