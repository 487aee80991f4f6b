"""What a grader can say about one run of the challenge, each in a sentence that names the place and the idea."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from course.challenge.levels import DATA
from course.challenge.observed import Evidence, MeasuredNetwork, ObservedData, ObservedFit, ObservedLayer, Places
from course.runs import folder as run_folder

CHANCE = 0.15  # fraction of images right; a network below it may as well guess
ALIKE = 200  # images that two sets may share without anybody's doing: some clothes look the same
OTHERS = 20  # test images among others that may be there for the same reason
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
    missing: bool = False  # the idea of this level is not there yet, which is not a mistake


def unfinished(evidence: Evidence) -> Iterator[Finding]:
    """Yields what a run did not reach."""
    if not evidence.fits:
        yield Finding(1, "Nothing was trained: model.fit was not called. What a script prints does not count.")
    elif not evidence.epochs:
        yield Finding(
            1,
            f"No epoch was kept{evidence.places('fit')}: fit needs at least one epoch, and callbacks=run.callbacks.",
        )
    elif not (evidence.folder / run_folder.METRICS).exists():
        yield Finding(1, "The run did not finish: run.finish(...), the last line of main, was not reached.")


def structure(evidence: Evidence) -> list[Finding]:
    """Returns what there is to say about network, loss and data of a run that called fit, whatever it has learnt."""
    fit, places = evidence.fits[-1], evidence.places
    return [
        *_data(evidence),
        *_pixels(fit, places),
        *_outputs(fit, places),
        *_loss(fit, places),
        *_layers(fit.network.layers, places),
    ]


def learning(evidence: Evidence) -> Iterator[Finding]:
    """Yields what the epochs of a run show."""
    if not evidence.epochs:
        return
    rates = [number for epoch in evidence.epochs if (number := epoch.get("learning_rate")) is not None]
    rate = max([evidence.fits[-1].learning_rate, *rates])
    diverged = [epoch["epoch"] for epoch in evidence.epochs if epoch.get("loss") is None]
    accuracy, validation = (evidence.epochs[-1].get(name) for name in ("accuracy", "val_accuracy"))
    if diverged:
        yield Finding(
            1,
            f"In epoch {diverged[0]} the loss stopped being a number: training diverged. The learning rate was"
            f" {rate:g}; updates that are too large overshoot, each further than the one before.",
        )
    elif validation is None:
        yield Finding(None, "Nothing was validated: without val_accuracy, overfitting cannot be seen.")
    elif validation < CHANCE and accuracy is not None and accuracy > 2 * CHANCE:
        yield Finding(
            1,
            f"The network gets {accuracy:.0%} of the training images right, but {validation:.0%} of the validation"
            " images, which is no better than guessing: they, or their labels, were prepared differently.",
        )
    elif validation < CHANCE:
        cause = (
            f"with a learning rate of {rate:g}, the updates were too large and training diverged."
            if rate > 0.02
            else "labels and images may be out of step, or nothing of the images reaches the last layer."
        )
        yield Finding(1, f"{validation:.0%} of the validation images right is no better than guessing: {cause}")
    elif accuracy is not None and accuracy - validation > 0.05:
        yield Finding(
            None,
            f"Overfitting: {accuracy:.1%} of the training images, but {validation:.1%} of the validation images. Part"
            " of what the network learnt is true of its training images only.",
        )


def examined(evidence: Evidence, network: MeasuredNetwork, problem: str) -> Iterator[Finding]:
    """Yields what the test of a saved network shows; `problem` is the error that ended it, empty if there was none."""
    trained = evidence.fits[-1].training if evidence.fits else None
    if network.images is not None and trained is not None:
        ours, theirs, place = trained.images, network.images, evidence.places("prepare")
        if ours.shape[1:] != theirs.shape[1:]:
            yield Finding(
                1,
                f"`prepare`{place} makes images of shape {tuple(theirs.shape[1:])}, but the network was trained on"
                f" {tuple(ours.shape[1:])}: training and test images must be prepared alike.",
            )
            return
        if ours.spread and theirs.spread is not None and not 0.5 < theirs.spread / ours.spread < 2:
            yield Finding(
                1,
                f"`prepare`{place} makes pixels from {theirs.lowest:g} to {theirs.highest:g}, but the network was"
                f" trained on pixels from {ours.lowest:g} to {ours.highest:g}: training and test images must be"
                " prepared alike.",
            )
    if network.accuracy is None:
        yield Finding(1, f"The network could not be tested with your `prepare`.\n\n{problem}".rstrip())


def _data(evidence: Evidence) -> Iterator[Finding]:
    """Yields what there is to say about the images and labels that were given to `fit`, over all its calls."""
    if evidence.data != DATA:
        yield Finding(1, f"data is {evidence.data}, but the challenge is about {DATA}.")
    place = evidence.places("fit")
    for fit in evidence.fits:
        if fit.training is None:
            yield Finding(
                None, f"Training images{place} are not an array, so the grader cannot see test images among them."
            )
        else:
            yield from _trained_on(fit.training, place)
            yield from _mixed_up("Training", fit.training, place)
            yield from _validated_on(fit, place)


def _trained_on(training: ObservedData, place: str) -> Iterator[Finding]:
    if training.recognised < training.images.shape[0] / 10:
        yield Finding(
            None,
            "The training images were changed so much that the grader does not recognise them: it cannot see test"
            " images among them, nor whether each has its own label.",
        )
    if training.test_images > OTHERS:
        yield Finding(
            1,
            f"{training.test_images:,} test images were trained on{place}: the network knows the answers that it is"
            " asked for. Test images show how it does on clothes it has never seen.",
        )


def _mixed_up(part: str, data: ObservedData, place: str) -> Iterator[Finding]:
    if data.own_labels < 0.9 * data.recognised:
        yield Finding(
            1,
            f"{part} images and labels are out of step{place}: {data.own_labels / data.recognised:.0%} of the images"
            " have their own label. Whatever shuffles or cuts one must do the same to the other.",
        )


def _validated_on(fit: ObservedFit, place: str) -> Iterator[Finding]:
    if fit.validation is not None:
        yield from _mixed_up("Validation", fit.validation, place)
    if fit.validation is not None and fit.validation.test_images > OTHERS:
        yield Finding(
            1,
            f"{fit.validation.test_images:,} test images are used for validation{place}: choosing by them makes them"
            " useless for testing. hold_out keeps training images apart for this.",
        )
    elif fit.in_both > ALIKE:
        yield Finding(
            2,
            f"{fit.in_both:,} of the validation images are trained on too{place}, and so cannot show overfitting;"
            " hold_out keeps some apart.",
        )


def _pixels(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    if fit.training is None:
        return
    images, place = fit.training.images, places("prepare")
    lowest, highest, shape = images.lowest, images.highest, images.shape
    first = itertools.takewhile(lambda layer: not _has_kernel(layer), fit.network.layers)
    scaled = any(layer.kind in SCALING for layer in first)
    if lowest is None or highest is None:
        yield Finding(1, f"Some pixels are not numbers{place}: was something divided by 0?")
    elif lowest == highest:
        yield Finding(
            1, f"Every pixel is {highest:g}{place}: integers keep nothing of the values between 0 and 1; use float32."
        )
    elif max(-lowest, highest) > 20 and not scaled:
        yield Finding(
            2,
            f"Pixels go from {lowest:g} to {highest:g}{place}: weights start near 0 and are updated in small steps, for"
            " which such numbers are far too large.",
        )
    elif max(-lowest, highest) < 0.05:
        yield Finding(
            2, f"Pixels go from {lowest:g} to {highest:g}{place}: scaled twice? Hardly anything of the image is left."
        )
    if len(shape) == 4 and shape[1] == 1 and shape[3] > 1:
        yield Finding(
            4,
            f"Images have the shape {tuple(shape[1:])}{place}, with the channel first: Keras expects it last, after"
            " height and width.",
        )


def _outputs(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the last layer and its activation."""
    network, built = fit.network, places("build_model")
    if not network.layers:  # a network of the learner's own kind, which does not tell
        return
    last = network.layers[-1]
    activation = last.activation or "linear"
    if len(network.outputs) > 1:
        yield Finding(
            1, f"The network has {len(network.outputs)} outputs{built}; the question has one answer, of ten values."
        )
    elif network.outputs and network.outputs[0][1:] != [10]:
        yield Finding(
            1, f"The network's output has the shape {tuple(network.outputs[0][1:])}{built}; it must be ten values."
        )
    if last.kind.endswith("Dropout"):
        yield Finding(2, f"The last layer is {last.kind}{built}: it drops answers at random; put dropout before them.")
    elif activation == "softmax" and network.from_logits:
        yield Finding(
            2,
            f"The loss expects logits{places('compile')}, but softmax has already turned them into probabilities; one"
            " of the two is enough.",
        )
    elif activation == "sigmoid":
        yield Finding(
            2,
            f"The last activation is sigmoid{built}: ten separate answers, each yes or no. But just one of ten is"
            " right: they should be probabilities that add up to 1.",
        )
    elif activation != "softmax" and not network.from_logits:
        yield Finding(
            2,
            f"The last activation is {activation}{built}: its ten values are not probabilities, which are positive and"
            " add up to 1.",
        )


