"""The grader, given what learners write: right files and wrong ones."""

import json
import re
from pathlib import Path

import pytest
from checkout import REPOSITORY
from styles import edited, short

import check
from course import late
from course.challenge import rules
from course.challenge.grade import Grade, attempt_of, attempts, newest_finished
from course.challenge.levels import LEVELS
from course.challenge.observed import Measured, Observations, read_evidence
from course.runs import folder as run_folder
from course.system.files import write_json

SOLUTIONS = [REPOSITORY / "solutions" / f"level_{number}.py" for number in range(1, len(LEVELS) + 1)]
QUICK = {"no scaling", "a syntax error", "a missing function", "sys.exit"}  # the others are marked slow


PREPARE = '    return images[..., None].astype("float32") / 255'
PREPARED = "        X_train, X_test = prepare(X_train), prepare(X_test)\n"
ONE_HOT = """        y_train = keras.utils.to_categorical(y_train)
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
"""
HOLD_OUT = "        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)\n"
LAST = '            keras.layers.Dense(num_classes, activation="softmax"),\n'
INPUT = "keras.Input((config.img_height, config.img_width, 1))"
ENDS = "        ]\n    )\n"
LOSS = 'loss="categorical_crossentropy"'
VALIDATION = "validation_data=(X_valid, y_valid)"
CALLBACKS = "            callbacks=run.callbacks,\n"

