"""The figures of the lesson on convolution, one function a figure.

Pictures and feature maps are float32 arrays (rows, columns, channels), kernels (3, 3, channels). What is drawn was
computed by the lesson; only the products of the one pixel that is written out are computed here, so that a figure
shows where its number comes from. Pixels are drawn from black, 0, to white, 1. What a kernel whose weights cancel out
makes of them has a sign: blue is below 0, white is 0, orange is above.
"""

import contextlib
import webbrowser
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke

from course.geometry import KERNEL, SMALLEST, output_size, seen, zeros_added
from course.geometry import receptive_field as receptive_field_of
from course.report.style import BLUE, GREEN, GREY, SIGNED, new_figure, png, styled
from course.system.files import replacing, shown, write_json
from course.training.run import new_folder, point_latest_to

WIDTH = 7  # inches; all places below are inches from the left and from the top
MARK = GREEN
COLOURS = ("red", "green", "blue")
SHARES = {2: "a quarter", 3: "a ninth", 4: "a sixteenth"}
SIDE = 1.35  # inches of nine cells with numbers


def striking_part(picture: np.ndarray, output: np.ndarray, size: int) -> np.ndarray:
    """Returns `size` by `size` pixels of a picture (height, width, 1) that vary, and whose first output is strong.

    Args:
        picture: (height, width, 1).
        output: (height - 2, width - 2, 1), what a kernel makes of it.
        size: at least 3 pixels.
    """
    row, column = _striking(picture, size, np.abs(output[..., 0]))
    return picture[row : row + size, column : column + size]


@styled()
def kernel(picture: np.ndarray, weights: np.ndarray, output: np.ndarray) -> Figure:
    """One output pixel as the weighted sum of nine pixels.

    Args:
        picture: (height, width, 1).
        weights: of the kernel, (3, 3, 1).
        output: what convolution makes of both, (height - 2, width - 2, 1).
    """
    high = _height(picture, 2.5)
    figure = _page(
        3.4 + high,
        "A kernel slides over the picture",
        "At each stop, nine pixels are multiplied by nine weights. Their sum is one pixel of the output.",
    )
    row, column = _place(picture, output)
    pixels = picture[row : row + KERNEL, column : column + KERNEL]
    white = _white(weights)

    before = _axes(figure, 0.3, 1.2, 2.5, high, f"picture, {_size(picture)}")
    _show(before, picture)
    _slide(before, picture)
    _mark(before, row, column, KERNEL, KERNEL)
    after = _axes(figure, 4.2, 1.2, 2.5, high, f"output, {_size(output)}")
    _show(after, output, white)
    _mark(after, row, column)

    top = 1.55 + high
    nine = _product(figure, 0.2, top, pixels, weights)
    _sign(figure, 3.32, top + SIDE / 2, "=")
    _cells(_axes(figure, 3.46, top, SIDE, SIDE, below="nine products"), pixels * weights, None)
    result = _sum(figure, 4.8, top, output, (row, column), white)
    _zoom(before, (row, column, KERNEL, KERNEL), nine, (0, 0, KERNEL, KERNEL))
    _zoom(after, (row, column, 1, 1), result, (0, 0, 1, 1))
    return figure


@styled()
def kernels(
    pictures: list[np.ndarray], weights: dict[str, np.ndarray], outputs: dict[str, list[np.ndarray]], config: Any
) -> Figure:
    """What each kernel does to each picture.

    Args:
        pictures: each (height, width, channels).
        weights: of each kernel, by name, (3, 3, 1).
        outputs: what convolution with each kernel makes of each picture, channel by channel: (height - 2, width - 2,
            channels).
        config: the lesson's Config; its kernel is marked.
    """
    side = (WIDTH - 0.3) / len(weights)
    highs = [_height(picture, side - 0.1) for picture in pictures]
    figure = _page(
        1.55 + side + sum(highs) + 0.32 * len(highs),
        "Other weights, another effect",
        "Each column: a kernel, and what it makes of the pictures. Numbers: the output at the marked pixel.",
    )
    greys = [picture.mean(axis=-1, keepdims=True) for picture in pictures]
    places = [
        _place(grey, output.mean(axis=-1, keepdims=True))
        for grey, output in zip(greys, outputs[config.kernel], strict=True)
    ]
    for number, (name, kernel) in enumerate(weights.items()):
        left = 0.2 + number * side
        title = name.replace("_", "\n") if name.replace("_", "").isalpha() else "your\nkernel"
        axes = _axes(figure, left, 1.35, side - 0.1, side - 0.1, title)
        _weights(axes, kernel, fontsize=9)
        if name == config.kernel:
            _mark(axes, 0, 0, KERNEL, KERNEL)
        top = 1.4 + side
        for output, high, (row, column) in zip(outputs[name], highs, places, strict=True):
            brightness = output.mean(axis=-1, keepdims=True)
            axes = _axes(figure, left, top, side - 0.1, high, below=_decimal(brightness[row, column, 0]))
            white = _white(kernel)
            _show(axes, brightness if white is None else output, white)
            _mark(axes, row, column)
            top += high + 0.32
    return figure


