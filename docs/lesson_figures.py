"""The figures of the lessons' pages: computed exactly, or drawn from what docs/measured/ and benchmarks/ keep."""

import json
import statistics
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

import cnn
import fast
from course.data import class_names, hold_out, load_data_set
from course.report.style import BLUE, GREY, ORANGE, SIGNED, new_figure, styled
from course.runs.record import read_history

MEASURED = Path(__file__).parent / "measured"
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
CLOTHES = "fashion_mnist"
UNSURE = 1  # the validation image that docs/perceptron.md follows through a perceptron


def results(table: str) -> dict[str, list[dict[str, float]]]:
    """Returns what a table of benchmarks.accuracy has measured: for each command its runs, one per seed."""
    return json.loads((BENCHMARKS / f"{table}.json").read_text(encoding="utf-8"))["results"]


def history(name: str) -> dict[str, np.ndarray]:
    """Returns the columns of a training that docs.measure kept, float64 of shape (epochs,)."""
    rows = read_history(MEASURED / name)
    return {column: np.array([row[column] for row in rows], dtype=float) for column in rows[0]}


def perceptron() -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights, float32 (784, 10), and the biases, float32 (10,), of the perceptron that was measured."""
    with np.load(MEASURED / "perceptron.npz") as file:
        return file["weights"], file["biases"]


def ten_sums() -> tuple[np.ndarray, int, np.ndarray, np.ndarray]:
    """Returns an image, uint8 (28, 28), its label, and the perceptron's ten sums and probabilities, float64 (10,)."""
    (x_train, y_train), _ = load_data_set("mnist")
    _, (images, labels) = hold_out(x_train, y_train)
    weights, biases = perceptron()
    sums = images[UNSURE].reshape(784) / 255 @ weights + biases
    exponentials = np.exp(sums)
    return images[UNSURE], int(labels[UNSURE]), sums, exponentials / exponentials.sum()


def perceptron_weights() -> Figure:
    weights, _ = perceptron()
    figure = new_figure(7, 2.9)
    with styled():
        for digit, axes in enumerate(figure.subplots(2, 5).flat):
            picture = axes.imshow(weights[:, digit].reshape(28, 28), cmap=SIGNED, vmin=-0.6, vmax=0.6)
            axes.set_title(str(digit), loc="center")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(True)
        bar = figure.colorbar(picture, ax=figure.axes, shrink=0.9, ticks=[-0.6, 0, 0.6])
        bar.ax.set_yticklabels(["against\n-0.6", "0", "for\n+0.6"])
    return figure


def perceptron_sums() -> Figure:
    image, label, sums, probabilities = ten_sums()
    colours = [ORANGE if digit == label else GREY for digit in range(10)]
    figure = new_figure(7, 3.2)
    with styled():
        picture, left, right = figure.subplots(1, 3, width_ratios=(1.1, 1.2, 1.2))
        picture.imshow(image, cmap="Greys")
        picture.set_title(f"a {label}: 784 pixels")
        picture.set_xticks([])
        picture.set_yticks([])
        picture.spines[:].set_visible(True)
        left.barh(range(10), sums, color=colours)
        left.axvline(0, color=GREY, linewidth=1)
        left.set_title("ten sums")
        right.barh(range(10), probabilities, color=colours)
        right.set_title("softmax")
        right.set_xlim(0, 0.75)
        right.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5]))
        right.xaxis.set_major_formatter(PercentFormatter(1))
        for digit, probability in enumerate(probabilities):
            if probability >= 0.01:
                right.text(probability + 0.02, digit, f"{probability:.0%}", va="center")
        for axes in (left, right):
            axes.set_yticks(range(10))
            axes.invert_yaxis()
            axes.tick_params(axis="y", length=0)
        left.set_ylabel("digit")
    return figure


