"""The figures of the lesson on convolution, one function per figure.

Pictures and feature maps are float32 arrays (rows, columns, channels), kernels (3, 3, channels). The lesson has
computed what is drawn; only the products of the pixel that is written out are computed here, so that a figure shows
where its number comes from.
"""

from __future__ import annotations

import functools

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course.convolution.chosen import Chosen
from course.convolution.sheet import MARK, SIDE, WIDTH, Box, Panel, Sheet, decimal, hatch, largest, mark, size_text
from course.geometry import KERNEL, SMALLEST, output_size, receptive_field, seen, zeros_added
from course.report.style import BLUE, GREY, styled

COLOURS = ("red", "green", "blue")
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
    high, white = _height(picture, 2.5), _white(weights)
    sheet = Sheet(3.4 + high, "A kernel slides over the picture")
    sheet.explain("At each stop, nine pixels are multiplied by nine weights. Their sum is one pixel of the output.")
    nine = _striking(picture, KERNEL, output)
    one = (*nine[:2], 1, 1)
    before = sheet.picture(Panel(0.3, 1.2, 2.5, high, f"picture, {size_text(picture)}"), picture)
    mark(before, nine)
    mark(before, (0, 0, KERNEL, KERNEL), dashed=True)
    arrow = {"arrowstyle": "-|>", "color": MARK, "mutation_scale": 12}
    before.annotate("", (picture.shape[1] * 0.45, 1), (3, 1), arrowprops=arrow)
    after = sheet.picture(Panel(4.2, 1.2, 2.5, high, f"output, {size_text(output)}"), output, white, marked=one)

    top = 1.55 + high
    values = sheet.product(0.2, top, _part(picture, nine), weights)
    sheet.sign(3.32, top + SIDE / 2, "=")
    sheet.cells(Panel(3.46, top, SIDE, SIDE, below="nine products"), _part(picture, nine) * weights, None)
    sheet.zoom(before, nine, values)
    sheet.zoom(after, one, sheet.sum(4.8, top, output, one, white))
    return sheet.figure


@styled()
def several_kernels(
    pictures: list[np.ndarray], weights: dict[str, np.ndarray], outputs: dict[str, list[np.ndarray]], config: Chosen
) -> Figure:
    """What each kernel, by name (3, 3, 1), does to each picture (height, width, channels); that of `config` is marked.

    `outputs` of each kernel are one for each picture, channel by channel: (height - 2, width - 2, channels).
    """
    step = (WIDTH - 0.3) / len(weights)
    side = step - 0.1
    highs = [_height(picture, side) for picture in pictures]
    sheet = Sheet(1.55 + step + sum(highs) + 0.32 * len(highs), "Change the weights, change the effect")
    sheet.explain("Each column: a kernel, and what it makes of the pictures. Numbers: the output at the marked pixel.")
    marked = [
        _striking(_grey(picture), KERNEL, _grey(output))[:2]
        for picture, output in zip(pictures, outputs[config.kernel], strict=True)
    ]
    for number, (name, kernel) in enumerate(weights.items()):
        left, white = 0.2 + number * step, _white(kernel)
        title = name.replace("_", "\n") if name.replace("_", "").isalpha() else "your\nkernel"
        axes = sheet.kernel(Panel(left, 1.35, side, side, title), kernel, fontsize=9)
        if name == config.kernel:
            mark(axes, (0, 0, KERNEL, KERNEL))
        top = 1.4 + step
        for output, high, at in zip(outputs[name], highs, marked, strict=True):
            grey = _grey(output)
            panel = Panel(left, top, side, high, below=decimal(grey[at][0]))
            sheet.picture(panel, grey if white is None else output, white, marked=(*at, 1, 1))
            top += high + 0.32
    return sheet.figure