@styled()
def colour(
    picture: np.ndarray, weights: np.ndarray, parts: list[np.ndarray], total: np.ndarray, together: np.ndarray
) -> Figure:
    """A convolution of three channels as the sum of three convolutions of one.

    Args:
        picture: (height, width, 3).
        weights: of the kernel, (3, 3, 3).
        parts: what convolution makes of red, of green and of blue, each (height - 2, width - 2, 1).
        total: the sum of the parts.
        together: what one convolution makes of all three channels, (height - 2, width - 2, 1).
    """
    wide, high = 1.5, _height(picture, 1.5)
    slot = max(high, 1.16)
    step = slot + 0.4
    figure = _page(
        1.7 + 3 * step,
        "A colour picture has three channels",
        "Red, green and blue each have weights of their own. The three results, added up, are one output.",
    )
    row, column = _place(picture.mean(axis=-1, keepdims=True), total)
    limit = max(_limit(part) for part in [*parts, total])
    for channel, (name, part) in enumerate(zip(COLOURS, parts, strict=True)):
        top = 1.1 + channel * step + (slot - high) / 2
        middle = top + high / 2
        tinted = np.zeros_like(picture)
        tinted[..., channel] = picture[..., channel]
        axes = _axes(figure, 0.2, top, wide, high, below=name)
        _show(axes, tinted)
        _mark(axes, row, column, KERNEL, KERNEL)
        _sign(figure, 1.85, middle, "∗")
        _weights(_axes(figure, 2.0, middle - 0.58, 1.16, 1.16), weights[..., channel], limit=_limit(weights))
        _sign(figure, 3.31, middle, "=")
        axes = _axes(figure, 3.46, top, wide, high, below=_decimal(part[row, column, 0]))
        _show(axes, part, None, limit)
        _mark(axes, row, column)
    for number, (title, values) in enumerate({"picture": picture, "sum": total, "all at once": together}.items()):
        below = title if values is picture else f"{title}: {_decimal(values[row, column, 0])}"
        axes = _axes(figure, 5.3, 1.1 + number * step + (slot - high) / 2, wide, high, below=below)
        _show(axes, values, 1 if values is picture else None, limit)
        _mark(axes, row, column, *((KERNEL, KERNEL) if values is picture else (1, 1)))
    terms = " + ".join(f"({_decimal(part[row, column, 0])})" for part in parts)
    difference = np.abs(total - together).max()
    _note(
        figure,
        0.2,
        1.05 + 3 * step,
        f"At the marked pixel: {terms} = {_decimal(total[row, column, 0])}\n"
        f"Largest difference between the sum and all at once: {difference:.7f}",
    )
    return figure


