"""What the tests of the challenge share: a grader of learners' files that takes seconds."""

import contextlib
import hashlib
import io
import os
import runpy
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import check
from course import data
from course.challenge import examine
from course.runs import folder as run_folder
from course.system import process
from course.system.errors import CourseError


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
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "SCRIPT", tmp_path / "fashion.py")
    monkeypatch.chdir(tmp_path)

    def run_python(words, folder, seconds, show=True) -> process.Outcome:
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
        return process.Outcome(os.getpid(), exit_code, errors.getvalue())

    monkeypatch.setattr(process, "run_python", run_python)
    monkeypatch.setattr("course.report.page.write_report", lambda folder: [])  # takes longer than these trainings
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def grade(text: str, **options: bool) -> tuple[int, str]:
        check.SCRIPT.write_text(text, encoding="utf-8")
        exit_code = check.main(check.Options(**options))
        said = capsys.readouterr()
        return exit_code, " ".join((said.out + said.err).split())

    return grade
