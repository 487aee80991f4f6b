"""What a grader can say about one run of the challenge, each in a sentence that names the place and the idea."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from course.challenge.levels import DATA
from course.challenge.observed import (
    Evidence,
    ObservedArray,
    ObservedData,
    ObservedFit,
    ObservedLayer,
    ObservedLoss,
    ObservedNetwork,
    Places,
)
from course.runs import folder as run_folder
from course.runs.record import Row

OWN = ("Could not locate", "Could not interpret", "lambda")  # which Keras says of what is not its own
BEGINNING = "Pixels, answers and loss are still as they were at the beginning."
IDEAS = ("large", "activation", "loss")  # what the first step of the challenge is about, as it was shipped
SYMPTOMS = ("diverged", "prepared differently", "rate", "guessing")
CHANCE = 0.15  # fraction of images right; a network below it may as well guess
UNTRAINED = 0.3  # what a network may get right before its first update, with luck
ALIKE = 200  # images that two sets may share without anybody's doing: some clothes look the same
OTHERS = 20  # test images among others that may be there for the same reason
LARGE, SMALL = 10, 0.02  # the size of a typical value beyond which a network learns badly
NOT_FOR_CLASSES = re.compile(
    "mean_(absolute|squared|absolute_percentage|squared_logarithmic)_error|mse|mae|binary_crossentropy|(squared_)?hinge"
    "|huber(_loss)?|log_cosh|poisson|cosine_similarity"
)
SENTENCES = {
    "no fit": "Nothing was trained: model.fit was not called. What a script prints does not count.",
    "own loop": "model.fit was not called, so the grader saw neither what the network was trained on nor its epochs: a"
    " loop of your own is graded by its answers alone.",
    "no answers": "The answers of the network on the test images were not kept: give run.finish the network, the test"
    " images and their targets, as arrays.",
    "test part": "run.finish got {images:,} test images, not all {expected:,}: give it all of them.",
    "test others": "The images given to run.finish are not the test images, or their labels are not those of the test"
    " images.",
    "another network": "The kept network answers {others} of the first {images} test images otherwise than the one that"
    " was tested: model.keras was changed, or something random is left in the network when it is tested.",
    "lambda": "A Lambda layer cannot be saved and loaded safely; layers of Keras, or a layer class of your own, can.",
    "own layers": "Your network has parts of your own, so only your file can load it; the answers that it gave at the"
    " end of the run count.",
    "not read": "The kept network cannot be read ({problem}); the answers that it gave at the end of the run count.",
    "not run": "The grader could not run your network itself, and so does not know its layers; its answers count.",
    "untried loss": "The ten outputs are not probabilities. Whether your loss expects that, the grader cannot tell.",
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
    "test range": "The network was trained on pixels from {ours.lowest:g} to {ours.highest:g}{place}, but tested on"
    " pixels from {theirs.lowest:g} to {theirs.highest:g}: training and test images must be prepared alike.",
    "data": "data is {data}, but the challenge is about {expected}.",
    "not an array": "Training images{place} are not an array, so the grader cannot see test images among them.",
    "not recognised": "The training images were changed so much that the grader does not recognise them: it cannot see"
    " test images among them, nor whether each has its own label.",
    "trained on test": "{images:,} test images were trained on{place}: the network knows the answers that it is asked"
    " for. Test images show how it does on clothes it has never seen.",
    "looked at during fit": "{images:,} test images were looked at during training{place}: choosing by them makes them"
    " useless for testing. Validation images are for this.",
    "looked at before training": "{images:,} test images were looked at{place} before training ended: what is chosen by"
    " them is better on them than on other images.",
    "several files": "Your file was changed while this run was interrupted: different code has trained its parts, and"
    " the grader has seen the last one. The copies of all of them are in its folder.",
    "lost": "What the network was given before the run was resumed is not known: attempt.json could not be read then.",
    "out of step": "{part} images and labels are out of step{place}: {right:.0%} of the images have their own label."
    " Whatever shuffles or cuts one must do the same to the other.",
    "validated on test": "{images:,} test images are used for validation{place}: choosing by them makes them useless"
    " for testing. hold_out keeps training images apart for this.",
    "in both": "{images:,} of the validation images are trained on too{place}, and so cannot show overfitting; hold_out"
    " keeps some apart.",
    "not numbers": "Some pixels are not numbers{place}: was something divided by 0?",
    "constant": "Every pixel is {highest:g}{place}: integers keep nothing of the values between 0 and 1; use float32.",
    "large": "Pixels go from {lowest:g} to {highest:g}{place} where they meet the first weights: these start near 0 and"
    " are updated in small steps, for which such numbers are far too large.",
    "small": "Pixels go from {lowest:g} to {highest:g}{place} where they meet the first weights: scaled twice? Hardly"
    " anything of the image is left.",
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
    "not one-hot": "The targets are not one-hot, but {loss}{place} needs a row for each, whose ten values add up to 1.",
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
    idea: bool = False  # one of IDEAS
    symptom: bool = False  # seen in what was learnt, and so perhaps explained by another one


def unfinished(evidence: Evidence) -> Iterator[Finding]:
    """Yields what a run did not reach."""
    finished = (evidence.folder / run_folder.METRICS).exists()
    if not evidence.fits and evidence.tested is not None and evidence.tested.accuracy > UNTRAINED:
        yield _finding(None, "own loop")
    elif not evidence.fits:
        yield _finding(1, "no fit")
    elif not evidence.epochs:
        yield _finding(1, "no epoch", place=evidence.places("fit"))
    elif not finished:
        yield _finding(1, "no test")


def structure(evidence: Evidence) -> list[Finding]:
    """Returns what there is to say about network, loss and data of a run, whatever it has learnt."""
    places, fit = evidence.places, evidence.fits[-1] if evidence.fits else None
    test = evidence.test.network if evidence.test is not None else None
    network = next((found for found in (test, fit and fit.network) if found and found.layers is not None), None)
    found = [*_data(evidence), *_tested_images(evidence)]
    if fit is not None:
        found += [*_pixels(fit, places), *_loss(fit, places)]
    if network is None:
        return [*found, _finding(None, "not run")] if evidence.test is not None else found
    trained = network if fit is None or fit.network.layers is None else fit.network  # softmax may be added after it
    found += [
        *_outputs(network, places),
        *_answers(trained, fit.loss if fit is not None else None, places),
        *_layers(network, places),
    ]
    start = [finding for finding in found if finding.level == 2 and finding.idea]
    if len(start) < len(IDEAS):
        return found
    return [*(finding for finding in found if finding not in start), Finding(2, BEGINNING, missing=True)]


def learning(evidence: Evidence, at_the_beginning: bool = False) -> Iterator[Finding]:
    """Yields what the epochs of a run show; a network as it was shipped may be no better than guessing."""
    if not evidence.epochs:
        return
    rates = [number for epoch in evidence.epochs if (number := epoch.get("learning_rate")) is not None]
    rate = max([evidence.fits[-1].learning_rate, *rates])
    diverged = [epoch["epoch"] for epoch in evidence.epochs if "loss" in epoch and epoch["loss"] is None]
    accuracy, validation = _accuracies(evidence)
    if diverged:
        yield _finding(1, "diverged", epoch=diverged[0], rate=rate)
    elif validation is None:
        yield _finding(None, "no validation")
    elif validation < CHANCE and accuracy is not None and accuracy > 2 * CHANCE:
        yield _finding(1, "prepared differently", accuracy=accuracy, validation=validation)
    elif validation < CHANCE and not at_the_beginning:
        yield _finding(1, "rate" if rate > 0.02 else "guessing", validation=validation, rate=rate)
    elif evidence.verdict.kind in ("overfitting", "not fitting"):
        yield Finding(None, evidence.verdict.sentences)


def another_network(others: int, images: int) -> Finding:
    """Returns what is said of a kept network that answers the first test images otherwise than was kept."""
    return _finding(1, "another network", others=others, images=images)


def not_compared(problem: str) -> Finding:
    """Returns what is said of a kept network that cannot be read without the learner's file; `problem` is why."""
    if "Lambda" in problem:
        return _finding(1, "lambda")
    own = any(words in problem for words in OWN)
    return _finding(None, "own layers") if own else _finding(None, "not read", problem=_reason(problem))


