"""What a grader can say about one run of the challenge, each in a sentence that names the place and the idea."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter

from course.challenge.attempt import OBSERVED, SCRIPT
from course.runs.record import read_config, read_history, read_values
from course.system.errors import CourseError

DATA = "fashion_mnist"
CHANCE = 0.15  # share of images; a network below it may as well guess
ALIKE = 200  # images that two sets may share without anybody's doing: some clothes look the same
WITH_KERNELS = ("Dense", "Conv", "LSTM", "GRU", "Attention")  # what is in the names of layers with kernels
SCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization")
NOT_FOR_CLASSES = (
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "mse", "mae", "binary_crossentropy", "hinge", "squared_hinge", "huber", "huber_loss", "log_cosh", "poisson",
    "cosine_similarity",
)  # fmt: skip


class Finding(NamedTuple):
    """Something that the grader has to say about a run."""

    level: int | None  # the lowest level that it keeps from being reached; None if it is a remark
    sentence: str
    missing: bool = False  # the idea of this level is not there yet, which is no mistake


class Lines(dict[str, int]):
    """Where functions and methods stand in the learner's file: `lines("fit")` is " (fit, line 80)", or nothing."""

    def __call__(self, name: str) -> str:
        return f" ({name}, line {self[name]})" if name in self else ""


class Array(BaseModel):
    """What attempt.json says of images or labels."""

    shape: Annotated[list[int], Field(min_length=1)]
    dtype: str
    lowest: FiniteFloat | None
    highest: FiniteFloat | None
    one_hot: bool = False


class Given(BaseModel):
    """What attempt.json says of images with their labels."""

    images: Array
    labels: Array
    recognised: int
    test_images: int
    own_labels: int


class Layer(BaseModel):
    """What attempt.json says of a layer."""

    kind: str
    activation: str | None
    rate: FiniteFloat | None
    strides: int
    data_format: str | None


class Network(BaseModel):
    """What attempt.json says of a network and its loss."""

    outputs: list[list[int | None]]
    layers: list[Layer]
    loss: str
    from_logits: bool


class Fit(BaseModel):
    """What attempt.json says of one call of `fit`."""

    network: Network
    learning_rate: FiniteFloat
    training: Given | None
    validation: Given | None
    in_both: int


class Observed(BaseModel):
    """What attempt.json holds; what is not there yet is empty."""

    process: int | None = None
    fits: list[Fit] = []


class Record(NamedTuple):
    """What a run left on disk; what is not there is empty."""

    folder: Path
    config: dict[str, Any]
    fits: list[dict[str, Any]]  # what each `fit` was given, as course/challenge/attempt.py saw it
    epochs: list[dict[str, float | None]]
    lines: Lines


def read(folder: Path) -> Record:
    """Returns what the run in a folder left; raises CourseError if it was damaged or changed since."""
    fits = _observed(folder).model_dump()["fits"]
    return Record(folder, read_config(folder), fits, read_history(folder), _lines(folder / SCRIPT))


def process(folder: Path) -> int | None:
    """Returns the number of the process that made the run in a folder, None if that is not known."""
    try:
        return _observed(folder).process
    except CourseError:
        return None


def _observed(folder: Path) -> Observed:
    return read_values(folder / OBSERVED, TypeAdapter(Observed))


def unfinished(record: Record) -> Iterator[Finding]:
    """What a run did not come to."""
    if not record.fits:
        yield Finding(1, "Nothing was trained: model.fit was not called. What a script prints does not count.")
    elif not (record.folder / "model.keras").exists():
        yield Finding(
            1,
            f"No epoch was kept{record.lines('fit')}: fit needs at least one epoch, and run.after_each_epoch() among"
            " its callbacks.",
        )
    elif not (record.folder / "metrics.json").exists():
        yield Finding(1, "The run did not come to its end: run.finish(...), the last line of main, was not reached.")


def structure(record: Record) -> list[Finding]:
    """What there is to say about network, loss and data of a run that called fit, whatever it has learnt."""
    fit, lines = record.fits[-1], record.lines
    return [*_data(record), *_pixels(fit, lines), *_answer(fit, lines), *_layers(fit["network"]["layers"], lines)]


