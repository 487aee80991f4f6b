"""The grader of the challenge, given what learners write: right files, wrong files, and files that do not end."""

import contextlib
import hashlib
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import check
from course import data
from course.challenge import attempt, examine, progress, rules
from course.challenge import grade as grading
from course.challenge.levels import LEVELS
from course.runs import folder as run_folder
from course.system import process, tracebacks
from course.system.errors import CourseError

REPOSITORY = Path(__file__).resolve().parent.parent
SOLUTIONS = [REPOSITORY / "solutions" / f"level_{number}.py" for number in range(1, len(LEVELS) + 1)]
SHORT = {  # so that a training takes seconds
    "    batch_size: int = Field(64,": "    limit: int | None = 1_000\n    batch_size: int = Field(64,",
    "    epochs: int = Field(5,": "    epochs: int = Field(1,",
    "    epochs: int = Field(10,": "    epochs: int = Field(1,",
    "    epochs: int = Field(25,": "    epochs: int = Field(1,",
    "    epochs: int = Field(20,": "    epochs: int = Field(1,",
}


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Returns a learner's file after some edits, each of which finds its place."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def short(solution: Path) -> str:
    text = solution.read_text(encoding="utf-8")
    for old, new in SHORT.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="session")
def few_clothes(tmp_path_factory) -> tuple[Path, data.DataSet]:
    """Part of Fashion-MNIST in its place, so that learning and grading take seconds: a folder, and what is known."""
    (x_train, y_train), (x_test, y_test) = data.load_data_set("fashion_mnist")
    file = tmp_path_factory.mktemp("few clothes") / "fashion_mnist.npz"
    np.savez(file, x_train=x_train[:2400], y_train=y_train[:2400], x_test=x_test[:1000], y_test=y_test[:1000])
    known = data.DATA_SETS["fashion_mnist"]._replace(
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(), training_images=2400
    )
    shutil.copy(data.FOLDER / "mnist.npz", file.parent)
    return file.parent, known


@pytest.fixture
def grade_file(few_clothes, tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """Grades a learner's file as `python check.py` does, but in this process, so that TensorFlow is loaded already.

    Returns exit code and output. What the programs that the grader starts would do is done here in their stead.
    """
    folder, known = few_clothes
    monkeypatch.setattr(data, "FOLDER", folder)
    monkeypatch.setitem(data.DATA_SETS, "fashion_mnist", known)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for module in (run_folder, grading):
        monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(progress, "FILE", tmp_path / "runs" / "fashion" / "progress.json")
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "SCRIPT", tmp_path / "fashion.py")
    monkeypatch.chdir(tmp_path)

    def run(words, folder, seconds, show=True) -> process.Ended:
        errors, exit_code = io.StringIO(), 1
        monkeypatch.setattr(sys, "argv", [str(folder / words[0])])
        with contextlib.redirect_stderr(errors):
            try:
                if words[0] == "-m":
                    examine.main(Path(words[2]), Path(words[3]))
                else:
                    runpy.run_path(str(folder / words[0]), run_name="__main__")
                exit_code = 0
            except SystemExit as error:
                exit_code = error.code or 0
            except CourseError as error:
                print(error, file=errors)
            except Exception:
                traceback.print_exc()
        return process.Ended(os.getpid(), exit_code, errors.getvalue())

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr("course.report.page.write_report", lambda folder: [])  # takes longer than these trainings
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def grade(text: str, **options: bool) -> tuple[int, str]:
        check.SCRIPT.write_text(text, encoding="utf-8")
        exit_code = check.main(check.Options(**options))
        said = capsys.readouterr()
        return exit_code, " ".join((said.out + said.err).split())

    return grade


PREPARE = '    return images[..., None].astype("float32") / 255'
PREPARED = "        X_train, X_test = prepare(X_train), prepare(X_test)\n"
ONE_HOT = "        y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)\n"
HOLD_OUT = "        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)\n"
LAST = '            layers.Dense(10, activation="softmax"),\n'
INPUT = "keras.Input((config.img_height, config.img_width, 1))"
ENDS = "        ]\n    )\n"
LOSS = 'loss="categorical_crossentropy"'
VALIDATION = "validation_data=(X_valid, y_valid)"
CALLBACKS = "            callbacks=[run.after_each_epoch()],\n"
RATE = '    learning_rate: float = Field(0.002, gt=0, le=100, description="size of the first correction;'

