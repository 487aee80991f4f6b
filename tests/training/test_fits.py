"""Any number of fits, of any networks, with any metrics and callbacks: kept, counted, and resumed."""

import csv
import functools

import keras
import numpy as np
import pytest
from tiny_runs import LOSS, X, Y, fit, keep_in, network, three_epochs, train

from course.runs import folder as run_folder
from course.runs.record import COLUMNS, read_history
from course.system.errors import CourseError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    keep_in(tmp_path, monkeypatch)


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


@pytest.mark.parametrize("known", [True, False], ids=["which says what it wraps", "which does not"])
def test_a_fit_that_somebody_has_put_in_the_place_of_keras_gets_what_it_takes(monkeypatch, known):
    _, expected = train(three_epochs)
    original = keras.Model.fit

    def watched(model, x, y, *, batch_size=32, **options):
        return original(model, x, y, batch_size=batch_size, **options)

    monkeypatch.setattr(keras.Model, "fit", functools.wraps(original)(watched) if known else watched)
    _, found = train(three_epochs)
    assert found == expected


def early_stopping(callbacks):
    model = network(keras.optimizers.SGD(0.5))
    others = [
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5, min_delta=0.01),
        keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True),
    ]
    history = fit(model, [*callbacks, *others], epochs=30)
    return history.history, history.epoch, [weights.tolist() for weights in model.get_weights()]


@pytest.mark.slow
def test_early_stopping_and_reduced_learning_rates_resume():
    check_resumes(early_stopping, [2, 4, 5])