def learning(record: Record) -> Iterator[Finding]:
    """What the epochs of a run say."""
    if not record.epochs:
        return
    rates = [number for epoch in record.epochs if (number := epoch.get("learning_rate")) is not None]
    rate = max([record.fits[-1]["learning_rate"], *rates])
    lost = [epoch["epoch"] for epoch in record.epochs if epoch.get("loss") is None]
    accuracy, validation = (record.epochs[-1].get(name) for name in ("accuracy", "val_accuracy"))
    if lost:
        yield Finding(
            1,
            f"In epoch {lost[0]} the loss stopped being a number: training diverged. The learning rate was {rate:g};"
            " corrections that are too large overshoot, each further than the one before.",
        )
    elif validation is None:
        yield Finding(None, "Nothing was validated: without val_accuracy, overfitting cannot be seen.")
    elif validation < CHANCE and accuracy is not None and accuracy > 2 * CHANCE:
        yield Finding(
            1,
            f"The network gets {accuracy:.0%} of the training images right, but {validation:.0%} of the validation"
            " images, as if guessing: they, or their labels, were prepared differently.",
        )
    elif validation < CHANCE and rate > 0.02:
        yield Finding(
            1,
            f"{validation:.0%} of the validation images is as good as guessing: with a learning rate of {rate:g},"
            " corrections are so large that training diverged.",
        )
    elif validation < CHANCE:
        yield Finding(
            1,
            f"{validation:.0%} of the validation images is as good as guessing: labels and images may be out of step,"
            " or nothing of the images reaches the last layer.",
        )
    elif accuracy is not None and accuracy - validation > 0.05:
        yield Finding(
            None,
            f"Overfitting: {accuracy:.1%} of the training images, but {validation:.1%} of the validation images. Part"
            " of what the network learnt holds for its training images alone.",
        )


def examined(record: Record, answer: dict[str, Any], problem: str) -> Iterator[Finding]:
    """What the test of a finished network says: `answer` of challenge/examine.py, and its error if it had one."""
    trained = record.fits[-1]["training"] if record.fits else None
    if "images" in answer and trained:
        seen, asked, place = trained["images"], answer["images"], record.lines("prepare")
        if seen["shape"][1:] != asked["shape"][1:]:
            yield Finding(
                1,
                f"`prepare`{place} makes images of shape {tuple(asked['shape'][1:])}, but the network was trained on"
                f" {tuple(seen['shape'][1:])}: training and test images must be prepared alike.",
            )
            return
        spread = None if None in (*seen.values(), *asked.values()) else seen["highest"] - seen["lowest"]
        if spread and not 0.5 < (asked["highest"] - asked["lowest"]) / spread < 2:
            yield Finding(
                1,
                f"`prepare`{place} makes pixels from {asked['lowest']:g} to {asked['highest']:g}, but the network was"
                f" trained on pixels from {seen['lowest']:g} to {seen['highest']:g}: training and test images must be"
                " prepared alike.",
            )
    if "accuracy" not in answer:
        yield Finding(1, f"The network could not be tested with your `prepare`.\n\n{problem}".rstrip())


def _data(record: Record) -> Iterator[Finding]:
    """Whose images and labels were given to `fit`, over all its calls."""
    if record.config.get("data") != DATA:
        yield Finding(1, f"data is {record.config.get('data')}, but the challenge is about {DATA}.")
    place = record.lines("fit")
    for fit in record.fits:
        training, validation = fit["training"], fit["validation"]
        if training is None:
            yield Finding(None, f"Training images{place} are no array: whether test images are among them is not seen.")
            continue
        if training["recognised"] < training["images"]["shape"][0] / 10:
            yield Finding(
                None,
                "The training images were changed so much that the grader does not recognise them: whether test images"
                " are among them, and whether labels are their own, is not seen.",
            )
        if training["test_images"] > 20:
            yield Finding(
                1,
                f"{training['test_images']:,} test images were trained on{place}: the network knows the answers that it"
                " is asked for. Test images say how it does on clothes it has never seen.",
            )
        for part, what in (("Training", training), ("Validation", validation)):
            if what and what["own_labels"] < 0.9 * what["recognised"]:
                share = what["own_labels"] / what["recognised"]
                yield Finding(
                    1,
                    f"{part} images and labels are out of step{place}: {share:.0%} of the images come with their own"
                    " label. Whatever shuffles or cuts one must do the same to the other.",
                )
        if validation and validation["test_images"] > 20:
            yield Finding(
                1,
                f"{validation['test_images']:,} test images are used for validation{place}: whoever chooses by them has"
                " seen the exam. hold_out keeps training images apart for this.",
            )
        elif fit["in_both"] > ALIKE:
            yield Finding(
                2,
                f"{fit['in_both']:,} of the validation images are trained on too{place}, and so cannot show"
                " overfitting; hold_out keeps some apart.",
            )


def _pixels(fit: dict[str, Any], lines: Lines) -> Iterator[Finding]:
    if fit["training"] is None:
        return
    pixels, place = fit["training"]["images"], lines("prepare")
    lowest, highest, shape = pixels["lowest"], pixels["highest"], pixels["shape"]
    first = itertools.takewhile(lambda layer: not _has_kernel(layer), fit["network"]["layers"])
    scaled = any(layer["kind"] in SCALING for layer in first)
    if lowest is None or highest is None:
        yield Finding(1, f"Some pixels are no numbers{place}: was something divided by 0?")
    elif lowest == highest:
        yield Finding(
            1, f"Every pixel is {highest:g}{place}: whole numbers divided without remainder lose all they say."
        )
    elif max(-lowest, highest) > 20 and not scaled:
        yield Finding(
            2,
            f"Pixels go from {lowest:g} to {highest:g}{place}: weights begin near 0 and are corrected in small steps,"
            " for which such numbers are far too large.",
        )
    elif max(-lowest, highest) < 0.05:
        yield Finding(
            2, f"Pixels go from {lowest:g} to {highest:g}{place}: scaled twice? Hardly anything of the image is left."
        )
    if len(shape) == 4 and shape[1] == 1 and shape[3] > 1:
        yield Finding(
            4,
            f"Images have the shape {tuple(shape[1:])}{place}, with the channel in front: Keras has it behind height"
            " and width.",
        )


