"""Redraws the figures of these pages, in docs/figures: `python -m docs.draw`."""

import functools
import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

import convolution
from course.report.style import Figure, png
from course.system.files import replacing, shown
from docs import lesson_figures

FOLDER = Path(__file__).parent / "figures"


@functools.cache
def convolution_figures() -> dict[str, Figure]:
    """Returns the figures of convolution.py with its defaults, by name."""
    return dict(convolution.ideas(convolution.Config()))


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
# Each figure's file, without .png, and what draws it.
FIGURES: dict[str, Callable[[], Figure]] = {
    **{f"convolution-{name}": lambda name=name: convolution_figures()[name] for name in CONVOLUTION},
    **lesson_figures.FIGURES,
}


def small_png(figure: Figure) -> bytes:
    """Returns a figure as a PNG file of 256 colours, which is half as large and looks the same."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(png(figure))) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        file = FOLDER / f"{name}.png"
        with replacing(file) as unfinished:
            unfinished.write_bytes(small_png(draw()))
        print(f"{shown(file)}  {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