class Averaging(keras.callbacks.Callback):
    """A learner's own: weights averaged over the epochs, which the network gets in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.sums, self.seen = [], {"epochs": 0, 1: (2.5, None)}

    def on_epoch_end(self, epoch, logs=None):
        self.seen["epochs"] += 1
        sums = self.sums or [0] * len(self.model.get_weights())
        self.sums = [total + weights for total, weights in zip(sums, self.model.get_weights(), strict=True)]

    def on_train_end(self, logs=None):
        if self.sums:
            self.model.set_weights([total / self.seen["epochs"] for total in self.sums])


def others(kind: str) -> list[keras.callbacks.Callback]:
    return {
        "scheduler": [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)],
        "swapped averages": [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
        "averages": [],
        "terminating": [keras.callbacks.TerminateOnNaN()],
        "own": [Averaging()],
    }[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scheduler", "swapped averages", "averages", "terminating", "own"])
def test_other_callbacks_resume(kind, capsys, thorough):
    if not thorough and kind != "own":
        pytest.skip("CI tries a sample")

    def program(callbacks):
        optimizer = keras.optimizers.Adam(0.1, use_ema="averages" in kind, ema_momentum=0.5)
        model = network(optimizer, run_eagerly=False)
        history = fit(model, [others(kind), callbacks], epochs=4)
        return history.history, model.evaluate(X, Y, verbose=0), [weights.tolist() for weights in model.get_weights()]

    check_resumes(program, [2, 4])
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_model_checkpoint_keeps_the_best_over_several_fits(tmp_path, thorough):
    if not thorough:
        pytest.skip("CI tries a sample")

    def program(callbacks):
        model, best = network(), keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
        histories = [fit(model, [best, *callbacks]).history for _ in range(2)]
        return histories, best.best

    check_resumes(program, [2, 3, 4])


def folds(callbacks):
    """Trains a network for each third of the images, drawn at random, which it is validated with."""
    scores, models = [], []
    for _ in range(3):
        rows = np.random.permutation(len(X))[:20]
        held_out = X[rows], np.eye(2)[Y[rows]]
        models.append(network(metrics=["accuracy", keras.metrics.AUC()], loss="categorical_crossentropy"))
        models[-1].fit(X, np.eye(2)[Y], epochs=2, callbacks=callbacks, validation_data=held_out, verbose=0)
        scores.append(models[-1].evaluate(*held_out, verbose=0))
    return scores, sum(model.predict(X, verbose=0) for model in models).tolist()


@pytest.mark.slow
def test_folds_resume_with_the_weights_of_every_network(capsys):
    check_resumes(folds, [2, 3, 4, 6])
    assert capsys.readouterr().err == ""


def test_epochs_are_counted_on_and_columns_added():
    def program(callbacks):
        fit(network(metrics=[keras.metrics.SparseCategoricalAccuracy(name="right")]), callbacks)
        fit(network(metrics=[], loss=LOSS), callbacks, epochs=5, initial_epoch=4, validation_data=None)

    folder, _ = train(program)
    with (folder / run_folder.HISTORY).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0]) == [*COLUMNS, "right", "val_right"]
    assert rows[1]["accuracy"] == rows[1]["right"] != ""
    assert rows[1]["val_accuracy"] == rows[1]["val_right"] != ""
    assert rows[2]["accuracy"] == rows[2]["val_loss"] == ""
    assert len(read_history(folder)) == 3


@pytest.mark.slow
def test_a_loop_of_fits_resumes_and_says_what_may_differ(capsys, thorough):
    if not thorough:
        pytest.skip("CI tries a sample")

    def program(callbacks):
        model = network()
        losses = [fit(model, callbacks, epochs=1).history["val_loss"] for _ in range(4)]
        return losses, [weights.tolist() for weights in model.get_weights()]

    check_resumes(program, [4])
    assert "mlp.py has called fit several times for one network" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_that_is_compiled_again_resumes(thorough):
    if not thorough:
        pytest.skip("CI tries a sample")

    def program(callbacks):
        model = network()
        fit(model, callbacks)
        model.layers[0].trainable = False
        model.compile(keras.optimizers.RMSprop(0.01), loss=LOSS, metrics=["accuracy"])
        fit(model, callbacks)
        return [weights.tolist() for weights in model.get_weights()]

    check_resumes(program, [2, 3, 4])


class Subclassed(keras.Model):
    """Has no weights before its first batch."""

    def __init__(self):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)
        self.dropout = keras.layers.Dropout(0.3)

    def call(self, inputs, training=None):
        return keras.ops.softmax(self.out(self.dropout(self.hidden(inputs), training=training)))


@pytest.mark.slow
def test_a_network_that_is_built_by_its_first_batch_resumes():
    def program(callbacks):
        model = Subclassed()
        model.compile("adam", loss=LOSS, metrics=["accuracy"])
        history = fit(model, callbacks, epochs=3).history
        return history, [weights.tolist() for weights in model.get_weights()]

    check_resumes(program, [3])


@pytest.mark.slow
def test_callbacks_that_cannot_resume_are_named_before_training(tmp_path, capsys):
    class Opaque(keras.callbacks.Callback):
        numbers = None

        def on_train_begin(self, logs=None):
            self.numbers = iter([])

    def program(callbacks):
        fit(network(), [keras.callbacks.CSVLogger(tmp_path / "log.csv"), Opaque(), *callbacks])

    def program_as_resumed(callbacks):
        return capsys.readouterr().err

    killed, _ = train(lambda callbacks: program(callbacks) or fit(network(), callbacks), 3)
    capsys.readouterr()
    _, said = train(program_as_resumed, resume=str(killed))
    assert said.splitlines() == [
        f"{kind} starts again as if training began now, because what it remembers ({attributes}) cannot be kept; what"
        " it does may differ from a run that was not interrupted."
        for kind, attributes in (("CSVLogger", "csv_file"), ("Opaque", "numbers"))
    ]


def test_callbacks_in_a_list_of_keras_and_by_position_come_in_order():
    def program(callbacks):
        model = network()
        stopping = keras.callbacks.EarlyStopping("loss", patience=0, baseline=0)
        whole = keras.callbacks.CallbackList([*callbacks, stopping], add_history=True, model=model)
        model.fit(X, Y, 16, 9, 0, whole)
        return len(model.fit(X, Y, 16, 1, 0, callbacks).epoch), stopping.stopped_epoch

    check_resumes(program, [])
    assert train(program)[1][0] == 1


@pytest.mark.slow
def test_other_networks_are_refused_on_resume():
    def program(callbacks):
        fit(network(), callbacks)
        fit(network(), callbacks)

    def changed(callbacks):
        model = network()
        fit(model, callbacks)
        fit(model, callbacks)

    folder, _ = train(program, 4)
    with pytest.raises(CourseError, match=r"^mlp.py now builds a different network"):
        train(changed, resume=str(folder))


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule without get_config."""

    def __call__(self, step):
        return 0.01 / (1 + keras.ops.cast(step, "float32"))


class Sized(keras.layers.Layer):
    """A layer that Keras cannot save: without get_config, and made with what is not a plain value."""

    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units())

    def call(self, inputs):
        return self.dense(inputs)


def test_a_schedule_that_cannot_be_saved_leaves_its_network(capsys):
    def program(callbacks):
        model = network(keras.optimizers.Adam(WarmUp()))
        fit(model, callbacks)
        assert model.compiled
        return model.predict(X, verbose=0)

    folder, predicted = train(program)
    model = keras.saving.load_model(folder / run_folder.MODEL, compile=False)
    np.testing.assert_allclose(model.predict(X, verbose=0), predicted, rtol=1e-6)
    assert capsys.readouterr().err == ""


def test_a_network_that_cannot_be_saved_is_trained_and_said_so_once(capsys):
    def program(callbacks):
        model = keras.Sequential([keras.Input((4,)), Sized(lambda: 2)])
        model.compile("adam", LOSS)
        fit(model, callbacks, epochs=3, validation_data=None)

    folder, _ = train(program)
    said = capsys.readouterr().err
    assert said.startswith("This network cannot be kept in a file (")
    assert said.count("\n") == 1
    assert len(read_history(folder)) == 3
    assert not (folder / run_folder.MODEL).exists()
