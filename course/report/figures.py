"""The pictures of a run, one function per picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from course.report.calibration import Bin
from course.report.measures import is_there, metrics_to_draw
from course.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SIGNED, new_figure, styled
from course.runs.certainty import interval
from course.runs.record import Row

WIDTH = 5.6  # inches, so that text can still be read on a phone
LINES = [(colour, style) for style in ("-", "--", ":", "-.") for colour in (BLUE, ORANGE, GREEN, PURPLE)]
MOST_NUMBERED, MOST_NAMED, LONGEST_NAME = 20, 40, 20  # classes of a confusion matrix, letters of their names
MOST_BARS = 10  # classes of an answer


@styled()
def curves(history: list[Row], overfits_since: int | None) -> Figure:
    """Loss and accuracy over the epochs, of training and validation images, and where overfitting began."""
    metrics = metrics_to_draw(history)
    figure = new_figure(WIDTH, 2.6 * len(metrics))
    for axes, metric in zip(figure.subplots(len(metrics), sharex=True, squeeze=False)[:, 0], metrics, strict=True):
        for name, label, colour in ((metric, "training", BLUE), (f"val_{metric}", "validation", ORANGE)):
            if is_there(history, name) or name == "loss":
                _plot_epochs(axes, history, name, label, colour)
        if overfits_since is not None:
            axes.axvline(overfits_since, color=GREY, linestyle=":", linewidth=1.5, label="lowest validation loss")
        axes.set_title(metric)
    _show_whole_epochs(figure, len(history))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)  # clear of lines
    return figure


@styled()
def compared_curves(histories: dict[str, list[Row]]) -> Figure:
    """Validation loss and accuracy over the epochs, one line per run; the keys of `histories` name the runs.

    Training loss, if none of them was validated.
    """
    drawn = [name for name in ("val_loss", "val_accuracy") if any(is_there(rows, name) for rows in histories.values())]
    metrics = drawn or ["loss"]
    figure = new_figure(WIDTH, 2.6 * len(metrics) + 0.25 * len(histories))
    for axes, metric in zip(figure.subplots(len(metrics), sharex=True, squeeze=False)[:, 0], metrics, strict=True):
        for number, (name, history) in enumerate(histories.items()):
            _plot_epochs(axes, history, metric, name, *LINES[number % len(LINES)])
        axes.set_title(metric)
    _show_whole_epochs(figure, max(map(len, histories.values())))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left")
    return figure


@styled()
def parallel_coordinates(columns: dict[str, list[float | str]], logarithmic: set[str]) -> Figure:
    """Each trial of a sweep as a line from value to value to its score, the best ones in a strong colour.

    `columns` are the values of each parameter by its name, then the score, of the same trials, best first;
    `logarithmic` are the names of those with a logarithmic axis.
    """
    drawn = [_axis(values, name in logarithmic) for name, values in columns.items()]
    lines = list(zip(*(heights for heights, _ in drawn), strict=True))
    best = max(1, len(lines) // 4)
    figure = new_figure(WIDTH, 4.4)
    axes = figure.subplots()
    axes.plot(np.transpose(lines[best:][::-1]), color=BLUE, alpha=0.35, linewidth=1)
    axes.plot(np.transpose(lines[:best][::-1]), color=ORANGE)  # the best one on top
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    for position, (_, ticks) in enumerate(drawn):
        axes.axvline(position, color=GREY, linewidth=1)
        for height, text in ticks:
            at = (position, height), (4, 0)
            axes.annotate(text, *at, textcoords="offset points", va="center", fontsize=9, bbox=box)
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.1, len(columns) - 0.4)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    colours = ((ORANGE, f"the best {best}" if best > 1 else "the best one"), (BLUE, "the others"))
    handles = [Line2D([], [], color=colour, label=label) for colour, label in colours[: 1 + (len(lines) > best)]]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def _axis(values: list[float | str], logarithmic: bool) -> tuple[list[float], list[tuple[float, str]]]:
    """Returns where values are on an axis from 0 to 1, and its ticks with their texts."""
    if any(isinstance(value, str) for value in values):
        texts = sorted(set(map(str, values)))
        places = {text: number / max(len(texts) - 1, 1) for number, text in enumerate(texts)}
        return [places[str(value)] for value in values], [(place, text[:16]) for text, place in places.items()]
    numbers = np.log(values) if logarithmic else np.asarray(values, dtype=float)
    low, high = numbers.min(), numbers.max()
    if low == high:
        return [0.5] * len(values), [(0.5, f"{values[0]:.4g}")]
    middle = np.exp((low + high) / 2) if logarithmic else (low + high) / 2
    ticks = [(0.0, f"{min(values):.4g}"), (0.5, f"{middle:.3g}"), (1.0, f"{max(values):.4g}")]
    return list((numbers - low) / (high - low)), ticks


@styled()
def confusion(matrix: np.ndarray, names: tuple[str, ...]) -> Figure:
    """How often images of each class (a row) are predicted as each class (a column): counts, (classes, classes)."""
    # Only mistakes are coloured, or the diagonal would outshine them.
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    strongest = max(mistakes.max(), 1)
    figure = new_figure(WIDTH, WIDTH)
    axes = figure.subplots()
    axes.imshow(np.where(mistakes, mistakes, np.nan), cmap="Oranges", vmin=0, vmax=strongest)
    many = len(names) > MOST_NUMBERED
    for (truth, answer), count in np.ndenumerate(matrix):
        if count and not many:
            on_colour = "white" if mistakes[truth, answer] > 0.6 * strongest else "#1b1b1b"  # on light and dark pages
            colour = on_colour if mistakes[truth, answer] else "black"
            weight = "bold" if truth == answer else "normal"
            text = axes.text(answer, truth, f"{count:,}", ha="center", va="center", fontsize=9)
            text.set(color=colour, fontweight=weight)
    long = max(map(len, names)) > 2
    places = range(0, len(names), -(-len(names) // MOST_NAMED))  # of many classes not all have room for their name
    texts = [names[place][:LONGEST_NAME] for place in places]
    angle = 90 if many else 45 if long else 0
    axes.set_xticks(places, texts, rotation=angle, ha="right" if angle == 45 else "center")
    axes.set_yticks(places, texts)
    axes.set(xlabel="the network's answer", ylabel="true class")
    axes.tick_params(length=0)
    return figure


@styled()
def calibration(bins: list[Bin]) -> Figure:
    """How often the network is right against how sure it says it is, with 95% intervals, and the images of each bin."""
    figure = new_figure(WIDTH, 5.6)
    right, many = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    confidence, accuracy = ([100 * getattr(each, name) for each in bins] for name in ("confidence", "accuracy"))
    ends = 100 * np.transpose([interval(each.accuracy, each.images) for each in bins])
    right.plot([0, 100], [0, 100], color=GREY, linestyle=":", label="exactly as sure as right")
    right.vlines(confidence, *ends, color=BLUE, label="95% interval")
    right.plot(confidence, accuracy, "o", color=BLUE, label="this network")
    right.set(ylabel="answers that are right, %", xlim=(0, 102), ylim=(0, 102))
    right.legend(loc="upper left")
    for each in bins:
        middle = 50 * (each.low + each.high)
        many.bar(middle, each.images, 9, color=BLUE)
        many.annotate(
            f"{each.images:,}", (middle, each.images), (0, 2), textcoords="offset points", ha="center", fontsize=9
        )
    many.margins(y=0.25)
    many.set(xlabel="how sure the network says it is, %", ylabel="images", xticks=range(0, 101, 10), yticks=[])
    return figure


@styled()
def weight_images(weights: np.ndarray) -> Figure:
    """What the network has learnt to look for: each of n kernels, or units, as an image: (height, width, n)."""
    strongest = max(float(np.abs(weights).max()), 1e-9)
    columns = min(weights.shape[-1], 8)
    rows = -(-weights.shape[-1] // columns)
    figure = new_figure(WIDTH, 0.5 + WIDTH * 0.85 * rows / columns)
    axes = figure.subplots()
    shown = axes.imshow(montage(weights, columns), cmap=SIGNED, vmin=-strongest, vmax=strongest)
    axes.axis("off")
    figure.colorbar(shown, ax=axes, shrink=min(1, 1.6 / rows + 0.4), label="weight")
    return figure


@styled()
def coloured_kernels(kernels: np.ndarray) -> Figure:
    """Kernels with weights for red, green and blue, (height, width, 3, n), each as a picture: weight 0 is grey."""
    bright = 0.5 + 0.5 * kernels / np.maximum(np.abs(kernels).max(axis=(0, 1, 2), keepdims=True), 1e-9)
    columns = min(kernels.shape[-1], 8)
    whole = np.stack([montage(bright[:, :, colour], columns) for colour in range(3)], axis=-1)
    figure = new_figure(WIDTH, 0.1 + WIDTH * whole.shape[0] / whole.shape[1])
    axes = figure.subplots()
    axes.imshow(np.where(np.isnan(whole), 1, whole), interpolation="nearest")
    axes.axis("off")
    return figure


@styled()
def kernels_and_maps(kernels: np.ndarray, maps: np.ndarray) -> Figure:
    """Each kernel, (height, width, n), next to the feature map that it makes, (height, width, n); each to its scale."""
    times = max(1, maps.shape[0] // kernels.shape[0])
    large = np.kron(kernels / _strongest(kernels), np.ones((times, times, 1)))
    height = max(large.shape[0], maps.shape[0])
    gap = np.full((height, max(1, maps.shape[1] // 8), kernels.shape[-1]), np.nan)
    both = [_centred(large, height), gap, _centred(maps / _strongest(maps), height)]
    columns = min(kernels.shape[-1], 4)
    whole = montage(np.concatenate(both, axis=1), columns)
    figure = new_figure(WIDTH, 0.1 + WIDTH * whole.shape[0] / whole.shape[1])
    axes = figure.subplots()
    axes.imshow(whole, cmap=SIGNED, vmin=-1, vmax=1)
    axes.axis("off")
    return figure


def _strongest(values: np.ndarray) -> np.ndarray:
    """Returns the largest size of a value in each of n images, (1, 1, n)."""
    return np.maximum(np.abs(values).max(axis=(0, 1), keepdims=True), 1e-9)


def _centred(images: np.ndarray, height: int) -> np.ndarray:
    missing = height - images.shape[0]
    return np.pad(images, ((missing // 2, missing - missing // 2), (0, 0), (0, 0)), constant_values=np.nan)


@styled()
def layer_by_layer(image: np.ndarray, outputs: list[tuple[str, np.ndarray]], names: tuple[str, ...]) -> Figure:
    """One image (height, width) or (..., 3), 0 to 255, and title and output of each layer for it.

    `names` are those of the classes, of which the ten most likely are shown. An output is (height, width, channels) or
    (n,), the last one (classes,).
    """
    heights = [1.0] + [0.65 if output.ndim == 3 else 0.25 for _, output in outputs[:-1]] + [2.0]
    figure = new_figure(WIDTH, 0.38 * (len(heights) + 1) + sum(heights))
    first, *between, last = figure.subplots(len(heights), height_ratios=heights)
    first.imshow(image, cmap="gray", vmin=0, vmax=255)
    first.set_title(f"the image: {image.shape[0]} x {image.shape[1]} pixels")
    for axes, (title, output) in zip(between, outputs[:-1], strict=True):
        axes.set_title(title)
        if output.ndim == 3:
            shown, strongest = montage(output[..., :8], 8), float(np.abs(output).max()) or 1
            axes.imshow(shown, cmap=SIGNED, vmin=-strongest, vmax=strongest)
        else:
            strongest = float(np.abs(output).max()) or 1
            axes.imshow(output[np.newaxis], cmap=SIGNED, vmin=-strongest, vmax=strongest, aspect="auto")
    for axes in (first, *between):
        axes.axis("off")
        axes.set_anchor("NW")
    title, scores = outputs[-1]
    last.set_title(title)
    likely = np.sort(np.argsort(-scores, kind="stable")[:MOST_BARS])
    colours = [ORANGE if scores[each] == scores.max() else BLUE for each in likely]
    last.barh([names[each] for each in likely], scores[likely], color=colours)
    last.invert_yaxis()
    last.tick_params(axis="y", length=0, labelsize=9)
    return figure


def montage(images: np.ndarray, columns: int) -> np.ndarray:
    """Returns images, (height, width, n), side by side in rows of `columns`, as one image; NaN between them."""
    height, width, count = images.shape
    rows, gap = -(-count // columns), max(1, width // 10)
    padding = ((0, gap), (0, gap), (0, rows * columns - count))
    padded = np.pad(images.astype(float), padding, constant_values=np.nan)
    whole = padded.reshape(height + gap, width + gap, rows, columns).transpose(2, 0, 3, 1)
    return whole.reshape(rows * (height + gap), columns * (width + gap))[:-gap, :-gap]


def _plot_epochs(axes: Axes, history: list[Row], metric: str, label: str, colour: str, style: str = "-") -> None:
    epochs, values = (np.array([row.get(name) for row in history], dtype=float) for name in ("epoch", metric))
    axes.plot(epochs, values, color=colour, linestyle=style, marker="o", label=label)


def _show_whole_epochs(figure: Figure, epochs: int) -> None:
    figure.axes[-1].set_xlabel("epoch")
    for axes in figure.axes:
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.set_xlim(0.8, max(epochs, 2) + 0.2)
        axes.grid(color="#dddddd", linewidth=0.8)
