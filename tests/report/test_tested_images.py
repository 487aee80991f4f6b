"""Test images as they are looked at: paper light, ink dark."""

import numpy as np
import pytest

from course.report.tested_images import are_ink, paper_of, to_look_at

SHEET = np.full((3, 20, 28), 246, np.uint8)
SHEET[:, 5:15, 0:20] = 9  # a bar that reaches the left edge


@pytest.mark.parametrize(
    ("data", "ink"), [("mnist", True), ("fashion_mnist", True), ("mine/digits.npz", True), ("photos", False)]
)
def test_a_folder_of_pictures_is_brightness_and_all_else_ink(data, ink):
    assert are_ink(data) == ink
    assert np.array_equal(to_look_at(SHEET[0], data), 255 - SHEET[0] if ink else SHEET[0])


@pytest.mark.parametrize(
    ("images", "data", "paper"),
    [(SHEET, "photos", 246), (255 - SHEET, "photos", 9), (SHEET, "mine.npz", 0), (SHEET, "mnist", 0)],
)
def test_the_paper_of_pictures_is_the_median_of_their_edges(images, data, paper):
    assert paper_of(images, data) == paper
