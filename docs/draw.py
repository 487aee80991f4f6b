"""Redraws the figures of these pages, in docs/figures: `python -m docs.draw`, or some: `python -m docs.draw order`."""

import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path

import convolution
from course.report.page import TEMPLATES
from course.report.style import Figure, svg
from course.system.files import shown, write_text
from docs import lesson_figures

FOLDER = Path(__file__).parent / "figures"
MARGIN = 8  # points around a figure
# Hosts of code show a file as it is, on a page of their own colour: so it brings its ground with it.
COLOURS = (TEMPLATES / "colours.css").read_text(encoding="utf-8")
CARD = f"<style>\n{COLOURS}text {{ font-family: system-ui, sans-serif; fill: var(--ink); }}\n</style>"


@functools.cache
def convolution_figures() -> dict[str, Figure]:
    """Returns the figures of convolution.py with its defaults, by name."""
    return dict(convolution.ideas(convolution.Config()))


def convolution_figure(name: str) -> Figure:
    """Returns one of them."""
    return convolution_figures()[name]


CONVOLUTION = (
    "1-kernel",
    "2-kernels",
    "3-colour",
    "4-stride",
    "5-padding",
    "6-pooling",
    "7-receptive-field",
    "8-flattening",
)
# Each figure's file, without .svg, and what draws it.
FIGURES: dict[str, Callable[[], Figure]] = {
    **{f"convolution-{name}": functools.partial(convolution_figure, name) for name in CONVOLUTION},
    **lesson_figures.FIGURES,
}


def still(name: str, figure: Figure) -> str:
    """Returns a figure as an SVG file, on a card that is light or dark as its reader's system is."""
    drawn = svg(figure, name, name.replace("-", " "))
    width, height = (float(size) + 2 * MARGIN for size in re.findall(r"[\d.]+", drawn.split('viewBox="')[1])[2:4])
    box = f"{-MARGIN} {-MARGIN} {width:g} {height:g}"
    drawn = re.sub(
        r'viewBox="[^"]*"', f'viewBox="{box}" width="{4 / 3 * width:.0f}" height="{4 / 3 * height:.0f}"', drawn
    )
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    drawn = drawn.replace("<svg ", f"<svg {names} ", 1)
    card = f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" rx="8" style="fill: var(--paper)"/>'
    drawn = drawn.replace(">", f">\n{CARD}\n{card}", 1)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<!--.*?-->", "", drawn))


def main(names: list[str]) -> None:
    if unknown := set(names) - set(FIGURES):
        sys.exit(f"There is no figure {unknown.pop()!r}; there are: {', '.join(FIGURES)}.")
    FOLDER.mkdir(exist_ok=True)
    for name in names or FIGURES:
        file = FOLDER / f"{name}.svg"
        write_text(file, still(name, FIGURES[name]()))
        print(f"{shown(file)}  {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
