"""What a trained network says of pictures that it was not trained on, and the page that shows it."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from course.own_pictures.preparing import PreparedPicture, prepared
from course.own_pictures.reading import SUFFIXES, read_picture_file
from course.report.network import SavedNetwork
from course.report.preparation import CHECKED, how_prepared
from course.report.style import address_of
from course.report.tested_images import as_png, images_of, names_of
from course.runs import folder as run_folder
from course.runs.record import Record, read_run
from course.system.errors import CourseError, first_line
from course.system.files import shown

THUMBNAIL = 160  # pixels of a picture on the page
MOST_SHOWN = 200  # pictures on the page
BEST = 3  # classes of an answer


class Question(NamedTuple):
    """A picture to ask a network about."""

    file: Path
    truth: str  # the class by its folder's name, if it lies in such a folder
    prepared: PreparedPicture
    thumbnail: bytes  # a JPEG, if it is shown on the page


class Answer(NamedTuple):
    """What a network says of a picture."""

    question: Question
    best: tuple[tuple[str, float], ...]  # classes with their outputs, the largest first


def tested_run(folder: Path) -> Record:
    """Returns a run with a network that was tested; raises CourseError if it has none."""
    record = read_run(folder)
    if record.predictions is None or not (folder / run_folder.MODEL).exists():
        raise CourseError(f"{shown(folder)} has no tested network; name a finished run, such as runs/cnn/latest.")
    return record


def find_pictures(places: Sequence[Path], record: Record) -> list[tuple[Path, str]]:
    """Returns files with the classes that their folders are called, "" without one.

    Raises CourseError if a folder has neither pictures nor subfolders that are called like a class of the network.
    """
    assert record.predictions is not None
    names = {name.casefold(): name for name in names_of(record, record.predictions)}
    found: list[tuple[Path, str]] = []
    for place in places:
        if not os.path.isdir(place):  # that of Path raises for some names
            found.append((place, ""))
            continue
        classes = sorted(each for each in place.iterdir() if each.is_dir() and each.name.casefold() in names)
        inside = [(each, names[each.name.casefold()]) for each in classes] or [(place, "")]
        pictures = [
            (file, truth)
            for folder, truth in inside
            for file in sorted(folder.iterdir())
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        ]
        if not pictures:
            raise CourseError(
                f"{shown(place)} has no pictures, and no subfolder with pictures that is called like a class of this"
                f" network ({', '.join(list(names.values())[:10])})."
            )
        found += pictures
    return found


def questions(files: Sequence[tuple[Path, str]], record: Record) -> tuple[list[Question], list[str]]:
    """Reads pictures and prepares them like the data of a run; returns them, and a sentence about each that failed."""
    asked: list[Question] = []
    failed: list[str] = []
    for file, truth in files:
        try:
            picture = read_picture_file(file)
        except CourseError as error:
            failed.append(str(error))
            continue
        try:
            made = prepared(picture, record.data, record.image_size, record.image_channels)
        except CourseError as error:
            failed.append(f"{file} {error}")
            continue
        asked.append(Question(file, truth, made, _thumbnail(picture) if len(asked) < MOST_SHOWN else b""))
    return asked, failed


def answers(asked: Sequence[Question], record: Record) -> list[Answer]:
    """Asks the network of a run about prepared pictures; raises CourseError as `outputs_for` does."""
    assert record.predictions is not None
    outputs = outputs_for(np.stack([question.prepared.image for question in asked]), record)
    names = names_of(record, record.predictions)
    return [
        Answer(question, tuple((names[each], float(row[each])) for each in np.argsort(-row, kind="stable")[:BEST]))
        for question, row in zip(asked, outputs, strict=True)
    ]


def outputs_for(pictures: np.ndarray, record: Record) -> np.ndarray:
    """Returns what the network of a run says of pictures as its data set would store them, (n, ...): (n, classes).

    Raises CourseError if it cannot be loaded, or if it cannot be told how its lesson scales pixels.
    """
    assert record.predictions is not None
    try:
        network = SavedNetwork(record.folder / run_folder.MODEL)
    except Exception as error:  # whatever Keras raises for a learner's network
        raise CourseError(f"The network of {shown(record.folder)} cannot be loaded ({first_line(error)}).") from None
    images = images_of(record, min(CHECKED, len(record.predictions.labels)))
    try:
        preparation = how_prepared(images, record.predictions, network.answers)
    except CourseError as error:
        raise CourseError(f"{shown(record.folder)} cannot be asked: {error}") from None
    return network.answers(preparation.apply(pictures))


def address(question: Question, data: str) -> tuple[str, str]:
    """Returns a picture, and what the network sees of it, as addresses, so that a page needs no other files."""
    return address_of(question.thumbnail, "jpeg"), address_of(as_png(question.prepared.image, data))


def _thumbnail(picture: Image.Image) -> bytes:
    small, file = picture.copy(), io.BytesIO()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    small.save(file, "JPEG", quality=85)
    return file.getvalue()