@styled()
def three_channels(
    picture: np.ndarray, weights: np.ndarray, parts: list[np.ndarray], total: np.ndarray, together: np.ndarray
) -> Figure:
    """A convolution of a picture (height, width, 3) with a kernel (3, 3, 3) as the sum of three of one channel.

    `parts` are its outputs for red, green and blue, `total` their sum, `together` the output of one convolution for all
    three channels, each (height - 2, width - 2, 1).
    """
    wide, high = 1.5, _height(picture, 1.5)
    slot = max(high, 1.16)
    step = slot + 0.4
    sheet = Sheet(1.7 + 3 * step, "A colour picture has three channels")
    sheet.explain("Red, green and blue each have weights of their own. The three results, added up, are one output.")
    nine = _striking(_grey(picture), KERNEL, total)
    at, one = nine[:2], (*nine[:2], 1, 1)
    limit = max(largest(part) for part in [*parts, total])
    tops = [1.1 + row * step + (slot - high) / 2 for row in range(3)]
    for channel, (name, part, top) in enumerate(zip(COLOURS, parts, tops, strict=True)):
        middle = top + high / 2
        tinted = picture * np.eye(3, dtype="float32")[channel]
        sheet.picture(Panel(0.2, top, wide, high, below=name), tinted, marked=nine)
        sheet.sign(1.85, middle, "∗")
        sheet.kernel(Panel(2.0, middle - 0.58, 1.16, 1.16), weights[..., channel], largest(weights))
        sheet.sign(3.31, middle, "=")
        sheet.picture(Panel(3.46, top, wide, high, below=decimal(part[at][0])), part, None, limit, marked=one)
    sheet.picture(Panel(5.3, tops[0], wide, high, below="picture"), picture, marked=nine)
    for top, title, values in zip(tops[1:], ("sum", "all at once"), (total, together), strict=True):
        panel = Panel(5.3, top, wide, high, below=f"{title}: {decimal(values[at][0])}")
        sheet.picture(panel, values, None, limit, marked=one)
    terms = " + ".join(f"({decimal(part[at][0])})" for part in parts)
    sheet.note(
        0.2,
        1.05 + 3 * step,
        f"At the marked pixel: {terms} = {decimal(total[at][0])}\n"
        f"Largest difference between the sum and all at once: {np.abs(total - together).max():.7f}",
    )
    return sheet.figure


@styled()
def strides(picture: np.ndarray, weights: np.ndarray, outputs: dict[int, np.ndarray], config: Chosen) -> Figure:
    """Which pixels of a picture (height, width, 1) the kernel visits, and how its output shrinks.

    `outputs`, (rows, columns, 1), are those without padding, by stride; the stride of `config` is marked.
    """
    step = (WIDTH - 0.2) / len(outputs)
    side, whole, white = min(step - 0.3, 1.7), outputs[1], _white(weights)
    high = _height(picture, side)
    sheet = Sheet(4.15 + side + high, "Stride: how far the kernel moves each time")
    sheet.explain("Top: where the kernel stops (a dot is the centre of each stop). Bottom: the whole output.")
    box = _striking(picture, SMALLEST, whole)
    part = _part(picture, box)
    for number, (stride, output) in enumerate(outputs.items()):
        left, (rows, columns) = 0.2 + number * step, output.shape[:2]
        title = f"stride {stride}{CHOSEN * (stride == config.stride)}"
        axes = sheet.picture(Panel(left, 1.15, side, side, title), part)
        stops = np.arange(output_size(SMALLEST, KERNEL, stride, "valid")) * stride + KERNEL // 2
        axes.plot(*map(np.ravel, np.meshgrid(stops, stops)), "o", color=MARK, markersize=5, markeredgecolor="white")
        mark(axes, (0, 0, KERNEL, KERNEL))
        mark(axes, (0, stride, KERNEL, KERNEL), dashed=True)
        panel = Panel(left, 1.4 + side, side * columns / whole.shape[1], high * rows / whole.shape[0])
        sheet.picture(panel, output, white)
        exact = (picture.shape[1] - KERNEL) / stride + 1
        result = f"= {columns}" if exact == columns else f"= {exact:.2f} → {columns}"
        formula = f"({picture.shape[1]} − {KERNEL}) / {stride} + 1\n{result}"
        sheet.note(left, 1.5 + side + high, f"{size_text(picture)} → {size_text(output)}\n{formula}")
    top = 2.4 + side + high
    sheet.note(0.2, top + 0.25, "The first stop above\nsees the same nine\nwith every stride.")
    sheet.product(1.95, top, part[:KERNEL, :KERNEL], weights)
    sheet.sum(4.95, top, whole, box, white)
    return sheet.figure


