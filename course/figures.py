"""The pictures of a run, one function a picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, SIGNED, new_figure, styled

WIDTH = 5.6  # inches, so that text can still be read on a phone
LINES = [(colour, style) for style in ("-", "--") for colour in (BLUE, ORANGE, GREEN, PURPLE)]
INK, MAPS = "Greys", "viridis"  # colour maps of images and of feature maps


def curves(history: list[dict[str, float | None]], turned: int | None) -> Figure:
    """Loss and accuracy over the epochs, of training and validation images.

    Args:
        history: one row an epoch: epoch, loss, accuracy, val_loss, val_accuracy; None where it was no number.
        turned: the epoch with the lowest val_loss, marked if it is not None.
    """
    with styled():
        figure = new_figure(WIDTH, 5.2)
        for axes, metric in zip(figure.subplots(2, sharex=True), ("loss", "accuracy"), strict=True):
            for name, colour, label in ((metric, BLUE, "training"), (f"val_{metric}", ORANGE, "validation")):
                values = [np.nan if row.get(name) is None else row[name] for row in history]
                axes.plot([row["epoch"] for row in history], values, color=colour, marker="o", label=label)
            if turned is not None:
                axes.axvline(turned, color=GREY, linestyle=":", linewidth=1.5, label="lowest loss in validation")
            axes.set_title(metric)
            _whole_epochs(axes, len(history))
            axes.legend()
        axes.set_xlabel("epoch")
    return figure


def compared_curves(histories: dict[str, list[dict[str, float | None]]]) -> Figure:
    """Loss and accuracy in validation over the epochs, one line a run; the keys of `histories` name the runs."""
    with styled():
        figure = new_figure(WIDTH, 5.2 + 0.25 * len(histories))
        for axes, metric in zip(figure.subplots(2, sharex=True), ("val_loss", "val_accuracy"), strict=True):
            for number, (name, history) in enumerate(histories.items()):
                colour, style = LINES[number % len(LINES)]
                values = [np.nan if row.get(metric) is None else row[metric] for row in history]
                axes.plot(
                    [row["epoch"] for row in history], values, color=colour, linestyle=style, marker="o", label=name
                )
            axes.set_title(metric)
            _whole_epochs(axes, max(map(len, histories.values())))
        axes.set_xlabel("epoch")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left")
    return figure


def confusion(matrix: np.ndarray, names: tuple[str, ...]) -> Figure:
    """How often images of each class (a row) are taken for each class (a column).

    Args:
        matrix: counts, (10, 10). Only mistakes are coloured, or the diagonal would outshine them.
        names: of the classes.
    """
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    strongest = max(mistakes.max(), 1)
    with styled():
        figure = new_figure(WIDTH, WIDTH)
        axes = figure.subplots()
        axes.imshow(np.where(mistakes, mistakes, np.nan), cmap="Oranges", vmin=0, vmax=strongest)
        for (truth, taken), count in np.ndenumerate(matrix):
            if count:
                dark = mistakes[truth, taken] > 0.6 * strongest
                axes.text(
                    taken, truth, count, ha="center", va="center", fontsize=9, color="white" if dark else "black",
                    fontweight="bold" if truth == taken else "normal",
                )  # fmt: skip
        long = max(map(len, names)) > 2
        axes.set_xticks(range(len(names)), names, rotation=45 if long else 0, ha="right" if long else "center")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="what the network takes it for", ylabel="what it is")
        axes.tick_params(length=0)
    return figure


def kernels(weights: np.ndarray) -> Figure:
    """What the network has learnt to look for: each kernel, or the weights of each node, as an image.

    Args:
        weights: (height, width, n).
    """
    strongest = max(float(np.abs(weights).max()), 1e-9)
    columns = min(weights.shape[-1], 8)
    rows = -(-weights.shape[-1] // columns)
    with styled():
        figure = new_figure(WIDTH, 0.5 + WIDTH * 0.85 * rows / columns)
        axes = figure.subplots()
        shown = axes.imshow(montage(weights, columns), cmap=SIGNED, vmin=-strongest, vmax=strongest)
        axes.axis("off")
        figure.colorbar(shown, ax=axes, shrink=min(1, 1.6 / rows + 0.4), label="weight")
    return figure


def journey(image: np.ndarray, steps: list[tuple[str, np.ndarray]], names: tuple[str, ...]) -> Figure:
    """One image on its way through the network: what comes out of each layer.

    Args:
        image: (height, width).
        steps: of each layer its title and its output, (height, width, channels) or (n,); the last are ten scores.
        names: of the classes.
    """
    heights = [1.0] + [0.65 if output.ndim == 3 else 0.25 for _, output in steps[:-1]] + [2.0]
    with styled():
        figure = new_figure(WIDTH, 0.38 * (len(heights) + 1) + sum(heights))
        first, *between, last = figure.subplots(len(heights), height_ratios=heights)
        first.imshow(image, cmap=INK)
        first.set_title(f"the image: {image.shape[0]} x {image.shape[1]} pixels")
        for axes, (title, output) in zip(between, steps[:-1], strict=True):
            axes.set_title(title)
            if output.ndim == 3:
                axes.imshow(montage(output[..., :8], 8), cmap=MAPS)
            else:
                axes.imshow(output[np.newaxis], cmap=MAPS, aspect="auto")
        for axes in (first, *between):
            axes.axis("off")
            axes.set_anchor("NW")
        title, scores = steps[-1]
        last.set_title(title)
        last.barh(names, scores, color=[ORANGE if score == scores.max() else BLUE for score in scores])
        last.invert_yaxis()
        last.tick_params(axis="y", length=0, labelsize=9)
    return figure


def montage(images: np.ndarray, columns: int) -> np.ndarray:
    """Returns images, (height, width, n), side by side in rows of `columns`, as one; between them is nothing (NaN)."""
    height, width, count = images.shape
    rows = -(-count // columns)
    gap = max(1, width // 10)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for number in range(count):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        whole[top : top + height, left : left + width] = images[..., number]
    return whole


def _whole_epochs(axes: Axes, epochs: int) -> None:
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(0.8, max(epochs, 2) + 0.2)
    axes.grid(color="#dddddd", linewidth=0.8)
