"""The figures of the lesson on convolution, one function per figure.

Pictures and feature maps are float32 arrays (rows, columns, channels), kernels (3, 3, channels). The lesson has
computed what is drawn; only the products of the pixel that is written out are computed here, so that a figure shows
where its number comes from.
"""

from __future__ import annotations

import functools

import numpy as np
from matplotlib.figure import Figure

from course.convolution.chosen import Chosen
from course.convolution.kernels import LearntKernels
from course.convolution.sheet import (
    MARK,
    SIDE,
    WIDTH,
    Box,
    Panel,
    Sheet,
    decimal,
    hatch,
    largest,
    mark,
    size_text,
)  # fmt: skip
from course.geometry import KERNEL, SMALLEST, output_size, receptive_field, seen, zeros_added
from course.report.style import styled

COLOURS = ("red", "green", "blue")
STRONG = 3  # a weight of this size has the full colour wherever kernels are compared
STRONGEST = 3  # so many maps are followed into a second convolution
CHOSEN = " (chosen)"
REMAINING = {2: ("half", "a quarter"), 3: ("a third of", "a ninth"), 4: ("a quarter of", "a sixteenth")}


def striking_part(picture: np.ndarray, output: np.ndarray, size: int) -> np.ndarray:
    """Returns `size` by `size` pixels, at least 3, of a picture (height, width, 1) that vary much.

    Their first pixel in the output of a kernel, (height - 2, width - 2, 1), is far from 0.
    """
    return _part(picture, _striking(picture, size, output))


@styled()
def one_kernel(picture: np.ndarray, weights: np.ndarray, output: np.ndarray) -> Figure:
    """One pixel of an output (height - 2, width - 2, 1) as the weighted sum of nine of a picture (height, width, 1)."""
    high, white = _height(picture, 2.6), _white(weights)
    sheet = Sheet(4.85 + high, "A kernel slides over the picture")
    sheet.explain("At each stop, nine pixels are multiplied by nine weights.", "Their sum is one pixel of the output.")
    nine = _striking(picture, KERNEL, output)
    one = (*nine[:2], 1, 1)
    before = sheet.picture(Panel(0.25, 1.4, 2.6, high, f"picture, {size_text(picture)}"), picture)
    mark(before, nine)
    mark(before, (0, 0, KERNEL, KERNEL), dashed=True)
    arrow = {"arrowstyle": "-|>", "color": MARK, "mutation_scale": 12}
    before.annotate("", (picture.shape[1] * 0.45, 1), (3, 1), arrowprops=arrow)
    sheet.picture(Panel(3.15, 1.4, 2.6, high, f"output, {size_text(output)}"), output, white, marked=one)

    top = 1.7 + high
    sheet.product(top, _part(picture, nine), weights)
    sheet.sign(3.93, top + SIDE / 2, "=")
    sheet.cells(Panel(4.1, top, SIDE, SIDE, below="nine products"), _part(picture, nine) * weights, None)
    sheet.sum(4.05, top + SIDE + 0.85, output, one, white)
    return sheet.figure


@styled()
def several_kernels(
    pictures: list[np.ndarray], weights: dict[str, np.ndarray], outputs: dict[str, list[np.ndarray]], config: Chosen
) -> Figure:
    """What each kernel, by name (3, 3, 1), does to each picture (height, width, channels); that of `config` is marked.

    `outputs` of each kernel are one for each picture, channel by channel: (height - 2, width - 2, channels).
    """
    step = (WIDTH - 0.3) / len(weights)
    side = step - 0.08
    highs = [_height(picture, side) for picture in pictures]
    sheet = Sheet(1.75 + step + sum(highs) + 0.1 * len(highs), "Change the weights, change the effect")
    sheet.explain(
        "Each column: a kernel, and what it makes of the pictures.",
        "Where the ground is grey, black is below 0 and white above 1.",
    )
    for number, (name, kernel) in enumerate(weights.items()):
        left, top = 0.2 + number * step, 1.6 + step
        title = name.replace("_", "\n") if name.replace("_", "").isalpha() else "your\nkernel"
        axes = sheet.kernel(Panel(left, 1.55, side, side, title), kernel, STRONG)
        axes.title.set_fontsize(min(11, 11 * step))
        if name == config.kernel:
            mark(axes, (0, 0, KERNEL, KERNEL))
        for output, high in zip(outputs[name], highs, strict=True):
            panel = Panel(left, top, side, high)
            white = _white(kernel)
            if white is None:
                sheet.picture(panel, _grey(output), None)
            elif kernel.min() < 0:  # they leave 0 to 1: half as much on both sides is drawn, too
                sheet.picture(panel, output + white / 2, 2 * white)
            else:
                sheet.picture(panel, output, white)
            top += high + 0.1
    return sheet.figure


