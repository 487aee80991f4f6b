"""Pictures that are broken, odd or traps: each is shown, or refused in a sentence."""

import io
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import huge_png
from PIL import Image, PngImagePlugin

from course.convolution.pictures import LARGEST_SIDE, read_picture
from course.system.errors import CourseError

SECONDS = 10


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options) -> bytes:
    content = io.BytesIO()
    depth = {"I;16": np.uint16, "1": bool}.get(mode, np.uint8)
    channels = {"RGB": 3, "RGBA": 4, "LA": 2, "CMYK": 4}.get(mode)
    shape = (size[1], size[0], channels) if channels else (size[1], size[0])
    Image.fromarray(np.random.default_rng(1).integers(0, 256, shape).astype(depth)).convert(mode).save(
        content, kind, **options
    )
    return content.getvalue()


def text_bomb() -> bytes:
    """Returns a PNG whose comment unpacks to 200 MB."""
    about = PngImagePlugin.PngInfo()
    about.add_text("comment", "a" * 200_000_000, zip=True)
    return encoded("PNG", pnginfo=about)


def outcome(file: Path) -> str:
    began = time.monotonic()
    try:
        picture = read_picture(str(file))
    except CourseError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        result = "refused in a sentence"
    else:
        assert picture.dtype == np.float32
        assert picture.ndim == 3
        assert picture.shape[2] in (1, 3)
        assert 1 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= LARGEST_SIDE
        assert 0 <= picture.min() <= picture.max() <= 1
        result = "shown"
    assert time.monotonic() - began < SECONDS
    return result


FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (40, 30), "red")] * 3}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("no bytes", b"", "refused in a sentence"),
        ("truncated PNG", encoded("PNG")[:500], "refused in a sentence"),
        ("truncated JPEG", encoded("JPEG")[:500], "refused in a sentence"),
        ("GIF", encoded("GIF", "P"), "refused in a sentence"),
        ("TIFF", encoded("TIFF"), "refused in a sentence"),
        ("PNG of 4 billion pixels", huge_png(), "refused in a sentence"),
        ("script in an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "refused in a sentence"),
        ("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch x) system\n", "refused in a sentence"),
        ("1x1", encoded("PNG", size=(1, 1)), "shown"),
        ("1x3000", encoded("PNG", size=(1, 3000)), "shown"),
        ("3000x1", encoded("JPEG", size=(3000, 1)), "shown"),
        ("animated PNG", encoded("PNG", **FRAMES), "shown"),
        *[(f"mode {mode}", encoded("PNG", mode), "shown") for mode in ("1", "L", "LA", "P", "RGBA", "I;16")],
        ("JPEG in CMYK", encoded("JPEG", "CMYK"), "shown"),
    ],
)  # fmt: skip
def test_an_odd_picture(tmp_path, tried, name, content, expected):
    file = tmp_path / "picture.png"
    file.write_bytes(content)
    assert outcome(file) == expected
    if "billion" in name:
        with pytest.raises(CourseError, match="pixels; scale it down first"):
            read_picture(str(file))
    tried(f"picture, {name}", Counter([expected]))


def test_a_comment_that_unpacks_to_much_does_not_matter(tmp_path):
    file = tmp_path / "picture.png"
    file.write_bytes(text_bomb())
    assert outcome(file) in ("shown", "refused in a sentence")


def test_fuzzed_pictures(tmp_path, thorough, tried):
    counts = Counter()
    valid = [encoded("PNG"), encoded("JPEG"), encoded("PNG", "P"), encoded("PNG", "I;16"), encoded("JPEG", "CMYK")]
    piece = st.binary(max_size=8) | st.sampled_from(
        [b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"\xff\xd8", b"\xff\xe1", b"\xff\xc0"]
    )
    changes = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["write", "insert", "cut"]), piece), max_size=4)

    @settings(max_examples=1000 if thorough else 50, derandomize=not thorough)
    @given(st.sampled_from(valid), changes)
    def each(content: bytes, changes: list) -> None:
        content = bytearray(content)
        for where, how, piece in changes:
            place = int(where * len(content))
            content[place : place + (0 if how == "insert" else len(piece))] = b"" if how == "cut" else piece
        (tmp_path / "picture").write_bytes(content)
        with warnings.catch_warnings(action="ignore"):  # what Pillow remarks on is not what is tested here
            counts[outcome(tmp_path / "picture")] += 1

    each()
    tried("pictures, fuzzed", counts)


@pytest.mark.parametrize("content", [b"", huge_png()], ids=["empty", "huge"])
def test_a_refused_picture_ends_the_program_in_a_sentence(checkout, content):
    (checkout.folder / "picture.png").write_bytes(content)
    assert "picture.png" in checkout.refuses(
        "convolution.py", "--image", "picture.png", before_loading={"keras", "tensorflow"}
    )


@pytest.mark.parametrize("name", ["", " ", "../..", "/dev/zero", "/dev/stdin", "%s", "a" * 300, "\ud83d", "a\0b"])
def test_a_name_that_no_picture_has_is_refused(name):
    with pytest.raises(CourseError, match=r"^[^\n]*\.$"):
        read_picture(name)
