"""Measures how well photos of digits are read: `python -m benchmarks.photos`.

Trains `cnn.py` once and asks it, as predict.py does, about 1,000 photos of each kind, made of MNIST's test images; and
about the same photos merely shrunk, without the rule by which MNIST's images were prepared. Writes photos.json and
photos.md next to this file.
"""

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.accuracy import FOLDER, measured_on, run
from course.data import load_test_images
from course.own_pictures.preparing import prepared
from course.report.asked import outputs_for
from course.runs.record import Record, read_run
from course.system.errors import CourseError
from course.system.files import write_json, write_text

COUNT = 1_000
KINDS = ("dark on grey", "light on dark", "textured paper", "a shadow", "thin pen", "thick pen")
SIZE = (400, 300)  # width and height in pixels


def photo(image: np.ndarray, kind: str, random: np.random.Generator) -> np.ndarray:
    """Returns a test image, uint8 (28, 28), on paper, uint8 (300, 400): any size, any place, as `kind` says."""
    side = int(random.integers(90, 240))
    pen = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    if kind in ("thin pen", "thick pen"):  # by about a third of the stroke
        width = max(1, side // 56) * 2 + 1
        pen = pen.filter(ImageFilter.MinFilter(width) if kind == "thin pen" else ImageFilter.MaxFilter(width))
    sheet = Image.new("L", SIZE)
    sheet.paste(pen, (int(random.integers(0, SIZE[0] - side)), int(random.integers(0, SIZE[1] - side))))
    ink = np.array(sheet) / 255
    down, across = np.mgrid[: SIZE[1], : SIZE[0]] / 400
    paper = np.full(ink.shape, random.uniform(150, 235))
    if kind == "textured paper":
        coarse = Image.fromarray(random.uniform(-12, 12, (30, 40)).astype(np.float32))
        paper += np.array(coarse.resize(SIZE, Image.Resampling.BICUBIC)) + 4 * np.sin(120 * down)
    if kind == "a shadow":
        angle = random.uniform(0, 2 * np.pi)
        edge = (across - 0.5) * np.cos(angle) + (down - 0.4) * np.sin(angle) + random.uniform(-0.2, 0.2)
        paper *= 1 - 0.45 / (1 + np.exp(-25 * edge))
    strokes = paper * (1 - random.uniform(0.6, 0.9) * ink)
    if kind == "light on dark":
        strokes = 40 + random.uniform(120, 200) * ink
    return np.clip(strokes + random.normal(0, 3, ink.shape), 0, 255).astype(np.uint8)


def main() -> None:
    record = read_run(run("cnn.py", seed=1))
    images, labels = load_test_images("mnist", (28, 28), COUNT)
    original = _right(record, list(images), labels)
    lines = ["| photos of 1,000 test images | right | merely shrunk |", "|---|---|---|"]
    lines.append(f"| the images themselves | {original:.1%} | |")
    found: dict[str, object] = {"measured": measured_on(), "originals": original}
    for kind in KINDS:
        random = np.random.default_rng(0)
        photos = [photo(image, kind, random) for image in images]
        by_rule = _right(record, [_seen(each) for each in photos], labels)
        shrunk = _right(record, [np.array(Image.fromarray(each).resize((28, 28))) for each in photos], labels)
        found[kind] = {"right": by_rule, "merely shrunk": shrunk}
        lines.append(f"| {kind} | {by_rule:.1%} | {shrunk:.1%} |")
        print(lines[-1], flush=True)
    write_json(FOLDER / "photos.json", found)
    write_text(FOLDER / "photos.md", "\n".join([*lines, "", f"{measured_on()}\n"]))


def _seen(taken: np.ndarray) -> np.ndarray:
    """Returns a photo as the network sees it; an empty image if no ink is found."""
    try:
        return prepared(Image.fromarray(taken).convert("RGB"), "mnist", (28, 28), 1).image
    except CourseError:
        return np.zeros((28, 28), np.uint8)


def _right(record: Record, images: list[np.ndarray], labels: np.ndarray) -> float:
    return float(np.mean(outputs_for(np.stack(images), record).argmax(axis=1) == labels))


if __name__ == "__main__":
    main()
