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
from course.convolution.pictures import read_picture
from course.data import class_names, hold_out, load_data_set
from course.report.style import BLUE, GREY, INK, ORANGE, SIGNED, new_figure, styled
from course.report.votes import read_votes
from course.runs.record import read_history
from course.system.arrays import read_arrays
from data import shuffled

MEASURED = Path(__file__).parent / "measured"
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
CLOTHES = "fashion_mnist"
WIDTH = 6  # inches: on a phone, too, text can be read
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


def mean_digits() -> np.ndarray:
    """Returns the mean of the training images of each digit, float64 (10, 28, 28), 0 to 255."""
    training, _ = load_data_set("mnist")
    (images, labels), _ = hold_out(*training)
    return np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])


def perceptron_weights() -> Figure:
    """Below the mean of its training images, the weights of each digit."""
    weights, _ = perceptron()
    means = mean_digits()
    figure = new_figure(WIDTH, 6.2)
    with styled():
        all_axes = figure.subplots(4, 5)
        for digit in range(10):
            row, column = 2 * (digit // 5), digit % 5
            above, below = all_axes[row, column], all_axes[row + 1, column]
            above.imshow(means[digit], cmap=INK)
            above.set_title(str(digit), loc="center")
            picture = below.imshow(weights[:, digit].reshape(28, 28), cmap=SIGNED, vmin=-0.6, vmax=0.6)
        for axes in all_axes.flat:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(True)
        for row, name in enumerate(2 * ("mean image", "weights")):
            all_axes[row, 0].set_ylabel(name)
        bar = figure.colorbar(picture, ax=figure.axes, location="bottom", shrink=0.8, aspect=30, ticks=[-0.6, 0, 0.6])
        bar.ax.set_xticklabels(["−0.6: against", "0", "+0.6: for"])
    return figure


def perceptron_sums() -> Figure:
    image, label, sums, probabilities = ten_sums()
    colours = [ORANGE if digit == label else GREY for digit in range(10)]
    figure = new_figure(WIDTH, 3.2)
    with styled():
        picture, left, right = figure.subplots(1, 3, width_ratios=(1.1, 1.2, 1.2))
        picture.imshow(image, cmap=INK)
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
    return figure


def hidden_layer() -> Figure:
    """Either pixel but not both: no line separates these points, until two relu units have moved them."""
    pixels = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
    on = pixels.sum(axis=1)
    hidden = np.maximum(np.stack([on, on - 1], axis=1), 0)
    figure = new_figure(WIDTH, 2.8)
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
    kept = json.loads((MEASURED / "perceptron.json").read_text(encoding="utf-8"))["results"]
    runs = {
        "none": kept,
        "1": results("claims")["mlp.py --hidden_nodes 1"],
        "10": results("claims")["mlp.py --hidden_nodes 10"],
        "200": results("accuracy")["mlp.py"],
        "1,000": results("claims")["mlp.py --hidden_nodes 1000"],
    }
    figure = new_figure(WIDTH, 2.7)
    with styled():
        axes = figure.subplots()
        for row, (units, found) in enumerate(runs.items()):
            wrong = 1 - statistics.mean(run["test_accuracy"] for run in found)
            axes.barh(row, wrong, height=0.6, color=ORANGE if units == "none" else BLUE)
            axes.text(wrong + 0.01, row, f"{wrong:.1%}", va="center")
        axes.set_yticks(range(len(runs)), runs)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, 0.86), xticks=[], ylabel="hidden units")
        axes.spines.bottom.set_visible(False)
        axes.set_title("test images predicted as another digit")
    return figure


def layers_of_cnn() -> list[tuple[str, tuple[int, ...], int]]:
    """Returns the name, output shape and number of parameters of each layer of cnn.py, without its dropout."""
    layers = [layer for layer in cnn.build_model(cnn.Config(), 10).layers if type(layer).__name__ != "Dropout"]
    return [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) for layer in layers]


