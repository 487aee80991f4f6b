"""Any number of fits, of any networks, with any metrics and callbacks: kept, counted, and resumed."""

import csv
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import mlp
from course.config import LessonConfig
from course.runs import folder as run_folder
from course.runs import checkpoint as checkpoints
from course.runs.record import read_history
from course.system.errors import CourseError
from course.training.run import Run

X = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
LOSS = "sparse_categorical_crossentropy"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    """Keeps runs in a folder of this test, tracks none of them, and names the program that resumes them."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
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


def train(program, kill_at: int = 0, resume: str | None = None) -> tuple[Path, object]:
    """Runs a program in a run, which may be killed at the beginning of an epoch; returns its folder and result."""
    with Run(mlp.Config(resume=resume)) as run:
        try:
            return run.folder, program([*run.callbacks, killing(kill_at)])
        except Killed:
            return run.folder, None


def fit(model: keras.Model, callbacks: list, **options: object) -> keras.callbacks.History:
    arguments = {"epochs": 2, "batch_size": 16, "verbose": 0, "validation_data": (X[:16], Y[:16])}
    return model.fit(X, Y, callbacks=callbacks, **arguments | options)


def check_resumes(program, kills: list[int]) -> None:
    """Checks that a program returns the same whether it was killed or not, and its run has the same history."""
    folder, expected = train(program)
    history = (folder / run_folder.HISTORY).read_text()
    for kill in kills:
        killed, nothing = train(program, kill)
        assert nothing is None
        resumed, result = train(program, resume=str(killed))
        assert resumed == killed.resolve()
        assert (killed / run_folder.HISTORY).read_text() == history, kill
        assert result == expected, kill


def early_stopping(callbacks):
    model = network(keras.optimizers.SGD(0.5))
    others = [
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5, min_delta=0.01),
        keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True),
    ]
    history = fit(model, [*callbacks, *others], epochs=30)
    return history.history, history.epoch, [weights.tolist() for weights in model.get_weights()]


def test_early_stopping_and_reduced_learning_rates_resume():
    check_resumes(early_stopping, [2, 4, 5])