@styled()
def paddings(picture: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Chosen) -> Figure:
    """Where the zeros go, and how large the output is without and with them.

    The picture is a few pixels, (size, size, 1); `outputs`, (rows, columns, 1), are those with padding "valid" and
    "same" and the stride of `config`, whose padding is marked.
    """
    size, stride = len(picture), config.stride
    formulas = {
        "valid": f"({size} − {KERNEL}) / {stride} + 1, rounded down,",
        "same": f"{size} / {stride}, rounded up,",
    }
    sheet = Sheet(5.75, "Padding: what happens at the border")
    sheet.explain(
        f"The same {size}×{size} pixels, without and with zeros around them, and the first pixel of the output."
    )
    limit, white = max(map(largest, outputs.values())), _white(weights)
    pixel = 1.9 / (size + 2)  # inches, the same for all
    for number, (name, output) in enumerate(outputs.items()):
        top = 1.0 + 2.3 * number
        before, after = zeros_added(size, KERNEL, stride, name)
        zeros = f"zeros: {before} before, {after} after" if before + after else "no zeros"
        sheet.note(0.2, top, f"{name}{CHOSEN * (name == config.padding)}").set_fontweight("bold")
        sheet.note(1.7, top, f"{zeros};  output: {formulas[name]} is {len(output)}")
        padded = np.pad(picture, ((before, after), (before, after), (0, 0)))
        axes = sheet.picture(Panel(0.2, top + 0.3, len(padded) * pixel, len(padded) * pixel), padded)
        for row, column in np.ndindex(padded.shape[:2]):
            if not (before <= row < before + size and before <= column < before + size):
                hatch(axes, row, column)
        mark(axes, (0, 0, KERNEL, KERNEL))
        below = f"sum = {decimal(output[0, 0, 0])}"
        sheet.product(2.25, top + 0.35, padded[:KERNEL, :KERNEL], weights, zeros=before, below=below)
        panel = Panel(5.35, top + 0.3, len(output) * pixel, len(output) * pixel)
        sheet.picture(panel, output, white, limit, marked=(0, 0, 1, 1))
    return sheet.figure


