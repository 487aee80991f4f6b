"""Pictures and folders that are broken, odd or traps: each is shown, learnt from, or refused in a sentence."""

import io
import itertools
import shutil
import tempfile
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

from course import data
from course.convolution.pictures import LARGEST_SIDE, read_picture
from course.own_pictures.preparing import prepared
from course.own_pictures.reading import read_picture_file
from course.runs import folder as run_folder
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


def answered(file: Path) -> str:
    """Returns what becomes of a picture that predict.py is asked about, as digit, garment and other picture."""
    try:
        picture = read_picture_file(file)
        for data_set, channels in ("mnist", 1), ("fashion_mnist", 1), ("photos", 3):
            image, _ = prepared(picture, data_set, (28, 20), channels)
            assert image.dtype == np.uint8
            assert image.shape == ((28, 20, 3) if channels == 3 else (28, 20))
    except CourseError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        return "refused in a sentence"
    return "prepared"


def test_fuzzed_pictures(tmp_path, thorough, tried):
    shown, prepared_for_a_network = Counter(), Counter()
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
            shown[outcome(tmp_path / "picture")] += 1
            prepared_for_a_network[answered(tmp_path / "picture")] += 1

    each()
    tried("pictures, fuzzed", shown)
    tried("pictures for predict.py, fuzzed", prepared_for_a_network)


NAMES = ["a", "b", "c", "train", "test", ".hidden", "<b>bold</b>", "two\nlines", "[red]x", "ü\u202e", "n" * 200, " "]
SUFFIXES = [".png", ".JPG", ".webp", ".bmp", ".gif", ".txt", ""]


def picture_of_its_own(seed: int) -> bytes:
    """Returns a PNG that differs from those of other seeds."""
    content = io.BytesIO()
    pixels = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8))
    pixels.resize((9 + seed % 40, 30)).convert(["RGB", "L", "P", "RGBA"][seed % 4]).save(content, "PNG")
    return content.getvalue()


def test_fuzzed_folders(tmp_path, monkeypatch, thorough, tried):
    """Classes of any names with pictures of any kind: arrays that fit each other, or a sentence; nothing else."""
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    counts = Counter()
    broken = [b"\x89PNG", encoded("PNG")[:60], encoded("GIF", "P"), b"text", huge_png()]
    good = st.just((".png", b""))  # a picture that no other class has
    bad = st.tuples(st.sampled_from(SUFFIXES), st.sampled_from([*broken, picture_of_its_own(0)]))
    few = st.lists(st.one_of(good, good, good, bad), max_size=7)
    many = st.lists(good, min_size=4, max_size=7)
    classes = st.dictionaries(st.sampled_from(NAMES), few, max_size=4)
    right = st.fixed_dictionaries({"one": many, "other": many})
    classes = st.one_of(right, st.tuples(right, classes).map(lambda both: both[0] | both[1]), classes)
    inside = st.sampled_from(["", "", "", "train", "deep/deeper"])

    @settings(max_examples=1000 if thorough else 30, derandomize=not thorough)
    @given(classes, inside, classes, st.sampled_from([1, 3]))
    def each(first: dict, place: str, second: dict, channels: int) -> None:
        folder, seeds = Path(tempfile.mkdtemp(dir=tmp_path)), itertools.count()
        for below, found in (place, first), ("test", second if place == "train" else {}):
            for name, files in found.items():
                (folder / below / name).mkdir(parents=True, exist_ok=True)
                for number, (suffix, content) in enumerate(files):
                    (folder / below / name / f"{number}{suffix}").write_bytes(
                        content or picture_of_its_own(next(seeds))
                    )
        before = sorted(tmp_path.rglob("*"))
        try:
            (x_train, y_train), (x_test, y_test) = data.load_data_set(str(folder), (12, 14), channels)
        except CourseError as error:
            assert str(error).endswith(".")
            assert "\n" not in str(error)
            counts["refused in a sentence"] += 1
        else:
            assert x_train.shape[1:] == x_test.shape[1:] == ((12, 14) if channels == 1 else (12, 14, 3))
            assert len(x_train) == len(y_train) >= 2
            assert len(x_test) == len(y_test) >= 1
            assert max(y_train.max(), y_test.max()) < len(data.class_names(str(folder)))
            counts["learnt from"] += 1
        assert [file for file in before if "runs" not in file.parts] == sorted(
            file for file in tmp_path.rglob("*") if "runs" not in file.parts
        )
        shutil.rmtree(folder)

    each()
    assert len(counts) == 2
    tried("folders of pictures, fuzzed", counts)


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
