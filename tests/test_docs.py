"""The pages in docs/: their figures are those that the course draws today, and what they show is there."""

import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convolution
from docs.build import FIGURES, FOLDER, small_png

DOCS = Path(__file__).resolve().parent.parent / "docs"


def blocks(file: io.BytesIO | Path) -> np.ndarray:
    """Returns the mean colours of blocks of 8x8 pixels, which hardly depend on how letters are smoothed."""
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB").reduce(8), dtype="float32")


@pytest.mark.parametrize("name", FIGURES)
def test_a_committed_figure_is_the_one_drawn_today(name):
    committed = FOLDER / f"{name}.png"
    assert committed.stat().st_size <= 60_000
    today = blocks(io.BytesIO(small_png(FIGURES[name]())))
    assert blocks(committed).shape == today.shape
    assert np.abs(blocks(committed) - today).max() < 20, "run: python -m docs.build"


def test_every_figure_is_on_a_page_and_has_a_text_for_those_who_cannot_see_it():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    shown = dict(re.findall(r"!\[(.*?)\]\(figures/(.*?)\.png\)", pages, re.DOTALL))
    assert sorted(shown.values()) == sorted(FIGURES) == sorted(file.stem for file in FOLDER.iterdir())
    assert all(len(text.split()) >= 5 for text in shown)


def test_the_commands_to_try_are_possible():
    page = (DOCS / "convolutions.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python convolution.py (.*)$", page, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        assert convolution.Config.from_command_line(shlex.split(command)) != convolution.Config()