def hidden_layer() -> Figure:
    """Either pixel but not both: no line separates these points, until two relu units have moved them."""
    pixels = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
    on = pixels.sum(axis=1)
    hidden = np.maximum(np.stack([on, on - 1], axis=1), 0)
    figure = new_figure(7, 2.8)
    with styled():
        before, after = figure.subplots(1, 2)
        for axes, points in ((before, pixels), (after, hidden)):
            for wanted, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "s")):
                axes.scatter(*points[on % 2 == wanted].T, s=130, color=colour, marker=marker, zorder=3)
            axes.set_aspect("equal")
        before.set(xlim=(-0.4, 2.4), ylim=(-0.4, 1.5), xticks=(0, 1), yticks=(0, 1))
        before.set(title="input", xlabel="pixel a", ylabel="pixel b")
        before.text(1.3, 0.5, "no straight line\nseparates the\nsquares from\nthe circles", va="center", color=GREY)
        after.set(xlim=(-0.4, 2.4), ylim=(-0.4, 1.5), xticks=(0, 1, 2), yticks=(0, 1))
        after.set(title="output of the hidden layer", xlabel="relu(a + b)", ylabel="relu(a + b - 1)")
        after.axline((0.5, 0), (1.5, 0.5), color=GREY, linestyle="--")
        after.text(1.2, 0, "both squares", va="center", color=ORANGE)
    return figure


def hidden_nodes() -> Figure:
    runs = {
        1: results("claims")["mlp.py --hidden_nodes 1"],
        10: results("claims")["mlp.py --hidden_nodes 10"],
        200: results("accuracy")["mlp.py"],
        1000: results("claims")["mlp.py --hidden_nodes 1000"],
    }
    wrong = {units: 1 - statistics.mean(run["test_accuracy"] for run in runs) for units, runs in runs.items()}
    kept = json.loads((MEASURED / "perceptron.json").read_text(encoding="utf-8"))["results"]
    without = 1 - statistics.mean(run["test_accuracy"] for run in kept)
    figure = new_figure(7, 3.2)
    with styled():
        axes = figure.subplots()
        axes.loglog(wrong.keys(), wrong.values(), "o-", color=BLUE)
        for units, fraction in wrong.items():
            axes.text(units * 1.12, fraction * 1.12, f"{fraction:.1%}", color=BLUE)
        axes.axhline(without, color=ORANGE, linestyle="--")
        axes.text(0.9, without / 1.1, f"no hidden layer: {without:.1%}", color=ORANGE, va="top")
        axes.set(xlim=(0.8, 2000), ylim=(0.01, 1.2), xlabel="units in the hidden layer")
        axes.set_title("test images predicted as another digit (both axes logarithmic)")
        axes.xaxis.set_major_locator(FixedLocator(list(wrong)))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def layers_of_cnn() -> list[tuple[str, tuple[int, ...], int]]:
    """Returns the name, output shape and number of parameters of each layer of cnn.py, without its dropout."""
    layers = [layer for layer in cnn.build_model(cnn.Config(), 10).layers if type(layer).__name__ != "Dropout"]
    return [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) for layer in layers]


def cnn_layers() -> Figure:
    columns = [("image", (28, 28, 1), 0), *layers_of_cnn()]
    figure = new_figure(7, 3.9)
    with styled():
        above, below = figure.subplots(2, 1, height_ratios=(1.5, 1))
        for column, (_, shape, parameters) in enumerate(columns):
            draw_output(above, 34 * column, shape)
            above.text(34 * column, 22, " x ".join(f"{size:,}" for size in shape), ha="center", color=GREY)
            below.bar(34 * column, parameters, width=20, color=ORANGE)
            below.text(34 * column, parameters + 20_000, f"{parameters:,}" if column else "", ha="center")
        for axes in (above, below):
            axes.set_xlim(-20, 34 * (len(columns) - 1) + 18)
            axes.spines[:].set_visible(False)
            axes.set_yticks([])
            axes.set_xticks([])
        above.set_ylim(-24, 28)
        above.set_title("output of each layer (of 32 maps, five are drawn)")
        below.set_title("parameters of each layer")
        below.spines.bottom.set_visible(True)
        below.set_ylim(0, 720_000)
        names = [name.replace("MaxPooling2D", "Max-\nPooling2D") for name, _, _ in columns]
        below.set_xticks([34 * column for column in range(len(columns))], names)
        below.tick_params(axis="x", length=0)
    return figure