def outputs_of_cnn() -> list[np.ndarray]:
    """Returns the digit of convolution.py, 0 to 1, and what each layer of cnn.py (seed 1) made of it, without dropout.

    float32: (28, 28, 1), (26, 26, 32), (13, 13, 32), (5408,), (100,), (10,).
    """
    picture, kept = read_picture("digit"), read_arrays(MEASURED / "cnn.npz")
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0], (3, 3))
    found = np.maximum(np.einsum("rcij,ijk->rck", windows, kept["kernels"]) + kept["biases"], 0)
    pooled = found.reshape(13, 2, 13, 2, -1).max(axis=(1, 3))
    return [picture, found, pooled, pooled.ravel(), kept["dense"], kept["probabilities"]]


def cnn_layers() -> Figure:
    """What each layer makes of a digit, every value of the same width, and how many parameters it has."""
    outputs = outputs_of_cnn()
    layers = [("image", outputs[0].shape, 0), *layers_of_cnn()]
    figure = new_figure(WIDTH, 6)
    with styled():
        above, below = figure.subplots(2, 1, height_ratios=(4.2, 1))
        top = 0.0
        for (name, shape, _), output in zip(layers, outputs, strict=True):
            high = draw_output(above, top, output)
            middle = top + high / 2
            above.text(-4, middle, f"{name}\n{' x '.join(f'{size:,}' for size in shape)}", ha="right", va="center")
            top += high + 6
        above.text(16, middle, f"ten probabilities: the answer is {outputs[-1].argmax()}", va="center")
        above.set(ylim=(top, -2), aspect="equal", title="output of each layer; of 32 maps, five are drawn")
        with_parameters = [(name, parameters) for name, _, parameters in layers if parameters]
        most = max(parameters for _, parameters in with_parameters)
        for row, (name, parameters) in enumerate(with_parameters):
            length = 130 * parameters / most
            below.barh(row, length, height=0.6, color=ORANGE)
            below.text(-4, row, name, ha="right", va="center")
            below.text(length + 3, row, f"{parameters:,}", va="center")
        below.set(title="parameters of each layer")
        below.invert_yaxis()
        for axes in (above, below):
            axes.set(xticks=[], yticks=[], xlim=(-52, 172))
            axes.spines[:].set_visible(False)
    return figure


def draw_output(axes: Axes, top: float, output: np.ndarray) -> float:
    """Draws maps next to each other, a list of numbers as a row, folded if it is long; returns its height in values."""
    if output.ndim == 3:
        strongest = np.sort(np.argsort(-output.mean(axis=(0, 1)), kind="stable")[:5])
        pictures = [output[..., number] for number in strongest]
    else:
        pictures = [output.reshape(-1, 169) if output.size > 169 else output[np.newaxis]]
    high = max(len(pictures[0]), 14)  # as high as two lines of text
    for number, picture in enumerate(pictures):
        rows, columns = picture.shape
        left, shown = number * (columns + 3), max(rows, 4)  # one row of numbers is drawn four times as high
        begin = top + (high - shown) / 2
        colours = "gray" if output.shape[-1] == 1 else SIGNED
        limit = float(output.max())
        axes.imshow(
            picture,
            cmap=colours,
            vmin=0 if colours == "gray" else -limit,
            vmax=limit,
            extent=(left, left + columns, begin + shown, begin),
        )
        axes.add_patch(Rectangle((left, begin), columns, shown, fill=False, edgecolor=GREY, linewidth=0.8))
    return high


def cnn_parameters() -> Figure:
    networks = {
        "cnn.py": cnn.build_model(cnn.Config(), 10),
        "cnn.py --more_conv_layers 64": cnn.build_model(cnn.Config(more_conv_layers=(64,)), 10),
        "cnn.py --more_conv_layers 64 64": cnn.build_model(cnn.Config(more_conv_layers=(64, 64)), 10),
        "fast.py": fast.build_model(fast.Config(), 10),
    }
    measured = results("accuracy") | results("claims")
    figure = new_figure(WIDTH, 3.3)
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
        axes.set_xlim(0, 800_000)
        axes.set_xticks([0, 200_000, 400_000], ["0", "200,000", "400,000"])
        axes.legend(loc="lower right")
    return figure


