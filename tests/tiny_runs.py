"""Runs of a tiny network in the test's own process: trained, killed and resumed within a second or two."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import mlp
from course.runs import folder as run_folder
from course.training.run import Run

X = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
LOSS = "sparse_categorical_crossentropy"


def keep_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps runs in a folder of the test's, tracks none of them, and names the program that resumes them."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", folder)
    monkeypatch.setattr(sys, "argv", ["mlp.py"])


def network(optimizer: object = "adam", **options: object) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dropout(0.2)])
    model.add(keras.layers.Dense(2, activation="softmax"))
    model.compile(optimizer, **{"loss": LOSS, "metrics": ["accuracy"], "run_eagerly": True} | options)
    return model


class Killed(BaseException):
    """As if the process had ended."""


def killing(at: int) -> keras.callbacks.Callback:
    """Returns what ends a run in the beginning of its n-th epoch, counted over all fits; 0 for never."""
    epochs = iter(range(1, sys.maxsize))

    def kill(epoch: int, logs: object = None) -> None:
        if next(epochs) == at:
            raise Killed

    return keras.callbacks.LambdaCallback(on_epoch_begin=kill)


def train(program, kill_at: int = 0, resume: str | None = None, **values: object) -> tuple[Path, object]:
    """Runs a program in a run, which may be killed at the beginning of an epoch; returns its folder and result."""
    keras.utils.clear_session()  # names are counted anew, as in a new process
    with Run(mlp.Config(resume=resume, **values)) as run:
        try:
            return run.folder, program([*run.callbacks, killing(kill_at)])
        except Killed:
            return run.folder, None


def fit(model: keras.Model, callbacks: list, **options: object) -> keras.callbacks.History:
    arguments = {"epochs": 2, "batch_size": 16, "verbose": 0, "validation_data": (X[:16], Y[:16])}
    return model.fit(X, Y, callbacks=callbacks, **arguments | options)


def three_epochs(callbacks: list) -> tuple[dict, list]:
    """A program for `train`: returns what fit returned, and the weights."""
    model = network()
    history = fit(model, callbacks, epochs=3)
    return history.history, [weights.tolist() for weights in model.get_weights()]