@styled()
def three_channels(picture: np.ndarray, weights: np.ndarray, parts: list[np.ndarray], together: np.ndarray) -> Figure:
    """A convolution of a picture (height, width, 3) with a kernel (3, 3, 3) as the sum of three of one channel.

    `parts` are its outputs for red, green and blue, `together` is the output of one convolution for all three channels,
    each (height - 2, width - 2, 1).
    """
    wide, high = 1.6, _height(picture, 1.6)
    slot = max(high, 1.45)
    step = slot + 0.42
    sheet = Sheet(2.25 + 4 * step, "A colour picture has three channels")
    sheet.explain("Red, green and blue each have weights of their own.", "The three results, added up, are one output.")
    total = np.sum(parts, axis=0)
    nine = _striking(_grey(picture), KERNEL, total)
    at, one = nine[:2], (*nine[:2], 1, 1)
    limit = max(largest(part) for part in [*parts, total])
    tops = [1.2 + row * step + (slot - high) / 2 for row in range(4)]
    for channel, (name, part, top) in enumerate(zip(COLOURS, parts, tops[:3], strict=True)):
        middle = top + high / 2
        tinted = picture * np.eye(3, dtype="float32")[channel]
        sheet.picture(Panel(0.2, top, wide, high, below=name), tinted, marked=nine)
        sheet.sign(1.99, middle, "∗")
        sheet.kernel(Panel(2.2, middle - 0.72, 1.45, 1.45), weights[..., channel], largest(weights))
        sheet.sign(3.86, middle, "=")
        sheet.picture(Panel(4.1, top, wide, high, below=decimal(part[at][0])), part, None, limit, marked=one)
    sheet.picture(Panel(0.2, tops[3], wide, high, below="all three channels"), picture, marked=nine)
    sheet.sign(2.93, tops[3] + high / 2, "sum of the three =")
    panel = Panel(4.1, tops[3], wide, high, below=f"sum: {decimal(total[at][0])}")
    sheet.picture(panel, total, None, limit, marked=one)
    terms = " + ".join(f"({decimal(part[at][0])})" for part in parts)
    sheet.note(
        0.2,
        1.2 + 4 * step,
        f"At the marked pixel: {terms} = {decimal(total[at][0])}.\n"
        f"One convolution of all three channels gives the same:\n"
        f"no value differs by more than {np.abs(total - together).max():.7f}.",
    )
    return sheet.figure


@styled()
def strides(picture: np.ndarray, weights: np.ndarray, outputs: dict[int, np.ndarray], config: Chosen) -> Figure:
    """Which pixels of a picture (height, width, 1) the kernel visits, and how its output shrinks.

    `outputs`, (rows, columns, 1), are those without padding, by stride; the stride of `config` is marked.
    """
    side, whole, white = 1.75, outputs[1], _white(weights)
    high = _height(picture, side)
    step = side + 0.45
    sheet = Sheet(1.2 + step * len(outputs), "Stride: how far the kernel moves")
    sheet.explain(
        "Left: where the kernel stops on a part of the picture; a dot is the",
        "centre of each stop. Right: the whole output.",
    )
    part = _part(picture, _striking(picture, SMALLEST, whole))
    for number, (stride, output) in enumerate(outputs.items()):
        top, (rows, columns) = 1.45 + number * step, output.shape[:2]
        title = f"stride {stride}{CHOSEN * (stride == config.stride)}"
        axes = sheet.picture(Panel(0.2, top, side, side, title), part)
        stops = np.arange(output_size(SMALLEST, KERNEL, stride, "valid")) * stride + KERNEL // 2
        axes.plot(*map(np.ravel, np.meshgrid(stops, stops)), "o", color=MARK, markersize=5, markeredgecolor="white")
        mark(axes, (0, 0, KERNEL, KERNEL))
        mark(axes, (0, stride, KERNEL, KERNEL), dashed=True)
        wide = side * columns / whole.shape[1]
        sheet.picture(Panel(2.2, top, wide, high * rows / whole.shape[0]), output, white)
        exact = (picture.shape[1] - KERNEL) / stride + 1
        result = f"= {columns}" if exact == columns else f"= {exact:.2f} → {columns}"
        formula = f"({picture.shape[1]} − {KERNEL}) / {stride} + 1\n{result}"
        sheet.note(2.4 + wide, top, f"{size_text(picture)} → {size_text(output)}\n{formula}")
    return sheet.figure


