"""What a sweep shows in the terminal: how far it is, and in the end its trials, best first."""

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from course.sweep.trials import Sweep, Trial, TrialProgress
from course.system.files import shown, typed

MOST_ROWS = 20
WIDE = 1000  # letters per line, where nobody looks at it in a terminal


class Scoreboard(Progress):
    """A bar for the sweep and one for each trial in a terminal, else a line per trial; a context manager."""

    def __init__(self, sweep: Sweep) -> None:
        terminal = sys.stdout.isatty()
        # No markup: values such as [64, 64] look like it.
        console = Console(markup=False, highlight=False, width=None if terminal else WIDE)
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        super().__init__(*columns, console=console, disable=not terminal)
        self.sweep = sweep
        self.bar_of: dict[int, TaskID] = {}  # trial's number → its bar

    def __enter__(self) -> Self:
        ended = sum(trial.ended for trial in self.sweep.trials())
        before = f", {ended} of which ended before" if ended else ""
        self.console.print(f"{self.sweep.file.program}: {self.sweep.settings.trials} trials{before}.")
        self.whole = self.add_task("trials", total=self.sweep.settings.trials, completed=ended)
        return super().__enter__()

    def epoch(self, progress: TrialProgress) -> None:
        """Shows that a trial has finished an epoch."""
        number = progress.number
        if number not in self.bar_of:
            self.bar_of[number] = self.add_task("", total=progress.epochs)
        description = f"trial {number}, {self.sweep.file.metric.name} {progress.score:.4f}"
        self.update(self.bar_of[number], completed=progress.epoch, description=description)

    def end(self, trial: Trial) -> None:
        """Shows the result of a trial."""
        if trial.number in self.bar_of:
            self.remove_task(self.bar_of.pop(trial.number))
        self.advance(self.whole)
        result = trial.problem
        if trial.state != "failed":
            after = f"{trial.epochs} epoch{'s' * (trial.epochs != 1)}, {trial.seconds:.0f} s"
            early = "stopped early, " * (trial.state == "stopped")
            result = f"{self.sweep.file.metric.name} {trial.score_text}, {early}{after}"
        values = " ".join(self.sweep.words(trial))
        self.console.print(f"Trial {trial.number} of {self.sweep.settings.trials}: {result} ({values})")

    def show_results(self) -> None:
        """Shows the best trials in a table, and says how to repeat the best one."""
        sweep, best = self.sweep, self.sweep.best()
        varied = list(sweep.file.varied)
        names = ("trial", sweep.file.metric.name, *varied, "state", "epochs", "seconds")
        table = Table(*(Column(name, justify="right") for name in names), box=None, pad_edge=False)
        for trial in sweep.ranked()[:MOST_ROWS]:
            values = [str(trial.values[name]) for name in varied]
            measured = [trial.state, str(trial.epochs), f"{trial.seconds:.0f}"]
            table.add_row(str(trial.number), trial.score_text, *values, *measured)
        self.console.print()
        self.console.print(table)
        states = [trial.state for trial in sweep.trials()]
        parts = [f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed") if state in states]
        self.console.print(f"\n{sweep.settings.trials} trials: {', '.join(parts)}.")
        if lacked_room := sum(trial.lacked_room for trial in sweep.trials()):
            again = typed("--resume", shown(sweep.folder))
            self.console.print(f"For {lacked_room} the disk was full; once there is room, `{again}` trains them.")
        if best is not None:
            accuracy = best.test_accuracy()
            tested = "" if accuracy is None else f"; test accuracy {accuracy:.2%}"
            self.console.print(f"Best:        {sweep.file.metric.name} {best.score_text}, trial {best.number}{tested}")
            if like_it := sweep.like_the_best():
                numbers = ", ".join(map(str, like_it))
                self.console.print(f"As good:     trial {numbers}, whose difference may be chance")
            self.console.print(f"Repeat it:   {sweep.repeat(best)}")
