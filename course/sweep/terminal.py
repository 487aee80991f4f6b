"""What a sweep shows in the terminal: how far it is, and in the end its trials, best first."""

import shlex
import sys
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course.runs import folder as run_folder
from course.runs.record import read_run
from course.sweep.trials import Sweep, Trial

MOST_ROWS = 20
WIDE = 1000  # letters a line, where nobody looks at it in a terminal


class Scoreboard:
    """A bar for the sweep and one for each trial in a terminal, else a line a trial; a context manager."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        terminal = sys.stdout.isatty()
        # No markup: values such as [64, 64] look like it.
        self.console = Console(markup=False, highlight=False, width=None if terminal else WIDE)
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self.progress = Progress(*columns, console=self.console, disable=not terminal)
        self.bars: dict[int, Any] = {}

    def __enter__(self) -> Self:
        ended = sum(trial.ended for trial in self.sweep.trials())
        before = f", {ended} of which ended before" if ended else ""
        self.console.print(f"{self.sweep.file.program}: {self.sweep.settings.trials} trials{before}.")
        self.progress.start()
        self.whole = self.progress.add_task("trials", total=self.sweep.settings.trials, completed=ended)
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def epoch(self, number: int, result: dict[str, Any]) -> None:
        """Shows that a trial has come to the end of an epoch."""
        name = self.sweep.file.metric.name
        if number not in self.bars:
            self.bars[number] = self.progress.add_task("", total=result["epochs"])
        self.progress.update(
            self.bars[number], completed=result["epoch"], description=f"trial {number}, {name} {result[name]:.4f}"
        )

    def end(self, trial: Trial) -> None:
        """Shows what came of a trial."""
        if trial.number in self.bars:
            self.progress.remove_task(self.bars.pop(trial.number))
        self.progress.advance(self.whole)
        came = trial.problem
        if trial.state != "failed":
            after = f"{trial.epochs} epoch{'s' * (trial.epochs != 1)}, {trial.seconds:.0f} s"
            early = "stopped early, " * (trial.state == "stopped")
            came = f"{self.sweep.file.metric.name} {score(trial)}, {early}{after}"
        values = " ".join(self.sweep.words(trial))
        self.console.print(f"Trial {trial.number} of {self.sweep.settings.trials}: {came} ({values})")

    def show_results(self) -> None:
        """Shows the best trials in a table, and says how to repeat the best one."""
        sweep, best = self.sweep, self.sweep.best()
        varied = list(sweep.file.varied)
        table = Table(box=None, pad_edge=False)
        for name in ("trial", sweep.file.metric.name, *varied, "state", "epochs", "seconds"):
            table.add_column(name, justify="right")
        for trial in sweep.ranked()[:MOST_ROWS]:
            values = [str(trial.values[name]) for name in varied]
            table.add_row(
                str(trial.number), score(trial), *values, trial.state, str(trial.epochs), f"{trial.seconds:.0f}"
            )
        self.console.print()
        self.console.print(table)
        states = [trial.state for trial in sweep.trials()]
        parts = [f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed") if state in states]
        self.console.print(f"\n{sweep.settings.trials} trials: {', '.join(parts)}.")
        if best is not None:
            found = f"{sweep.file.metric.name} {score(best)}, trial {best.number}{tested(best)}"
            self.console.print(f"Best:        {found}")
            self.console.print(f"Repeat it:   {repeat(sweep, best)}")


def score(trial: Trial) -> str:
    """Returns the metric of a trial as a table shows it."""
    return "-" if trial.score is None else f"{trial.score:.4f}"


def repeat(sweep: Sweep, trial: Trial) -> str:
    """Returns the command that trains a trial again."""
    return shlex.join(["python", sweep.file.program, *sweep.words(trial)])


def tested(trial: Trial) -> str:
    """Returns what a trial's test said, which is for the best one alone."""
    accuracy = read_run(run_folder.RUNS / trial.folder).metrics.get("test_accuracy")
    return "" if accuracy is None else f"; test accuracy {accuracy:.2%}"
