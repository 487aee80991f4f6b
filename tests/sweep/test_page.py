"""The report of a sweep says which trial is best, which parameter mattered, and what failed."""

import html
import re

import pytest
from sweeping import changed, scored, write

from course.runs import folder as run_folder
from course.sweep.page import importance, write_sweep_report
from course.sweep.trials import Sweep, Trial


@pytest.fixture
def two_parameters(sweep, tmp_path) -> Sweep:
    """A sweep of eight trials whose score follows from their dropout alone."""
    parameters = {"dropout": {"min": 0.0, "max": 0.5}, "batch_size": {"values": [32, 64]}, "epochs": {"value": 2}}
    sweep = Sweep.new(write(tmp_path, changed(run_cap=8, parameters=parameters)), None, 1)
    for number in range(1, 9):
        values = {"dropout": number / 20, "batch_size": 32 * (1 + number % 2), "epochs": 2}
        sweep.keep(scored(number, number / 10, values=values, epochs=2))
    return sweep


def text_of(sweep: Sweep) -> str:
    write_sweep_report(sweep)
    page = (sweep.folder / run_folder.REPORT).read_text(encoding="utf-8")
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)).split())


def test_the_parameter_that_decides_is_found(two_parameters):
    found = importance(two_parameters)
    assert list(found) == ["dropout", "batch_size"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["dropout"] > 0.5


def test_the_page_names_the_best_trial_and_how_to_repeat_it(two_parameters):
    folder = run_folder.new_folder("mlp", two_parameters.run_name(8))
    (folder / "history.csv").write_text("epoch,loss\n1,0.5\n")
    (folder / "metrics.json").write_text('{"test_accuracy": 0.75}')
    best = two_parameters.trial(8)
    two_parameters.keep(best.model_copy(update={"folder": folder.relative_to(run_folder.RUNS).as_posix()}))
    two_parameters.keep(scored(3, 0.99, state="stopped", values=two_parameters.trial(3).values))
    two_parameters.keep(scored(1, None, state="failed", values=best.values, problem="Out of <b>luck</b>."))
    text = text_of(two_parameters)
    assert "val_accuracy 0.8000 is the best of 8 trials" in text
    assert "6 finished, 1 stopped early, 1 failed" in text
    assert "Trial 8: its report , test accuracy 75.00%. This command repeats it:" in text
    assert "python mlp.py --dropout=0.4 --batch_size=32 --epochs=2" in text
    assert "Parameter importance" in text
    assert "Out of <b>luck</b>." in text
    assert "Shared settings config value epochs 2" in text


def test_without_a_finished_trial_the_page_says_so(sweep):
    assert importance(sweep) == {}
    sweep.keep(Trial(number=1, values={"dropout": 0.1}, state="failed", problem="Out of luck."))
    assert "No trial finished (1 tried)" in text_of(sweep)