def draw_output(axes: Axes, centre: float, shape: tuple[int, ...]) -> None:
    """Draws maps one behind the other, or a list of numbers as a line; both on the scale of one unit per pixel."""
    if len(shape) == 1:
        height = min(shape[0], 40)  # 5,408 numbers would not fit on the page
        axes.add_patch(Rectangle((centre - 1, -height / 2 - 2), 2, height, color=BLUE))
        return
    side, depth = shape[0], min(shape[2], 5)
    for layer in reversed(range(depth)):
        shift = 1.4 * (layer - (depth - 1) / 2)
        corner = (centre - side / 2 + shift, -side / 2 - 2 + shift)
        axes.add_patch(Rectangle(corner, side, side, facecolor="white", edgecolor=BLUE, linewidth=1.2))


def cnn_parameters() -> Figure:
    networks = {
        "cnn.py": cnn.build_model(cnn.Config(), 10),
        "cnn.py --more_conv_layers 64": cnn.build_model(cnn.Config(more_conv_layers=(64,)), 10),
        "cnn.py --more_conv_layers 64 64": cnn.build_model(cnn.Config(more_conv_layers=(64, 64)), 10),
        "fast.py": fast.build_model(fast.Config(), 10),
    }
    measured = results("accuracy") | results("claims")
    figure = new_figure(7, 3.3)
    with styled():
        axes = figure.subplots()
        for row, (command, model) in enumerate(networks.items()):
            dense = next(layer for layer in model.layers if type(layer).__name__ == "Dense").count_params()
            rest = model.count_params() - dense
            axes.barh(row, dense, height=0.5, color=ORANGE, label="the first dense layer" if row == 0 else None)
            axes.barh(row, rest, height=0.5, left=dense, color=BLUE, label="all others" if row == 0 else None)
            accuracy = statistics.mean(run["test_accuracy"] for run in measured[command])
            axes.text(dense + rest + 8_000, row, f"{dense + rest:,}; {accuracy:.2%}", va="center")
        axes.set_yticks(range(len(networks)), [command.replace(" --", "\n--") for command in networks])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_title("parameters; test accuracy")
        axes.set_xlim(0, 760_000)
        axes.set_xticks([0, 200_000, 400_000], ["0", "200,000", "400,000"])
        axes.legend(loc="lower right")
    return figure


def overfitting() -> Figure:
    figure = new_figure(7, 2.7)
    with styled():
        for axes, (name, title) in zip(
            figure.subplots(1, 2, sharey=True),
            (("no-dropout", "no dropout"), ("dropout", "half the hidden units dropped")),
            strict=True,
        ):
            columns = history(name)
            epochs, val_loss = columns["epoch"], columns["val_loss"]
            axes.plot(epochs, columns["loss"], color=BLUE, linestyle="--", label="training")
            axes.plot(epochs, val_loss, color=ORANGE, label="validation")
            best = val_loss.argmin()
            axes.plot(epochs[best], val_loss[best], "o", color=ORANGE)
            axes.annotate(
                f"lowest: {val_loss[best]:.3f}\nafter epoch {epochs[best]:.0f}",
                (epochs[best], val_loss[best]),
                (epochs[best], 0.28),
                ha="center",
                arrowprops={"arrowstyle": "-", "color": GREY},
            )
            axes.set(title=title, xlabel="epoch", ylim=(0, 0.4), xlim=(0, 41), yticks=np.arange(5) / 10)
        figure.axes[0].set_ylabel("loss")
        figure.axes[0].legend(loc="upper right", bbox_to_anchor=(1, 1.04))
    return figure


