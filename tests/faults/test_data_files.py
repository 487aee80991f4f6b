"""Data files that are broken or malicious: each is in the documented format, or refused in a sentence."""

import io
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.data import load_data_set, training_images
from course.system.errors import CourseError

SECONDS = 10  # what no file may take
ARRAYS = {
    "x_train": np.arange(24 * 16, dtype=np.uint8).reshape(24, 4, 4),
    "y_train": np.arange(24, dtype=np.uint8) % 10,
    "x_test": np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4),
    "y_test": np.arange(12, dtype=np.uint8) % 10,
}
HARMFUL = b"cposix\nsystem\n(S'touch executed'\ntR."
PIECES = (  # what a mutation writes into a file
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06",
    b"999999999999", b"-1", b"10**9", b"(", b")", b"{", b"'|O'", b"'<M8[s]'", b"'|V8'", b"'|S999999999'", b"True",
    b"x_train.npy", b"../x", b"\x93NUMPY\x02\0", HARMFUL,
)  # fmt: skip


def packed(arrays: dict[str, np.ndarray], compressed: bool = True) -> bytes:
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    return content.getvalue()


def entry(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def rewritten(change: str) -> bytes:
    """Returns a data file whose entries are the usual ones but for one change."""
    content = io.BytesIO()
    names = {"duplicates": [*ARRAYS, *ARRAYS], "paths": [f"../../{name}" for name in ARRAYS]}.get(change, [*ARRAYS])
    method = {"lzma": zipfile.ZIP_LZMA, "bzip2": zipfile.ZIP_BZIP2}.get(change, zipfile.ZIP_DEFLATED)
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(content, "w", method) as archive:
        for name in names:
            data = entry(ARRAYS[Path(name).name])
            if change == "huge shape" and name == "x_train":
                data = data.replace(b"(24, 4, 4)", b"(9999999999, 99999, 99999)")
            if change == "pickle" and name == "y_train":
                data = HARMFUL
            if change == "pickled objects" and name == "y_train":
                data = data.replace(b"'|u1'", b"'|O' ")[:128] + HARMFUL
            archive.writestr(f"{name}.npy", data)
        if change == "encrypted":
            for one in archive.infolist():
                one.flag_bits |= 1
    file = content.getvalue()
    if change == "encrypted":  # also where each entry begins
        file = file.replace(b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\x01\0")
    if change == "broken lzma":
        file = rewritten("lzma").replace(lzma_payload(), b"\xff" * len(lzma_payload()))
    if change == "array in front":  # NumPy sees an array, zipfile an archive
        file = entry(np.zeros(3)) + packed(ARRAYS)
    return file


def lzma_payload() -> bytes:
    with zipfile.ZipFile(io.BytesIO(rewritten("lzma"))) as archive:
        first = archive.infolist()[0]
        start = first.header_offset + 30 + len(first.filename)
    return rewritten("lzma")[start + 9 : start + first.compress_size]


def outcome(file: Path) -> str:
    """Loads a data file; the result is in the documented format, or one sentence, in time."""
    began = time.monotonic()
    try:
        (x_train, y_train), (x_test, y_test) = load_data_set(str(file))
        training_images(str(file))
    except CourseError as error:
        assert str(file) in str(error)
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        result = "refused in a sentence"
    else:
        for images, labels, least in ((x_train, y_train, 12), (x_test, y_test, 1)):
            assert images.dtype == labels.dtype == np.uint8
            assert images.ndim == 3
            assert images.size
            assert labels.shape == images.shape[:1]
            assert len(labels) >= least
            assert labels.max() <= 9
        assert x_train.shape[1:] == x_test.shape[1:]
        result = "in the documented format"
    assert time.monotonic() - began < SECONDS
    return result


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("encrypted", "encrypted"),
        ("huge shape", "cannot be read"),
        ("pickle", "its y_train is not an array"),
        ("pickled objects", "allow_pickle=False"),
        ("paths", "no array x_train"),
        ("broken lzma", "cannot be read"),
        ("array in front", "cannot be read"),
        ("duplicates", None),
        ("lzma", None),
        ("bzip2", None),
    ],
)
def test_a_file_made_to_do_harm(tmp_path, monkeypatch, tried, change, named):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.npz"
    file.write_bytes(rewritten(change))
    came_out = outcome(file)
    if named is None:
        assert came_out == "in the documented format"
    else:
        with pytest.raises(CourseError, match=named):
            load_data_set(str(file))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]  # nothing was executed, nothing unpacked
    tried(f"data file, {change}", Counter([came_out]))


