"""report.py as one runs it."""

import pytest


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No run has finished an epoch yet; start one with `python cnn.py`."),
        (["data"], "data is not a run with a finished epoch; name one, such as runs/cnn/latest."),
        (["a" * 300], f"{'a' * 300} is not a run with a finished epoch; name one, such as runs/cnn/latest."),
        (["a b", "c"], "'a b' is not a run with a finished epoch; name one, such as runs/cnn/latest."),
        (["--opne", "True"], "Unknown option --opne; did you mean --open? --help lists them all."),
    ],
)
def test_wrong_use_is_answered_in_one_sentence(checkout, words, sentence):
    answer = checkout.run("report.py", *words)
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", f"{sentence}\n")
