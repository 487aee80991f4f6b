"""How training goes, in the terminal: a line per epoch, in which training and validation are named."""

from __future__ import annotations

import sys
import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from course.training.accuracy import with_accuracy

HEADER = """
              training            validation
epoch       accuracy    loss    accuracy    loss   seconds"""
WIDTH = 80
WHY = "Validation can be better: training is counted while the network still learns,\nwith dropout on."


class EpochTable(keras.callbacks.Callback):
    """Prints a table with a row per epoch, and in a terminal how far an epoch is, in batches.

    Keras' own bar counts to 432 of 430 where it gets 16 batches at a time, and needs more than 80 columns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.silent = False  # where a script asks for Keras' own bar
        self._fits = 0
        self._bar: Progress | None = None
        self._began = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if not (self.silent or self._fits):
            print(HEADER, flush=True)
        self._fits += 1

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._began = time.monotonic()
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

    def show(self, epoch: int, metrics: dict[str, Any]) -> None:
        """Prints the row of an epoch, counted from 0, which must have been kept before."""
        if not self.silent:
            print(self._row(epoch, metrics), flush=True)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._stop_bar()
        named = with_accuracy(logs or {}, self.model)
        if not self.silent and self._fits == 1 and named.get("val_accuracy", 0) > named.get("accuracy", 1):
            print(WHY, flush=True)

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

    def _row(self, epoch: int, logs: dict[str, Any]) -> str:
        known = {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
        figures = [
            _figure(logs.get(name), form, width)
            for name, form, width in (
                ("accuracy", ".2%", 9), ("loss", ".4f", 8), ("val_accuracy", ".2%", 12), ("val_loss", ".4f", 8),
            )
        ]  # fmt: skip
        row = f"{self._number(epoch):11}{''.join(figures)}{time.monotonic() - self._began:10.0f}"
        for name, value in logs.items():
            more = "" if name in known or not _is_number(value) else f"  {name} {value:.4g}"
            row += more if len(row + more) <= WIDTH else ""
        return row


def _figure(value: Any, form: str, width: int) -> str:
    text = format(float(value), form) if _is_number(value) else "-"
    return f"{text if len(text) < width else format(float(value), '.1e'):>{width}}"


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
