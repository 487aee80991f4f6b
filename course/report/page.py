"""The report of a run: one page, with all its pictures inside, that opens without a network."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course.data import class_names, load_data_set
from course.report import figures, measures
from course.report.style import png
from course.runs.record import Record, read_run
from course.system.errors import CourseError, first_line
from course.system.files import replacing, shown, write_text

REPORT = "report.html"
PICTURES = "pictures"
NOTHING = "\N{EN DASH}"  # in a table
MOST_MISTAKES = 12
MOST_KERNELS = 64
PAGES = Path(__file__).parent / "templates"


Draw = Callable[[str, str, Figure], None]  # takes a picture's name, what it shows in words, and itself


class Picture(NamedTuple):
    """A picture, with what it shows in words for those who cannot see it."""

    name: str
    words: str
    png: bytes

    @property
    def address(self) -> str:
        """The picture itself as an address, so that a page needs no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


class Mistake(NamedTuple):
    """A test image that the network gets wrong."""

    picture: Picture
    truth: str
    taken_for: str
    sure: str


def write_report(folder: Path) -> list[Picture]:
    """Writes report.html, and its pictures into pictures/, from what the run in `folder` left.

    Returns:
        All pictures that it shows.

    Raises:
        CourseError: there is no run, it was damaged, or the report cannot be written.
    """
    record = read_run(folder)
    pictures, sections = {}, {}

    def draw(name: str, words: str, figure: Figure) -> None:
        pictures[name] = Picture(name, words, png(figure))

    for part in (_learning, _predictions, _network):
        sections |= part(record, draw)
    page = render("run.html", record=record, pictures=pictures, **sections)
    try:
        (folder / PICTURES).mkdir(exist_ok=True)
    except OSError as error:
        raise CourseError(f"{shown(folder / PICTURES)} cannot be made ({error.strerror}).") from None
    for picture in pictures.values():
        with replacing(folder / PICTURES / f"{picture.name}.png") as unfinished:
            unfinished.write_bytes(picture.png)
    write_text(folder / REPORT, page)
    return [*pictures.values(), *(mistake.picture for mistake in sections["mistakes"])]


def write_comparison(folders: list[Path], file: Path) -> None:
    """Writes a page that lays runs side by side: their curves, and what differs in their configs and results.

    Raises:
        CourseError: one of them is no run or was damaged, or the page cannot be written.
    """
    records = {f"{record.script}/{record.folder.name}": record for record in map(read_run, folders)}
    fields = dict.fromkeys(field for record in records.values() for field in record.config)
    values = {field: [record.config.get(field, NOTHING) for record in records.values()] for field in fields}
    pictures = {}
    numbered = enumerate(records.items(), start=1)
    histories = {f"{number}: {name}": record.history for number, (name, record) in numbered if record.history}
    if histories:
        words = f"Loss and accuracy in validation after each epoch: {', '.join(histories)}. The table has the results."
        pictures["curves"] = Picture("curves", words, png(figures.compared_curves(histories)))
    page = render(
        "comparison.html",
        records=records,
        differences={field: row for field, row in values.items() if any(value != row[0] for value in row)},
        pictures=pictures,
    )
    write_text(file, page)


def _learning(record: Record, draw: Draw) -> dict[str, Any]:
    if not record.history:
        return {}
    draw(
        "curves",
        _curves_in_words(record.history),
        figures.curves(record.history, measures.turning_point(record.history)),
    )
    return {"overfitting": measures.overfitting(record.history)}


def _predictions(record: Record, draw: Draw) -> dict[str, Any]:
    if record.predictions is None:
        return {"mistakes": [], "no_mistakes": ""}
    names = class_names(record.data)
    matrix = measures.confusion_matrix(record.predictions.labels, record.predictions.classes)
    draw("confusion", _confusion_in_words(matrix, names), figures.confusion(matrix, names))
    mistakes, no_mistakes = [], ""
    try:
        mistakes = list(_mistakes(record, names))
    except CourseError as error:  # a data set of the learner's own may be gone
        no_mistakes = f"Its mistakes cannot be shown: {error}"
    return {
        "qualities": measures.precision_and_recall(matrix, names),
        "mistakes": mistakes,
        "no_mistakes": no_mistakes,
        "wrong": matrix.sum() - matrix.trace(),
    }


