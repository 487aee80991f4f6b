"""The report of a run: one page, with all its pictures inside, that opens without a network."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np
from matplotlib.figure import Figure

from course.report import figures, measures
from course.report.network import FirstWeights
from course.report.preparation import Preparation
from course.report.run_to_show import RunToShow
from course.report.style import address_of, png, svg
from course.report.tested_images import as_png, to_look_at
from course.report.trust import how_far_to_trust
from course.report.try_it import what_can_be_tried
from course.report.votes import read_votes
from course.runs import certainty
from course.runs import folder as run_folder
from course.runs.next_step import next_step
from course.runs.record import Predictions, Record, Row, read_config, read_predictions, read_run
from course.runs.verdict import judge, read_changes
from course.system.errors import CourseError, first_line
from course.system.files import replacing, shown, write_text

NOTHING = "\N{EN DASH}"  # in a table
MOST_MISTAKES = 12
MOST_KERNELS = 64
PAGES = {  # of docs/, by the script that they are about
    "mlp": "multilayer-perceptron",
    "cnn": "convolutional-network",
    "fast": "faster-and-further",
    "best": "faster-and-further",
    "fashion": "challenge",
}
EXPERTS = ("project", "name", "data_parallel")  # values that are folded away
TEMPLATES = Path(__file__).parent / "templates"

Draw = Callable[[str, str, Figure], None]  # takes a picture's name, what it shows in words, and itself
Section = dict[str, object]  # values that run.html shows, by name


class Picture(NamedTuple):
    """A picture, with what it shows in words for those who cannot see it."""

    name: str
    words: str
    png: bytes
    svg: str = ""  # the same as an element of a page, for what is drawn

    @property
    def address(self) -> str:
        """The picture itself as an address, so that a page needs no other file."""
        return address_of(self.png)


class Mistake(NamedTuple):
    """A test image that the network gets wrong."""

    picture: Picture
    truth: str
    answer: str
    confidence: str
    votes: str  # what people saw, if its label is disputed


def write_report(folder: Path) -> list[Picture]:
    """Writes report.html, and its pictures into pictures/, from what a run left; returns all pictures that it shows.

    Raises CourseError if there is no run, if it was damaged, or if the report cannot be written.
    """
    record = read_run(folder)
    verdict = judge(record.history, read_changes(record.folder))
    pictures: dict[str, Picture] = {}

    def draw(name: str, words: str, figure: Figure) -> None:
        pictures[name] = Picture(name, words, png(figure), svg(figure, name, words))

    run = RunToShow(record)
    mistakes, no_mistakes = _mistakes(run)
    _learning(record, verdict.since, draw)
    sections = _confusion(run, draw) | {"trust": how_far_to_trust(run, draw)} | _network(run, draw)
    sections["live"] = what_can_be_tried(run)
    sections |= {"mistakes": mistakes, "no_mistakes": no_mistakes, "verdict": verdict, "pictures": pictures}
    command = record.environment.get("command", f"python {record.script}.py")
    following = next_step(command, record.config, verdict) if record.metrics else None
    page = render("run.html", record=record, next=following, page=PAGES.get(record.script), experts=EXPERTS, **sections)
    try:
        (folder / run_folder.PICTURES).mkdir(exist_ok=True)
    except OSError as error:
        raise CourseError(f"{shown(folder / run_folder.PICTURES)} cannot be made ({error.strerror}).") from None
    for picture in pictures.values():
        with replacing(folder / run_folder.PICTURES / f"{picture.name}.png") as unfinished:
            unfinished.write_bytes(picture.png)
    write_text(folder / run_folder.REPORT, page)
    return [*pictures.values(), *(mistake.picture for mistake in mistakes)]


def write_comparison(folders: list[Path], file: Path) -> None:
    """Writes a page that shows runs side by side: their curves, and what differs in their configs and results.

    Raises CourseError if one of them is not a run or was damaged, or if the page cannot be written.
    """
    records = {f"{record.script}/{record.folder.name}": record for record in map(read_run, folders)}
    fields = dict.fromkeys(field for record in records.values() for field in record.config)
    values = {field: [record.config.get(field, NOTHING) for record in records.values()] for field in fields}
    pictures = {}
    numbered = enumerate(records.items(), start=1)
    histories = {f"{number}: {name}": record.history for number, (name, record) in numbered if record.history}
    if histories:
        words = f"Loss and accuracy after each epoch: {', '.join(histories)}. The table has the results."
        figure = figures.compared_curves(histories)
        pictures["curves"] = Picture("curves", words, png(figure), svg(figure, "curves", words))
    differences = {field: row for field, row in values.items() if any(value != row[0] for value in row)}
    certain = compared_in_words(folders)
    write_text(
        file, render("comparison.html", records=records, differences=differences, pictures=pictures, certain=certain)
    )


def compared_in_words(folders: list[Path]) -> list[str]:
    """Says of each run after the first whether it differs from the first by more than chance on the test images."""
    answers = [read_predictions(folder / run_folder.PREDICTIONS) for folder in folders]
    data = [read_config(folder).get("data", "mnist") for folder in folders]
    return [
        certainty.in_words(answers[0], other if data[number - 1] == data[0] else None, ("run 1", f"run {number}"))
        for number, other in enumerate(answers[1:], start=2)
        if answers[0] is not None and other is not None
    ]


def render(name: str, *folders: Path, **values: object) -> str:
    """Returns one of the pages in `folders` or templates/, filled with values; names in them are escaped."""
    pages = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True, undefined=jinja2.StrictUndefined)
    pages.loader = jinja2.FileSystemLoader([*folders, TEMPLATES])
    pages.filters |= {
        "interval": _interval,
        "percent": lambda fraction: NOTHING if fraction is None else f"{fraction:.2%}",
        "number": _number,
        "shape": lambda shape: " x ".join(f"{size:,}" for size in shape),
        "hyphenated": lambda name: re.sub("(?<=[a-z])(?=[A-Z0-9])", "\N{SOFT HYPHEN}", name),
    }
    return pages.get_template(name).render(**values)


def _interval(accuracy: float | None, images: int) -> str:
    if accuracy is None:
        return NOTHING
    low, high = certainty.interval(accuracy, images)
    return f"{low:.2%} to {high:.2%}"


def _learning(record: Record, overfits_since: int | None, draw: Draw) -> None:
    if record.history:
        draw("curves", _curves_in_words(record.history), figures.curves(record.history, overfits_since))


def _confusion(run: RunToShow, draw: Draw) -> Section:
    predictions, names = run.predictions, run.names
    if predictions is None:
        return {}
    matrix = measures.confusion_matrix(predictions.labels, predictions.classes, len(names))
    draw("confusion", _confusion_in_words(matrix, names), figures.confusion(matrix, names))
    return {"scores": measures.precision_and_recall(matrix, names), "wrong": int(matrix.sum() - matrix.trace())}


def _mistakes(run: RunToShow) -> tuple[list[Mistake], str]:
    """Returns the mistakes to show, and a sentence if they cannot be shown."""
    predictions, data, mistakes = run.predictions, run.record.data, []
    if predictions is None:
        return [], ""
    try:
        images, votes = run.images, read_votes(data)
    except CourseError as error:  # a data set of the learner's own may be gone
        return [], f"Its mistakes cannot be shown: {error}"
    wrong = np.flatnonzero(predictions.classes != predictions.labels)
    names, scores = run.names, predictions.outputs.max(axis=1)
    for number in wrong[np.argsort(-scores[wrong], kind="stable")][:MOST_MISTAKES]:  # the most confident ones
        truth, answer = names[predictions.labels[number]], names[predictions.classes[number]]
        words = f"Test image {number}, {truth}, predicted as {answer}"
        picture = Picture("mistakes", words, as_png(images[number], data))
        confidence = f"{scores[number]:.1%}" if predictions.are_probabilities else f"output {scores[number]:.3g}"
        disputed = votes[number].in_words if number in votes else ""
        mistakes.append(Mistake(picture, truth, answer, confidence, disputed))
    return mistakes, ""


def _network(run: RunToShow, draw: Draw) -> Section:
    section: Section = {"layers": [], "problem": ""}
    if not (run.record.folder / run_folder.MODEL).exists():
        return section
    try:
        network = run.network
        section["layers"] = network.layers()
        weights = network.first_weights(*run.record.image_size)
        outputs: list[tuple[str, np.ndarray]] = []
        if run.predictions is not None:
            try:
                number, prepared = _one_image(run, run.predictions)
                outputs = network.outputs(prepared)
                draw("journey", *_journey(run, run.predictions, number, outputs))
            except CourseError as error:  # the images are gone, but not the kernels
                section["problem"] = f"Not all of this network can be shown ({first_line(error)})."
        if weights is not None:
            section["weights_of"] = weights.kind
            kernels = weights.images[..., :MOST_KERNELS]
            count = kernels.shape[-1]
            maps = next((made[..., :count] for _, made in outputs if kernels.ndim == 3 and made.ndim == 3), None)
            section["with_maps"] = maps is not None
            if kernels.ndim == 4:
                figure = figures.coloured_kernels(kernels)
            else:
                figure = figures.weight_images(kernels) if maps is None else figures.kernels_and_maps(kernels, maps)
            draw("kernels", _weights_in_words(weights), figure)
    except Exception as error:  # a learner's network may be anything
        section["problem"] = f"Not all of this network can be shown ({first_line(error)})."
    return section


def _one_image(run: RunToShow, predictions: Predictions) -> tuple[int, np.ndarray]:
    """Returns the number of the test image that is shown layer by layer, and that image as the network takes it.

    The mistake that the network is surest of, where it can be prepared as the lesson does; else the first image.
    """
    wrong = np.flatnonzero(predictions.classes != predictions.labels)
    preparation = Preparation.derived(run.images, predictions.example)
    if preparation is None or not len(wrong):
        return 0, predictions.example[:1]
    number = int(wrong[predictions.outputs.max(axis=1)[wrong].argmax()])
    return number, preparation.apply(run.images[[number]])


def _journey(
    run: RunToShow, predictions: Predictions, number: int, outputs: list[tuple[str, np.ndarray]]
) -> tuple[str, Figure]:
    names = run.names
    truth, answer = names[predictions.labels[number]], names[int(outputs[-1][1].argmax())]
    layers = ", ".join(name for name, _ in outputs)
    words = f"Test image {number:,}, {truth}, after each layer: {layers}; it is predicted as {answer}."
    image = to_look_at(run.images[number], run.record.data)
    return words, figures.layer_by_layer(image, outputs, names)


def _curves_in_words(history: list[Row]) -> str:
    first, last = history[0], history[-1]
    parts = [
        f"{images} {metric} from {_number(first.get(prefix + metric))} to {_number(last.get(prefix + metric))}"
        for metric in measures.metrics_to_draw(history)
        for images, prefix in (("training", ""), ("validation", "val_"))
        if measures.is_there(history, prefix + metric)
    ]
    return f"Curves over {len(history)} epochs: {', '.join(parts)}."


def _confusion_in_words(matrix: np.ndarray, names: tuple[str, ...]) -> str:
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    truth, answer = np.unravel_index(mistakes.argmax(), mistakes.shape)
    words = f"Confusion matrix: {matrix.trace():,} of {matrix.sum():,} test images are on its diagonal, right"
    if not mistakes.any():
        return f"{words}."
    return f"{words}; most often, {mistakes.max()} times, {names[truth]} is predicted as {names[answer]}."


def _weights_in_words(weights: FirstWeights) -> str:
    height, width, *colours, number = weights.images.shape
    low, high = weights.images.min(), weights.images.max()
    what = f"{min(number, MOST_KERNELS)} {weights.kind} of {weights.layer}"
    size = f"{height} x {width} weights each{' for red, green and blue' if colours else ''}"
    return f"The {what}, {size}, from {low:.2g} to {high:.2g}."


def _number(value: object) -> str:
    """Returns a value as a table shows it: numbers with four digits at least, a missing one as a dash."""
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if type(value) is int else str(value)
