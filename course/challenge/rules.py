"""What a grader can say about one run of the challenge, each in a sentence that names the place and the idea."""

import itertools
import re
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
NOT_FOR_CLASSES = re.compile(
    "mean_(absolute|squared|absolute_percentage|squared_logarithmic)_error|mse|mae|binary_crossentropy|(squared_)?hinge"
    "|huber(_loss)?|log_cosh|poisson|cosine_similarity"
)
SENTENCES = {
    "no fit": "Nothing was trained: model.fit was not called. What a script prints does not count.",
    "no epoch": "No epoch was kept{place}: fit needs at least one epoch, and callbacks=run.callbacks.",
    "no test": "The run did not finish: run.finish(...), the last line of main, was not reached.",
    "diverged": "In epoch {epoch} the loss stopped being a number: training diverged. The learning rate was {rate:g};"
    " updates that are too large overshoot, each further than the one before.",
    "no validation": "Nothing was validated: without val_accuracy, overfitting cannot be seen.",
    "prepared differently": "The network gets {accuracy:.0%} of the training images right, but {validation:.0%} of the"
    " validation images, which is no better than guessing: they, or their labels, were prepared differently.",
    "rate": "{validation:.0%} of the validation images right is no better than guessing: with a learning rate of"
    " {rate:g}, the updates were too large and training diverged.",
    "guessing": "{validation:.0%} of the validation images right is no better than guessing: labels and images may be"
    " out of step, or nothing of the images reaches the last layer.",
    "overfitting": "Overfitting: {accuracy:.1%} of the training images, but {validation:.1%} of the validation images."
    " Part of what the network learnt is true of its training images only.",
    "test shape": "`prepare`{place} makes images of shape {theirs}, but the network was trained on {ours}: training and"
    " test images must be prepared alike.",
    "test range": "`prepare`{place} makes pixels from {theirs.lowest:g} to {theirs.highest:g}, but the network was"
    " trained on pixels from {ours.lowest:g} to {ours.highest:g}: training and test images must be prepared alike.",
    "data": "data is {data}, but the challenge is about {expected}.",
    "not an array": "Training images{place} are not an array, so the grader cannot see test images among them.",
    "not recognised": "The training images were changed so much that the grader does not recognise them: it cannot see"
    " test images among them, nor whether each has its own label.",
    "trained on test": "{images:,} test images were trained on{place}: the network knows the answers that it is asked"
    " for. Test images show how it does on clothes it has never seen.",
    "out of step": "{part} images and labels are out of step{place}: {right:.0%} of the images have their own label."
    " Whatever shuffles or cuts one must do the same to the other.",
    "validated on test": "{images:,} test images are used for validation{place}: choosing by them makes them useless"
    " for testing. hold_out keeps training images apart for this.",
    "in both": "{images:,} of the validation images are trained on too{place}, and so cannot show overfitting; hold_out"
    " keeps some apart.",
    "not numbers": "Some pixels are not numbers{place}: was something divided by 0?",
    "constant": "Every pixel is {highest:g}{place}: integers keep nothing of the values between 0 and 1; use float32.",
    "large": "Pixels go from {lowest:g} to {highest:g}{place}: weights start near 0 and are updated in small steps, for"
    " which such numbers are far too large.",
    "small": "Pixels go from {lowest:g} to {highest:g}{place}: scaled twice? Hardly anything of the image is left.",
    "channel first": "Images have the shape {shape}{place}, with the channel first: Keras expects it last, after height"
    " and width.",
    "outputs": "The network has {outputs} outputs{place}; the question has one answer, of ten values.",
    "output": "The network's output has the shape {shape}{place}; it must be ten values.",
    "last dropout": "The last layer is {kind}{place}: it drops answers at random; put dropout before them.",
    "logits": "The loss expects logits{place}, but softmax has already turned them into probabilities; one of the two"
    " is enough.",
    "sigmoid": "The last activation is sigmoid{place}: ten separate answers, each yes or no. But just one of ten is"
    " right: they should be probabilities that add up to 1.",
    "activation": "The last activation is {activation}{place}: its ten values are not probabilities, which are positive"
    " and add up to 1.",
    "loss": 'The loss is {loss}{place}: it measures how far numbers are apart. "Which of ten?" is a question of'
    " probability, and its loss looks at the probability of the right answer.",
    "not one-hot": "The targets are not one-hot, but {loss}{place} needs rows with a single 1 in each.",
    "one-hot": "The targets are one-hot, but {loss}{place} needs plain labels from 0 to 9.",
    "dropout": "A dropout of {rate:g}{place} leaves {left:.0%} of the values: the network forgets faster than it"
    " learns. 0.5 is a lot.",
    "linear": "A dense layer without activation is followed by another one{place}: both together can do no more than"
    " one alone.",
    "1D": "{kind}{place} slides in one direction only and treats columns as channels; images have two directions, and"
    " need an axis of their own for channels.",
}