@styled()
def poolings(feature_map: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Chosen) -> Figure:
    """The largest and the average of each few values of a feature map (rows, columns, 1) of a kernel.

    `outputs`, (rows // pool_size, columns // pool_size, 1), are those of "max" and "average" pooling with the pool_size
    of `config`, whose pooling is marked.
    """
    size = config.pool_size
    side, area = REMAINING[size]
    sheet = Sheet(4.4, f"Pooling: one value for each {size}×{size}")
    sheet.explain(f"{side.capitalize()} the rows and {side} the columns remain: {area} of the values.")
    limit, white = largest(feature_map), _white(weights)
    box = _striking(feature_map, 2 * size, step=size)
    pooled_box = (box[0] // size, box[1] // size, 2, 2)
    panel = Panel(0.2, 1.2, 1.6, _height(feature_map, 1.6), f"feature map, {size_text(feature_map)}")
    before = sheet.picture(panel, feature_map, white, limit, marked=box)
    shortened = functools.partial(decimal, digits=2 if size < 4 else 1)
    panel = Panel(2.05, 1.2, 2.4, 2.4, "a part of it")
    cells = sheet.cells(panel, _part(feature_map, box), white, limit, text_of=shortened)
    sheet.zoom(before, box, cells)
    for row, column in np.ndindex(2, 2):
        mark(cells, (row * size, column * size, size, size))
    for number, (name, output) in enumerate(outputs.items()):
        top, below = 1.2 + number * 1.55, f"{name}{CHOSEN * (name == config.pooling)}"
        sheet.cells(Panel(4.7, top, 0.95, 0.95, below=below), _part(output, pooled_box), white, limit)
        panel = Panel(5.85, top, 0.95, 0.95, below=size_text(output))
        sheet.picture(panel, output, white, limit, marked=pooled_box)
    sheet.note(0.2, 3.2, f"values before: {feature_map.size:,}\nvalues after: {outputs[config.pooling].size:,}")
    return sheet.figure


@styled()
def seen_by_one_pixel(picture: np.ndarray, weights: np.ndarray, maps: list[np.ndarray], config: Chosen) -> Figure:
    """The pixels of a picture (height, width, 1) that one pixel sees after convolution, pooling and convolution.

    `maps` are the outputs of these three, each (rows, columns, 1), with the values of `config`; the second convolution
    has the same weights, stride 1 and no padding.
    """
    high = _height(picture, 1.4)
    sheet = Sheet(3.45 + high, "After pooling, nine pixels see more of the picture")
    sheet.explain("Followed back from one pixel of the last output to all pixels that decide about it.")
    _, pooled, output = maps
    nine = _striking(pooled, KERNEL, output)
    at = nine[:2]
    fields = [
        receptive_field(place, size, config.stride, config.padding, config.pool_size)
        for place, size in zip(at, picture.shape[:2], strict=True)
    ]
    pools = [seen(place, place + KERNEL - 1, config.pool_size, config.pool_size) for place in at]
    boxes = [_box(*fields), _box(*pools), nine, (*at, 1, 1)]
    names = ("picture", "convolution", f"{config.pooling} pooling", "convolution")
    whites = (1.0, _white(weights), _white(weights), _white(weights, times=2))
    panels = []
    for number, (name, values, box, white) in enumerate(zip(names, [picture, *maps], boxes, whites, strict=True)):
        panel = Panel(0.25 + 1.7 * number, 1.3, 1.4, high, f"{name}\n{size_text(values)}")
        panels.append(sheet.picture(panel, values, white, marked=box))
        if number > 0:
            sheet.zoom(panels[number - 1], boxes[number - 1], panels[number], box)

    top, part = 1.6 + high, _part(picture, boxes[0])
    panel = Panel(0.25, top, SIDE, SIDE, below=f"{size_text(part)} pixels seen")
    sheet.zoom(panels[0], boxes[0], sheet.picture(panel, part))
    sheet.product(1.95, top, _part(pooled, nine), weights, whites[2])
    sheet.zoom(panels[3], boxes[3], sheet.sum(4.95, top, output, nine, whites[3]))
    return sheet.figure


@styled()
def flattening(picture: np.ndarray, weights: list[np.ndarray], model: keras.Model) -> Figure:
    """How feature maps become one row of numbers, and which layer has how many parameters.

    `picture` is (height, width, channels), each kernel in `weights` (3, 3, channels); `model` is a convolution with
    these kernels, pooling, flattening, and other layers.
    """
    convolution, pooling, flatten, *_ = model.layers
    pooled = pooling(convolution(picture[np.newaxis]))
    maps, flat = keras.ops.convert_to_numpy(pooled)[0], keras.ops.convert_to_numpy(flatten(pooled))[0]
    count = len(weights)
    step = (WIDTH - 0.3) / count
    high = _height(maps, step - 0.1)
    sheet = Sheet(2.75 + high + 0.3 * len(model.layers), "Flattening, and where the parameters are")
    sheet.explain("Dense layers take a row of numbers: pixel by pixel, the values of all maps one after the other.")
    variation = maps.std(axis=-1).round(4)
    row, column = np.unravel_index(variation.argmax(), variation.shape)
    one = (int(row), int(column), 1, 1)
    first = (one[0] * maps.shape[1] + one[1]) * count
    top, wide = 1.4 + high, (WIDTH - 1) / count
    for number, kernel in enumerate(weights):
        values, white = maps[..., [number]], _white(kernel)
        axes = sheet.picture(Panel(0.2 + number * step, 1.0, step - 0.1, high), values, white, marked=one)
        panel = Panel(0.5 + number * wide, top, wide, 0.4, below=f"{first + number:,}")
        cell = sheet.cells(panel, flat[first + number].reshape(1, 1, 1), white, largest(values))
        cell.set_aspect("auto")
        sheet.zoom(axes, one, cell)
    sheet.sign(0.32, top + 0.2, "…")
    sheet.sign(WIDTH - 0.32, top + 0.2, "…")
    _list_layers(sheet, top + 1.1, model)
    return sheet.figure


def _list_layers(sheet: Sheet, top: float, model: keras.Model) -> None:
    """Writes a line per layer, with its output and its parameters, below a headline."""
    for left, name in ((0.2, "layer"), (1.6, "output"), (2.65, "parameters")):
        sheet.note(left, top, name, va="baseline").set_color(GREY)
    most = max(layer.count_params() for layer in model.layers)
    for number, layer in enumerate(model.layers, start=1):
        at = top + 0.3 * number
        parameters, units = layer.count_params(), layer.output.shape[-1]
        length = 0.85 * parameters / most
        sheet.note(0.2, at, type(layer).__name__, va="baseline")
        sheet.note(1.6, at, "×".join(f"{size:,}" for size in layer.output.shape[1:]), va="baseline")
        if parameters:
            terms = f"{units:,} × ({parameters // units - 1:,} weights + 1 bias)"
            sheet.note(2.65, at, terms, va="baseline")
            bar = sheet.axes(Panel(5.1, at - 0.14, length, 0.17))
            ground = Rectangle((0, 0), 1, 1, transform=bar.transAxes, facecolor=BLUE)  # an SVG loses that of axes
            bar.add_patch(ground)
        sheet.note(5.18 + length, at, f"{parameters:,}", va="baseline")


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


def _white(weights: np.ndarray, times: int = 1) -> float | None:
    """Returns what a kernel makes of white, used so many times; None if its weights more or less cancel out."""
    total = float(weights.sum())
    return total**times if total > 0.1 * float(np.abs(weights).sum()) else None
