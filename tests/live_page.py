"""The JavaScript of course/report/live/ in a browser, on a page that holds nothing else."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

from course.report.alive import description

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIVE = Path(__file__).resolve().parent.parent / "course" / "report" / "live"
FILES = ("network.js", "layers.js", "arithmetic.js")  # in the order in which a page holds them
HARNESS = """() => {
    window.decoded = (text) => Live.numbers({shape: [], data: text}).values;
    window.encoded = (values) => {
        let text = "";
        for (const byte of new Uint8Array(Float32Array.from(values).buffer)) text += String.fromCharCode(byte);
        return btoa(text);
    };
    window.images = ([text, count]) => {
        const all = decoded(text), size = all.length / count;
        return Array.from({length: count}, (_, i) => all.subarray(i * size, (i + 1) * size));
    };
}"""


class Output(NamedTuple):
    """What one layer of the page's network makes of an image; its name and kind are empty for the image itself."""

    name: str
    kind: str
    values: np.ndarray  # float32, in the shape that the page says


def open_page(browser: "Browser") -> "Page":
    page = browser.new_page()
    page.add_script_tag(content="\n".join((LIVE / name).read_text(encoding="utf-8") for name in FILES))
    page.evaluate(HARNESS)
    return page


def read(page: "Page", model: keras.Model) -> bool:
    """Gives the page a network, as `network`; returns whether it could read it."""
    return page.evaluate("description => (window.network = Live.read(description)) !== null", description(model))


def answers(page: "Page", prepared: np.ndarray) -> np.ndarray:
    """Returns what the page's network answers to images (n, ...): float32 (n, classes)."""
    parts = [prepared[first : first + 500] for first in range(0, len(prepared), 500)]
    program = "given => encoded(images(given).flatMap(image => [...network.answer(image)]))"
    found = [_values(page.evaluate(program, [_text(part), len(part)])) for part in parts]
    return np.concatenate(found).reshape(len(prepared), -1)


def outputs(page: "Page", image: np.ndarray, opened: Iterable[tuple[int, int]] = ()) -> tuple[list[Output], list[dict]]:
    """Returns the image and what each layer makes of it; and the arithmetic of values, named by entry and place."""
    program = """([given, places]) => {
        const outputs = window.outputs = network.run(images(given)[0]);
        const said = ({layer, shape, values}) => [layer?.name ?? "", layer?.kind ?? "", shape, encoded(values)];
        return [outputs.map(said), places.map((place) => network.arithmetic(outputs, ...place))];
    }"""
    found, arithmetic = page.evaluate(program, [[_text(image), 1], list(opened)])
    return [Output(name, kind, _values(text).reshape(shape)) for name, kind, shape, text in found], arithmetic


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _values(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")
