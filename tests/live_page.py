"""The JavaScript of course/report/live/ in a browser, on a page that holds nothing else."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from course.report.alive import description

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIVE = Path(__file__).resolve().parent.parent / "course" / "report" / "live"
FILES = ("network.js", "layers.js", "arithmetic.js")  # in the order in which a page holds them


def open_page(browser: "Browser") -> "Page":
    page = browser.new_page()
    page.add_script_tag(content="\n".join((LIVE / name).read_text(encoding="utf-8") for name in FILES))
    page.evaluate(
        """() => {
            window.decoded = (text) => Live.numbers({shape: [], data: text}).values;
            window.encoded = (values) => btoa(String.fromCharCode(...new Uint8Array(values.buffer)));
        }"""
    )
    return page


def read(page: "Page", model: keras.Model) -> bool:
    """Gives the page a network, as `network`; returns whether it could read it."""
    return page.evaluate("description => (window.network = Live.read(description)) !== null", description(model))


def answers(page: "Page", prepared: np.ndarray) -> np.ndarray:
    """Returns what the page's network answers to images (n, ...): float32 (n, classes)."""
    return np.concatenate([_answers(page, prepared[first : first + 500]) for first in range(0, len(prepared), 500)])


def _answers(page: "Page", prepared: np.ndarray) -> np.ndarray:
    found = page.evaluate(
        """([text, count]) => {
            const all = decoded(text), size = all.length / count;
            const answers = [];
            for (let i = 0; i < count; i++) answers.push(...network.answer(all.subarray(i * size, (i + 1) * size)));
            return encoded(Float32Array.from(answers));
        }""",
        [base64.b64encode(prepared.astype("<f4").tobytes()).decode(), len(prepared)],
    )
    return np.frombuffer(base64.b64decode(found), "<f4").reshape(len(prepared), -1)
