"""The report of a sweep: one page with what its trials tried, what mattered, and which were best."""

import json
import math

import optuna

from course.report import figures
from course.report.page import Picture, render
from course.report.style import png
from course.sweep.file import Parameter
from course.sweep.terminal import repeat, tested
from course.sweep.trials import Sweep, Trial
from course.system.files import write_text

REPORT = "report.html"
MOST_SHOWN = 100  # trials, in the table and in the picture
ENOUGH = 4  # finished trials, for a first guess of what mattered


def write_report(sweep: Sweep) -> None:
    """Writes report.html from what the trials of a sweep left; raises CourseError if it cannot be written."""
    ranked = sweep.ranked()
    best = sweep.best()
    varied = sweep.file.varied
    pictures = {}
    if ranked and varied:
        shown = ranked[:MOST_SHOWN]
        columns = {
            name: [_point(parameter, trial.values[name]) for trial in shown] for name, parameter in varied.items()
        }
        columns |= {sweep.file.metric.name: [trial.score for trial in shown]}
        logarithmic = {name for name, parameter in varied.items() if "log" in parameter.kind}
        figure = figures.parallel_coordinates(columns, logarithmic)
        pictures["trials"] = Picture("trials", _in_words(sweep, ranked), png(figure))
    page = render(
        "sweep.html",
        sweep=sweep,
        trials=sweep.trials(),
        ranked=ranked[:MOST_SHOWN],
        best=best,
        tested="" if best is None else tested(best).removeprefix("; "),
        repeat="" if best is None else repeat(sweep, best),
        importance=importance(sweep),
        pictures=pictures,
    )
    write_text(sweep.folder / REPORT, page)


def importance(sweep: Sweep) -> dict[str, float]:
    """Returns the share, 0 to 1, of each parameter in what made finished trials differ, the largest first.

    Estimated by Optuna (PED-ANOVA, Watanabe and others 2023, https://arxiv.org/abs/2304.10255); empty if there are
    too few finished trials, or all of them came out alike.
    """
    finished = [trial for trial in sweep.ranked() if trial.state == "finished"]
    varied = {
        name: parameter
        for name, parameter in sweep.file.varied.items()
        if len({json.dumps(trial.values[name]) for trial in finished}) > 1
    }
    if len(finished) < ENOUGH or not varied or len({trial.score for trial in finished}) == 1:
        return {}
    points = {name: [_point(parameter, trial.values[name]) for trial in finished] for name, parameter in varied.items()}
    distributions = {name: _distribution(varied[name], values) for name, values in points.items()}
    study = optuna.create_study(direction=sweep.file.metric.goal)
    for number, trial in enumerate(finished):
        values = {name: points[name][number] for name in varied}
        study.add_trial(optuna.create_trial(params=values, distributions=distributions, value=trial.score))
    shares = optuna.importance.get_param_importances(study)
    return {} if any(map(math.isnan, shares.values())) else shares


def _point(parameter: Parameter, value: object) -> float | str:
    """Returns a value as a place on an axis: a number, or the text of one of several choices."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        choices = parameter.values or []
        if all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices):
            return value
    return str(value)


def _distribution(parameter: Parameter, values: list[float | str]) -> optuna.distributions.BaseDistribution:
    """Returns the range, or the choices, of the values that were tried."""
    if isinstance(values[0], str):
        return optuna.distributions.CategoricalDistribution(sorted(set(values)))
    return optuna.distributions.FloatDistribution(min(values), max(values), log="log" in parameter.kind)


def _in_words(sweep: Sweep, ranked: list[Trial]) -> str:
    metric = sweep.file.metric.name
    names = ", ".join(sweep.file.varied)
    best = ", ".join(f"{name} {ranked[0].values[name]}" for name in sweep.file.varied)
    return (
        f"{len(ranked)} trials as lines over the values of {names} to their {metric}, from {ranked[0].score:.4f}"
        f" ({best}) to {ranked[-1].score:.4f}. The table has them all."
    )
