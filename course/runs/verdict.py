"""What the epochs of a run show, as far as their noise lets anybody say."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter

from course.runs import folder as run_folder
from course.runs.record import Row, read_values

VALIDATION_IMAGES = 5_000
ERRONEOUSLY = 0.01  # how often histories that only wander by chance may be called overfitting
SURE = 1.96  # standard errors: what 95 of 100 chance differences stay below
OVERFITTING = "it memorises its training images. That is overfitting; dropout, more images or fewer epochs help."
OPEN = (  # learning rates that decay are next to 0 then, so that little can change
    " Whether more epochs would help, only a longer training can say."
)
NOT_COMPARED = (
    "Its validation losses could not be compared image by image, so nobody can tell whether their change is chance."
)
COUNTED = (
    " (Training accuracy is counted during the epoch, while the network still changes, with dropout if it has any;"
    " validation accuracy is counted afterwards, without.)"
)


class Change(BaseModel):
    """How the loss on the validation images differs between two epochs, image by image."""

    since: int  # the earlier epoch, from 1
    loss: FiniteFloat  # mean of later loss - earlier loss
    error: FiniteFloat  # its standard error

    @classmethod
    def between(cls, since: int, before: np.ndarray, after: np.ndarray) -> "Change":
        """Compares the losses (n,) of the same images after two epochs; n must be 2 at least."""
        differences = after.astype(np.float64) - before
        return cls(since=since, loss=differences.mean(), error=differences.std(ddof=1) / math.sqrt(len(differences)))


class Changes(BaseModel):
    """What changes.json contains: the last epoch, compared with the one before it and with the best one before it."""

    begun: Annotated[int, Field(ge=1)] = 1  # the first epoch of the network that was trained last; there may be several
    previous: Change | None = None
    best: Change | None = None
    comparable: bool = True  # False if these are missing because the losses of the images are not known


class Verdict(NamedTuple):
    """What a history shows."""

    kind: Literal["cannot tell", "not fitting", "overfitting", "still learning", "unchanged"]
    sentences: str  # with the numbers that it rests on
    since: int | None = None  # of overfitting: the epoch after which it began


def read_changes(folder: Path) -> Changes:
    """Returns what a run left in changes.json, nothing if it did not; raises CourseError if it was damaged."""
    return read_values(folder / run_folder.CHANGES, TypeAdapter(Changes))


def judge(history: list[Row], changes: Changes | None = None) -> Verdict:
    """Returns what the epochs of a run show; nothing is concluded from a change that may be chance.

    Args:
        history: one row per epoch.
        changes: of the last epoch, measured image by image. Without them, a change of the loss counts only if it is
            large for two independent samples of 5,000 images.
    """
    changes = changes or Changes()
    before = changes.begun - 1
    history = history[before:]
    if problem := _cannot_tell(history):
        return Verdict("cannot tell", problem)
    fitted, losses = _losses(history, "loss"), _losses(history, "val_loss")
    end = _end(history[-1])
    if fitted[-1] > 0.99 * fitted[0] and (history[-1].get("accuracy") or 0) < 0.9:
        fell = f"Its training loss hardly changed, from {fitted[0]:.4f} to {fitted[-1]:.4f}"
        return Verdict("not fitting", f"{end}{fell}: the network does not even fit its training images.")
    if not changes.comparable:
        return Verdict("cannot tell", f"{end}{NOT_COMPARED}")
    lowest = min(range(len(losses) - 1), key=losses.__getitem__)
    best = changes.best or _guessed(before + lowest + 1, losses[lowest], losses[-1])
    # The best of many epochs is so by chance, too: the more there are, the larger a rise has to be.
    by_chance = NormalDist().inv_cdf(1 - ERRONEOUSLY / (len(losses) - 1)) * best.error
    if best.loss > by_chance and fitted[-1] < fitted[best.since - before - 1]:
        return Verdict("overfitting", f"{end}{_risen(best)}{OVERFITTING}", best.since)
    previous = changes.previous or _guessed(before + len(losses) - 1, losses[-2], losses[-1])
    changed = f"In the last epoch its validation loss changed by {previous.loss:+.4f} ± {SURE * previous.error:.4f}"
    if previous.loss < -SURE * previous.error:
        return Verdict("still learning", f"{end}{changed}: it was still falling, and more epochs may help.")
    return Verdict("unchanged", f"{end}{changed}, which may be chance.{OPEN}")


def _cannot_tell(history: list[Row]) -> str:
    """Returns why a history shows nothing, if it does not."""
    if len(history) < 2:
        return "After a single epoch nobody can tell whether a network learns or memorises."
    if not any("val_loss" in row for row in history):
        return "Nothing was validated, so nobody can tell whether the network overfits."
    if len(_losses(history, "loss")) < len(history) or len(_losses(history, "val_loss")) < len(history):
        return "Not every loss was a number, so nobody can tell what the network learnt."
    return ""


def _losses(history: list[Row], name: str) -> list[float]:
    return [loss for row in history if (loss := row.get(name)) is not None]


def _risen(best: Change) -> str:
    return (
        f"Its validation loss was lowest after epoch {best.since} and then rose by {best.loss:.4f} ±"
        f" {SURE * best.error:.4f}, while its training loss kept falling: "
    )


def _end(row: Row) -> str:
    accuracy, validation = row.get("accuracy"), row.get("val_accuracy")
    if accuracy is None or validation is None:
        return ""
    right = f"{accuracy:.1%} of the training images right and {validation:.1%} of the validation images."
    return f"In the last epoch it got {right}{COUNTED if validation > accuracy else ''} "


def _guessed(since: int, before: float, after: float) -> Change:
    """Returns a change whose error is that of two samples.

    Most images cost next to nothing and a few about 3, so that the variance of the losses is about 3 times their mean.
    """
    error = math.sqrt(3 * (abs(before) + abs(after)) / VALIDATION_IMAGES)
    return Change(since=since, loss=after - before, error=error)
