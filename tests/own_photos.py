"""Photos of MNIST's test images, as a learner might take them of handwriting."""

import numpy as np
from PIL import Image, ImageFilter

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