def overfitting_images() -> Figure:
    measured = results("claims")
    images = (500, 5000, 20000)
    runs = [measured[f"mlp.py --limit {limit} --epochs 40 --dropout 0"] for limit in images]
    figure = new_figure(7, 3)
    with styled():
        axes = figure.subplots()
        for metric, name, colour, style in (
            ("accuracy", "training", BLUE, "s--"),
            ("val_accuracy", "validation", ORANGE, "o-"),
        ):
            means = [statistics.mean(run[metric] for run in found) for found in runs]
            axes.semilogx(images, means, style, color=colour)
            for limit, mean in zip(images, means, strict=True):
                above = 0.01 if metric == "accuracy" else -0.035
                axes.text(limit, mean + above, f"{mean:.1%}", ha="center", color=colour)
            axes.text(images[-1] * 1.4, means[-1], name, va="center", color=colour)
        axes.set(xlim=(350, 60_000), ylim=(0.8, 1.04), xlabel="training images")
        axes.set_title("accuracy after 40 epochs without dropout")
        axes.xaxis.set_major_locator(FixedLocator(images))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_yticks([0.8, 0.9, 1.0])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def examples(data: str, rows: int) -> np.ndarray:
    """Returns the first `rows` training images of each class, below each other: uint8 (rows * 28, classes * 28)."""
    (images, labels), _ = load_data_set(data)
    columns = [images[labels == label][:rows].reshape(-1, 28) for label in range(labels.max() + 1)]
    return np.concatenate(columns, axis=1)


def data_digits() -> Figure:
    return grid("mnist", tuple("0123456789"), 3.6)


def data_clothes() -> Figure:
    names = [name.replace("T-shirt/top", "T-shirt/\ntop").replace("Ankle ", "Ankle\n") for name in class_names(CLOTHES)]
    return grid(CLOTHES, tuple(names), 3.9)


def grid(data: str, names: tuple[str, ...], height: float) -> Figure:
    """Draws five examples of each class in a column below its name."""
    figure = new_figure(7, height)
    with styled():
        axes = figure.subplots()
        axes.imshow(examples(data, 5), cmap="Greys")
        axes.set_xticks([28 * column + 13.5 for column in range(len(names))], names, fontsize=9)
        axes.set_yticks([])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def order() -> Figure:
    """Three digits as they are, and with their pixels shuffled as data/shuffled.py does."""
    (images, _), _ = load_data_set("mnist")
    places = np.random.default_rng(0).permutation(28 * 28)
    figure = new_figure(7, 1.6)
    with styled():
        all_axes = figure.subplots(1, 6)
        for place, number in enumerate((0, 2, 4)):
            shuffled = images[number].reshape(-1)[places].reshape(28, 28)
            for axes, picture in ((all_axes[place], images[number]), (all_axes[3 + place], shuffled)):
                axes.imshow(picture, cmap="Greys")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(True)
        all_axes[0].set_title("as they are")
        all_axes[3].set_title("pixels shuffled, all alike")
    return figure


def gradient() -> Figure:
    """Steps against the gradient on a loss of one weight, (weight - 1) squared / 4: sound ones, and too large ones."""
    figure = new_figure(7, 3)
    weights = np.linspace(-3.6, 5.6, 200)
    with styled():
        all_axes = figure.subplots(1, 2, sharey=True)
        for axes, rate, steps, title in zip(
            all_axes, (0.8, 4.2), (6, 5), ("a good learning rate", "too large"), strict=True
        ):
            path = [-2.0]
            for _ in range(steps):
                path.append(path[-1] - rate * (path[-1] - 1) / 2)
            axes.plot(weights, (weights - 1) ** 2 / 4, color=GREY)
            axes.plot(path, [(weight - 1) ** 2 / 4 for weight in path], "o-", color=ORANGE, linewidth=1.2)
            axes.set(title=title, xlabel="weight", xlim=(-3.6, 5.6), ylim=(-0.3, 5.2), xticks=[], yticks=[])
        all_axes[0].axline((-2, 2.25), slope=-1.5, color=BLUE, linestyle="--")
        all_axes[0].text(-1.9, 4.6, "slope at the start:\nthe gradient", color=BLUE, va="top")
        all_axes[0].set_ylabel("loss")
    return figure


FIGURES = {
    "data-digits": data_digits,
    "data-clothes": data_clothes,
    "gradient": gradient,
    "order": order,
    "perceptron-weights": perceptron_weights,
    "perceptron-sums": perceptron_sums,
    "hidden-layer": hidden_layer,
    "hidden-nodes": hidden_nodes,
    "cnn-layers": cnn_layers,
    "cnn-parameters": cnn_parameters,
    "overfitting": overfitting,
    "overfitting-images": overfitting_images,
}
