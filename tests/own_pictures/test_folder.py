"""A folder of pictures as data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course import data, own_data
from course.own_pictures import folder as pictures
from course.own_pictures.near_copies import groups_of
from course.runs import folder as run_folder
from course.system.errors import CourseError


@pytest.fixture(autouse=True)
def _nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")


def save(file: Path, seed: int, size: tuple[int, int] = (60, 50), mode: str = "RGB") -> None:
    """Saves a picture of its own for each seed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode).save(file)


def make(folder: Path, classes: int = 3, each: int = 8, suffix: str = ".png") -> Path:
    for label in range(classes):
        for number in range(each):
            save(folder / f"class {label}" / f"{number}{suffix}", 1000 * label + number)
    return folder


def test_subfolders_are_classes(tmp_path):
    folder = make(tmp_path / "photos")
    save(folder / "class 1" / "more" / "inside.JPG", 7)
    for hidden in (".hidden/a.png", "class 0/.a.png", "class 0/.more/a.png"):
        save(folder / hidden, 8)
    (folder / "class 0" / "notes.txt").write_text("no picture")
    (x_train, y_train), (x_test, y_test) = data.load_data_set(str(folder), (14, 20))
    assert x_train.shape[1:] == x_test.shape[1:] == (14, 20)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert len(x_train) + len(x_test) == 25
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [8, 9, 8]
    assert sorted(np.unique(y_test)) == [0, 1, 2]  # one in seven, each class in proportion
    assert data.class_names(str(folder)) == ("class 0", "class 1", "class 2")
    assert data.training_images(str(folder), (14, 20)) == len(x_train) - len(x_train) // 12


def test_a_test_folder_is_the_test_and_nothing_of_it_is_learnt(tmp_path, capsys):
    make(tmp_path / "photos" / "train")
    make(tmp_path / "photos" / "test", classes=2, each=2, suffix=".jpg")  # the first two of classes 0 and 1
    (x_train, y_train), (x_test, y_test) = data.load_data_set(str(tmp_path / "photos"), channels=3)
    assert x_train.shape == (20, 28, 28, 3)
    assert y_test.tolist() == [0, 0, 1, 1]
    assert "4 pictures in" in (said := capsys.readouterr().out)
    assert "/train are near copies of one in" in said
    for side, images, labels in ("train", x_train, y_train), ("test", x_test, y_test):
        (listing,) = [each for each in pictures.list_folder(tmp_path / "photos") if side in each.files[0].parts]
        everything, _ = pictures.read_pictures(listing, (28, 28), 3)
        left = everything[4 * (side == "train") :] if side == "test" else np.delete(everything, [0, 1, 8, 9], axis=0)
        assert np.array_equal(images, left)
        assert len(images) == len(labels)
    make(tmp_path / "photos" / "test", classes=2, each=7)
    with pytest.raises(CourseError, match="fewer than two pictures of class 0, class 1 that are not near copies"):
        data.load_data_set(str(tmp_path / "photos"), channels=3)
    (tmp_path / "photos" / "test" / "class 7").mkdir()
    with pytest.raises(CourseError, match=r"test has class 7, which .*train lacks; add it there"):
        data.load_data_set(str(tmp_path / "photos"))


def test_a_picture_is_shown_whole_and_its_edge_goes_on():
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (18, 8, 22, 12))
    image = pictures.fitted(picture, (28, 28))
    assert image.shape == (28, 28, 3)
    assert (image[:7] == [255, 0, 0]).all()
    assert image[13:15, 13:15, 2].min() > 200
    assert pictures.fitted(Image.new("L", (1, 300), 9), (28, 20)).tolist() == np.full((28, 20, 1), 9).tolist()


def test_what_was_read_is_kept_until_a_picture_changes(tmp_path, capsys):
    folder = str(make(tmp_path / "photos"))
    first = data.load_data_set(folder)
    assert "reading 24 pictures of 3 classes, once" in capsys.readouterr().out
    again = data.load_data_set(folder)
    assert capsys.readouterr().out == ""
    assert all(np.array_equal(a, b) for a, b in zip((*first[0], *first[1]), (*again[0], *again[1]), strict=True))
    (kept,) = (tmp_path / "runs" / "pictures").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-700] + bytes(700))
    data.load_data_set(folder)
    assert "once" in capsys.readouterr().out
    for number in range(8):
        save(Path(folder) / "class 0" / f"{number}.png", 77 + number)
    changed = data.load_data_set(folder)
    assert "once" in capsys.readouterr().out
    assert not all(
        np.array_equal(a, b) for a, b in zip((*first[0], *first[1]), (*changed[0], *changed[1]), strict=True)
    )


