"""The data: what the originals held, verified when read, never unpickled."""

import gzip
import hashlib
import io
import pickle
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.data import class_names, hold_out, load_data_set, training_images, verify
from course.system.errors import CourseError

REPOSITORY = Path(__file__).resolve().parent.parent
# MD5 sums of the originals as their authors published them, uncompressed: in the order of as_idx_files.
PUBLISHED = {
    "mnist": (
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    "fashion_mnist": (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
}
IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def as_idx_files(name: str) -> list[bytes]:
    """Returns a data set in the format of its original four files."""
    (x_train, y_train), (x_test, y_test) = load_data_set(name)
    return [
        struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
        for array in (x_train, y_train, x_test, y_test)
    ]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_data_are_those_of_keras_datasets_byte_for_byte_the_originals(name):
    (x_train, y_train), (x_test, y_test) = load_data_set(name)
    assert [(array.shape, array.dtype) for array in (x_train, y_train, x_test, y_test)] == [
        ((60000, 28, 28), np.uint8),
        ((60000,), np.uint8),
        ((10000, 28, 28), np.uint8),
        ((10000,), np.uint8),
    ]
    assert tuple(hashlib.md5(idx).hexdigest() for idx in as_idx_files(name)) == PUBLISHED[name]
    assert set(y_train) == set(y_test) == set(range(len(class_names(name))))


def test_class_names():
    assert class_names("mnist") == tuple("0123456789")
    assert class_names("fashion_mnist")[0] == "T-shirt/top"
    assert class_names("fashion_mnist")[9] == "Ankle boot"


def test_build_writes_the_same_bytes_again(tmp_path):
    for name in PUBLISHED:
        (tmp_path / name.replace("_", "-")).mkdir()
        for file, content in zip(IDX_NAMES, as_idx_files(name), strict=True):
            (tmp_path / name.replace("_", "-") / f"{file}.gz").write_bytes(gzip.compress(content, compresslevel=1))
    (tmp_path / "data").mkdir()
    script = shutil.copy(REPOSITORY / "data" / "build.py", tmp_path / "data")
    subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True)
    for name in PUBLISHED:
        built, shipped = tmp_path / "data" / f"{name}.npz", REPOSITORY / "data" / f"{name}.npz"
        with np.load(built, allow_pickle=False) as new, np.load(shipped, allow_pickle=False) as old:
            assert all(np.array_equal(new[array], old[array]) for array in old)
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng packs the same arrays differently
            assert built.read_bytes() == shipped.read_bytes()


def test_build_refuses_a_file_that_is_not_the_original(tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / f"{IDX_NAMES[0]}.gz").write_bytes(gzip.compress(bytes(100)))
    script = shutil.copy(REPOSITORY / "data" / "build.py", tmp_path)
    answer = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"{IDX_NAMES[0]}.gz is not the original file" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.glob("*.npz"))


def truncate(folder: Path) -> None:
    content = (folder / "mnist.npz").read_bytes()
    (folder / "mnist.npz").write_bytes(content[: len(content) // 2])


def swap(folder: Path) -> None:
    shutil.copy(folder / "fashion_mnist.npz", folder / "mnist.npz")


def alter_one_bit(folder: Path) -> None:
    content = bytearray((folder / "mnist.npz").read_bytes())
    content[5_000_000] ^= 1
    (folder / "mnist.npz").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "mnist.npz").unlink(), "is missing"),
        (lambda folder: (folder / "mnist.npz").write_bytes(b""), "is damaged or was changed"),
        (truncate, "is damaged or was changed"),
        (swap, "contains fashion_mnist instead of mnist"),
        (alter_one_bit, "is damaged or was changed"),
    ],
)
def test_a_damaged_file_is_named_and_how_to_restore_it(checkout, damage, named):
    damage(checkout.folder / "data")
    answer = checkout.run("-X", "importtime", "cnn.py")
    said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    assert answer.returncode == 2
    assert len(said) == 1
    assert str(checkout.folder / "data" / "mnist.npz") in said[0]
    assert named in said[0]
    assert "git restore data/mnist.npz" in said[0]
    assert "keras.src" not in answer.stderr


class Exploit:
    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


def own_file(folder: Path, **changes: np.ndarray | None) -> str:
    arrays = {
        "x_train": np.zeros((24, 5, 6), np.uint8),
        "y_train": np.arange(24, dtype=np.int64) % 10,
        "x_test": np.ones((10, 5, 6), np.uint8),
        "y_test": np.arange(10, dtype=np.uint8),
    } | changes
    np.savez(folder / "own.npz", **{name: array for name, array in arrays.items() if array is not None})
    return str(folder / "own.npz")


def test_a_file_of_the_learners_own(tmp_path):
    name = own_file(tmp_path)
    (x_train, y_train), (x_test, y_test) = load_data_set(name)
    assert x_train.shape == (24, 5, 6)
    assert y_train.dtype == y_test.dtype == np.uint8
    assert x_test.all()
    assert training_images(name) == 22
    (x_train, _), (x_test, _) = load_data_set(name, (28, 20))
    assert (x_train.shape, x_test.shape) == ((24, 28, 20), (10, 28, 20))
    assert not x_train.any()
    assert (x_test == 1).all()