# What learners write: the mistake → edits of the fourth solution, what the grader says, the level that it stops.
WRONG = {
    "no scaling": ([(PREPARE, PREPARE.removesuffix(" / 255"))], "Pixels go from 0 to 255 (prepare, line ", 2),
    "scaled twice": ([(PREPARE, PREPARE + " / 255")], "scaled twice?", 2),
    "test scaled, training not": (
        [(PREPARED, '        X_train, X_test = X_train[..., None].astype("float32"), prepare(X_test)\n')],
        "the network was trained on pixels from 0 to 255: training and test images must be prepared alike",
        1,
    ),
    "training scaled, prepare not": (
        [(PREPARE, PREPARE.removesuffix(" / 255")), (PREPARED, PREPARED.replace("X_train)", "X_train) / 255"))],
        "makes pixels from 0 to 255, but the network was trained on pixels from 0 to 1",
        1,
    ),
    "whole numbers": (
        [(PREPARE, '    return (images[..., None] / 256).astype("uint8")')],
        "whole numbers divided without remainder",
        1,
    ),
    "sigmoid": ([(LAST, LAST.replace("softmax", "sigmoid"))], "The last activation is sigmoid", 2),
    "relu at the end": ([(LAST, LAST.replace("softmax", "relu"))], "The last activation is relu", 2),
    "no activation at the end": (
        [(LAST, "            layers.Dense(10),\n")],
        "The last activation is linear (build_model, line ",
        2,
    ),
    "mean squared error": ([(LOSS, 'loss="mse"')], "(compile, line ", 2),
    "binary cross-entropy": ([(LOSS, 'loss="binary_crossentropy"')], "The loss is binary_crossentropy", 2),
    "softmax and logits": (
        [(LOSS, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)")],
        "softmax has made probabilities",
        2,
    ),
    "one-hot targets, sparse loss": ([(LOSS, 'loss="sparse_categorical_crossentropy"')], "one-hot", 1),
    "plain labels, categorical loss": ([(ONE_HOT, "")], "one-hot", 1),
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
        "with the channel in front",
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
    "dropout 0.95": ([("Field(0.4, ge=0, lt=1", "Field(0.95, ge=0, lt=1")], "A dropout of 0.95", 3),
    "dropout at the end": (
        [(LAST, LAST + "            layers.Dropout(config.dropout),\n")],
        "The last layer is Dropout",
        2,
    ),
    "a hidden layer without activation": (
        [('layers.Dense(config.hidden_nodes, activation="relu")', "layers.Dense(config.hidden_nodes)")],
        "A dense layer without activation",
        3,
    ),
    "learning rate 1.0": ([(RATE, RATE.replace("0.002", "1.0"))], "learning rate of 1", 1),
    "training diverged": (
        [(LOSS, "loss=lambda truth, said: keras.ops.mean((1e30 * (truth - said)) ** 2)")],
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
    "validated on training images": (
        [(VALIDATION, "validation_data=(X_train, y_train)")],
        "of the validation images are trained on too",
        2,
    ),
    "zero epochs": ([("epochs: int = Field(1,", "epochs: int = Field(0,")], "epochs is 0, but must be", 1),
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
    "five outputs": ([(LAST, LAST.replace("10", "5"))], "one output for each of the ten classes", 1),
    "a syntax error": ([("def prepare(images):", "def prepare(images)")], "SyntaxError: expected ':'", 1),
    "wrong indentation": ([("    return images[", "  return images[")], "IndentationError", 1),
    "a missing function": ([("def prepare(images):", "def prepared(images):")], "under these names", 1),
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
    "a package that is missing": ([("import math\n", "import math\n\nimport matplotlop\n")], "is not installed", 1),
    "sys.exit": (
        [("        model.summary()\n", "        raise SystemExit(3)\n")],
        "exit code 3, before it came to its test",
        1,
    ),
    "prints 99% without training": (
        [('    with Attempt("fashion", config) as run:', '    print("Test accuracy 99%")\n    if False:')],
        "What a script prints does not count",
        1,
    ),
    "a run without training": (
        [("        model.fit(", "        (lambda *given, **options: None)(")],
        "model.fit was not called",
        1,
    ),
    "no end": (
        [("        run.finish(test_loss, test_accuracy, model.count_params())\n", "")],
        "The run did not come to its end",
        1,
    ),
    "no compile": ([("model.compile(", "dict(")], "You must call `compile()`", 1),
    "the wrong data": ([('data: str = Field("fashion_mnist"', 'data: str = Field("mnist"')], "data is mnist", 1),
    "a lambda layer": (
        [(LAST, "            layers.Lambda(lambda x: 2 * x),\n" + LAST)],
        "A Lambda layer cannot be kept",
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named_and_never_passes(grade_file, mistake):
    edits, sentence, level = WRONG[mistake]
    exit_code, said = grade_file(edited(short(SOLUTIONS[3]), *edits))
    assert sentence in said
    assert exit_code == 1
    assert "Traceback" not in said
    for file in check.FOLDER.glob("runs/fashion/[0-9]*/grade.json"):
        assert json.loads(file.read_text())["reached"] < level


def test_the_shipped_file_is_the_first_solution_and_does_not_pass_level_2(grade_file):
    assert (REPOSITORY / "fashion.py").read_text() == SOLUTIONS[0].read_text()
    exit_code, said = grade_file(short(SOLUTIONS[0]))
    assert exit_code == 1
    for sentence in ("Pixels go from 0 to 255", "mean_squared_error", "The last activation is linear"):
        assert sentence in said
    assert {finding.level for finding in rules.structure(rules.read(grading.newest_finished()))} == {2, 3, 4, 5}


@pytest.mark.parametrize("number", range(2, len(LEVELS) + 1))
def test_a_solution_has_the_structure_of_its_level_and_nothing_wrong(grade_file, number):
    text = short(SOLUTIONS[number - 1]).replace("= 1_000", "= 2_000")  # normalisation needs some batches to settle
    exit_code, said = grade_file(text)
    assert exit_code == 0, said
    found = rules.structure(rules.read(grading.newest_finished()))
    assert all(finding.missing and finding.level > number for finding in found), found
    assert number >= 5 or number + 1 in {finding.level for finding in found}


@pytest.mark.parametrize("solution", [f"solutions.level_{number}" for number in range(1, len(LEVELS) + 1)])
def test_a_solution_runs_where_it_stands(checkout, solution):
    answer = checkout.run("-m", solution, "--epochs", "0")
    assert answer.returncode == 2
    assert answer.stderr.startswith("epochs is 0, but must be"), answer.stderr


def test_what_the_script_claims_is_not_what_is_graded(grade_file):
    claimed = ("run.finish(test_loss, test_accuracy,", "run.finish(0.0, 0.9999,")
    _, said = grade_file(edited(short(SOLUTIONS[1]), claimed))
    (measured,) = re.findall(r"(\S+)% of the 1,000 test images", said)
    folder = grading.newest_finished()
    (row,) = (folder / "history.csv").read_text().splitlines()[1:]
    assert json.loads((folder / "metrics.json").read_text())["test_accuracy"] == 0.9999
    assert float(measured) == pytest.approx(100 * float(row.split(",")[4]), abs=12)  # val_accuracy


def test_an_older_run_is_not_taken_for_that_of_a_file_that_makes_none(grade_file):
    """Here all trainings have the same number of process, as they may on a machine that counts from 1 again."""
    assert grade_file(short(SOLUTIONS[1]))[0] == 0
    exit_code, said = grade_file('print("Test accuracy 99%")\n')
    assert exit_code == 1
    assert "What a script prints does not count" in said


def test_levels_are_reached_in_order_and_by_accuracy(tmp_path):
    def reached(accuracy: float | None, *found: rules.Finding) -> int:
        return grading.Grade(tmp_path, accuracy, list(found)).reached

    assert [reached(level.mark) for level in LEVELS] == [1, 2, 3, 4, 5, 6]
    assert [reached(level.mark - 1e-4) for level in LEVELS] == [0, 1, 2, 3, 4, 5]
    assert reached(0.99, rules.Finding(3, "Something is wrong.")) == 2
    assert reached(0.99, rules.Finding(None, "Something is worth knowing.")) == 6
    assert reached(None) == 0


def test_the_marks_are_those_of_the_documentation():
    page = (REPOSITORY / "docs" / "challenge.md").read_text(encoding="utf-8")
    for number, level in enumerate(LEVELS, start=1):
        assert re.search(rf"^\| {number} \| {re.escape(level.idea)} \| {100 * level.mark:g}% \|", page, re.MULTILINE)


def test_every_level_has_three_hints_and_none_is_the_answer():
    for level, before, solution in zip(LEVELS[1:], SOLUTIONS[:-1], SOLUTIONS[1:], strict=True):
        assert len(set(level.hints)) >= 3
        old = {line.strip() for line in before.read_text(encoding="utf-8").splitlines()}
        new = {line.strip() for line in solution.read_text(encoding="utf-8").splitlines()} - old
        for hint in level.hints:
            assert [line for line in new if len(line) > 3 and line.rstrip(",") in hint] == []
    assert len(set(LEVELS[0].hints)) >= 3


def test_hints_grow_stronger_one_by_one(grade_file, capsys):
    _, said = grade_file(short(SOLUTIONS[0]))
    level = int(re.search(r"Hint 1 of 3 for level (\d): ", said)[1])
    first, second, third = LEVELS[level - 1].hints
    assert f"Hint 1 of 3 for level {level}: {first}" in said
    for hint in (second, third, third):
        assert check.main(check.Options(hint=True)) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"of 3 for level {level}: {hint}" in said
    check.main(check.Options(last=True))
    assert f"Hint 3 of 3 for level {level}: {third}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("damaged", ["", "{", '{"reached": 99}', '{"reached": "x"}', "[]", "\0\0\0"])
def test_damaged_progress_is_rebuilt_with_a_sentence(grade_file, capsys, damaged):
    folder = progress.FILE.parent / "2026-01-01_00-00-00-run"
    folder.mkdir(parents=True)
    (folder / "grade.json").write_text('{"reached": 2, "accuracy": 0.85, "findings": []}')
    progress.FILE.write_text(damaged)
    assert check.main(check.Options(hint=True)) == 0
    said = capsys.readouterr()
    assert "could not be read; it is rebuilt from your graded runs" in said.err
    assert "for level 3" in said.out
    assert check.main(check.Options(list=True)) == 0
    assert capsys.readouterr().err == ""


def test_reset_keeps_the_learners_file(grade_file, capsys):
    check.SCRIPT.write_text("mine")
    check.main(check.Options(reset=True))
    (kept,) = check.FOLDER.glob("fashion-*.py")
    assert kept.read_text() == "mine"
    assert kept.name in capsys.readouterr().out
    assert check.SCRIPT.read_text() == SOLUTIONS[0].read_text()
    check.main(check.Options(reset=True))
    assert len(list(check.FOLDER.glob("fashion-*.py"))) == 1  # the starting point itself is not worth keeping


def test_two_resets_at_once_lose_nothing(grade_file, monkeypatch):
    monkeypatch.setattr(check.time, "strftime", lambda form: "now")
    for text in ("mine", "mine too"):
        check.SCRIPT.write_text(text)
        with contextlib.suppress(CourseError):
            check.main(check.Options(reset=True))
    assert (check.FOLDER / "fashion-now.py").read_text() == "mine"
    assert check.SCRIPT.read_text() == "mine too"


def test_images_are_recognised_whatever_their_scale_and_shape(tmp_path, monkeypatch):
    """On which rests that test images among training images are seen."""
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    import fashion

    (images, labels), (test, test_labels) = data.load_data_set("fashion_mnist")
    for change in (
        lambda x: x.astype("float32"),
        lambda x: x / 255,
        lambda x: ((x - 72.9) / 90.0).astype("float32")[..., None],
        lambda x: (x / 127.5 - 1).astype("float32").reshape(len(x), -1),
    ):
        x, y = change(np.concatenate([images[:500], test[:300]])), np.concatenate([labels[:500], test_labels[:300]])
        with attempt.Attempt("fashion", fashion.Config()) as run:
            keras = fashion.keras
            model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
            model.compile("sgd", "sparse_categorical_crossentropy")
            model.fit(x, y, epochs=1, verbose=0, validation_data=(x[:250], y[:250]))
        (fit,) = rules.read(run.folder).fits
        assert 270 <= fit["training"]["test_images"] <= 300
        assert 700 <= fit["training"]["own_labels"] == fit["training"]["recognised"] <= 800
        assert fit["in_both"] >= 225


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        (
            'Traceback (most recent call last):\n  File "/a/fashion.py", line 9, in main\n    fit(\n    ~~~^\n'
            '  File "/b/keras/x.py", line 1, in y\n    raise\nValueError: expected ndim=4, found ndim=3\n\n'
            "Arguments received by Conv2D.call():\n  • x=1\n",
            "  fashion.py, line 9, in main\n    fit(\n    ~~~^\nValueError: expected ndim=4, found ndim=3\n\n"
            "A convolution takes images with a channel each",
        ),
        ("epochs is 0.\n", "epochs is 0."),
        (
            '  File "/a/fashion.py", line 3\n    x = (\n        ^\nSyntaxError: never closed\n',
            "SyntaxError: never closed",
        ),
    ],
)
def test_a_traceback_is_shortened_to_the_learners_file(errors, shown):
    short = tracebacks.shorten(errors, "fashion.py")
    assert short.startswith(shown) or short.endswith(shown)
    assert "keras/x.py" not in short


@pytest.fixture(scope="module")
def graded(new_checkout):
    """A checkout with a finished run of the challenge, graded once; its answer is in `answer.txt`."""
    checkout = new_checkout()
    (checkout.folder / "fashion.py").write_text(short(SOLUTIONS[1]), encoding="utf-8")
    answer = checkout.run("check.py", timeout=300)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stderr == ""
    (checkout.folder / "answer.txt").write_text(answer.stdout, encoding="utf-8")
    return checkout


def test_the_grader_as_a_learner_runs_it(graded):
    said = (graded.folder / "answer.txt").read_text(encoding="utf-8")
    assert "for at most 30 minutes" in said
    assert "val_accuracy" in said  # training is shown as it goes
    assert "Hint 1 of 3 for level" in said
    assert "What cannot be seen:" in said

    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        again = graded.run("check.py", "--last")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 15
    assert again.stdout[again.stdout.index("Graded") :] == said[said.index("Graded") :]


def test_two_graders_at_once_and_a_kill_leave_valid_files(graded):
    command = [sys.executable, "check.py", "--last"]
    both = [
        subprocess.Popen(command, cwd=graded.folder, env=graded.environment(), stdout=subprocess.DEVNULL) for _ in "12"
    ]
    assert [grader.wait(120) for grader in both] == [0, 0]
    progress_file = graded.folder / "runs" / "fashion" / "progress.json"
    kept = json.loads(progress_file.read_text())
    for seconds in (0.2, 0.5, 1, 3, 6):
        grader = subprocess.Popen(command, cwd=graded.folder, env=graded.environment(), stdout=subprocess.DEVNULL)
        threading.Timer(seconds, grader.kill).start()
        grader.wait()
        assert json.loads(progress_file.read_text()) == kept
    assert (graded.folder / "fashion.py").read_text() == short(SOLUTIONS[1])


@pytest.mark.skipif(sys.platform != "linux", reason="the size of files is limited with prlimit")
def test_a_full_disk_loses_nothing(graded):
    progress_file = graded.folder / "runs" / "fashion" / "progress.json"
    kept = progress_file.read_text()
    full = ("prlimit", "--fsize=4", "env")  # no file can grow, but for the few bytes with which Python tries folders
    for words in (("--hint",), ("--reset",)):
        answer = graded.run("check.py", *words, before=full)
        assert answer.returncode == 2
        assert re.fullmatch(r"\S+ cannot be written \(.*\).*\.", answer.stderr.strip()), answer.stderr
    assert progress_file.read_text() == kept
    assert (graded.folder / "fashion.py").read_text() == short(SOLUTIONS[1])


def test_what_does_not_end_is_stopped(checkout):
    script = checkout.folder / "fashion.py"
    script.write_text("while True:\n    pass\n")
    answer = checkout.run("check.py", "--minutes", "0.02", timeout=60)
    assert answer.returncode == 1
    assert "did not end within 0.02 minutes" in answer.stdout
    assert answer.stderr == ""


def test_watching_grades_again_when_the_file_is_saved(checkout):
    script = checkout.folder / "fashion.py"
    script.write_text("first mistake\n")
    watching = checkout.start("check.py", "--watch")
    try:
        said = ""
        for save in ("second mistake\n", None):
            while "Waiting for you" not in (line := watching.stdout.readline()):
                assert line, watching.stderr.read()
                said += line
            time.sleep(1)
            if save:
                script.write_text(save)
        assert "first mistake" in said
        assert "second mistake" in said
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
        assert watching.stderr.read().strip() == "Stopped by Ctrl-C."
    finally:
        watching.kill()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--last"], "No run of fashion.py is finished; `python check.py` trains and grades one."),
        (["--last", "--hint"], "--last and --hint do not go together; choose one of them."),
        (["--minutes", "0"], "minutes is 0, but must be a number, above 0 and at most 1,440; give --minutes another"),
        (["--lastt"], "There is no --lastt; did you mean --last? --help lists them all."),
    ],
)
def test_wrong_use_is_answered_in_one_sentence(checkout, words, sentence):
    answer = checkout.run("-X", "importtime", "check.py", *words)
    said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.split("|")[-1].strip().split(".")[0] for line in answer.stderr.splitlines() if "|" in line}
    assert answer.returncode == 2
    assert len(said) == 1
    assert said[0].startswith(sentence)
    assert not imported & {"keras", "tensorflow", "wandb", "watchfiles"}
