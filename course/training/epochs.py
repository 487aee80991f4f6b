"""What is kept and tracked after each epoch, as a Keras callback."""

from __future__ import annotations

import sys
import time

import keras

from course.runs import checkpoint as checkpoints
from course.runs.record import Row, plain_numbers, write_history, write_model
from course.runs.verdict import read_changes
from course.system import signals
from course.training import devices
from course.training.accuracy import with_accuracy
from course.training.closing import NO_EPOCHS
from course.training.epoch_table import EpochTable
from course.training.fits import Fits
from course.training.opening import Opened
from course.training.tracking import Tracking


class Epochs(keras.callbacks.Callback):
    """Keeps every epoch of a run on disk and tracks it; makes `fit` of a resumed run continue after the last one.

    `history` has one row per epoch, counted over all calls of `fit`: epoch, the metrics, and the learning rate at its
    end. It comes last among the callbacks: when the others have decided, and when those of a resumed run have begun.
    """

    def __init__(self, opened: Opened, history: list[Row], tracking: Tracking, began: float, table: EpochTable) -> None:
        """Takes what a run has come to.

        Args:
            opened: its folder, and what it begins with, or continues from.
            history: its finished epochs, to which others are added.
            tracking: where they are tracked.
            began: when the program began, as time.monotonic() has it.
            table: what shows an epoch, once it is kept.
        """
        super().__init__()
        self.history = history
        self._folder = opened.folder
        self._tracking = tracking
        self._table = table
        self._fits = Fits(opened.checkpoint, opened.arrays)
        self._others: list[keras.callbacks.Callback] = []  # in this call of `fit`
        self._can_be_saved = True
        self._started = began - opened.checkpoint.seconds

    @property
    def seconds(self) -> float:
        """How long the run has taken, interruptions left out."""
        return time.monotonic() - self._started

    def come_last(self, callbacks: keras.callbacks.CallbackList) -> keras.callbacks.CallbackList:
        """Returns the callbacks of a `fit`, in whatever form Keras takes them, with this one last if it is one."""
        listed = isinstance(callbacks, keras.callbacks.CallbackList)
        given = callbacks.callbacks if listed else keras.tree.flatten(callbacks)
        if self not in given:
            self._others = []  # Keras may still call this one, in a list within a list
            if not any(isinstance(callback, keras.callbacks.CallbackList) for callback in given):
                print(f"The epochs of this fit are not kept: {NO_EPOCHS}", file=sys.stderr)
            return callbacks
        others = [callback for callback in given if callback is not self]
        if not listed and not any(isinstance(callback, keras.callbacks.History) for callback in others):
            others.append(keras.callbacks.History())  # else Keras adds it behind this one
        self._others = [each for each in others if not isinstance(each, (keras.callbacks.ProgbarLogger, EpochTable))]
        given[:] = [*others, self]
        return callbacks if listed else given

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        devices.share(self.model)
        if self._fits.begin(self.model, self._others):
            self._write_model()  # the run may have been interrupted before it did

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rate = getattr(self.model.optimizer, "learning_rate", None)  # a MultiOptimizer has several
        metrics = with_accuracy(logs or {}, self.model)
        with signals.uninterrupted():
            row = {"epoch": len(self.history) + 1, **metrics, "learning_rate": rate}
            self.history.append(plain_numbers(row))
            # First what a resumed run reads, in one file: the others follow from it.
            self._keep(epoch + 1)
            self._write_model()
            write_history(self._folder, self.history)
            self._tracking.log(self.history[-1], len(self.history))
            self._table.show(epoch, self.history[-1])

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._fits.end(self.model):
            with signals.uninterrupted():
                self._keep(0)
        else:
            self._write_model()

    def _keep(self, epochs: int) -> None:
        checkpoint, arrays = self._fits.kept(self.model, epochs)
        changes = read_changes(self._folder)  # ValidationLosses has written them
        progress = {"history": self.history, "changes": changes, "seconds": self.seconds}
        checkpoints.write(self._folder, checkpoint.model_copy(update=progress), arrays)

    def _write_model(self) -> None:
        problem = write_model(self._folder, self.model)
        if problem and self._can_be_saved:
            self._can_be_saved = False  # said once
            print(f"This network cannot be kept in a file ({problem}); training continues.", file=sys.stderr)