def _answer(fit: dict[str, Any], lines: Lines) -> Iterator[Finding]:
    """The last layer, the loss, and whether they and the targets fit together."""
    network, labels = fit["network"], fit["training"] and fit["training"]["labels"]
    outputs, loss, last = network["outputs"], network["loss"], network["layers"][-1:]
    if not last:  # a network of the learner's own kind, which does not tell
        return
    last = last[0]
    activation = last["activation"] or "linear"
    built, compiled = lines("build_model"), lines("compile")
    if len(outputs) > 1:
        yield Finding(1, f"The network has {len(outputs)} outputs{built}; the question has one answer, of ten values.")
    elif outputs and outputs[0][1:] != [10]:
        yield Finding(1, f"The network answers with shape {tuple(outputs[0][1:])}{built}; it must be ten values.")
    if last["kind"].endswith("Dropout"):
        yield Finding(2, f"The last layer is {last['kind']}{built}: it throws answers away; dropout goes before them.")
    elif activation == "softmax" and network["from_logits"]:
        yield Finding(
            2,
            f"The loss expects logits{compiled}, but softmax has made probabilities of them; one of the two is enough.",
        )
    elif activation == "sigmoid":
        yield Finding(
            2,
            f"The last activation is sigmoid{built}: ten separate answers, each yes or no. But just one of ten is"
            " right: they should be probabilities that add up to 1.",
        )
    elif activation != "softmax" and not network["from_logits"]:
        yield Finding(
            2,
            f"The last activation is {activation}{built}: the ten values that come out are no probabilities, which are"
            " positive and add up to 1.",
        )
    if loss in NOT_FOR_CLASSES:
        yield Finding(
            2,
            f"The loss is {loss}{compiled}: it asks how far numbers lie apart. Which of ten? is a question of"
            " probability, and its loss looks at the probability that the right answer got.",
        )
    elif labels and loss == "categorical_crossentropy" and not labels["one_hot"]:
        yield Finding(2, f"The targets are not one-hot, but {loss}{compiled} wants rows with a single 1 in each.")
    elif labels and loss == "sparse_categorical_crossentropy" and labels["one_hot"]:
        yield Finding(2, f"The targets are one-hot, but {loss}{compiled} wants plain labels from 0 to 9.")


def _layers(network: list[dict[str, Any]], lines: Lines) -> Iterator[Finding]:
    convolutions = [layer for layer in network if "Conv" in layer["kind"] and "Transpose" not in layer["kind"]]
    built = lines("build_model")
    for layer in network:
        if layer["rate"] is not None and layer["rate"] >= 0.8:
            yield Finding(
                3,
                f"A dropout of {layer['rate']:g}{built} leaves {1 - layer['rate']:.0%} of the values: the network"
                " forgets faster than it learns. 0.5 is a lot.",
            )
    if any(
        layer["kind"] == after["kind"] == "Dense" and layer["activation"] == "linear"
        for layer, after in itertools.pairwise(layer for layer in network if not layer["kind"].endswith("Dropout"))
    ):
        yield Finding(
            3,
            f"A dense layer without activation is followed by another one{built}: both together can do no more than one"
            " alone.",
        )
    if sum(map(_has_kernel, network)) < 2:
        yield Finding(3, "There is no hidden layer between pixels and answer.", missing=True)
    if not convolutions:
        yield Finding(4, "There is no convolution.", missing=True)
    elif any(layer["kind"].endswith("1D") for layer in convolutions):
        yield Finding(
            4,
            f"{convolutions[0]['kind']}{built} slides in one direction only and takes columns for channels; images have"
            " two directions, and need a channel of their own.",
        )
    elif not any("Pool" in layer["kind"] or layer["strides"] > 1 for layer in network):
        yield Finding(4, "There is no pooling: nothing makes the image smaller.", missing=True)
    if len(convolutions) < 2:
        yield Finding(5, "There are not several convolutions.", missing=True)


def _has_kernel(layer: dict[str, Any]) -> bool:
    return any(name in layer["kind"] for name in WITH_KERNELS)


def _lines(file: Path) -> Lines:
    lines = Lines()
    try:
        nodes = ast.walk(ast.parse(_text(file)))
    except (SyntaxError, ValueError):
        return lines
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            lines.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            lines.setdefault(node.func.attr, node.lineno)
    return lines


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