@styled()
def stride(picture: np.ndarray, weights: np.ndarray, outputs: dict[int, np.ndarray], config: Any) -> Figure:
    """Which pixels the kernel visits, and how its output shrinks.

    Args:
        picture: (height, width, 1).
        weights: of the kernel, (3, 3, 1).
        outputs: what convolution without padding makes of both, by stride, each (rows, columns, 1).
        config: the lesson's Config; its stride is marked.
    """
    size = SMALLEST
    step = (WIDTH - 0.2) / len(outputs)
    side = min(step - 0.3, 1.7)
    high = _height(picture, side)
    figure = _page(
        4.15 + side + high,
        "Stride: how far the kernel moves each time",
        "Above: its stops on a part of the picture, dots in their middles. Below: the whole output.",
    )
    row, column = _striking(picture, size, np.abs(outputs[1][..., 0]))
    part = picture[row : row + size, column : column + size]
    for number, (stride, output) in enumerate(outputs.items()):
        left = 0.2 + number * step
        axes = _axes(figure, left, 1.15, side, side, f"stride {stride}" + " (chosen)" * (stride == config.stride))
        _show(axes, part)
        stops = np.arange(output_size(size, KERNEL, stride, "valid")) * stride + KERNEL // 2
        across, down = np.meshgrid(stops, stops)
        axes.plot(across.ravel(), down.ravel(), "o", color=MARK, markersize=5, markeredgecolor="white")
        _mark(axes, 0, 0, KERNEL, KERNEL)
        _mark(axes, 0, stride, KERNEL, KERNEL, dashed=True)
        rows, columns = output.shape[:2]
        share = rows / outputs[1].shape[0]
        axes = _axes(figure, left, 1.4 + side, side * columns / outputs[1].shape[1], high * share)
        _show(axes, output, _white(weights))
        exact = (picture.shape[1] - KERNEL) / stride + 1
        rounded = "" if exact == columns else f"{exact:.2f} → "
        _note(
            figure,
            left,
            1.5 + side + high,
            f"{_size(picture)} → {_size(output)}\n({picture.shape[1]} − {KERNEL}) / {stride} + 1\n= {rounded}{columns}",
        )
    top = 2.4 + side + high
    _note(figure, 0.2, top + 0.25, "The first stop above\nsees the same nine\nwith every stride.")
    _product(figure, 1.95, top, part[:KERNEL, :KERNEL], weights)
    _sum(figure, 4.95, top, outputs[1], (row, column), _white(weights))
    return figure


@styled()
def padding(picture: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Any) -> Figure:
    """Where the zeros go, and how large the output is without and with them.

    Args:
        picture: a few pixels, (size, size, 1).
        weights: of the kernel, (3, 3, 1).
        outputs: what convolution makes of both with padding "valid" and "same", each (rows, columns, 1).
        config: the lesson's Config; its stride was used, its padding is marked.
    """
    size, stride = len(picture), config.stride
    formulas = {
        "valid": f"({size} − {KERNEL}) / {stride} + 1, rounded down,",
        "same": f"{size} / {stride}, rounded up,",
    }
    figure = _page(
        5.75,
        "Padding: what happens at the border",
        f"The same {size}×{size} pixels, without and with zeros around them, and the first pixel of the output.",
    )
    limit, white = max(map(_limit, outputs.values())), _white(weights)
    pixel = 1.9 / (size + 2)  # inches, the same for all
    top = 1.0
    for name, output in outputs.items():
        before, after = zeros_added(size, KERNEL, stride, name)
        zeros = f"zeros: {before} before, {after} after" if before + after else "no zeros"
        _note(figure, 0.2, top, name + " (chosen)" * (name == config.padding), weight="bold")
        _note(figure, 1.7, top, f"{zeros};  output: {formulas[name]} is {len(output)}")
        padded = np.pad(picture, ((before, after), (before, after), (0, 0)))
        axes = _axes(figure, 0.2, top + 0.3, len(padded) * pixel, len(padded) * pixel)
        _show(axes, padded)
        for row, column in np.ndindex(padded.shape[:2]):
            if not (before <= row < before + size and before <= column < before + size):
                _zero(axes, row, column)
        _mark(axes, 0, 0, KERNEL, KERNEL)
        sum_ = f"sum = {_decimal(output[0, 0, 0])}"
        _product(figure, 2.25, top + 0.35, padded[:KERNEL, :KERNEL], weights, zeros=before, below=sum_)
        axes = _axes(figure, 5.35, top + 0.3, len(output) * pixel, len(output) * pixel)
        _show(axes, output, white, limit)
        _mark(axes, 0, 0)
        top += 2.3
    return figure


