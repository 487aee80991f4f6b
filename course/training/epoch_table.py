"""How training goes, in the terminal: a line per epoch, in which training and validation are named."""

from __future__ import annotations

import sys
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from course.runs.record import Row
from course.system.plain_text import printable
from course.training.accuracy import with_accuracy

HEADER = """
              training            validation
epoch       accuracy    loss    accuracy    loss   seconds"""
WIDTH = 80
SHOWN = {"epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
WHY = "Validation can be better: training is counted while the network still learns"


class EpochTable(keras.callbacks.Callback):
    """Prints a table with a row per epoch, and in a terminal how far an epoch is, in batches.

    Keras' own bar counts to 432 of 430 where it gets 16 batches at a time, and needs more than 80 columns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.silent = False  # where a script asks for Keras' own bar
        self._fits, self._headed = 0, False
        self._bar: Progress | None = None
        self._began = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._fits += 1

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._began = time.monotonic()
        if not (self.silent or self._headed):
            self._headed = True
            print(HEADER, flush=True)
        if self.silent or not sys.stdout.isatty():
            return
        columns = TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[counted]}")
        remaining = TimeRemainingColumn(compact=True), TextColumn("left in this epoch")
        self._bar = Progress(*columns, *remaining, transient=True, auto_refresh=False, console=Console(width=WIDTH))
        self._bar.add_task(self._number(epoch), total=self._batches, counted="")
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._bar is not None:
            done = batch + 1 if self._batches is None else min(batch + 1, self._batches)
            of = "" if self._batches is None else f" of {self._batches}"
            self._bar.update(self._bar.task_ids[0], completed=done, counted=f"{done}{of} batches", refresh=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._stop_bar()

    def show(self, epoch: int, row: Row) -> None:
        """Prints the row of an epoch, counted from 0, which must have been kept before."""
        if not self.silent:
            print(self._line(epoch, row), flush=True)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._stop_bar()
        named = with_accuracy(logs or {}, self.model)
        if not self.silent and self._fits == 1 and named.get("val_accuracy", 0) > named.get("accuracy", 1):
            drops = any(isinstance(layer, keras.layers.Dropout) for layer in self.model._flatten_layers())
            print(f"{WHY},\nwith dropout on." if drops else f"{WHY}.", flush=True)

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def _batches(self) -> int | None:
        """How many an epoch has; a generator does not say."""
        return (self.params or {}).get("steps")

    def _number(self, epoch: int) -> str:
        return f"{epoch + 1} of {(self.params or {}).get('epochs', '?')}"

    def _line(self, epoch: int, row: Row) -> str:
        line = f"{self._number(epoch):11}"
        line += _figure(row, "accuracy", ".2%", 9) + _figure(row, "loss", ".4f", 8)
        line += _figure(row, "val_accuracy", ".2%", 12) + _figure(row, "val_loss", ".4f", 8)
        line += f"{time.monotonic() - self._began:10.0f}"
        for name, value in row.items():  # the learner's own metrics, as far as there is room
            more = "" if name in SHOWN or value is None else f"  {printable(name)} {value:.4g}"
            line += more if len(line + more) <= WIDTH else ""
        return line


def _figure(row: Row, name: str, form: str, width: int) -> str:
    if name not in row:
        return f"{'-':>{width}}"
    value = row[name]
    text = "nan" if value is None else f"{value:{form}}"
    return f"{text if len(text) < width else f'{value:.1e}':>{width}}"
