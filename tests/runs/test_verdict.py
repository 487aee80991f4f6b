"""What a history is said to show: nothing is concluded from noise."""

import re

import numpy as np
import pytest
from scipy import stats

from course.runs import folder as run_folder
from course.runs.record import Row
from course.runs.verdict import Change, Changes, judge, read_changes
from course.system.errors import CourseError
from course.system.files import write_json


def row(epoch: int, loss: float, val_loss: float | None, accuracy: float = 0.9, val_accuracy: float = 0.88) -> Row:
    return {"epoch": epoch, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}


@pytest.mark.parametrize(
    ("history", "kind", "since", "said"),
    [
        ([row(1, 0.5, 0.4)], "cannot tell", None, "single epoch"),
        ([row(1, 0.5, 0.4), row(2, 0.4, 0.3)], "still learning", None, r"-0.1000 ± 0.0402: it was still falling"),
        ([row(1, 0.5, 0.4), row(2, 0.4, 0.399)], "unchanged", None, r"-0.0010 ± .* may be chance"),
        (
            [row(1, 0.5, 0.4), row(2, 0.4, 0.3), row(3, 0.3, 0.45)],
            "overfitting",
            2,
            "after epoch 2 and then rose by 0.15",
        ),
        ([row(1, 0.5, 0.4), row(2, 0.4, 0.3), row(3, 0.45, 0.45)], "unchanged", None, "only a longer training"),
        ([row(1, 0.5, 0.3), row(2, 0.6, 0.35)], "unchanged", None, "may be chance"),
        ([row(1, 2.3, 2.3, 0.1, 0.1), row(2, 2.31, 2.3, 0.1, 0.1)], "not fitting", None, "does not even fit"),
        ([row(1, 0.5, 0.3), row(2, 0.6, None)], "cannot tell", None, "Not every loss was a number"),
        ([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.4}], "cannot tell", None, "Nothing was validated"),
        ([row(1, 0.5, 0.3), row(2, 0.4, 0.2, 0.8, 0.9)], "still learning", None, "80.0% .* 90.0% .* during the epoch"),
    ],
)
def test_a_history_is_judged_in_plain_words(history, kind, since, said):
    verdict = judge(history)
    assert (verdict.kind, verdict.since) == (kind, since)
    assert re.search(said, verdict.sentences)


def test_the_first_report_of_all_is_not_about_overfitting():
    """The default seed of cnn.py: 0.03935 after three epochs, 0.03956 after four."""
    history = [row(1, 0.31, 0.063), row(2, 0.11, 0.048), row(3, 0.085, 0.03935), row(4, 0.07, 0.03956)]
    assert judge(history).kind == "unchanged"


def test_epochs_of_another_network_do_not_count():
    folds = [row(1, 0.5, 0.3), row(2, 0.4, 0.2), row(3, 0.5, 0.4), row(4, 0.39, 0.3)]
    assert judge(folds).kind == "overfitting"
    assert judge(folds, Changes(begun=3)).kind == "still learning"
    assert judge(folds, Changes(begun=4)).kind == "cannot tell"


def compared(losses: list[np.ndarray]) -> tuple[list[Row], Changes]:
    """Returns history and changes of epochs with these losses on the validation images; training goes on well."""
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means[:-1]))
    history = [row(number, 1 / number, mean) for number, mean in enumerate(means, start=1)]
    previous = Change.between(len(losses) - 1, losses[-2], losses[-1])
    return history, Changes(previous=previous, best=Change.between(best + 1, losses[best], losses[-1]))


def test_what_only_wanders_is_called_overfitting_once_in_a_hundred_at_most():
    generator, called = np.random.default_rng(0), 0
    for _ in range(1000):
        images = generator.exponential(0.04, 1000)  # some are harder than others, in all epochs
        epochs = generator.integers(2, 30)
        called += (
            judge(*compared([images + generator.normal(0, 0.02, 1000) for _ in range(epochs)])).kind == "overfitting"
        )
    assert called <= 10


def test_what_rises_beyond_chance_is_called_overfitting():
    generator = np.random.default_rng(0)
    images = generator.exponential(0.04, 5000)
    losses = [images * (1 + 0.1 * abs(epoch - 4)) + generator.normal(0, 0.02, 5000) for epoch in range(10)]
    verdict = judge(*compared(losses))
    assert (verdict.kind, verdict.since) == ("overfitting", 5)


def test_the_error_of_a_change_is_that_of_a_paired_test():
    before, after = np.random.default_rng(0).exponential(size=(2, 50))
    change = Change.between(3, before, after)
    assert change.loss / change.error == pytest.approx(stats.ttest_rel(after, before).statistic)


def test_changes_are_read_as_they_were_written(tmp_path):
    changes = Changes(best=Change(since=3, loss=0.1, error=0.01))
    assert read_changes(tmp_path) == Changes()
    write_json(tmp_path / run_folder.CHANGES, changes.model_dump())
    assert read_changes(tmp_path) == changes
    (tmp_path / run_folder.CHANGES).write_text('{"best": 1}')
    with pytest.raises(CourseError, match="was damaged or changed"):
        read_changes(tmp_path)
