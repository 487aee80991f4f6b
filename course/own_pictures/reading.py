"""One picture of the learner's, opened without trusting it."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course.system.errors import CourseError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
IN_WORDS = "PNG, JPEG, WebP or BMP"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

Image.preinit()  # before threads do it at once
warnings.simplefilter("error", Image.DecompressionBombWarning)


def read_picture_file(file: Path, longest: int | None = None) -> Image.Image:
    """Returns a picture as RGB, upright, transparent parts white, its sides at most `longest` pixels, if given.

    Of an animated one it is the first frame, of 16 bits the upper eight. Raises CourseError if the file is missing,
    damaged, in no format of FORMATS, or so large that it may be a trap.
    """
    try:
        with file.open("rb") as opened:
            picture: Image.Image = Image.open(opened, formats=FORMATS)
            if picture.mode.startswith("I"):  # 16 bits per pixel, of which the upper eight are enough
                picture = Image.fromarray((np.asarray(picture) >> 8).astype("uint8"))
            if picture.mode not in ("L", "RGB"):
                picture = picture.convert("RGBA")
            if longest is not None:
                picture.thumbnail((longest, longest))
            picture = ImageOps.exif_transpose(picture)
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            return picture.convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise CourseError(f"{file} has more than {Image.MAX_IMAGE_PIXELS:,} pixels; scale it down first.") from None
    except Image.UnidentifiedImageError:
        raise CourseError(f"{file} is not a {IN_WORDS} picture; save your picture as one of these.") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:  # what Pillow raises for damaged files
        raise CourseError(f"{file} cannot be read ({error}); save your picture again as PNG or JPEG.") from None
