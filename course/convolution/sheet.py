"""A sheet of a figure: pictures, feature maps and their numbers, at places in inches.

Values are float32 arrays (rows, columns, channels). They are drawn from black, 0, to white, `white`. Where that is None
they have a sign: blue is below 0, white is 0, orange is above, up to `limit`, by default the largest of them.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from course.geometry import KERNEL
from course.report.style import GREEN, GREY, SIGNED, new_figure

WIDTH = 6  # inches: on a phone, too, numbers can be read
SIDE = 1.65  # inches of nine cells with numbers
TEXT = 12  # points
MARK = GREEN
DARK = "#010101"  # on a bright cell, also on a dark page, whose ink replaces black
Box = tuple[int, int, int, int]  # of values: row, column, rows, columns
Limit = float | None


class Panel(NamedTuple):
    """A place on a sheet, in inches, and the texts above and below it."""

    left: float
    top: float  # from the top of the sheet
    width: float
    height: float
    title: str = ""
    below: str = ""


def decimal(value: float, digits: int = 2) -> str:
    """Returns a value as text with so many digits after the point."""
    text = f"{round(float(value), digits) + 0.0:.{digits}f}"  # adding 0 makes -0 a 0
    return text.replace("-", "−")


def fraction(weight: float) -> str:
    """Returns a weight as a short text, such as 1/9."""
    text = f"{weight + 0:.3g}"
    if len(text.lstrip("-")) > 4:
        nearest = Fraction(float(weight)).limit_denominator(20)
        text = str(nearest) if abs(float(nearest) - weight) < 1e-6 else f"{weight:.2f}"
    return text.replace("-", "−")


def times(weight: float) -> str:
    """Returns a weight as what a value is multiplied by, such as × 1/9."""
    return f"× {fraction(weight)}"


def size_text(values: np.ndarray) -> str:
    """Returns how many rows and columns there are, such as 28×28."""
    return f"{values.shape[0]}×{values.shape[1]}"


def largest(values: np.ndarray) -> float:
    """Returns how far values are from 0 at most; 1 if all are 0."""
    return float(np.abs(values).max()) or 1.0


class Sheet:
    """A figure with a title, on which everything has a place."""

    def __init__(self, height: float, title: str) -> None:
        """Begins a sheet of so many inches."""
        self.figure = new_figure(WIDTH, height)
        self.figure.set_layout_engine("none")  # places are given
        self.height = height
        self.figure.text(0.2 / WIDTH, 1 - 0.16 / height, title, fontsize=15, weight="bold", va="top")

    def explain(self, *lines: str) -> None:
        """Writes at most two lines below the title."""
        text = self.figure.text(0.2 / WIDTH, 1 - 0.5 / self.height, "\n".join(lines), linespacing=1.3, va="top")
        text.set(fontsize=TEXT - 0.5, color=GREY)

    def note(self, left: float, top: float, text: str, va: str = "top") -> Text:
        """Writes a text whose lines begin at `left`, and returns it."""
        return self.figure.text(left / WIDTH, 1 - top / self.height, text, fontsize=TEXT, linespacing=1.4, va=va)

    def sign(self, left: float, top: float, text: str) -> None:
        """Writes a sign of a formula around this point."""
        self.figure.text(left / WIDTH, 1 - top / self.height, text, fontsize=15, ha="center", va="center")

    def axes(self, panel: Panel) -> Axes:
        """Returns empty axes."""
        left, top, width, height, title, below = panel
        bottom = 1 - (top + height) / self.height
        axes = self.figure.add_axes((left / WIDTH, bottom, width / WIDTH, height / self.height))
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, loc="center", fontsize=TEXT, pad=5)
        axes.set_xlabel(below, fontsize=TEXT, labelpad=5)
        axes.spines[:].set_visible(False)
        return axes

    def picture(
        self, panel: Panel, values: np.ndarray, white: Limit = 1, limit: Limit = None, marked: Box | None = None
    ) -> Axes:
        """Draws values, (rows, columns, 1 or 3), with a frame around some of them."""
        axes = self.axes(panel)
        if white is None:
            limit = limit or largest(values)
            axes.imshow(values[..., 0], cmap=SIGNED, vmin=-limit, vmax=limit)
        elif values.shape[-1] == 3:
            axes.imshow(np.clip(values / white, 0, 1))
        else:
            axes.imshow(values[..., 0], cmap="gray", vmin=0, vmax=white)
        axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor=GREY, clip_on=False))
        if marked is not None:
            mark(axes, marked)
        return axes

    def cells(
        self,
        panel: Panel,
        values: np.ndarray,
        white: Limit = 1,
        limit: Limit = None,
        fontsize: float = TEXT,
        text_of: Callable[[float], str] = decimal,
        zeros: int = 0,
    ) -> Axes:
        """Draws values, (rows, columns, 1), with their numbers; the first `zeros` rows and columns are padding."""
        axes = self.picture(panel, values, white, limit)
        image = axes.images[0]
        texts = {at: text_of(values[at][0]) for at in np.ndindex(values.shape[:2])}
        cell = panel.width * 72 / values.shape[1]  # points
        fontsize = min(fontsize, cell / max(map(len, texts.values())) / 0.68)  # a digit is 0.64 as wide as high
        for (row, column), text in texts.items():
            red, green, blue, _ = image.cmap(image.norm(values[row, column, 0]))
            padding = min(row, column) < zeros
            ink = DARK if padding or 0.3 * red + 0.6 * green + 0.1 * blue > 0.45 else "white"
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=GREY, linewidth=0.8))
            if padding:
                hatch(axes, row, column)
            axes.text(column, row, text, color=ink, fontsize=fontsize, ha="center", va="center")
        return axes

    def kernel(
        self, panel: Panel, weights: np.ndarray, limit: Limit = None, text_of: Callable[[float], str] = fraction
    ) -> Axes:
        """Draws nine weights, (3, 3) or (3, 3, 1), with their numbers."""
        nine, limit = weights.reshape(KERNEL, KERNEL, 1), limit or 1.5 * largest(weights)
        return self.cells(panel, nine, None, limit, text_of=text_of)

    def product(self, top: float, nine: np.ndarray, weights: np.ndarray, zeros: int = 0) -> None:
        """Draws nine pixels, (3, 3, 1), and next to them what each is multiplied by."""
        axes = self.cells(Panel(0.2, top, SIDE, SIDE, below="nine pixels"), nine, zeros=zeros)
        mark(axes, (0, 0, KERNEL, KERNEL))
        self.kernel(Panel(2.1, top, SIDE, SIDE, below="nine weights"), weights, text_of=times)

    def sum(self, left: float, top: float, output: np.ndarray, box: Box, white: Limit) -> None:
        """Draws the first pixel in a box of an output, (rows, columns, 1), as a sum around a height."""
        self.sign(left + 0.35, top, "sum =")
        panel = Panel(left + 0.8, top - 0.3, 0.9, 0.6, below="one output pixel")
        axes = self.cells(panel, output[box[:2]].reshape(1, 1, 1), white, largest(output), fontsize=13)
        axes.set_aspect("auto")
        axes.xaxis.set_label_coords(0.1, -0.1)
        mark(axes, (0, 0, 1, 1))

    def zoom(self, axes: Axes, box: Box, target: Axes, target_box: Box | None = None) -> None:
        """Connects a box with another one, by default all values of axes below or to the right, by two lines."""
        top, left, bottom, right = _corners(box)
        top_there, left_there, bottom_there, right_there = _corners(target_box or (0, 0, *target.images[0].get_size()))
        if target.get_position().y1 < axes.get_position().y0:
            ends = [((left, bottom), (left_there, top_there)), ((right, bottom), (right_there, top_there))]
        else:
            ends = [((right, top), (left_there, top_there)), ((right, bottom), (left_there, bottom_there))]
        for start, end in ends:
            line = ConnectionPatch(start, end, axes.transData, target.transData, color=MARK, linewidth=1.2, alpha=0.8)
            self.figure.add_artist(line)


def mark(axes: Axes, box: Box, dashed: bool = False) -> None:
    """Draws a frame around some of the values on axes."""
    row, column, rows, columns = box
    frame = Rectangle((column - 0.5, row - 0.5), columns, rows, fill=False, edgecolor=MARK, linewidth=2, zorder=3)
    if dashed:
        frame.set_linestyle((0, (2, 1.5)))
    else:
        frame.set_path_effects([withStroke(linewidth=3.6, foreground="white")])
    axes.add_patch(frame).set_clip_on(False)


def hatch(axes: Axes, row: int, column: int) -> None:
    """Draws one value of the padding."""
    corner = column - 0.5, row - 0.5
    axes.add_patch(Rectangle(corner, 1, 1, facecolor="#e8e8e8", edgecolor="#a0a0a0", hatch="////", linewidth=0.5))


def _corners(box: Box) -> tuple[float, float, float, float]:
    row, column, rows, columns = box
    return row - 0.5, column - 0.5, row + rows - 0.5, column + columns - 0.5