class Finding(NamedTuple):
    """Something that the grader has to say about a run."""

    level: int | None  # the lowest level that it keeps from being reached; None if it is a remark
    sentence: str
    missing: bool = False  # the idea of this level is not there yet, which is not a mistake


def unfinished(evidence: Evidence) -> Iterator[Finding]:
    """Yields what a run did not reach."""
    if not evidence.fits:
        yield _finding(1, "no fit")
    elif not evidence.epochs:
        yield _finding(1, "no epoch", place=evidence.places("fit"))
    elif not (evidence.folder / run_folder.METRICS).exists():
        yield _finding(1, "no test")


def structure(evidence: Evidence) -> list[Finding]:
    """Returns what there is to say about network, loss and data of a run that called fit, whatever it has learnt."""
    fit, places = evidence.fits[-1], evidence.places
    found = [*_data(evidence), *_pixels(fit, places)]
    if fit.network.layers:  # else it is a network of the learner's own kind, which does not tell
        found += [*_outputs(fit, places), *_loss(fit, places)]
    return [*found, *_layers(fit.network.layers, places("build_model"))]


def learning(evidence: Evidence) -> Iterator[Finding]:
    """Yields what the epochs of a run show."""
    if not evidence.epochs:
        return
    rates = [number for epoch in evidence.epochs if (number := epoch.get("learning_rate")) is not None]
    rate = max([evidence.fits[-1].learning_rate, *rates])
    diverged = [epoch["epoch"] for epoch in evidence.epochs if epoch.get("loss") is None]
    accuracy, validation = (evidence.epochs[-1].get(name) for name in ("accuracy", "val_accuracy"))
    if diverged:
        yield _finding(1, "diverged", epoch=diverged[0], rate=rate)
    elif validation is None:
        yield _finding(None, "no validation")
    elif validation < CHANCE and accuracy is not None and accuracy > 2 * CHANCE:
        yield _finding(1, "prepared differently", accuracy=accuracy, validation=validation)
    elif validation < CHANCE:
        yield _finding(1, "rate" if rate > 0.02 else "guessing", validation=validation, rate=rate)
    elif accuracy is not None and accuracy - validation > 0.05:
        yield _finding(None, "overfitting", accuracy=accuracy, validation=validation)


def examined(evidence: Evidence, network: MeasuredNetwork, problem: str) -> Iterator[Finding]:
    """Yields what the test of a saved network shows; `problem` is the error that ended it, empty if there was none."""
    trained = evidence.fits[-1].training if evidence.fits else None
    if network.images is not None and trained is not None:
        ours, theirs, place = trained.images, network.images, evidence.places("prepare")
        shapes = tuple(ours.shape[1:]), tuple(theirs.shape[1:])
        if shapes[0] != shapes[1]:
            yield _finding(1, "test shape", ours=shapes[0], theirs=shapes[1], place=place)
            return
        if ours.spread and theirs.spread is not None and not 0.5 < theirs.spread / ours.spread < 2:
            yield _finding(1, "test range", ours=ours, theirs=theirs, place=place)
    if network.accuracy is None:
        yield Finding(1, f"The network could not be tested with your `prepare`.\n\n{problem}".rstrip())


def _finding(level: int | None, name: str, **values: object) -> Finding:
    return Finding(level, SENTENCES[name].format(**values))


def _data(evidence: Evidence) -> Iterator[Finding]:
    """Yields what there is to say about the images and labels that were given to `fit`, over all its calls."""
    if evidence.data != DATA:
        yield _finding(1, "data", data=evidence.data, expected=DATA)
    place = evidence.places("fit")
    for fit in evidence.fits:
        training, validation = fit.training, fit.validation
        if training is None:
            yield _finding(None, "not an array", place=place)
            continue
        if training.recognised < training.images.shape[0] / 10:
            yield _finding(None, "not recognised")
        if training.test_images > OTHERS:
            yield _finding(1, "trained on test", images=training.test_images, place=place)
        yield from _mixed_up("Training", training, place)
        yield from _mixed_up("Validation", validation, place)
        if validation is not None and validation.test_images > OTHERS:
            yield _finding(1, "validated on test", images=validation.test_images, place=place)
        elif fit.in_both > ALIKE:
            yield _finding(2, "in both", images=fit.in_both, place=place)