@styled()
def paddings(picture: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Chosen) -> Figure:
    """Where the zeros go, and how large the output is without and with them.

    The picture is a few pixels, (size, size, 1); `outputs`, (rows, columns, 1), are those with padding "valid" and
    "same" and the stride of `config`, whose padding is marked.
    """
    size, stride = len(picture), config.stride
    formulas = {"valid": f"({size} − {KERNEL}) / {stride} + 1,\nrounded down", "same": f"{size} / {stride}, rounded up"}
    sheet = Sheet(9.1, "Padding: what happens at the border")
    sheet.explain(f"The same {size}×{size} pixels without zeros around them and with zeros.", "Below them: the output.")
    limit, white = max(map(largest, outputs.values())), _white(weights)
    pixel = 2.25 / (size + 2)  # inches, the same for all
    for left, (name, output) in zip((0.2, 3.2), outputs.items(), strict=True):
        before, after = zeros_added(size, KERNEL, stride, name)
        zeros = f"zeros: {before} before, {after} after" if before + after else "no zeros"
        sheet.note(left, 1.15, f"{name}{CHOSEN * (name == config.padding)}").set_fontweight("bold")
        sheet.note(left, 1.37, zeros)
        padded = np.pad(picture, ((before, after), (before, after), (0, 0)))
        place = left + (1 - before) * pixel, 1.7 + (1 - before) * pixel
        axes = sheet.picture(Panel(*place, len(padded) * pixel, len(padded) * pixel), padded)
        for row, column in np.ndindex(padded.shape[:2]):
            if not (before <= row < before + size and before <= column < before + size):
                hatch(axes, row, column)
        mark(axes, (0, 0, KERNEL, KERNEL))
        place = left + (1 - before) * pixel, 4.15
        side = len(output) * pixel
        axes = sheet.picture(Panel(*place, side, side), output, white, limit, marked=(0, 0, 1, 1))
        if (false := _false_edge(picture, weights, output, stride, before, after)) is not None:
            mark(axes, false, dashed=True)
        edge = "" if false is None else "\ndashed: a false edge"
        sheet.note(left, 4.23 + side, f"{size_text(output)}: {formulas[name]}{edge}")
    sheet.note(0.2, 6.62, f"The first pixel of the output with padding {name}:")
    sheet.product(6.95, padded[:KERNEL, :KERNEL], weights, zeros=before)
    sheet.sum(4.1, 6.95 + SIDE / 2, output, (0, 0, 1, 1), white)
    return sheet.figure


