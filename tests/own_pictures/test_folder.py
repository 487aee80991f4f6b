"""A folder of pictures as data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from course import data, own_data
from course.own_pictures import folder as pictures
from course.own_pictures import kept
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


@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Training", "Validation")])
def test_other_parts_of_the_data_are_no_classes(tmp_path, parts):
    for part in parts:
        make(tmp_path / "parts" / part)
    with pytest.raises(CourseError, match="which are parts of the data and no classes; leave two folders, train and"):
        pictures.list_folder(tmp_path / "parts")


def test_train_and_test_may_begin_with_a_capital_letter(tmp_path):
    for part in ("Train", "Test"):
        make(tmp_path / "parts" / part)
    training, test = pictures.list_folder(tmp_path / "parts")
    assert len(training.files) == len(test.files) == 24


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
    (file,) = (tmp_path / "runs" / "pictures").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-700] + bytes(700))
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
    for_test, _ = pictures.split_off(thumbnails, listing.labels, own_data.order(listing.labels, 0))
    assert for_test.sum() == len(y_test)
    stems = [{file.with_suffix("") for file, tested in zip(listing.files, for_test, strict=True) if tested == side}
             for side in (True, False)]  # fmt: skip
    assert not stems[0] & stems[1]
    assert 0.1 < len(y_test) / (len(y_test) + len(y_train)) < 0.2
    assert abs(int((y_test == 0).sum()) - int((y_test == 1).sum())) <= 2


def fixed_camera(folder: Path, hand: int, each: int = 60) -> Path:
    """Saves two shapes of a hand at random places before a constant background of 320 x 240 pixels."""
    random = np.random.default_rng(0)
    room = np.array([[20, 250, 20, 250], [250, 20, 250, 20]], np.uint8)  # windows and furniture
    ground = Image.fromarray(room).resize((320, 240), Image.Resampling.BICUBIC).convert("RGB")
    for name in ("fist", "flat"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            picture = ground.copy()
            x, y = random.integers(0, (320 - hand, 240 - hand)).tolist()
            pen = ImageDraw.Draw(picture)
            (pen.ellipse if name == "fist" else pen.rectangle)((x, y, x + hand, y + hand), (225, 180, 150))
            picture.save(folder / name / f"{number:02}.jpg", quality=90)
    return folder


def bars_on_paper(folder: Path) -> Path:
    """Saves a bar on white paper at 40 places, lying in one class and standing in the other."""
    for name in ("lying", "standing"):
        (folder / name).mkdir(parents=True)
        for number in range(40):
            picture = Image.new("L", (320, 240), "white")
            picture.paste("black", (0, 2 * number, 320, 2 * number + 80))
            turned = picture if name == "lying" else picture.transpose(Image.Transpose.ROTATE_90)
            turned.save(folder / name / f"{number:02}.png")
    return folder


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("hand", [40, 60, 90])
def test_pictures_that_share_a_background_are_no_near_copies(tmp_path, capsys, hand, channels):
    folder = str(fixed_camera(tmp_path / "cam", hand))
    (_, y_train), (_, y_test) = data.load_data_set(folder, channels=channels)
    assert sorted(np.bincount(y_test)) == [8, 9]  # 17 of 120: one in seven
    assert np.bincount(y_train).min() == 51
    assert "near copies" not in capsys.readouterr().out


def test_bars_on_white_paper_are_tested_in_both_classes(tmp_path):
    (_, y_train), (_, y_test) = data.load_data_set(str(bars_on_paper(tmp_path / "bars")))
    assert sorted(np.bincount(y_test)) == [5, 6]  # 11 of 80
    assert np.bincount(y_train).min() == 34


@pytest.mark.parametrize("channels", [1, 3])
def test_near_copies_before_the_same_background_stay_together(tmp_path, channels):
    folder = fixed_camera(tmp_path / "cam", 40)
    for original in list(folder.rglob("*.jpg")):
        photo = Image.open(original)
        photo.resize((240, 180)).save(original.with_name(f"{original.stem} smaller.png"))
        photo.save(original.with_name(f"{original.stem} again.jpg"), quality=50)
        noise = np.random.default_rng(0).normal(0, 6, (240, 320, 3))
        burst = np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(burst).save(original.with_name(f"{original.stem} burst.jpg"))
    listing, _ = pictures.list_folder(folder)
    _, thumbnails = pictures.read_pictures(listing, (28, 28), channels)
    for_test, alike = pictures.split_off(thumbnails, listing.labels, own_data.order(listing.labels, 0))
    sides: dict[Path, set[bool]] = {}
    for file, tested in zip(listing.files, for_test.tolist(), strict=True):
        sides.setdefault(file.with_name(file.stem.split()[0]), set()).add(tested)
    assert {len(side) for side in sides.values()} == {1}
    assert np.bincount(listing.labels[for_test]).min() >= 30  # of 240 in a class
    assert alike == []


def test_a_split_without_near_copies_is_the_last_seventh_of_the_order():
    labels = np.repeat([0, 1, 2], [30, 45, 8]).astype(np.uint8)
    thumbnails = np.random.default_rng(0).integers(0, 256, (83, 16, 16, 1), np.uint8)
    order = own_data.order(labels, 0)
    assert sorted(order[-11:]) == np.flatnonzero(pictures.split_off(thumbnails, labels, order).for_test).tolist()


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=30), min_size=2, max_size=4), st.integers(0, 99))
def test_each_class_is_learnt_and_tested_and_groups_are_whole(kinds, seed):
    labels = np.repeat(np.arange(len(kinds)), [len(each) for each in kinds]).astype(np.uint8)
    originals = np.random.default_rng(seed).integers(0, 256, (6, 16, 16, 1), np.uint8)
    thumbnails = originals[np.concatenate(kinds)]
    for_test, alike = pictures.split_off(thumbnails, labels, own_data.order(labels, seed))
    for label, each in enumerate(kinds):
        tested = for_test[labels == label]
        assert 0 < tested.sum() < len(tested)
        assert (label in alike) == (len(set(each)) == 1)
        sides = set(zip(each, tested.tolist(), strict=True))
        assert len(sides) == len(set(each)) + (label in alike)


def test_a_class_of_near_copies_alone_is_split_and_a_line_says_so(tmp_path, capsys):
    folder = make(tmp_path / "photos", each=14)
    for number in range(14):
        save(folder / "class 1" / f"{number}.png", 99, size=(60 + number, 50 + number))
    (_, y_train), (_, y_test) = data.load_data_set(str(folder))
    assert np.bincount(y_test).tolist() == [2, 2, 2]
    assert np.bincount(y_train).tolist() == [12, 12, 12]
    assert "photos: in class 1 all pictures of the class are near copies, so the test" in capsys.readouterr().out


def test_a_test_folder_of_the_same_camera_leaves_pictures_to_learn_from(tmp_path):
    fixed_camera(tmp_path / "cam", 40)
    for name in ("fist", "flat"):
        for part in ("train", "test"):
            (tmp_path / "cam" / part / name).mkdir(parents=True)
        for number in range(60):
            part = "test" if number % 7 == 0 else "train"
            (tmp_path / "cam" / name / f"{number:02}.jpg").rename(tmp_path / "cam" / part / name / f"{number:02}.jpg")
        (tmp_path / "cam" / name).rmdir()
    (_, y_train), (_, y_test) = data.load_data_set(str(tmp_path / "cam"), channels=3)
    assert np.bincount(y_test).tolist() == [9, 9]
    assert np.bincount(y_train).min() >= 45  # of 51


def test_what_was_kept_of_another_split_is_not_taken(tmp_path, capsys, monkeypatch):
    folder = str(make(tmp_path / "photos"))
    with monkeypatch.context() as before:
        before.setattr(kept, "SPLIT", 1)
        data.load_data_set(folder)
    assert "once" in capsys.readouterr().out
    data.load_data_set(folder)
    assert "once" in capsys.readouterr().out


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 99))
def test_groups_are_those_of_the_same_thumbnail(kinds, seed):
    originals = np.random.default_rng(seed).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    groups = groups_of(originals[kinds])
    assert groups.tolist() == [kinds.index(kind) for kind in kinds]


def test_chains_of_near_copies_are_one_group():
    generator = np.random.default_rng(0)
    original = generator.integers(0, 256, (8, 8, 1)).astype(float)
    other = original + generator.normal(0, 8, (8, 8, 1))  # near the third, which is near the first; not near the first
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
