"""Draws a small set of coloured pictures: `python data/fruit.py FOLDER`.

Six kinds of fruit in FOLDER/train and FOLDER/test, a subfolder for each: 300 and 100 pictures of 48 x 48 pixels, the
same ones every time. A lemon and a lime, a red and a green apple differ only in colour; a lemon and a banana only in
shape. Drawn for this course, under its licence.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE, FINE = 48, 4  # pixels of a picture; drawn so many times larger, so that edges come out smooth
PICTURES = {"train": 300, "test": 100}  # of each kind
KINDS = {  # shape and colour
    "banana": ("banana", (250, 215, 60)),
    "green apple": ("apple", (125, 190, 60)),
    "lemon": ("lemon", (250, 215, 60)),
    "lime": ("lemon", (125, 190, 60)),
    "orange": ("orange", (245, 145, 30)),
    "red apple": ("apple", (205, 40, 45)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to; it must be new")
    folder = parser.parse_args().folder
    if folder.exists():
        sys.exit(f"{folder} exists; name a new folder.")
    generator = np.random.default_rng(0)
    for part, count in PICTURES.items():
        for kind, (shape, colour) in KINDS.items():
            (folder / part / kind).mkdir(parents=True)
            for number in range(1, count + 1):
                draw(shape, colour, generator).save(folder / part / kind / f"{number:03}.png")


def draw(shape: str, colour: tuple[int, int, int], generator: np.random.Generator) -> Image.Image:
    """Returns a picture of one fruit: of any brightness, size and angle, anywhere, on any ground."""
    bright = generator.uniform(0.5, 1.05)  # so that brightness does not tell colours apart
    skin = tuple(int(np.clip(part * bright + generator.normal(0, 8), 0, 255)) for part in colour)
    side = SIZE * FINE
    length = generator.uniform(0.45, 0.75) * side
    fruit = Image.new("RGBA", (side, side))
    _outline(ImageDraw.Draw(fruit), shape, skin, side / 2, length / 2)
    fruit = fruit.rotate(generator.uniform(-180, 180) if shape != "apple" else generator.uniform(-40, 40))
    ground = generator.uniform(30, 235) + generator.normal(0, 12, 3)
    picture = Image.new("RGBA", (side, side), tuple(int(np.clip(part, 0, 255)) for part in ground))
    room = int((side - length) / 2)
    picture.alpha_composite(fruit.transform(fruit.size, Image.Transform.AFFINE, _moved(room, generator)))
    small = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.4))
    grain = generator.normal(0, generator.uniform(2, 10), (SIZE, SIZE, 3))
    return Image.fromarray(np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8))


def _moved(room: int, generator: np.random.Generator) -> tuple[float, ...]:
    across, down = generator.uniform(-room, room, 2)
    return (1, 0, across, 0, 1, down)


def _outline(pen: ImageDraw.ImageDraw, shape: str, skin: tuple[int, ...], middle: float, half: float) -> None:
    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        return middle + left * half, middle + top * half, middle + right * half, middle + bottom * half

    if shape == "orange":
        pen.ellipse(box(-0.85, -0.85, 0.85, 0.85), skin)
    elif shape == "lemon":
        pen.ellipse(box(-0.8, -0.6, 0.8, 0.6), skin)
        pen.ellipse(box(-1, -0.2, -0.6, 0.2), skin)
        pen.ellipse(box(0.6, -0.2, 1, 0.2), skin)
    elif shape == "apple":
        pen.ellipse(box(-0.85, -0.6, 0.35, 0.85), skin)
        pen.ellipse(box(-0.35, -0.6, 0.85, 0.85), skin)
        pen.rectangle(box(-0.08, -1, 0.08, -0.35), (80, 55, 35))
    else:
        pen.pieslice(box(-1, -1, 1, 1), 20, 160, skin)
        pen.ellipse(box(-0.95, -1.15, 0.95, 0.45), (0, 0, 0, 0))


if __name__ == "__main__":
    main()
