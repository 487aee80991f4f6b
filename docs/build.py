"""Writes all figures of docs/ to docs/figures/, always the same: `python -m docs.build`."""

from pathlib import Path

from course.drawing import png
from course.files import replacing
from docs import lesson_figures

FOLDER = Path(__file__).parent / "figures"
FIGURES = {**lesson_figures.FIGURES}  # name of the file → function that draws it


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        with replacing(FOLDER / f"{name}.png") as unfinished:
            unfinished.write_bytes(png(figure()))


if __name__ == "__main__":
    main()
