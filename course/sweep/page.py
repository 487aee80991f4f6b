"""The report of a sweep: one page with what its trials tried, which parameter mattered, and which trials were best."""

import json
import math

import optuna

from course.report import figures
from course.report.page import Picture, render
from course.report.style import png, svg
from course.runs import folder as run_folder
from course.sweep.file import Parameter
from course.sweep.trials import Sweep, Trial
from course.system.files import write_text

MOST_SHOWN = 100  # trials, in the table and in the picture
ENOUGH = 4  # finished trials, for a first guess of what mattered


def write_sweep_report(sweep: Sweep) -> None:
    """Writes report.html from what the trials of a sweep left; raises CourseError if it cannot be written."""
    ranked, best = sweep.ranked(), sweep.best()
    page = render(
        "sweep.html",
        sweep=sweep,
        trials=sweep.trials(),
        ranked=ranked[:MOST_SHOWN],
        best=best,
        like_the_best=sweep.like_the_best(),
        test_accuracy=best and best.test_accuracy(),
        importance=importance(sweep),
        pictures={"trials": _picture(sweep, ranked)} if ranked and sweep.file.varied else {},
    )
    write_text(sweep.folder / run_folder.REPORT, page)


def importance(sweep: Sweep) -> dict[str, float]:
    """Returns the fraction, 0 to 1, of each parameter in what made finished trials differ, the largest first.

    Estimated by Optuna (PED-ANOVA, https://arxiv.org/abs/2304.10255); empty if too few trials finished, or all alike.
    """
    finished = [trial for trial in sweep.ranked() if trial.state == "finished"]
    points = {
        name: _points(parameter, name, finished)
        for name, parameter in sweep.file.varied.items()
        if len({json.dumps(trial.values[name]) for trial in finished}) > 1
    }
    if len(finished) < ENOUGH or not points or len({trial.score for trial in finished}) == 1:
        return {}
    distributions = {name: _range_of(sweep.file.parameters[name], values) for name, values in points.items()}
    study = optuna.create_study(direction=sweep.file.metric.goal)
    for trial, *values in zip(finished, *points.values(), strict=True):
        tried = dict(zip(points, values, strict=True))
        study.add_trial(optuna.create_trial(params=tried, distributions=distributions, value=trial.score))
    fractions = optuna.importance.get_param_importances(study)
    return {} if any(map(math.isnan, fractions.values())) else fractions


def _picture(sweep: Sweep, ranked: list[Trial]) -> Picture:
    shown, varied, metric = ranked[:MOST_SHOWN], sweep.file.varied, sweep.file.metric.name
    columns = {name: _points(parameter, name, shown) for name, parameter in varied.items()}
    columns[metric] = [trial.score for trial in shown if trial.score is not None]
    logarithmic = {name for name, parameter in varied.items() if "log" in parameter.kind}
    best = ", ".join(f"{name} {ranked[0].values[name]}" for name in varied)
    words = (
        f"{len(ranked)} trials as lines over the values of {', '.join(varied)} to their {metric}, from"
        f" {ranked[0].score_text} ({best}) to {ranked[-1].score_text}. The table has them all."
    )
    figure = figures.parallel_coordinates(columns, logarithmic)
    return Picture("trials", words, png(figure), svg(figure, "trials", words))


def _points(parameter: Parameter, name: str, trials: list[Trial]) -> list[float | str]:
    """Returns the values of trials as places on an axis: numbers, or texts if one of several choices is not one."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in parameter.values)
    values = [trial.values[name] for trial in trials]
    return [value if numeric and isinstance(value, int | float) else str(value) for value in values]


def _range_of(parameter: Parameter, values: list[float | str]) -> optuna.distributions.BaseDistribution:
    """Returns the range, or the choices, of the values that were tried."""
    numbers = [value for value in values if not isinstance(value, str)]
    if not numbers:
        return optuna.distributions.CategoricalDistribution(sorted(set(map(str, values))))
    return optuna.distributions.FloatDistribution(min(numbers), max(numbers), log="log" in parameter.kind)