# What learners write: the mistake → edits of the fourth solution, what the grader says, the level that it stops.
WRONG = {
    "no scaling": ([(PREPARE, PREPARE.removesuffix(" / 255"))], "Pixels go from 0 to 255 (prepare, line ", 2),
    "scaled twice": ([(PREPARE, PREPARE + " / 255")], "scaled twice?", 2),
    "test scaled, training not": (
        [(PREPARED, '        X_train, X_test = X_train[..., None].astype("float32"), prepare(X_test)\n')],
        "The network was trained on pixels from 0 to 255 (prepare, line",
        1,
    ),
    "training scaled, test not": (
        [(PREPARE, PREPARE.removesuffix(" / 255")), (PREPARED, PREPARED.replace("X_train)", "X_train) / 255"))],
        "but tested on pixels from 0 to 255: training and test images must be prepared alike",
        1,
    ),
    "whole numbers": (
        [(PREPARE, '    return (images[..., None] / 256).astype("uint8")')],
        "Every pixel is 0 (prepare, line ",
        1,
    ),
    "sigmoid": ([(LAST, LAST.replace("softmax", "sigmoid"))], "The last activation is sigmoid", 2),
    "relu at the end": ([(LAST, LAST.replace("softmax", "relu"))], "The last activation is relu", 2),
    "no activation at the end": (
        [(LAST, "            keras.layers.Dense(num_classes),\n")],
        "The last activation is linear (build_model, line ",
        2,
    ),
    "mean squared error": ([(LOSS, 'loss="mse"')], "(compile, line ", 2),
    "binary cross-entropy": ([(LOSS, 'loss="binary_crossentropy"')], "The loss is binary_crossentropy", 2),
    "softmax and logits": (
        [(LOSS, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)")],
        "softmax has already turned them into probabilities",
        2,
    ),
    "one-hot targets, sparse loss": ([(LOSS, 'loss="sparse_categorical_crossentropy"')], "one-hot", 1),
    "plain labels, categorical loss": ([(ONE_HOT, "        num_classes = 10\n")], "one-hot", 1),
    "no channel": (
        [(PREPARE, '    return images.astype("float32") / 255'), (INPUT, INPUT.replace(", 1)", ")"))],
        "A convolution takes images with a channel each",
        1,
    ),
    "channel in front": (
        [
            (PREPARE, '    return images[:, None].astype("float32") / 255'),
            (INPUT, "keras.Input((1, config.img_height, config.img_width))"),
        ],
        "Nothing is left of the image",
        1,
    ),
    "channel in front, padded": (
        [
            (PREPARE, '    return images[:, None].astype("float32") / 255'),
            (INPUT, "keras.Input((1, config.img_height, config.img_width))"),
            ("(3, 3), ", '(3, 3), padding="same", '),
            ("MaxPooling2D((2, 2))", 'MaxPooling2D((2, 2), padding="same")'),
        ],
        "with the channel first",
        4,
    ),
    "convolution in one direction": (
        [
            (PREPARE, '    return images.astype("float32") / 255'),
            (INPUT, INPUT.replace(", 1)", ")")),
            ("Conv2D(config.first_layer_convs, (3, 3)", "Conv1D(config.first_layer_convs, 3"),
            ("MaxPooling2D((2, 2))", "MaxPooling1D(2)"),
        ],
        "Conv1D (build_model, line ",
        4,
    ),
    "dropout 0.95": ([("dropout: Fraction = 0.4", "dropout: Fraction = 0.95")], "A dropout of 0.95", 3),
    "dropout at the end": (
        [(LAST, LAST + "            keras.layers.Dropout(config.dropout),\n")],
        "The last layer is Dropout",
        2,
    ),
    "a hidden layer without activation": (
        [('keras.layers.Dense(config.hidden_nodes, activation="relu")', "keras.layers.Dense(config.hidden_nodes)")],
        "A dense layer without activation",
        3,
    ),
    "learning rate 1.0": ([("learning_rate: Rate = 0.002", "learning_rate: Rate = 1.0")], "learning rate of 1", 1),
    "training diverged": (
        [(LOSS, "loss=lambda truth, said: 1e38 * keras.losses.categorical_crossentropy(truth, said)")],
        "stopped being a number",
        1,
    ),
    "labels shuffled": (
        [(HOLD_OUT, "        __import__('numpy').random.shuffle(y_train)\n" + HOLD_OUT)],
        "Training images and labels are out of step",
        1,
    ),
    "validation labels turned round": (
        [(VALIDATION, "validation_data=(X_valid, y_valid[::-1])")],
        "Validation images and labels are out of step",
        1,
    ),
    "trained on test images": (
        [(HOLD_OUT, "        X_train, y_train = X_test, y_test\n" + HOLD_OUT)],
        "test images were trained on (fit, line ",
        1,
    ),
    "trained on test images too": (
        [
            (
                "            X_train,\n            y_train,\n",
                "            keras.ops.concatenate([X_train, X_test]),\n"
                "            keras.ops.concatenate([y_train, y_test]),\n",
            )
        ],
        "test images were trained on",
        1,
    ),
    "validated on test images": (
        [(VALIDATION, "validation_data=(X_test, y_test)")],
        "test images are used for validation (fit, line ",
        1,
    ),
    "trained on test images, batch by batch": (
        [("        model.summary()\n", "        model.train_on_batch(X_test[:100], y_test[:100])\n")],
        "100 test images were trained on (train_on_batch)",
        1,
    ),
    "test images in a callback": (
        [
            (
                CALLBACKS,
                "            callbacks=[*run.callbacks, keras.callbacks.LambdaCallback(\n"
                "                on_epoch_end=lambda *_: model.evaluate(X_test, y_test, verbose=0))],\n",
            )
        ],
        "test images were looked at during training (evaluate): choosing by them",
        1,
    ),
    "validated on training images": (
        [(VALIDATION, "validation_data=(X_train, y_train)")],
        "of the validation images are trained on too",
        2,
    ),
    "zero epochs": ([("epochs: Count = 1", "epochs: Count = 0")], "epochs is 0, but must be", 1),
    "zero epochs, unnoticed": ([("epochs=config.epochs", "epochs=0")], "No epoch was kept (fit, line ", 1),
    "no callback": ([(CALLBACKS, "")], "No epoch was kept", 1),
    "two outputs": (
        [
            (LAST + ENDS, LAST + ENDS + "    return keras.Model(model.inputs, model.outputs * 2)\n"),
            ("    return keras.Sequential(", "    model = keras.Sequential("),
            (LOSS, 'loss=["categorical_crossentropy", "categorical_crossentropy"]'),
            ('metrics=["accuracy"]', 'metrics=[["accuracy"], ["accuracy"]]'),
            ("            y_train,\n", "            [y_train, y_train],\n"),
            (VALIDATION, "validation_data=(X_valid, [y_valid, y_valid])"),
        ],
        "The network has 2 outputs (build_model, line ",
        1,
    ),
    "five outputs": ([(LAST, LAST.replace("num_classes", "5"))], "one output for each class", 1),
    "a syntax error": ([("def prepare(images):", "def prepare(images)")], "SyntaxError: expected ':'", 1),
    "wrong indentation": ([("    return images[", "  return images[")], "IndentationError", 1),
    "a missing function": ([("def prepare(images):", "def prepared(images):")], "must keep these names", 1),
    "a missing model": ([("def build_model(", "def built_model(")], "name 'build_model' is not defined", 1),
    "a deleted field": (
        [(re.search(r"    learning_rate: .*\n", SOLUTIONS[3].read_text(encoding="utf-8"))[0], "")],
        "class Config has no such field",
        1,
    ),
    "a misspelt layer": ([("layers.Conv2D", "layers.Conv2d")], "has no attribute 'Conv2d'", 1),
    "a name that Keras dropped": (
        [("keras.utils.to_categorical", "keras.utils.np_utils.to_categorical")],
        "np_utils is gone",
        1,
    ),
    "a package that is missing": ([("import keras\n", "import keras\n\nimport matplotlop\n")], "is not installed", 1),
    "sys.exit": (
        [("        model.summary()\n", "        raise SystemExit(3)\n")],
        "exit code 3, before its test",
        1,
    ),
    "prints 99% without training": (
        [("    with Attempt(config) as run:", '    print("Test accuracy 99%")\n    if False:')],
        "What a script prints does not count",
        1,
    ),
    "a run without training": (
        [("        model.fit(", "        (lambda *given, **options: None)(")],
        "model.fit was not called",
        1,
    ),
    "no end": (
        [("        run.finish(model, X_test, y_test, results)\n", "")],
        "The run did not finish",
        1,
    ),
    "no compile": ([("model.compile(", "dict(")], "You must call `compile()`", 1),
    "the wrong data": ([('data: str = "fashion_mnist"', 'data: str = "mnist"')], "data is mnist", 1),
    "a lambda layer": (
        [(LAST, "            keras.layers.Lambda(lambda x: 2 * x),\n" + LAST)],
        "A Lambda layer cannot be saved",
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "mistake", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in WRONG]
)
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")  # one of the mistakes
def test_a_mistake_is_named_and_never_passes(grade_file, mistake):
    edits, sentence, level = WRONG[mistake]
    exit_code, said = grade_file(edited(short(SOLUTIONS[3]), *edits))
    assert sentence in said
    assert exit_code == 1
    assert "Traceback" not in said
    for file in check.FOLDER.glob("runs/fashion/[0-9]*/grade.json"):
        assert json.loads(file.read_text())["reached"] < level


def test_the_shipped_file_is_the_first_solution_and_does_not_pass_level_2(grade_file):
    if late.backend() != "tensorflow":
        pytest.skip("after so few images, it passes level 1 with TensorFlow's random numbers and not with others'")
    assert (REPOSITORY / "fashion.py").read_text() == SOLUTIONS[0].read_text()
    exit_code, said = grade_file(short(SOLUTIONS[0]))
    assert exit_code == 0, said
    assert "Level 2 is not reached. Pixels, answers and loss are still as they were at the beginning." in said
    assert "To fix" not in said  # one idea, and no answers that hints should give step by step
    assert {finding.level for finding in rules.structure(read_evidence(newest_finished()))} == {2, 3, 4, 5}
    assert "Hint 1 of 3 for level 2" in said


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, len(LEVELS) + 1))
def test_a_solution_has_the_structure_of_its_level_and_nothing_wrong(grade_file, number):
    text = short(SOLUTIONS[number - 1]).replace("= 1_000", "= 2_000")  # normalisation needs some batches to settle
    exit_code, said = grade_file(text)
    assert exit_code == 0, said
    found = rules.structure(read_evidence(newest_finished()))
    assert all(finding.missing and finding.level > number for finding in found), found
    assert number >= 5 or number + 1 in {finding.level for finding in found}


