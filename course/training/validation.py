"""The losses on the validation images, compared from epoch to epoch, image by image."""

from __future__ import annotations

import weakref
import zlib
from pathlib import Path

import keras
import numpy as np

from course.runs import folder as run_folder
from course.runs.record import are_probabilities, as_labels
from course.runs.verdict import Change, Changes
from course.system.files import write_json
from course.training.given import HeldOut

AT_A_TIME = 500  # images


class ValidationLosses(keras.callbacks.Callback):
    """Writes changes.json after each epoch: what its validation losses are, compared with those of earlier ones.

    Keras tells the mean of the losses only, and a mean does not tell whether its change may be chance.
    """

    def __init__(self, folder: Path, held_out: HeldOut) -> None:
        """Takes the folder of the run, and where the validation images are noted."""
        super().__init__()
        self._folder, self._held_out = folder, held_out
        self._network: weakref.ref[keras.Model] | None = None
        self._targets = 0  # their checksum
        self._epochs, self._begun, self._best_epoch = 0, 1, 0  # over all calls of `fit`
        self._best: np.ndarray | None = None
        self._previous: np.ndarray | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        held_out = self._held_out()
        targets = zlib.crc32(np.ascontiguousarray(held_out[1]).tobytes()) if held_out else 0
        known = self._network() if self._network else None
        if known is not self.model or targets != self._targets:  # as in k folds
            self._network, self._targets = weakref.ref(self.model), targets
            self._best = self._previous = None
            self._begun = self._epochs + 1

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epochs += 1
        losses, changes = self._losses(), Changes(begun=self._begun, comparable=False)
        if losses is not None and self._previous is not None and len(losses) != len(self._previous):
            losses = None  # other images than before
        if losses is not None and self._best is not None and self._previous is not None:
            changes.comparable = True
            changes.previous = Change.between(self._epochs - 1, self._previous, losses)
            changes.best = Change.between(self._best_epoch, self._best, losses)
        if losses is None:
            self._best = None
        elif self._best is None or losses.mean() < self._best.mean():
            self._best, self._best_epoch = losses, self._epochs
        self._previous = losses
        write_json(self._folder / run_folder.CHANGES, changes.model_dump())

    def _losses(self) -> np.ndarray | None:
        """Returns the cross-entropy of each image, None where the answers are not probabilities of classes."""
        held_out = self._held_out()
        if held_out is None:
            return None
        try:
            answers = np.asarray(self.model.predict(held_out[0], batch_size=AT_A_TIME, verbose=0))
            if getattr(self.model.loss, "from_logits", False):
                answers = np.asarray(keras.ops.softmax(answers))
            labels = as_labels(held_out[1]).astype(int)
            if not are_probabilities(answers):
                return None
            return -np.log(np.clip(answers[np.arange(len(labels)), labels].astype(np.float64), 1e-7, 1))
        except Exception:  # a learner's network and targets may be anything
            return None
