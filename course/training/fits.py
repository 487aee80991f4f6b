"""The calls of `fit` in a run: what a checkpoint keeps of them, and what a resumed run need not repeat."""

from __future__ import annotations

import sys
import weakref

import keras
import numpy as np

from course.runs import callback_state
from course.runs import checkpoint as checkpoints
from course.runs.checkpoint import Arrays, Checkpoint, EndedFit, RandomStates

Begun = tuple[weakref.ref[keras.callbacks.Callback], dict[str, object]]  # a callback, and its fingerprints


class Fits:
    """The calls of `fit` that a run has made so far, of one network or of several.

    In a resumed run, a call that had ended trains nothing: its network gets the weights that it had in the end, and
    the call returns what it had returned. The one that was interrupted continues after its last epoch.
    """

    def __init__(self, checkpoint: Checkpoint, arrays: Arrays) -> None:
        """Takes what a run begins with, or continues from."""
        self._resumed, self._kept = checkpoint, checkpoint
        self._networks, self._callback_arrays = list(arrays.networks), arrays.callbacks
        self._ended: list[EndedFit] = []
        self._models: list[weakref.ref[keras.Model]] = []  # in the order of their first `fit`
        self._current = 0  # the number of the model that is trained
        self._callbacks: list[keras.callbacks.Callback] = []  # of this call, but for the run's own
        self._begun: dict[int, Begun] = {}  # how callbacks were in their first call

    def begin(self, model: keras.Model, callbacks: list[keras.callbacks.Callback]) -> bool:
        """Begins a call, after its callbacks have; returns whether its network is restored, for it to continue.

        Raises CourseError if the network is a different one than in the interrupted run.
        """
        self._current, self._callbacks = self._number_of(model), callbacks
        for callback in callbacks:
            if id(callback) not in self._begun or self._begun[id(callback)][0]() is not callback:
                self._begun[id(callback)] = weakref.ref(callback), callback_state.fingerprints(callback)
        number, resumed = len(self._ended), self._resumed
        if number >= len(resumed.trained):
            return False
        if self._current != resumed.trained[number]:
            raise checkpoints.different(resumed)
        checkpoints.build(model, resumed.built[self._current])
        skipped = number < len(resumed.fits)
        # As keras.callbacks.BackupAndRestore does: after the last epoch, or after all of them if nothing is left.
        model._initial_epoch = sys.maxsize if skipped or resumed.stopped else resumed.epochs
        if not skipped:
            model.stop_training = resumed.stopped
            self._restore(model, number, resumed.random)
        return not skipped

    def end(self, model: keras.Model) -> bool:
        """Ends a call, after its callbacks have; returns whether it trained, and was not skipped."""
        model._initial_epoch = None  # another `fit` starts with its first epoch
        number, resumed = len(self._ended), self._resumed
        history = getattr(model, "history", None) or keras.callbacks.History()
        if number < len(resumed.fits):
            ended = resumed.fits[number]
            history.history, history.epoch = ended.history, ended.epochs
            self._restore(model, number, ended.random)
        else:
            ended = EndedFit.of(self._current, history)
        self._ended.append(ended)
        return number >= len(resumed.fits)

    def kept(self, model: keras.Model, epochs: int) -> tuple[Checkpoint, Arrays]:
        """Returns what a run has come to after so many epochs of this call, 0 if it has ended."""
        here = slice(self._current, self._current + 1)
        built, networks = list(self._kept.built), list(self._networks)
        callbacks: list[np.ndarray] = []
        built[here], networks[here] = [checkpoints.shapes_of(model)], [checkpoints.values_of(model)]
        states = [callback_state.state_of(each, self._begun[id(each)][1], callbacks) for each in self._callbacks]
        changes = {
            "fits": self._ended,
            "network": self._current,
            "built": built,
            "epochs": epochs,
            "stopped": bool(model.stop_training),
            "callbacks": states,
            "lost": self._kept.lost | {state.kind: state.lost for state in states if state.lost},
            "random": checkpoints.random_states(),
        }
        self._kept = self._kept.model_copy(update=changes)
        if not epochs:  # copies, because some backends reuse the memory of what they trained
            self._networks[here] = [[np.array(value) for value in networks[self._current]]]
        return self._kept, Arrays(networks, callbacks)

    def _number_of(self, model: keras.Model) -> int:
        found = [number for number, known in enumerate(self._models) if known() is model]
        if not found:
            self._models.append(weakref.ref(model))
        return found[0] if found else len(self._models) - 1

    def _restore(self, model: keras.Model, number: int, states: RandomStates | None) -> None:
        """Gives a network its weights in the last of its calls, and callbacks their state in the last of all."""
        later = self._resumed.trained[number + 1 :]
        if self._current not in later:
            checkpoints.restore(self._resumed, self._networks[self._current], model)
        if not later:
            callback_state.give_memory_back(self._callbacks, self._resumed.callbacks, self._callback_arrays)
            self._callback_arrays = []  # their memory is free
        if states is not None:
            checkpoints.set_random_states(states)
