"""How far to trust a network: its confidence, what it says to nonsense, and mistakes whose labels may be wrong."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from course.data import class_names, load_test_images
from course.report import calibration, figures
from course.report.run_to_show import RunToShow
from course.report.style import address_of
from course.report.tested_images import as_png
from course.report.votes import read_votes
from course.runs.record import Predictions
from course.system.errors import CourseError, first_line

SURE = 0.9  # from here on a network counts as sure
OTHERS = {"mnist": ("fashion_mnist", "clothes"), "fashion_mnist": ("mnist", "digits")}
OTHER_IMAGES, NOISE_IMAGES, NOISE_SHOWN = 1_000, 100, 2


class Answered(NamedTuple):
    """An image with the network's answer."""

    address: str  # a PNG inside of an address, so that the page needs no other file
    what: str
    answer: str
    remark: str


class Nonsense(NamedTuple):
    """Images of one kind that show none of a network's classes."""

    kind: str
    images: np.ndarray  # uint8 (n, height, width)
    shown: dict[int, str]  # what those show that are shown, by their number


class Trust(NamedTuple):
    """What trust.html shows; empty where there is nothing to show."""

    confidence: tuple[str, ...] = ()  # sentences about the picture "calibration"
    fooled: tuple[Answered, ...] = ()  # nonsense
    how_often_sure: str = ""  # of nonsense
    not_fooled: str = ""  # why no nonsense is shown
    disputed: int = 0  # mistakes in images about whose labels people were asked
    rejected: tuple[Answered, ...] = ()  # those of which most people did not see what the label says
    no_votes: str = ""  # why nothing is known of this


def how_far_to_trust(run: RunToShow, draw: Callable[[str, str, Figure], None]) -> Trust:
    """Returns what trust.html shows of a run; `draw` takes its chart."""
    predictions, found = run.predictions, Trust()
    if predictions is None:
        return found
    try:
        found = _disputed(run, predictions)
    except CourseError as error:  # the data of the course may be gone
        found = Trust(no_votes=str(error))
    if not predictions.are_probabilities or len(run.names) < 2:
        return found
    calibrated = calibration.calibrate(predictions)
    found = found._replace(confidence=calibration.in_sentences(calibrated))
    draw("calibration", " ".join(found.confidence[:2]), figures.calibration(calibrated.bins))
    try:
        fooled, how_often = _fooled(run)
    except Exception as error:  # a learner's network may be anything
        return found._replace(not_fooled=first_line(error))
    return found._replace(fooled=fooled, how_often_sure=how_often)


def _disputed(run: RunToShow, predictions: Predictions) -> Trust:
    wrong = set(np.flatnonzero(predictions.classes != predictions.labels).tolist())
    votes = {number: votes for number, votes in read_votes(run.record.data).items() if number in wrong}
    rejected = {number: each for number, each in votes.items() if each.against_label}
    if not rejected:
        return Trust()
    names, data = run.names, run.record.data
    answers = tuple(
        Answered(
            address_of(as_png(run.images[number], data)),
            names[each.label],
            names[predictions.classes[number]],
            each.in_words,
        )
        for number, each in rejected.items()
    )
    return Trust(disputed=len(votes), rejected=answers)


def _fooled(run: RunToShow) -> tuple[tuple[Answered, ...], str]:
    """Returns what the network says to some nonsense, and of how much of it the network is sure, in words.

    Raises CourseError if it cannot be told how this lesson prepares images, or what Keras does.
    """
    data, names = run.record.data, run.names
    shown: list[Answered] = []
    how_often = []
    for kind in _kinds(data, run.images.shape[1:]):
        outputs = run.network.answers(run.preparation.apply(kind.images))
        sure = outputs.max(axis=1)
        shown += [
            Answered(
                address_of(as_png(kind.images[number], data)),
                what,
                names[outputs[number].argmax()],
                f"{sure[number]:.1%}",
            )
            for number, what in kind.shown.items()
        ]
        if len(sure) > 1:
            how_often.append(f"{np.sum(sure >= SURE):,} of {len(sure):,} images of {kind.kind}")
    return tuple(shown), " and ".join(how_often)


def _kinds(data: str, image_size: tuple[int, int]) -> list[Nonsense]:
    """Returns an empty image, noise, and, where it is known that they are something else, images of other data."""
    noise = np.random.default_rng(0).integers(0, 256, (NOISE_IMAGES, *image_size), np.uint8)
    kinds = [
        Nonsense("nothing", np.zeros((1, *image_size), np.uint8), {0: "empty"}),
        Nonsense("noise", noise, dict.fromkeys(range(NOISE_SHOWN), "noise")),
    ]
    if data in OTHERS:
        other, kind = OTHERS[data]
        images, labels = load_test_images(other, image_size, OTHER_IMAGES)
        first = {int(np.argmax(labels == label)): name for label, name in enumerate(class_names(other))}
        kinds.append(Nonsense(kind, images, first))
    return kinds