@pytest.mark.parametrize("name", ["a" * 300 + ".npz", "\0.npz", "/dev/null/.npz", ".npz", "/dev/zero", "\udcff.npz"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(CourseError, match="must be one of mnist, fashion_mnist, or the path of an"):
        load_data_set(name)


SHAPES = st.lists(st.integers(0, 30), max_size=4).map(tuple)
KINDS = st.sampled_from(["i1", "u8", "i8", "f4", "f8", "?", "O", "S3", "U2", "M8[s]", "c8", "V4", "f2", ">u2"])
mutations = st.tuples(
    st.floats(0, 1), st.sampled_from(["write", "insert", "delete", "double"]), st.sampled_from(PIECES) | st.binary()
)


@st.composite
def structures(draw) -> bytes:
    """Archives whose arrays have, here or there, other dtypes, shapes, values or names than they should."""
    arrays = dict(ARRAYS)
    for name in draw(st.sets(st.sampled_from([*ARRAYS]), min_size=1)):
        array = arrays[name] % draw(st.integers(1, 20))
        change = draw(st.sampled_from(["values", "values", "dtype", "shape", "both", "objects", "name"]))
        if change in ("dtype", "both"):
            kind = np.dtype(draw(KINDS))
            array = np.full(array.shape, None) if kind.hasobject else np.frombuffer(bytes(array) * kind.itemsize, kind)
        if change in ("shape", "both"):
            array = np.resize(array, draw(SHAPES))
        if change == "objects":
            array = np.full(array.shape, None)
        arrays[name] = array.reshape(ARRAYS[name].shape) if array.size == ARRAYS[name].size else array
        if change == "name":
            del arrays[name]
            arrays[draw(st.sampled_from(["", "x", name.upper(), f"../{name}", f"{name}.npy", "\u202e"]))] = array
    return packed(arrays, draw(st.booleans()))


@st.composite
def mutants(draw) -> bytes:
    """Valid archives with some bytes overwritten, inserted, removed or doubled."""
    content = bytearray(packed(ARRAYS, draw(st.booleans())))
    for where, how, piece in draw(st.lists(mutations, min_size=1, max_size=5)):
        place = int(where * len(content))
        if how == "write":
            content[place : place + len(piece)] = piece
        elif how == "insert":
            content[place:place] = piece
        elif how == "delete":
            del content[place : place + 7 * len(piece)]
        else:
            content[place:place] = content[place : place + 50]
    return bytes(content)


@pytest.mark.parametrize(
    "files", [structures(), mutants(), st.binary(max_size=300)], ids=["structures", "mutants", "bytes"]
)
def test_fuzzed_files(tmp_path, monkeypatch, thorough, tried, request, files):
    monkeypatch.chdir(tmp_path)
    counts = Counter()

    @settings(max_examples=1000 if thorough else 100, derandomize=not thorough)
    @given(files)
    def each(content: bytes) -> None:
        (tmp_path / "mine.npz").write_bytes(content)
        counts[outcome(tmp_path / "mine.npz")] += 1

    each()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]
    tried(f"data files, fuzzed: {request.node.callspec.id}", counts)


def test_a_refused_file_ends_a_script_before_anything_heavy_is_loaded(checkout):
    (checkout.folder / "mine.npz").write_bytes(rewritten("encrypted"))
    said = checkout.refuses("cnn.py", "--data", "mine.npz", before_loading={"keras", "tensorflow", "wandb"})
    assert "encrypted" in said