@styled()
def pooling(feature_map: np.ndarray, weights: np.ndarray, outputs: dict[str, np.ndarray], config: Any) -> Figure:
    """The largest and the average of each few values.

    Args:
        feature_map: what convolution made of a picture, (rows, columns, 1).
        weights: of its kernel, (3, 3, 1).
        outputs: what "max" and "average" pooling make of it, (rows // pool_size, columns // pool_size, 1).
        config: the lesson's Config; its pool_size was used, its pooling is marked.
    """
    size = config.pool_size
    high = _height(feature_map, 1.6)
    figure = _page(
        4.4,
        f"Pooling: one value for each {size}×{size}",
        f"Of the rows remains 1/{size}, of the columns 1/{size}, and of the values {SHARES[size]}.",
    )
    limit, white = _limit(feature_map), _white(weights)
    row, column = _striking(feature_map, 2 * size, step=size)
    box = (row, column, 2 * size, 2 * size)
    before = _axes(figure, 0.2, 1.2, 1.6, high, f"feature map, {_size(feature_map)}")
    _show(before, feature_map, white, limit)
    _mark(before, *box)
    cells = _axes(figure, 2.05, 1.2, 2.4, 2.4, "a part of it")
    part = feature_map[row : row + 2 * size, column : column + 2 * size]
    _cells(cells, part, white, limit, write=lambda value: _decimal(value, 2 if size < 4 else 1))
    _zoom(before, box, cells, (0, 0, 2 * size, 2 * size))
    for across, down in np.ndindex(2, 2):
        _mark(cells, down * size, across * size, size, size)
    for number, (name, output) in enumerate(outputs.items()):
        top = 1.2 + number * 1.55
        row_there, column_there = row // size, column // size
        few = _axes(figure, 4.7, top, 0.95, 0.95, below=name + " (chosen)" * (name == config.pooling))
        _cells(few, output[row_there : row_there + 2, column_there : column_there + 2], white, limit)
        whole = _axes(figure, 5.85, top, 0.95, 0.95, below=_size(output))
        _show(whole, output, white, limit)
        _mark(whole, row_there, column_there, 2, 2)
    _note(figure, 0.2, 3.2, f"values before: {feature_map.size:,}\nvalues after: {output.size:,}")
    return figure


@styled()
def receptive_field(picture: np.ndarray, weights: np.ndarray, maps: list[np.ndarray], config: Any) -> Figure:
    """The pixels of a picture that one pixel sees after convolution, pooling and convolution.

    Args:
        picture: (height, width, 1).
        weights: of both convolutions, (3, 3, 1).
        maps: what the first convolution makes of the picture, pooling of that, and the second convolution, with stride
            1 and no padding, of that; each (rows, columns, 1).
        config: the lesson's Config, whose stride, padding, pooling and pool_size were used.
    """
    high = _height(picture, 1.4)
    figure = _page(
        3.45 + high,
        "After pooling, nine pixels see more of the picture",
        "Followed back from one pixel of the last output to all pixels that decide about it.",
    )
    _, pooled, output = maps
    row, column = _striking(pooled, KERNEL, np.abs(output[..., 0]))
    fields = [
        receptive_field_of(at, size, config.stride, config.padding, config.pool_size)
        for at, size in zip((row, column), picture.shape, strict=False)
    ]
    pools = [seen(at, at + KERNEL - 1, config.pool_size, config.pool_size) for at in (row, column)]
    boxes = [_box(*fields), _box(*pools), (row, column, KERNEL, KERNEL), (row, column, 1, 1)]
    names = ("picture", "convolution", f"{config.pooling} pooling", "convolution")
    whites = (1, _white(weights), _white(weights), _white(weights, times=2))
    panels = []
    for number, (name, values, box, white) in enumerate(zip(names, [picture, *maps], boxes, whites, strict=True)):
        axes = _axes(figure, 0.25 + 1.7 * number, 1.3, 1.4, high, f"{name}\n{_size(values)}")
        _show(axes, values, white)
        _mark(axes, *box)
        if panels:
            _zoom(panels[-1], boxes[number - 1], axes, box)
        panels.append(axes)

    top = 1.6 + high
    first_row, first_column, rows, columns = boxes[0]
    part = _axes(figure, 0.25, top, SIDE, SIDE, below=f"{rows}×{columns} pixels seen")
    _show(part, picture[first_row : first_row + rows, first_column : first_column + columns])
    _zoom(panels[0], boxes[0], part, (0, 0, rows, columns))
    _product(figure, 1.95, top, pooled[row : row + KERNEL, column : column + KERNEL], weights, whites[2])
    result = _sum(figure, 4.95, top, output, (row, column), whites[3])
    _zoom(panels[3], boxes[3], result, (0, 0, 1, 1))
    return figure