def _mixed_up(part: str, data: ObservedData | None, place: str) -> Iterator[Finding]:
    if data is not None and data.own_labels < 0.9 * data.recognised:
        yield _finding(1, "out of step", part=part, place=place, right=data.own_labels / data.recognised)


def _pixels(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    if fit.training is None:
        return
    images, place = fit.training.images, places("prepare")
    lowest, highest, shape = images.lowest, images.highest, images.shape
    first = itertools.takewhile(lambda layer: not _has_kernel(layer), fit.network.layers)
    scaled = any(layer.kind in SCALING for layer in first)
    if lowest is None or highest is None:
        yield _finding(1, "not numbers", place=place)
    elif lowest == highest:
        yield _finding(1, "constant", highest=highest, place=place)
    elif max(-lowest, highest) > 20 and not scaled:
        yield _finding(2, "large", lowest=lowest, highest=highest, place=place)
    elif max(-lowest, highest) < 0.05:
        yield _finding(2, "small", lowest=lowest, highest=highest, place=place)
    if len(shape) == 4 and shape[1] == 1 and shape[3] > 1:
        yield _finding(4, "channel first", shape=tuple(shape[1:]), place=place)


def _outputs(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the last layer and its activation."""
    outputs, from_logits, last = fit.network.outputs, fit.network.from_logits, fit.network.layers[-1]
    place, activation = places("build_model"), last.activation or "linear"
    if len(outputs) > 1:
        yield _finding(1, "outputs", outputs=len(outputs), place=place)
    elif outputs and outputs[0][1:] != [10]:
        yield _finding(1, "output", shape=tuple(outputs[0][1:]), place=place)
    if last.kind.endswith("Dropout"):
        yield _finding(2, "last dropout", kind=last.kind, place=place)
    elif activation == "softmax" and from_logits:
        yield _finding(2, "logits", place=places("compile"))
    elif activation == "sigmoid":
        yield _finding(2, "sigmoid", place=place)
    elif activation != "softmax" and not from_logits:
        yield _finding(2, "activation", activation=activation, place=place)


def _loss(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the loss, and whether the targets go with it."""
    loss, place = fit.network.loss, places("compile")
    one_hot = fit.training.labels.one_hot if fit.training else None
    if NOT_FOR_CLASSES.fullmatch(loss):
        yield _finding(2, "loss", loss=loss, place=place)
    elif loss == "categorical_crossentropy" and one_hot is False:
        yield _finding(2, "not one-hot", loss=loss, place=place)
    elif loss == "sparse_categorical_crossentropy" and one_hot is True:
        yield _finding(2, "one-hot", loss=loss, place=place)


def _layers(layers: list[ObservedLayer], place: str) -> Iterator[Finding]:
    convolutions = [layer for layer in layers if "Conv" in layer.kind and "Transpose" not in layer.kind]
    lasting = [layer for layer in layers if not layer.kind.endswith("Dropout")]
    for layer in layers:
        if layer.rate is not None and layer.rate >= 0.8:
            yield _finding(3, "dropout", rate=layer.rate, left=1 - layer.rate, place=place)
    if any(a.kind == b.kind == "Dense" and a.activation == "linear" for a, b in itertools.pairwise(lasting)):
        yield _finding(3, "linear", place=place)
    if sum(map(_has_kernel, layers)) < 2:
        yield Finding(3, "There is no hidden layer between pixels and answer.", missing=True)
    if not convolutions:
        yield Finding(4, "There is no convolution.", missing=True)
    elif any(layer.kind.endswith("1D") for layer in convolutions):
        yield _finding(4, "1D", kind=convolutions[0].kind, place=place)
    elif not any("Pool" in layer.kind or layer.strides > 1 for layer in layers):
        yield Finding(4, "There is no pooling: nothing makes the image smaller.", missing=True)
    if len(convolutions) < 2:
        yield Finding(5, "There are not several convolutions.", missing=True)


def _has_kernel(layer: ObservedLayer) -> bool:
    return any(name in layer.kind for name in WITH_KERNELS)
