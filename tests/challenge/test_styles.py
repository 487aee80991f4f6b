"""Right answers in forty styles: none is refused, and one network is tested, kept, reported and graded."""

import json
import re

import keras
import numpy as np
import pytest
from styles import LABELS, STYLES, Style

import check
from course.challenge import rules
from course.challenge.grade import newest_finished
from course.challenge.levels import LEVELS
from course.challenge.observed import read_evidence
from course.runs import folder as run_folder
from course.runs.record import read_predictions

QUICK = {"subclassed, activations in call", "early stopping that restores"}  # the others are marked slow
COUNTED = """        answers = keras.ops.convert_to_numpy(model.predict(X_test, verbose=0)).argmax(1)
        print("Counted:", (answers == TRUTH).sum())
"""


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    "style", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in STYLES]
)
def test_a_right_answer_is_not_refused_and_there_is_one_truth(grade_file, style, capsys, thorough):
    if not thorough and style not in QUICK and list(STYLES).index(style) % 6:
        pytest.skip("CI tries a sample")
    wanted: Style = STYLES[style]
    truth = "y_test" if LABELS in wanted.text() else "y_test.argmax(1)"
    text = wanted.text().replace("        run.finish(", COUNTED.replace("TRUTH", truth) + "        run.finish(")
    exit_code, said = grade_file(text)
    assert exit_code == 0, said[-1500:]
    assert "To fix" not in said
    remarks = re.findall(r"Worth knowing: (.*?)(?= Worth knowing| Hint| All levels)", said)
    assert all(
        wanted.says and remark.startswith(wanted.says) for remark in remarks if "That is overfitting" not in remark
    ), said
    assert wanted.says in said
    folder = newest_finished()
    assert folder is not None
    found = rules.structure(read_evidence(folder))
    assert all(finding.level is None or finding.level > wanted.level for finding in found), found

    (counted,) = map(int, re.findall(r"Counted: (\d+)", said))
    assert read_predictions(folder / run_folder.PREDICTIONS).accuracy == counted / 1000
    assert json.loads((folder / run_folder.METRICS).read_text())["test_accuracy"] == pytest.approx(counted / 1000)
    check.main(check.Options(final=True))
    assert f"{counted / 10:.2f}% of the 1,000 test images" in " ".join(capsys.readouterr().out.split())
    if "parts of your own" not in said:
        model = keras.models.load_model(folder / run_folder.MODEL, compile=False)
        kept = read_predictions(folder / run_folder.PREDICTIONS)
        assert np.allclose(model.predict(kept.example, verbose=0), kept.outputs[:200], atol=1e-5)


def test_there_are_forty_styles():
    assert len(STYLES) >= 40
    assert {style.level for style in STYLES.values()} >= set(range(2, 6))
    assert len(LEVELS) == 6
