"""The page of convolution.py: what a reader changes, and that it computes what the lesson does."""

import json
import re

import numpy as np
import pytest
from browsing import look_at

from convolution import Config, convolve, pool
from course.convolution.kernels import read_kernel
from course.convolution.pictures import read_picture
from course.convolution.workbench import workbench

MAPS = "Live.workbenches.live.layers.outputs.map(({shape, values}) => [shape, Array.from(values)])"


def expected(name: str, kernel: str, stride: int, padding: str, pooling: str, size: int) -> list[np.ndarray]:
    grey = np.rint(255 * read_picture(name).mean(axis=-1, keepdims=True)).astype("float32") / 255
    made = convolve(grey, read_kernel(kernel), stride, padding)
    above_zero = np.maximum(made, 0)
    return [grey, made, above_zero, pool(above_zero, size, pooling)]


def assert_shows(page, *choice) -> None:
    found = [np.reshape(values, shape) for shape, values in page.evaluate(MAPS)]
    for shown, right in zip(found, expected(*choice), strict=True):
        np.testing.assert_allclose(shown, right, atol=1e-5)


def test_the_page_begins_with_the_config():
    text = workbench(Config(kernel="0 1 0 1 -4 1 0 1 0", stride=2, pooling="average"))
    data = json.loads(re.search(r'id="live-data">([^<]*)</script>', text)[1])
    assert data["kernels"]["yours"] == [0, 1, 0, 1, -4, 1, 0, 1, 0]
    assert (data["kernel"], data["stride"], data["pooling"]) == ("yours", 2, "average")
    assert list(data["pictures"]) == ["digit", "garment", "house"]


@pytest.mark.slow
def test_what_is_chosen_is_computed_as_in_the_lesson(browser, tmp_path):
    (tmp_path / "page.html").write_text(workbench(Config()), encoding="utf-8")
    look_at(browser, tmp_path / "page.html", 360, "dark")
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "page.html").as_uri())
    assert_shows(page, "digit", "vertical_edges", 1, "valid", "max", 2)
    for name, value in {"picture": "house", "kernel": "emboss", "stride": "2", "padding": "same"}.items():
        page.select_option(f"#live-{name}", value)
    page.select_option("#live-pooling", "average")
    page.select_option("#live-pool_size", "3")
    assert_shows(page, "house", "emboss", 2, "same", "average", 3)
    page.locator("#live-weights input").nth(4).focus()
    page.keyboard.press("Home")
    assert_shows(page, "house", "-2 -1 0 -1 -5 1 0 1 2", 2, "same", "average", 3)
    page.select_option("#live-stride", "1")
    page.locator("#live-layers .maps canvas").nth(1).focus()
    assert "What lies beyond the border counts as 0." in page.inner_text("#live-value")
    page.close()
    assert said == []