def test_near_copies_are_on_the_same_side(tmp_path):
    folder = make(tmp_path / "photos", classes=2, each=40)
    for label in range(2):
        for number in range(40):
            original = folder / f"class {label}" / f"{number}.png"
            Image.open(original).resize((90, 75)).save(original.with_suffix(".jpg"), quality=90)
    (_, y_train), (_, y_test) = data.load_data_set(str(folder))
    listing, _ = pictures.list_folder(folder)
    _, thumbnails = pictures.read_pictures(listing, (28, 28), 1)
    for_test = pictures.split_off(thumbnails, own_data.order(listing.labels, 0))
    assert for_test.sum() == len(y_test)
    stems = [{file.with_suffix("") for file, tested in zip(listing.files, for_test, strict=True) if tested == side}
             for side in (True, False)]  # fmt: skip
    assert not stems[0] & stems[1]
    assert 0.1 < len(y_test) / (len(y_test) + len(y_train)) < 0.2
    assert abs(int((y_test == 0).sum()) - int((y_test == 1).sum())) <= 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 99))
def test_groups_are_those_of_the_same_thumbnail(kinds, seed):
    originals = np.random.default_rng(seed).integers(0, 256, (6, 64)).astype(np.uint8)
    groups = groups_of(originals[kinds])
    assert groups.tolist() == [kinds.index(kind) for kind in kinds]


def test_chains_of_near_copies_are_one_group():
    generator = np.random.default_rng(0)
    original = generator.integers(0, 256, 64).astype(float)
    other = original + generator.normal(0, 8, 64)  # near the third, which is near the first; not near the first
    between = (original + other) / 2
    found = groups_of(np.clip([original, other, between], 0, 255).astype(np.uint8))
    assert groups_of(np.clip([original, other], 0, 255).astype(np.uint8)).tolist() == [0, 1]
    assert found.tolist() == [0, 0, 0]


def copy_into_another_class(folder: Path) -> None:
    (folder / "class 1" / "copy.png").write_bytes((folder / "class 0" / "3.png").read_bytes())


def make_many(folder: Path) -> None:
    for number in range(300):
        save(folder / f"more {number}" / "1.png", number)


def damage(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / "class 2" / f"{number}.png").write_bytes(b"\x89PNG but no more")


WRONG = {
    "one class": (lambda f: [each.rename(f.parent / each.name) for each in f.glob("class [12]")], "1 subfolder,"),
    "no classes": (lambda f: [each.rename(f.parent / each.name) for each in f.glob("class *")], "has no subfolder"),
    "an empty class": (lambda f: (f / "none").mkdir(), "fewer than 4 pictures of none, but each class needs 4"),
    "a class of one picture": (lambda f: save(f / "one" / "1.png", 5), "fewer than 4 pictures of one"),
    "thousands of classes": (make_many, "303 subfolders"),
    "a newline in a name": (lambda f: (f / "two\nlines").mkdir(), r"called 'two\\nlines'; rename it"),
    "the same picture in two classes": (copy_into_another_class, "are the same picture in two classes"),
    "an unreadable picture": (lambda f: damage(f, 1), "0.png is not a PNG, JPEG, WebP or BMP picture"),
    "many unreadable pictures": (lambda f: damage(f, 8), r"8 of the 24 pictures cannot be read \(.*4.png and 3 more\)"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_with_a_folder_is_said_in_a_sentence(tmp_path, mistake):
    folder = make(tmp_path / "photos")
    change, sentence = WRONG[mistake]
    change(folder)
    with pytest.raises(CourseError, match=sentence) as refused:
        data.training_images(str(folder))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "runs" / "pictures").exists()


def test_a_lesson_refuses_a_folder_in_a_sentence_and_without_keras(checkout):
    make(checkout.folder / "photos", classes=1)
    refused = checkout.run("-X", "importtime", "cnn.py", "--data", "photos")
    said = [line for line in refused.stderr.splitlines() if not line.startswith("import time:")]
    assert refused.returncode == 2
    assert len(said) == 1
    assert said[0].startswith("photos has 1 subfolder,"), said
    assert "keras.src" not in refused.stderr
    assert not (checkout.folder / "runs").exists()
