"""What is kept and tracked after each epoch, as a Keras callback."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import keras
import numpy as np

from course.runs import checkpoint as checkpoints
from course.runs.checkpoint import Checkpoint
from course.runs.record import Row, plain_numbers, write_history, write_model
from course.system import signals
from course.training import devices
from course.training.tracking import Tracking


class Epochs(keras.callbacks.Callback):
    """Keeps every epoch of a run on disk and tracks it; makes `fit` of a resumed run continue after the last one.

    `history` has one row per epoch, over all calls of `fit`: epoch, the metrics, and the learning rate at its end.
    """

    def __init__(
        self,
        folder: Path,
        checkpoint: Checkpoint,
        values: list[np.ndarray],
        history: list[Row],
        tracking: Tracking,
    ) -> None:
        """Takes what a run has come to.

        Args:
            folder: of the run.
            checkpoint: what it begins with, or continues from.
            values: of all variables at that moment; none if it has not trained yet.
            history: its finished epochs, to which others are added.
            tracking: where they are tracked.
        """
        super().__init__()
        self.history = history
        self._folder = folder
        self._tracking = tracking
        self._resumed, self._values = checkpoint, values
        self._kept = checkpoint
        self._fits = 0  # calls of `fit` that have ended
        self._started = time.monotonic() - checkpoint.seconds

    @property
    def seconds(self) -> float:
        """How long the run has taken, interruptions left out."""
        return time.monotonic() - self._started

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        devices.share(self.model)
        resumed = self._resumed
        if self._fits < resumed.fits:
            self.model._initial_epoch = sys.maxsize  # as keras.callbacks.BackupAndRestore does; nothing is left here
        elif self._fits == resumed.fits and resumed.epochs:
            self.model._initial_epoch = resumed.epochs
        if self._values and self._fits == (resumed.fits if resumed.epochs else resumed.fits - 1):
            checkpoints.restore(resumed, self._values, self.model)
            write_model(self._folder, self.model)  # the run may have been interrupted before it did
            self._values = []  # and their memory is free

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        with signals.uninterrupted():
            self.history.append(plain_numbers({"epoch": epoch + 1, **(logs or {}), "learning_rate": rate}))
            # First what a resumed run reads, in one file: the others follow from it.
            self._keep(epoch + 1)
            write_model(self._folder, self.model)
            write_history(self._folder, self.history)
            self._tracking.log(self.history[-1], len(self.history))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.model._initial_epoch = None  # another `fit` starts with its first epoch
        self._fits += 1
        if self._fits > self._kept.fits:
            with signals.uninterrupted():
                self._keep(0)

    def _keep(self, epochs: int) -> None:
        progress = {"fits": self._fits, "epochs": epochs, "history": self.history, "seconds": self.seconds}
        self._kept = self._kept.model_copy(update=progress)
        checkpoints.write(self._folder, self._kept, self.model)