def overfitting() -> Figure:
    figure = new_figure(WIDTH, 2.7)
    with styled():
        for axes, (name, title) in zip(
            figure.subplots(1, 2, sharey=True),
            (("no-dropout", "no dropout"), ("dropout", "half the hidden units dropped")),
            strict=True,
        ):
            columns = history(name)
            epochs, val_loss = columns["epoch"], columns["val_loss"]
            gap = val_loss > columns["loss"]
            axes.fill_between(epochs, columns["loss"], val_loss, where=gap, color=ORANGE, alpha=0.15)
            axes.plot(epochs, columns["loss"], color=BLUE, linestyle="--")
            axes.plot(epochs, val_loss, color=ORANGE)
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
        names = ("validation", 0.21, ORANGE), ("gap", 0.1, ORANGE), ("training", 0.02, BLUE)
        for name, height, colour in names:
            figure.axes[0].text(40, height, name, color=colour, ha="right")
    return figure


def overfitting_images() -> Figure:
    measured = results("claims")
    images = (500, 5000, 20000)
    runs = [measured[f"mlp.py --limit {limit} --epochs 40 --dropout 0"] for limit in images]
    figure = new_figure(WIDTH, 3)
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


def examples(data: str, count: int) -> np.ndarray:
    """Returns the first `count` training images of each class: uint8 (classes, count, 28, 28)."""
    (images, labels), _ = load_data_set(data)
    return np.stack([images[labels == label][:count] for label in range(labels.max() + 1)])


def data_digits() -> Figure:
    """Five examples of each digit in a column below it."""
    return grid(examples("mnist", 5).transpose(1, 0, 2, 3), tuple("0123456789"), 3.3)


def data_clothes() -> Figure:
    """Eight examples of each class in a row after its name."""
    return grid(examples(CLOTHES, 8), class_names(CLOTHES), 6)


def grid(images: np.ndarray, names: tuple[str, ...], height: float) -> Figure:
    """Draws images, (rows, columns, 28, 28), with names of the rows, or of the columns if there are as many."""
    rows, columns = images.shape[:2]
    figure = new_figure(WIDTH, height)
    with styled():
        axes = figure.subplots()
        axes.imshow(images.transpose(0, 2, 1, 3).reshape(28 * rows, 28 * columns), cmap=INK)
        named, other = (axes.xaxis, axes.yaxis) if columns == len(names) else (axes.yaxis, axes.xaxis)
        named.set_ticks([28 * place + 13.5 for place in range(len(names))], names, fontsize=12)
        other.set_ticks([])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def mistakes() -> list[dict[str, int]]:
    """Returns number, label and prediction of each test image that best.py (seed 1) reads wrongly."""
    return json.loads((MEASURED / "mistakes.json").read_text(encoding="utf-8"))["mistakes"]


def best_mistakes() -> Figure:
    """Each of them below its class and what it was predicted as; "?" where most people saw another class."""
    _, (images, _) = load_data_set("mnist")
    found, votes, columns = mistakes(), read_votes("mnist"), 6
    rows = -(-len(found) // columns)
    figure = new_figure(WIDTH, 0.4 + 1.2 * rows)
    with styled():
        all_axes = figure.subplots(rows, columns).ravel()
        for axes in all_axes:
            axes.axis("off")
        for axes, mistake in zip(all_axes, found, strict=False):
            axes.imshow(images[mistake["image"]], cmap=INK)
            doubt = "?" if mistake["image"] in votes and votes[mistake["image"]].against_label else ""
            axes.set_title(f"{mistake['label']}{doubt} → {mistake['predicted']}", loc="center")
        figure.suptitle("true class → predicted class", fontsize=12)
    return figure


def order() -> Figure:
    """Three digits as they are, and with their pixels shuffled as data/shuffled.py does."""
    (images, _), _ = load_data_set("mnist")
    places = shuffled.order()
    figure = new_figure(WIDTH, 1.35)
    with styled():
        all_axes = figure.subplots(1, 6)
        for place, number in enumerate((0, 2, 4)):
            moved = images[number].reshape(-1)[places].reshape(28, 28)
            for axes, picture in ((all_axes[place], images[number]), (all_axes[3 + place], moved)):
                axes.imshow(picture, cmap=INK)
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(True)
        all_axes[0].set_title("as they are")
        all_axes[3].set_title("pixels shuffled, all alike")
    return figure


def gradient() -> Figure:
    """Steps against the gradient on a loss of one weight, (weight - 1) squared / 4: sound ones, and too large ones."""
    figure = new_figure(WIDTH, 3)
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
    "best-mistakes": best_mistakes,
}