@pytest.mark.parametrize("shape", [(24, 5, 6), (24, 5, 6, 3)])
def test_classes_of_a_file_are_numbered_or_named_by_it(tmp_path, shape):
    name = own_file(tmp_path, x_train=np.zeros(shape, np.uint8))
    assert class_names(name) == tuple("0123456789")
    name = own_file(tmp_path, x_train=np.zeros(shape, np.uint8), class_names=np.array([*"abcdefghij"]))
    assert class_names(name) == tuple("abcdefghij")


def test_a_file_in_colour_is_verified_as_such(tmp_path):
    name = own_file(tmp_path, x_train=np.zeros((24, 5, 6, 3), np.uint8), x_test=np.zeros((10, 5, 6, 3), np.uint8))
    verify(name, (28, 28), 3)
    with pytest.raises(CourseError, match="train in colour with --channels 3"):
        verify(name)


def test_names_that_are_no_list_of_texts_are_refused(tmp_path):
    images = np.zeros((24, 5, 6), np.uint8)
    wrong = np.array("cat"), np.array([["a", "b"]] * 10), np.arange(10), np.array([*"abc"]), np.array([1, "a"], object)
    for names in wrong:
        name = own_file(tmp_path, x_train=images, class_names=names)
        with pytest.raises(CourseError, match=r"class_names of .*text"):
            class_names(name)
    name = own_file(tmp_path, x_train=images, class_names=np.array([*"abcdefghij"], "S"))
    assert class_names(name) == tuple("abcdefghij")


def test_scaling_keeps_what_is_in_a_picture(tmp_path):
    image = np.zeros((24, 8, 8), np.uint8)
    image[:, 2:6, 0:4] = 200
    name = own_file(tmp_path, x_train=image, x_test=image[:10])
    (scaled, _), _ = load_data_set(name, (16, 8))
    assert scaled.dtype == np.uint8
    assert (scaled[:, 6:10, 0:3] == 200).all()
    assert not scaled[:, :, 6:].any()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"y_test": None}, "no array"),
        ({"x_train": np.zeros((24, 5, 6), np.float32)}, "x_train is float32"),
        ({"x_train": np.zeros((24, 30), np.uint8)}, "of shape (24, 30)"),
        ({"x_train": np.zeros((24, 5, 6, 3), np.uint8)}, "of shape (24, 5, 6, 3)"),
        ({"x_test": np.zeros((0, 5, 6), np.uint8)}, "x_test is uint8 of shape (0, 5, 6)"),
        ({"x_test": np.zeros((10, 6, 6), np.uint8)}, "(6, 6)"),
        ({"y_train": np.zeros(23, np.uint8)}, "y_train is uint8 of shape (23,)"),
        ({"y_train": np.full(24, np.nan)}, "y_train is float64"),
        ({"y_train": np.full(24, 10)}, "from 10 to 10, but they must start at 0"),
        ({"y_train": np.arange(24) % 2 * 255}, "most numbers between them are no class"),
        ({"y_train": np.full(24, 256)}, "from 0 to 255"),
        ({"y_test": np.full(10, -1)}, "from -1 to -1"),
        ({"x_train": np.zeros((3, 5, 6), np.uint8), "y_train": np.zeros(3, np.uint8)}, "at least 12"),
        ({"y_train": np.array([Exploit()] * 24, dtype=object)}, "allow_pickle=False"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused_and_never_unpickled(tmp_path, monkeypatch, changes, named):
    monkeypatch.chdir(tmp_path)
    name = own_file(tmp_path, **changes)
    with pytest.raises(CourseError) as refused:
        load_data_set(name)
    assert named in str(refused.value)
    assert "own.npz" in str(refused.value)
    assert not Path("unpickled").exists()


def test_a_pickle_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pickle.npz").write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(CourseError, match="cannot be read"):
        load_data_set("pickle.npz")
    assert not Path("unpickled").exists()


@given(position=st.floats(0, 1), byte=st.integers(0, 255), length=st.floats(0, 1))
@settings(max_examples=200)
def test_broken_files_end_in_a_sentence(tmp_path_factory, position, byte, length):
    content = io.BytesIO()
    np.savez_compressed(
        content,
        x_train=np.arange(24 * 16, dtype=np.uint8).reshape(24, 4, 4),
        y_train=np.arange(24, dtype=np.uint8) % 10,
        x_test=np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4),
        y_test=np.arange(12, dtype=np.uint8) % 10,
    )
    broken = bytearray(content.getvalue())
    broken[int(position * (len(broken) - 1))] = byte
    file = tmp_path_factory.getbasetemp() / "broken.npz"
    file.write_bytes(broken[: int(length * len(broken)) + 1] if length < 0.9 else broken)
    try:
        (x_train, y_train), _ = load_data_set(str(file))
    except CourseError as error:
        assert str(file) in str(error)
    else:
        assert (x_train.shape, y_train.shape) == ((24, 4, 4), (24,))


def test_validation_is_the_last_5000_images_and_no_training_image():
    images, labels = np.arange(60000), np.arange(60000) % 10
    (x_train, y_train), (x_valid, y_valid) = hold_out(images, labels)
    assert x_valid.tolist() == list(range(55000, 60000))
    assert x_train.tolist() == list(range(55000))
    assert (y_valid == x_valid % 10).all()
    assert (y_train == x_train % 10).all()
    (x_train, y_train), (x_valid, _) = hold_out(images, labels, limit=100)
    assert x_train.tolist() == list(range(100))
    assert len(y_train) == 100
    assert x_valid[0] == 55000
