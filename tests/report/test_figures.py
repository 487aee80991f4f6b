"""The pictures of a run."""

import numpy as np

from course.report import figures
from course.report.style import svg

ROWS = [{"epoch": 1, "loss": 0.5, "val_loss": 0.4}, {"epoch": 2, "loss": None, "val_loss": 0.3}]


def test_each_kernel_and_feature_map_is_shown_where_it_belongs():
    images = np.arange(3 * 2 * 5, dtype=float).reshape(3, 2, 5)
    whole = figures.montage(images, columns=2)
    assert whole.shape == (3 * 3 + 2, 2 * 2 + 1)
    for number, (top, left) in enumerate([(0, 0), (0, 3), (4, 0), (4, 3), (8, 0)]):
        assert np.array_equal(whole[top : top + 3, left : left + 2], images[..., number])
    assert np.isnan(whole).sum() == whole.size - images.size


def test_a_metric_that_was_not_a_number_leaves_a_gap_in_its_curve():
    loss = figures.curves(ROWS, overfits_since=None).axes[0]
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [0.5, np.nan])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), [0.4, 0.3])


def test_curves_show_what_there_is():
    rows = [{"epoch": 1, "loss": None, "auc": 0.5}, {"epoch": 2, "loss": None, "auc": 0.6}]
    drawn = (figures.curves(rows, None), figures.compared_curves({"1": rows}), figures.compared_curves({"1": ROWS}))
    titles = [[axes.get_title("left") for axes in figure.axes] for figure in drawn]
    assert titles == [["loss", "auc"], ["loss"], ["val_loss"]]


def test_sixteen_runs_are_told_apart():
    (loss,) = figures.compared_curves({str(run): ROWS for run in range(16)}).axes
    assert len({(line.get_color(), line.get_linestyle()) for line in loss.lines}) == 16


def test_a_confusion_matrix_has_its_numbers_in_its_cells():
    matrix = np.array([[5, 1, 0], [0, 7, 2], [0, 0, 9]])
    (axes,) = figures.confusion(matrix, ("a", "b", "c")).axes
    cells = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert cells == {(0, 0): 5, (1, 0): 1, (1, 1): 7, (2, 1): 2, (2, 2): 9}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]


def test_the_name_of_a_class_is_no_formula():
    names = ("$a_$", "US$ 5 to US$ 10")
    figure = figures.confusion(np.array([[5, 1], [0, 7]]), names)
    assert svg(figure, "confusion", "mistakes")  # which a wrong formula would end
    assert not any(label.get_parse_math() for label in figure.axes[0].get_xticklabels())