@styled()
def parameters(maps: np.ndarray, flat: np.ndarray, weights: list[np.ndarray], model: Any) -> Figure:
    """How feature maps become one row of numbers, and which layer has how many parameters.

    Args:
        maps: pooled feature maps of all kernels, (rows, columns, kernels).
        flat: the same values in one row, (rows * columns * kernels).
        weights: of each kernel, (3, 3, channels).
        model: the keras.Model whose layers are listed.
    """
    count = len(weights)
    side = (WIDTH - 0.3) / count
    high = _height(maps, side - 0.1)
    figure = _page(
        2.75 + high + 0.3 * len(model.layers),
        "Flattening, and where the parameters are",
        "Dense layers take a row of numbers: pixel by pixel, the values of all maps one after the other.",
    )
    variation = maps.std(axis=-1).round(4)
    row, column = np.unravel_index(variation.argmax(), variation.shape)
    first = int(row * maps.shape[1] + column) * count
    top = 1.4 + high
    for number, kernel in enumerate(weights):
        values, white = maps[..., [number]], _white(kernel)
        axes = _axes(figure, 0.2 + number * side, 1.0, side - 0.1, high)
        _show(axes, values, white)
        _mark(axes, row, column)
        wide = (WIDTH - 1) / count
        cell = _axes(figure, 0.5 + number * wide, top, wide, 0.4, below=f"{first + number:,}")
        _cells(cell, flat[first + number].reshape(1, 1, 1), white, _limit(values))
        cell.set_aspect("auto")
        _zoom(axes, (row, column, 1, 1), cell, (0, 0, 1, 1))
    _sign(figure, 0.32, top + 0.2, "…")
    _sign(figure, WIDTH - 0.32, top + 0.2, "…")

    top += 1.1
    for left, name in ((0.2, "layer"), (1.6, "output"), (2.65, "parameters")):
        _note(figure, left, top, name, color=GREY, va="baseline")
    most = max(layer.count_params() for layer in model.layers)
    for number, layer in enumerate(model.layers, start=1):
        at = top + 0.3 * number
        parameters, units = layer.count_params(), layer.output.shape[-1]
        _note(figure, 0.2, at, type(layer).__name__, va="baseline")
        _note(figure, 1.6, at, "×".join(f"{size:,}" for size in layer.output.shape[1:]), va="baseline")
        if parameters:
            terms = f"{units:,} × ({parameters // units - 1:,} weights + 1 bias)"
            _note(figure, 2.65, at, terms, va="baseline")
            _axes(figure, 5.1, at - 0.14, 0.85 * parameters / most, 0.17).set_facecolor(BLUE)
        _note(figure, 5.18 + 0.85 * parameters / most, at, f"{parameters:,}", va="baseline")
    return figure


def keep(figures: Iterator[tuple[str, str, Figure]], config: Any) -> None:
    """Writes each figure, a name, a sentence and the figure itself, to a new folder in runs/convolution, and says so.

    Args:
        figures: drawn one after the other.
        config: the lesson's Config; it is kept with them, and if `show` is set, the system opens the figures.

    Raises:
        CourseError: something cannot be written.
    """
    folder = new_folder("convolution", Path(config.image).stem[:40])
    write_json(folder / "config.json", config.values())
    point_latest_to(folder)
    for name, sentence, figure in figures:
        file = folder / f"{name}.png"
        with replacing(file) as unfinished:
            unfinished.write_bytes(png(figure))
        print(f"{shown(file)}  {sentence}")
        if config.show:
            with contextlib.suppress(webbrowser.Error, OSError):  # where nothing can show it, the file is there
                webbrowser.open(file.as_uri())


def _product(
    figure: Figure,
    left: float,
    top: float,
    nine: np.ndarray,
    weights: np.ndarray,
    white: float | None = 1,
    zeros: int = 0,
    below: str = "nine weights",
) -> Axes:
    """Writes out nine values (3, 3, 1) times nine weights; returns the axes of the values."""
    axes = _axes(figure, left, top, SIDE, SIDE, below="nine values")
    _cells(axes, nine, white, zeros=zeros)
    _sign(figure, left + SIDE + 0.14, top + SIDE / 2, "×")
    _weights(_axes(figure, left + SIDE + 0.28, top, SIDE, SIDE, below=below), weights)
    return axes