def advice(evidence: Evidence, images: int) -> Iterator[str]:
    """Yields what may be missing of a network that has all that its next level is about, but not the accuracy.

    Args:
        evidence: of its run.
        images: how many its marks were measured with.
    """
    if evidence.limit is not None and evidence.limit < images:
        yield f"limit is {evidence.limit:,}: the network was trained on so many images. The marks are for {images:,}."
    losses = [loss for epoch in evidence.epochs if (loss := epoch.get("val_loss")) is not None]
    if len(losses) > 1 and losses[-1] < 0.98 * min(losses[:-1]):
        yield "val_loss was still falling in the last epoch: it may need more epochs."


def _reason(problem: str) -> str:
    lines = [line.strip() for line in problem.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended itself"


def _finding(level: int | None, name: str, **values: object) -> Finding:
    return Finding(level, SENTENCES[name].format(**values), idea=name in IDEAS, symptom=name in SYMPTOMS)


def _accuracies(evidence: Evidence) -> tuple[float | None, float | None]:
    """Returns the accuracy on training and validation images at the end of a run."""
    last: Row = evidence.epochs[-1]
    validation = last.get("val_accuracy")
    if validation is None and evidence.validated is not None:
        validation = evidence.validated.accuracy
    return last.get("accuracy"), validation


def _data(evidence: Evidence) -> Iterator[Finding]:
    """Yields what there is to say about the images and labels that were given to a network, over all calls."""
    if evidence.data != DATA:
        yield _finding(1, "data", data=evidence.data, expected=DATA)
    place = evidence.places("fit")
    for fit in evidence.fits:
        training, validation = fit.training, fit.validation
        if training is None:
            yield _finding(None, "not an array", place=place)
        elif training.recognised < training.images.shape[0] / 10:
            yield _finding(None, "not recognised")
        if training is not None and training.test_images > OTHERS:
            yield _finding(1, "trained on test", images=training.test_images, place=place)
        yield from _mixed_up("Training", training, place)
        yield from _mixed_up("Validation", validation, place)
        if validation is not None and validation.test_images > OTHERS:
            yield _finding(1, "validated on test", images=validation.test_images, place=place)
        elif fit.in_both > ALIKE:
            yield _finding(2, "in both", images=fit.in_both, place=place)
    yield from _elsewhere(evidence)
    if evidence.sources > 1:
        yield _finding(None, "several files")
    if evidence.lost:
        yield _finding(None, "lost")


def _elsewhere(evidence: Evidence) -> Iterator[Finding]:
    """Yields what there is to say about test images that a network was given in other ways than by `fit`."""
    validated = any(fit.validation is not None and fit.validation.test_images > OTHERS for fit in evidence.fits)
    for use in evidence.uses:
        values = {"images": use.test_images, "place": f" ({use.method})"}
        if use.test_images <= OTHERS or (use.purpose == "during fit" and validated):
            continue
        if use.purpose == "training":
            yield _finding(1, "trained on test", **values)
        else:
            yield _finding(1 if use.purpose == "during fit" else None, f"looked at {use.purpose}", **values)


def _mixed_up(part: str, data: ObservedData | None, place: str) -> Iterator[Finding]:
    if data is not None and data.own_labels < 0.9 * data.recognised:
        yield _finding(1, "out of step", part=part, place=place, right=data.own_labels / data.recognised)


def _tested_images(evidence: Evidence) -> Iterator[Finding]:
    """Yields what there is to say about what `run.finish` was given."""
    if evidence.test is None:
        return
    tested = evidence.test.data
    if tested is None or evidence.tested is None:
        yield _finding(1, "no answers")
    elif tested.images.shape[0] != evidence.test.expected:
        yield _finding(1, "test part", images=tested.images.shape[0], expected=evidence.test.expected)
    elif not tested.in_order and min(tested.own_labels, tested.test_images) < 0.9 * evidence.test.expected:
        yield _finding(1, "test others")
    seen = evidence.fits[-1].network.layers if evidence.fits else None
    ours, theirs = (layers[0].received if layers else None for layers in (seen, evidence.test.network.layers))
    if not (ours and theirs and ours.size and theirs.size is not None):
        return
    if not 0.5 < theirs.size / ours.size < 2:
        yield _finding(1, "test range", ours=ours, theirs=theirs, place=evidence.places("prepare"))


def _pixels(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the numbers that the first weights meet, wherever they were scaled."""
    place = places("prepare")
    given = fit.training.images if fit.training is not None else None
    layers = fit.network.layers
    first = layers[0].received if layers else None
    if given is not None and given.size is None:
        yield _finding(1, "not numbers", place=place)
    elif given is not None and given.lowest == given.highest:
        yield _finding(1, "constant", highest=given.highest, place=place)
    elif first is not None and first.size is not None and not fit.network.normalised:
        if first.size > LARGE:
            yield _finding(2, "large", lowest=first.lowest, highest=first.highest, place=place)
        elif first.size < SMALL:
            yield _finding(2, "small", lowest=first.lowest, highest=first.highest, place=place)


def _outputs(network: ObservedNetwork, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the shape of the answers, and about the last layer."""
    outputs, place = network.outputs, places("build_model")
    if len(outputs) > 1:
        yield _finding(1, "outputs", outputs=len(outputs), place=place)
    elif outputs and outputs[0][1:] != [10]:
        yield _finding(1, "output", shape=tuple(outputs[0][1:]), place=place)
    if network.last.endswith("Dropout"):
        yield _finding(2, "last dropout", kind=network.last, place=place)


def _answers(network: ObservedNetwork, loss: ObservedLoss | None, places: Places) -> Iterator[Finding]:
    """Yields whether the answers are what the loss takes, and whether they are probabilities in the end."""
    place, activation = places("build_model"), network.activation
    from_logits = loss.from_logits if loss is not None else None
    if network.probabilities and from_logits:
        yield _finding(2, "logits", place=places("compile"))
    elif network.probabilities is not False or from_logits or network.last.endswith("Dropout"):
        return
    elif from_logits is None:
        yield _finding(None, "untried loss")
    elif activation == "sigmoid":
        yield _finding(2, "sigmoid", place=place)
    else:
        yield _finding(2, "activation", activation=activation, place=place)


def _loss(fit: ObservedFit, places: Places) -> Iterator[Finding]:
    """Yields what there is to say about the loss, and whether the targets go with it."""
    loss, place = fit.loss, places("compile")
    labels = fit.training.labels if fit.training else None
    if NOT_FOR_CLASSES.fullmatch(loss.name) or loss.of_probability is False:
        yield _finding(2, "loss", loss=loss.name, place=place)
    elif labels is not None and loss.name == "categorical_crossentropy" and not labels.distributions:
        yield _finding(2, "not one-hot", loss=loss.name, place=place)
    elif labels is not None and loss.name == "sparse_categorical_crossentropy" and labels.distributions:
        yield _finding(2, "one-hot", loss=loss.name, place=place)


def _layers(network: ObservedNetwork, places: Places) -> Iterator[Finding]:
    """Yields what the kernels of a network are not, or not yet."""
    layers, place = network.layers or [], places("build_model")
    convolutions = [layer for layer in layers if layer.convolutions]
    if network.dropout >= 0.8:
        yield _finding(3, "dropout", rate=network.dropout, left=1 - network.dropout, place=place)
    if any(layer.linear for layer in layers):
        yield _finding(3, "linear", place=place)
    if sum(len(layer.kernels) for layer in layers) < 2:
        yield Finding(3, "There is no hidden layer between pixels and answer.", missing=True)
    one_way = next((layer.kind for layer in layers if layer.kind.endswith("Conv1D")), None)
    if not convolutions and one_way is not None:
        yield _finding(4, "1D", kind=one_way, place=place)
    elif not convolutions:
        yield Finding(4, "There is no convolution.", missing=True)
    elif _channel_in_front(convolutions[0]):
        yield _finding(4, "channel first", shape=tuple(convolutions[0].received.shape[1:]), place=places("prepare"))
    elif not _gets_smaller(layers):
        yield Finding(4, "There is no pooling: nothing makes the image smaller.", missing=True)
    if sum(layer.convolutions for layer in layers) < 2:
        yield Finding(5, "There are not several convolutions.", missing=True)


def quick_try(evidence: Evidence) -> Iterator[Finding]:
    """Yields what keeps a quick try from the last level, whose accuracy shows only after a training with all images."""
    network = evidence.test.network if evidence.test is not None else None
    if network is not None and network.beyond is False:
        yield Finding(6, "There is neither augmentation nor normalisation.", missing=True)


def _channel_in_front(layer: ObservedLayer) -> bool:
    shape: list[int] = layer.received.shape
    return layer.data_format == "channels_last" and len(shape) == 4 and shape[1] == 1 and shape[3] > 1


def _gets_smaller(layers: list[ObservedLayer]) -> bool:
    """Returns whether a convolution, or something between it and the next kernel, leaves fewer positions."""
    for number, layer in enumerate(layers):
        if layer.convolutions:
            first = 2 if layer.data_format == "channels_first" else 1
            before, after = (shape[first : first + 2] for shape in (layer.received.shape, layer.returned))
            values = _values(layers[number + 1].received) if number + 1 < len(layers) else 1
            if math.prod(after) < 0.5 * math.prod(before) or values < 0.6 * math.prod(layer.returned[1:]):
                return True
    return False


def _values(array: ObservedArray) -> int:
    """Returns how many values there are for each image."""
    return math.prod(array.shape[1:])