def _network(record: Record, draw: Draw) -> dict[str, Any]:
    if not (record.folder / "model.keras").exists():
        return {"layers": [], "problem": ""}
    from course.report.network import Network  # late: it loads Keras

    layers = []
    try:
        network = Network(record.folder / "model.keras")
        layers = network.layers()
        if found := network.first_weights(*record.image_size):
            what, weights = found
            height, width, number = weights.shape
            size = f"{height} x {width} weights each, from {weights.min():.2g} to {weights.max():.2g}"
            words = f"The {min(number, MOST_KERNELS)} {what}, {size}."
            draw("kernels", words, figures.kernels(weights[..., :MOST_KERNELS]))
        if record.predictions is not None:
            names = class_names(record.data)
            steps = network.journey(record.predictions.example)
            truth, taken_for = (names[values[0]] for values in (record.predictions.labels, record.predictions.classes))
            through = ", ".join(name for name, _ in steps)
            words = f"A test image, {truth}, after each layer: {through}; it is taken for {taken_for}."
            draw("journey", words, figures.journey(_test_images(record)[0], steps, names))
    except Exception as error:  # a learner's network may be anything
        return {"layers": layers, "problem": f"Not all of this network can be shown ({first_line(error)})."}
    return {"layers": layers, "problem": ""}


def _test_images(record: Record) -> np.ndarray:
    _, (images, _) = load_data_set(record.data, record.image_size)
    if len(images) < len(record.predictions.labels):
        raise CourseError(f"{record.data} has fewer images than when {shown(record.folder)} was tested.")
    return images


def _mistakes(record: Record, names: tuple[str, ...]) -> Iterator[Mistake]:
    """Yields the mistakes that the network was most sure of."""
    predictions, images = record.predictions, _test_images(record)
    wrong = np.flatnonzero(predictions.classes != predictions.labels)
    scores = predictions.outputs.max(axis=1)
    for number in wrong[np.argsort(-scores[wrong], kind="stable")][:MOST_MISTAKES]:
        truth, taken_for = names[predictions.labels[number]], names[predictions.classes[number]]
        file = io.BytesIO()
        Image.fromarray(255 - images[number]).save(file, "PNG")
        picture = Picture("mistakes", f"Test image {number}, {truth}, taken for {taken_for}", file.getvalue())
        sure = f"{scores[number]:.1%}" if predictions.are_probabilities else f"output {scores[number]:.3g}"
        yield Mistake(picture, truth, taken_for, sure)


def _curves_in_words(history: measures.History) -> str:
    first, last = history[0], history[-1]
    parts = []
    for name, what in (
        ("loss", "loss in training"),
        ("val_loss", "in validation"),
        ("accuracy", "accuracy in training"),
        ("val_accuracy", "in validation"),
    ):
        ends = [_number(row.get(name)) for row in (first, last)]
        parts.append(f"{what} from {ends[0]} to {ends[1]}")
    return f"Curves over {len(history)} epochs: {', '.join(parts)}."


def _confusion_in_words(matrix: np.ndarray, names: tuple[str, ...]) -> str:
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    truth, taken_for = np.unravel_index(mistakes.argmax(), mistakes.shape)
    words = f"Confusion matrix: {matrix.trace():,} of {matrix.sum():,} test images are on its diagonal, right"
    if not mistakes.any():
        return f"{words}."
    return f"{words}; most often, {mistakes.max()} times, {names[truth]} is taken for {names[taken_for]}."


def render(name: str, **values: Any) -> str:
    """Returns one of the pages in course/pages/, filled with values; names in them are escaped."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {
        "percent": _percent,
        "number": _number,
        "shape": lambda shape: " x ".join(map(str, shape)),
        "hyphenated": lambda name: re.sub("(?<=[a-z])(?=[A-Z0-9])", "\N{SOFT HYPHEN}", name),
    }
    return pages.get_template(name).render(**values)


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.2%}"


def _number(value: Any) -> str:
    """Returns a value as a table shows it: numbers with four digits at least, what is not there as a dash."""
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if type(value) is int and abs(value) >= 10_000 else str(value)