def _sum(
    figure: Figure, left: float, top: float, output: np.ndarray, place: tuple[int, int], white: float | None
) -> Axes:
    """Writes one pixel of an output (rows, columns, 1) as the sum of what stands left of it; returns its axes."""
    _sign(figure, left + 0.4, top + SIDE / 2, "sum =")
    axes = _axes(figure, left + 0.8, top + SIDE / 2 - 0.35, 0.9, 0.7, below="one output pixel")
    _cells(axes, output[place].reshape(1, 1, 1), white, _limit(output), fontsize=13)
    return axes


def _page(height: float, title: str, sentence: str) -> Figure:
    figure = new_figure(WIDTH, height)
    figure.set_layout_engine("none")  # every place is given
    figure.text(0.2 / WIDTH, 1 - 0.16 / height, title, fontsize=15, weight="bold", va="top")
    figure.text(0.2 / WIDTH, 1 - 0.5 / height, sentence, fontsize=9.5, color=GREY, va="top")
    return figure


def _axes(
    figure: Figure, left: float, top: float, width: float, height: float, title: str = "", below: str = ""
) -> Axes:
    _, page = figure.get_size_inches()
    axes = figure.add_axes((left / WIDTH, 1 - (top + height) / page, width / WIDTH, height / page))
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, loc="center", fontsize=10, pad=5)
    axes.set_xlabel(below, fontsize=10, labelpad=5)
    axes.spines[:].set_visible(False)
    return axes


def _note(figure: Figure, left: float, top: float, text: str, **style: str) -> None:
    style = {"va": "top"} | style
    figure.text(left / WIDTH, 1 - top / figure.get_size_inches()[1], text, fontsize=10, linespacing=1.4, **style)


def _sign(figure: Figure, left: float, top: float, text: str) -> None:
    height = figure.get_size_inches()[1]
    figure.text(left / WIDTH, 1 - top / height, text, fontsize=14, ha="center", va="center")


def _show(axes: Axes, values: np.ndarray, white: float | None = 1, limit: float | None = None) -> None:
    """Draws values (rows, columns, 1 or 3): `white` is white; if it is None, they have a sign and reach to `limit`."""
    if white is None:
        limit = limit or _limit(values)
        axes.imshow(values[..., 0], cmap=SIGNED, vmin=-limit, vmax=limit)
    elif values.shape[-1] == 3:
        axes.imshow(np.clip(values / white, 0, 1))
    else:
        axes.imshow(values[..., 0], cmap="gray", vmin=0, vmax=white)
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor=GREY, clip_on=False))


def _cells(
    axes: Axes,
    values: np.ndarray,
    white: float | None = 1,
    limit: float | None = None,
    fontsize: float = 10,
    write: Callable[[float], str] | None = None,
    zeros: int = 0,
) -> None:
    """Draws values like `_show`, each in a cell with its number; the first `zeros` rows and columns are padding."""
    _show(axes, values, white, limit)
    image = axes.images[0]
    texts = {place: (write or _decimal)(values[place][0]) for place in np.ndindex(values.shape[:2])}
    cell = axes.get_position(original=True).width * WIDTH * 72 / values.shape[1]  # points
    fontsize = min(fontsize, cell / max(map(len, texts.values())) / 0.68)  # a digit is 0.64 as wide as high
    for (row, column), text in texts.items():
        red, green, blue, _ = image.cmap(image.norm(values[row, column, 0]))
        ink = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.45 else "white"
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=GREY, linewidth=0.8))
        if min(row, column) < zeros:
            _zero(axes, row, column)
            ink = "black"
        axes.text(column, row, text, color=ink, fontsize=fontsize, ha="center", va="center")


def _weights(axes: Axes, weights: np.ndarray, fontsize: float = 10, limit: float | None = None) -> None:
    _cells(axes, weights.reshape(KERNEL, KERNEL, 1), None, limit or 1.5 * _limit(weights), fontsize, _fraction)