@pytest.mark.parametrize("solution", [f"solutions.level_{number}" for number in range(1, len(LEVELS) + 1)])
def test_a_solution_runs_where_it_is(checkout, solution):
    answer = checkout.run("-m", solution, "--epochs", "0")
    assert answer.returncode == 2
    assert answer.stderr.startswith("epochs is 0, but must be"), answer.stderr


def test_what_the_script_claims_is_not_what_is_graded(grade_file, capsys):
    claimed = (
        "run.finish(model, X_test, y_test, results)",
        'run.finish(model, X_test, y_test, results | {"accuracy": 0.9999})',
    )
    _, said = grade_file(edited(short(SOLUTIONS[1]), claimed))
    assert "The accuracy given to run.finish is 99.99%, but the network given to it gets" in said
    check.main(check.Options(final=True))
    (measured,) = re.findall(r"(\S+)% of the 1,000 test images", capsys.readouterr().out)
    folder = newest_finished()
    metrics = json.loads((folder / run_folder.METRICS).read_text())
    assert float(measured) == pytest.approx(100 * metrics["test_accuracy"])
    (row,) = (folder / run_folder.HISTORY).read_text().splitlines()[1:]
    assert float(measured) == pytest.approx(100 * float(row.split(",")[4]), abs=12)  # val_accuracy


def test_the_run_of_a_process_is_not_an_older_one_with_the_same_id(tmp_path, monkeypatch):
    """As there may be on a machine that counts from 1 again."""
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)

    def train(name: str, process_id: int) -> Path:
        (tmp_path / "fashion" / name).mkdir(parents=True)
        write_json(tmp_path / "fashion" / name / run_folder.OBSERVED, Observations(process=process_id).model_dump())
        return tmp_path / "fashion" / name

    train("2026-01-01_00-00-00-run", 7)
    before = attempts()
    assert attempt_of(7, before) is None
    newest = [train(f"2026-01-01_00-00-0{second}-run", 7) for second in (1, 2)][-1]
    train("2026-01-01_00-00-03-run", 8)
    assert attempt_of(7, before) == newest


@pytest.mark.slow
def test_an_older_run_is_not_that_of_a_file_that_makes_none(grade_file):
    """Here all trainings have the same process id."""
    assert grade_file(short(SOLUTIONS[1]))[0] == 0
    exit_code, said = grade_file('print("Test accuracy 99%")\n')
    assert exit_code == 1
    assert "What a script prints does not count" in said


def test_levels_are_reached_in_order_and_by_accuracy(tmp_path):
    def reached(accuracy: float | None, *found: rules.Finding) -> int:
        return Grade(tmp_path, list(found), None, accuracy and Measured(accuracy, 10_000)).reached

    assert [reached(level.mark) for level in LEVELS] == [1, 2, 3, 4, 5, 6]
    assert [reached(level.mark - 1e-4) for level in LEVELS] == [0, 1, 2, 3, 4, 5]
    assert reached(0.99, rules.Finding(3, "Something is wrong.")) == 2
    assert reached(0.99, rules.Finding(None, "Something is worth knowing.")) == 6
    assert reached(None) == 0