def _loss(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the loss, and whether the targets go with it."""
    if not fit.network.layers:
        return
    loss, compiled = fit.network.loss, places("compile")
    one_hot = fit.training.labels.one_hot if fit.training else None
    if loss in NOT_FOR_CLASSES:
        yield Finding(
            2,
            f'The loss is {loss}{compiled}: it measures how far numbers are apart. "Which of ten?" is a question of'
            " probability, and its loss looks at the probability of the right answer.",
        )
    elif loss == "categorical_crossentropy" and one_hot is False:
        yield Finding(2, f"The targets are not one-hot, but {loss}{compiled} needs rows with a single 1 in each.")
    elif loss == "sparse_categorical_crossentropy" and one_hot is True:
        yield Finding(2, f"The targets are one-hot, but {loss}{compiled} needs plain labels from 0 to 9.")


def _layers(layers: list[ObservedLayer], places: Places) -> Iterator[Finding]:
    convolutions = [layer for layer in layers if "Conv" in layer.kind and "Transpose" not in layer.kind]
    built = places("build_model")
    for layer in layers:
        if layer.rate is not None and layer.rate >= 0.8:
            yield Finding(
                3,
                f"A dropout of {layer.rate:g}{built} leaves {1 - layer.rate:.0%} of the values: the network forgets"
                " faster than it learns. 0.5 is a lot.",
            )
    if any(
        layer.kind == after.kind == "Dense" and layer.activation == "linear"
        for layer, after in itertools.pairwise(layer for layer in layers if not layer.kind.endswith("Dropout"))
    ):
        yield Finding(
            3,
            f"A dense layer without activation is followed by another one{built}: both together can do no more than one"
            " alone.",
        )
    if sum(map(_has_kernel, layers)) < 2:
        yield Finding(3, "There is no hidden layer between pixels and answer.", missing=True)
    if not convolutions:
        yield Finding(4, "There is no convolution.", missing=True)
    elif any(layer.kind.endswith("1D") for layer in convolutions):
        yield Finding(
            4,
            f"{convolutions[0].kind}{built} slides in one direction only and treats columns as channels; images have"
            " two directions, and need an axis of their own for channels.",
        )
    elif not any("Pool" in layer.kind or layer.strides > 1 for layer in layers):
        yield Finding(4, "There is no pooling: nothing makes the image smaller.", missing=True)
    if len(convolutions) < 2:
        yield Finding(5, "There are not several convolutions.", missing=True)


def _has_kernel(layer: ObservedLayer) -> bool:
    return any(name in layer.kind for name in WITH_KERNELS)