def _mark(axes: Axes, row: int, column: int, rows: int = 1, columns: int = 1, dashed: bool = False) -> None:
    axes.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            columns,
            rows,
            fill=False,
            edgecolor=MARK,
            linewidth=2,
            linestyle=(0, (2, 1.5)) if dashed else "solid",
            clip_on=False,
            zorder=3,
            path_effects=[] if dashed else [withStroke(linewidth=3.6, foreground="white")],
        )
    )


def _zero(axes: Axes, row: int, column: int) -> None:
    colours = {"facecolor": "#e8e8e8", "edgecolor": "#a0a0a0"}
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="////", linewidth=0.5, **colours))


def _zoom(axes: Axes, box: tuple[int, int, int, int], target: Axes, target_box: tuple[int, int, int, int]) -> None:
    """Connects the facing corners of two boxes (row, column, rows, columns), the second below or to the right."""
    top, left, bottom, right = _corners(box)
    top_there, left_there, bottom_there, _ = _corners(target_box)
    if target.get_position().y1 < axes.get_position().y0:
        ends = [((left, bottom), (left_there, top_there)), ((right, bottom), (_corners(target_box)[3], top_there))]
    else:
        ends = [((right, top), (left_there, top_there)), ((right, bottom), (left_there, bottom_there))]
    for start, end in ends:
        line = ConnectionPatch(start, end, axes.transData, target.transData, color=MARK, linewidth=1.2, alpha=0.8)
        axes.figure.add_artist(line)


def _corners(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    row, column, rows, columns = box
    return row - 0.5, column - 0.5, row + rows - 0.5, column + columns - 0.5


def _box(rows: tuple[int, int], columns: tuple[int, int]) -> tuple[int, int, int, int]:
    return rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1


def _slide(axes: Axes, picture: np.ndarray) -> None:
    _mark(axes, 0, 0, KERNEL, KERNEL, dashed=True)
    arrow = FancyArrowPatch((3, 1), (picture.shape[1] * 0.45, 1), color=MARK, arrowstyle="-|>", mutation_scale=12)
    axes.add_patch(arrow)


def _place(picture: np.ndarray, output: np.ndarray) -> tuple[int, int]:
    """Returns row and column of an output pixel (height - 2, width - 2, 1) that has much to show."""
    return _striking(picture, KERNEL, np.abs(output[..., 0]))


def _striking(values: np.ndarray, size: int, strength: np.ndarray | float = 1.0, step: int = 1) -> tuple[int, int]:
    """Returns row and column of the `size` by `size` values (rows, columns, 1) that vary most.

    Their variation counts as often as `strength` (rows, columns) says at their first row and column; rows and columns
    are multiples of `step`.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values[..., 0], (size, size))[::step, ::step]
    striking = windows.std(axis=(2, 3))
    if not np.isscalar(strength):
        strength = strength[: len(striking), : striking.shape[1]]
    striking = (striking * strength).round(4)  # rounded, because backends differ in the last digits
    row, column = np.unravel_index(striking.argmax(), striking.shape)
    return int(row) * step, int(column) * step


def _height(picture: np.ndarray, width: float) -> float:
    """Returns how high a picture of this width is, in inches; at most as high as wide."""
    return min(width * picture.shape[0] / picture.shape[1], width)


def _white(weights: np.ndarray, times: int = 1) -> float | None:
    """Returns what a kernel makes of white, used so many times; None if its weights more or less cancel out."""
    total = float(weights.sum())
    return total**times if total > 0.1 * float(np.abs(weights).sum()) else None


def _limit(values: np.ndarray) -> float:
    return float(np.abs(values).max()) or 1.0


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[0]}×{picture.shape[1]}"


def _decimal(value: float, digits: int = 2) -> str:
    text = f"{round(float(value), digits) + 0.0:.{digits}f}"  # adding 0 makes -0 a 0
    return text.replace("-", "−")


def _fraction(weight: float) -> str:
    text = f"{weight + 0:.3g}"
    if len(text.lstrip("-")) > 4:
        nearest = Fraction(float(weight)).limit_denominator(20)
        text = str(nearest) if abs(float(nearest) - weight) < 1e-6 else f"{weight:.2f}"
    return text.replace("-", "−")