def _false_edge(
    picture: np.ndarray, weights: np.ndarray, output: np.ndarray, stride: int, before: int, after: int
) -> Box | None:
    """Returns the row or column at the border of an output that the zeros change most, None if they change nothing.

    What they change is seen by comparing with the border's own pixels in their place.
    """
    alike = np.pad(picture[..., 0], (before, after), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(alike, (KERNEL, KERNEL))[::stride, ::stride]
    changed = np.abs(output[..., 0] - (windows * weights[..., 0]).sum(axis=(2, 3))).round(4)
    if not changed.any():
        return None
    rows, columns = changed.shape
    borders = ((0, 0, 1, columns), (rows - 1, 0, 1, columns), (0, 0, rows, 1), (0, columns - 1, rows, 1))
    return max(borders, key=lambda box: float(_part(changed, box).sum()))


@styled()
def poolings(feature_map: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Chosen) -> Figure:
    """The largest and the average of each few values of a feature map (rows, columns, 1) of a kernel, after relu.

    `outputs`, (rows // pool_size, columns // pool_size, 1), are those of "max" and "average" pooling with the pool_size
    of `config`, whose pooling is marked.
    """
    size = config.pool_size
    side, area = REMAINING[size]
    step, wide, high = 1.95, 1.75, _height(feature_map, 1.75)
    sheet = Sheet(4.35 + high, f"Pooling: one value for each {size}×{size}")
    sheet.explain(
        f"{side.capitalize()} the rows and {side} the columns remain:",
        f"{area} of the values. Those below 0 are 0 here, as after relu.",
    )
    limit, white = largest(feature_map), _white(weights)
    box = _striking(feature_map, 2 * size, step=size)
    shortened = functools.partial(decimal, digits=2 if size < 4 else 1)
    maps = {"a part of it": feature_map, "the largest": outputs["max"], "the average": outputs["average"]}
    titles = ("feature map", *(f"{name}{CHOSEN * (name == config.pooling)}" for name in ("max", "average")))
    for number, (title, (below, values)) in enumerate(zip(titles, maps.items(), strict=True)):
        left, times = 0.2 + number * step, 1 if number == 0 else size
        there = box[0] // times, box[1] // times, box[2] // times, box[3] // times
        panel = Panel(left, 1.65, wide, high, f"{title}\n{size_text(values)}")
        sheet.picture(panel, values, white, limit, marked=there)
        panel = Panel(left, 1.9 + high, wide, wide, below=below)
        cells = sheet.cells(panel, _part(values, there), white, limit, text_of=shortened)
        for row, column in np.ndindex(2, 2):
            mark(cells, (row * size // times, column * size // times, size // times, size // times))
    sheet.note(0.2, 4.0 + high, f"values before: {feature_map.size:,}, after: {outputs[config.pooling].size:,}")
    return sheet.figure


@styled()
def seen_by_one_pixel(
    picture: np.ndarray,
    found: np.ndarray,
    pooled: np.ndarray,
    learnt: LearntKernels,
    output: np.ndarray,
    config: Chosen,
) -> Figure:
    """The pixels of a picture (height, width, 1) that one pixel sees after convolution, pooling and convolution.

    All kernels are learnt. With the values of `config`, `found` are the maps of the first convolution after relu,
    (rows, columns, 32), and `pooled` these after pooling; `output` is the map of the second convolution after relu,
    (rows, columns, 1), which has stride 1 and no padding.
    """
    high = _height(picture, 1.25)
    sheet = Sheet(6.95 + high, "What one pixel sees")
    sheet.explain(
        "Kernels that cnn.py has learnt. A pixel of the second convolution is",
        "followed back to all pixels that decide about it.",
    )
    row, column = divmod(int(output.round(4).argmax()), output.shape[1])
    at, nine = (row, column), (row, column, KERNEL, KERNEL)
    adds = (_part(pooled, nine) * learnt.second).sum(axis=(0, 1))
    first = int(adds.round(4).argmax())
    fields = [
        receptive_field(place, size, config.stride, config.padding, config.pool_size)
        for place, size in zip(at, picture.shape[:2], strict=True)
    ]
    pools = [seen(place, place + KERNEL - 1, config.pool_size, config.pool_size) for place in at]
    boxes = [_box(*fields), _box(*pools), nine, (*at, 1, 1)]
    chain = {
        "picture": (picture, 1.0),
        f"convolution,\nmap {first + 1} of {found.shape[-1]}": (found[..., [first]], None),
        f"{config.pooling} pooling": (pooled[..., [first]], None),
        "second\nconvolution": (output, None),
    }
    panels = []
    for number, ((name, (values, white)), box) in enumerate(zip(chain.items(), boxes, strict=True)):
        below = f"{size_text(values)}\nframe: {box[2]}×{box[3]}"
        panel = Panel(0.2 + 1.45 * number, 1.7, 1.25, high, name, below)
        panels.append(sheet.picture(panel, values, white, marked=box))
        panels[-1].title.set_fontsize(11)
        if number > 0:
            sheet.zoom(panels[number - 1], boxes[number - 1], panels[number], box)

    _list_strongest(sheet, 2.8 + high, _part(pooled, nine), learnt, f"{decimal(output[at][0])}, one output pixel.")
    return sheet.figure


def _list_strongest(sheet: Sheet, top: float, nine: np.ndarray, learnt: LearntKernels, result: str) -> None:
    """Draws the maps of which nine values, (3, 3, 32), add most to `result`, above their weights."""
    adds = (nine * learnt.second).sum(axis=(0, 1))
    strongest = np.argsort(-adds.round(4), kind="stable")[:STRONGEST]
    limits = largest(nine), largest(learnt.second)
    for number, each in enumerate(strongest):
        left = 0.2 + 1.95 * number
        panel = Panel(left, top, SIDE, 1.4, f"map {each + 1}: nine values")
        sheet.cells(panel, nine[..., [each]], None, limits[0]).set_aspect("auto")
        panel = Panel(left, top + 1.7, SIDE, 1.4, "times nine weights", f"adds {decimal(adds[each])}")
        sheet.kernel(panel, learnt.second[..., each], limits[1], decimal).set_aspect("auto")
    most, rest = decimal(adds[strongest].sum()), decimal(np.delete(adds, strongest).sum())
    others, bias = len(adds) - STRONGEST, decimal(float(learnt.bias))
    sheet.note(
        0.2,
        top + 3.5,
        f"These three add {most}, the other {others} maps {rest}, the bias {bias};\nafter relu: {result}",
    )


@styled()
def flattening(maps: np.ndarray, weights: list[np.ndarray], flat: np.ndarray) -> Figure:
    """How feature maps, (rows, columns, n), become one row of numbers, `flat` (rows * columns * n,).

    `weights` are the n kernels of the maps, each (3, 3, 1).
    """
    count = len(weights)
    step = (WIDTH - 0.3) / count
    high = _height(maps, step - 0.08)
    sheet = Sheet(2.4 + high, "Flattening")
    sheet.explain(
        "Dense layers take a row of numbers: pixel by pixel, the values of",
        f"all {count} maps ({size_text(maps)}), one after the other: {flat.size:,} in all.",
    )
    variation = maps.std(axis=-1).round(4)
    row, column = (int(place) for place in np.unravel_index(variation.argmax(), variation.shape))
    one = (row, column, 1, 1)
    first = (row * maps.shape[1] + column) * count
    top, wide = 1.6 + high, (WIDTH - 0.9) / count
    for number, kernel in enumerate(weights):
        values, white = maps[..., [number]], _white(kernel)
        axes = sheet.picture(Panel(0.2 + number * step, 1.15, step - 0.08, high), values, white, marked=one)
        panel = Panel(0.45 + number * wide, top, wide, 0.42, below=f"{first + number:,}")
        cell = sheet.cells(panel, flat[first + number].reshape(1, 1, 1), white, largest(values))
        cell.set_aspect("auto")
        sheet.zoom(axes, one, cell)
    sheet.sign(0.28, top + 0.2, "…")
    sheet.sign(WIDTH - 0.28, top + 0.2, "…")
    return sheet.figure


def _box(rows: tuple[int, int], columns: tuple[int, int]) -> Box:
    return rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1


def _part(values: np.ndarray, box: Box) -> np.ndarray:
    row, column, rows, columns = box
    return values[row : row + rows, column : column + columns]


def _striking(values: np.ndarray, size: int, strength: np.ndarray | None = None, step: int = 1) -> Box:
    """Returns where the `size` by `size` values of (rows, columns, 1) are that vary most.

    Their variation counts as often as `strength`, (rows, columns, 1), says at their first row and column, its sign left
    out; rows and columns are multiples of `step`.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values[..., 0], (size, size))[::step, ::step]
    variation = windows.std(axis=(2, 3))
    if strength is not None:
        variation = variation * np.abs(strength[: len(variation), : variation.shape[1], 0])
    variation = variation.round(4)  # because backends differ in the last digits
    row, column = np.unravel_index(variation.argmax(), variation.shape)
    return int(row) * step, int(column) * step, size, size


def _grey(values: np.ndarray) -> np.ndarray:
    """Returns the mean of all channels, (rows, columns, 1)."""
    return values.mean(axis=-1, keepdims=True)


def _height(picture: np.ndarray, width: float) -> float:
    """Returns how high a picture of this width is, in inches; at most as high as wide."""
    return min(width * picture.shape[0] / picture.shape[1], width)


def _white(weights: np.ndarray) -> float | None:
    """Returns what a kernel makes of white; None if its weights more or less cancel out."""
    total = float(weights.sum())
    return total if total > 0.1 * float(np.abs(weights).sum()) else None
