"""Run folders that were edited by hand, and networks from strangers: shown, or refused in a sentence."""

import io
import json
import pickle
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.challenge import rules
from course.challenge.observed import read_evidence
from course.challenge.progress import progress_file, read_progress, write_progress
from course.report.page import write_report
from course.runs import folder as run_folder
from course.runs import record
from course.system.errors import CourseError

pytestmark = pytest.mark.slow  # trains, and draws dozens of reports
SECONDS = 10
EDITED = (
    "config.json",
    "metrics.json",
    "environment.json",
    "attempt.json",
    "history.csv",
    "predictions.npz",
    "validation.npz",
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CELLS = st.sampled_from(
    ["", "nan", "inf", "-1", "1e999", "0", "1.5", "x", '"', "1,2", "\n", "\0", "9" * 400, "a" * 140_000]
)


@pytest.fixture(scope="module")
def finished(new_checkout, small_data) -> Path:
    """The folder of a small run of the challenge."""
    checkout = new_checkout()
    answer = checkout.run("fashion.py", "--epochs", "2", "--data", str(small_data))
    assert answer.returncode == 0, answer.stderr
    return checkout.latest("fashion")


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "fashion" / "2026-01-01_00-00-00-run"))


def places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yields every place in nested lists and dictionaries: what holds it, and its name or number there."""
    for key in values if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], dict | list):
            yield from places(values[key])


@st.composite
def edits(draw, file: Path) -> bytes:
    """The content of a file of a run with something else in some places, or something else altogether."""
    content = file.read_bytes()
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=50) | st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b"", b"\xff\xfe"]))
    if file.suffix == ".json":
        values = json.loads(content)
        for _ in range(draw(st.integers(1, 3))):
            holder, key = draw(st.sampled_from(list(places(values)) or [([None], 0)]))
            if isinstance(holder, dict) and draw(st.booleans()):
                del holder[key]
            else:
                holder[key] = draw(JSON)
        return json.dumps(values).encode()
    if file.suffix == ".csv":
        rows = [row.split(",") for row in content.decode().splitlines()]
        for _ in range(draw(st.integers(1, 3))):
            row = draw(st.integers(0, len(rows) - 1))
            rows[row][draw(st.integers(0, len(rows[row]) - 1))] = draw(CELLS)
        return "\n".join(",".join(row) for row in rows).encode()
    with np.load(io.BytesIO(content)) as arrays:
        edited = dict(arrays)
    name = draw(st.sampled_from([*edited]))
    change = draw(st.sampled_from(["dtype", "shape", "values", "missing", "objects"]))
    if change == "dtype":
        edited[name] = edited[name].astype(draw(st.sampled_from(["i8", "f8", "?", "S1", "c8", "U1"])))
    elif change == "shape":
        edited[name] = edited[name].reshape(-1)[: draw(st.integers(0, 20))]
    elif change == "values":
        edited[name] = np.full_like(edited[name], draw(st.sampled_from([0, 9, 10, 255])))
    elif change == "missing":
        del edited[name]
    else:
        edited[name] = np.array([None])
    file = io.BytesIO()
    np.savez(file, **edited)
    return file.getvalue()


def outcome(folder: Path, with_report: bool) -> str:
    """Reads a run as report.py and check.py do; whatever comes out is a page and a grade, or one sentence, in time."""
    began = time.monotonic()
    try:
        found = read_evidence(folder)
        if found.fits:
            assert all(finding.sentence for finding in [*rules.structure(found), *rules.learning(found)])
        if with_report:
            write_report(folder)
            assert (folder / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
        else:
            record.read_run(folder)
    except CourseError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        result = "refused in a sentence"
    else:
        result = "read"
    assert time.monotonic() - began < SECONDS
    return result


@pytest.mark.parametrize("name", EDITED)
def test_a_file_that_was_edited_by_hand(folder, thorough, tried, name):
    (folder / "model.keras").unlink()  # which takes seconds to draw, and has tests of its own
    counts, original = Counter(), (folder / name).read_bytes()
    kept = folder.parent / name
    kept.write_bytes(original)

    @settings(max_examples=300 if thorough else 30, derandomize=not thorough)
    @given(edits(kept))
    def each(content: bytes) -> None:
        (folder / name).write_bytes(content)
        counts[outcome(folder, with_report=False)] += 1

    each()
    tried(f"{name}, edited by hand", counts)


def test_reports_of_edited_runs(folder, thorough, tried):
    (folder / "model.keras").unlink()
    counts = Counter()
    originals = {name: (folder / name).read_bytes() for name in EDITED}
    for name, content in originals.items():
        (folder.parent / name).write_bytes(content)

    @settings(max_examples=30 if thorough else 3, derandomize=not thorough)
    @given(st.sampled_from(EDITED).flatmap(lambda name: st.tuples(st.just(name), edits(folder.parent / name))))
    def each(edit: tuple[str, bytes]) -> None:
        for name, content in originals.items():
            (folder / name).write_bytes(content)
        (folder / edit[0]).write_bytes(edit[1])
        counts[outcome(folder, with_report=True)] += 1

    each()
    tried("reports of runs edited by hand", counts)


def test_progress_and_grades_that_were_edited_by_hand(tmp_path, monkeypatch, thorough, tried):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    (progress_file().parent / "run").mkdir(parents=True)
    counts = Counter()
    values = JSON | st.fixed_dictionaries({}, optional={name: JSON for name in ("reached", "newest", "hints")})

    @settings(max_examples=300 if thorough else 50, derandomize=not thorough)
    @given(values, values, st.sampled_from([None, b"[" * 100_000, b"\xff", b'{"reached": Infinity}']))
    def each(kept: Any, grade: Any, raw: bytes | None) -> None:
        progress_file().write_bytes(json.dumps(kept).encode() if raw is None else raw)
        graded = progress_file().parent / "run" / run_folder.GRADE
        graded.write_bytes(json.dumps(grade).encode() if raw is None else raw)
        so_far, said = read_progress()
        assert 0 <= so_far.reached <= 6
        assert 0 <= so_far.newest <= 6
        if so_far.newest < 6:
            assert so_far.hint(next_one=True)[2]
        write_progress(so_far)
        assert read_progress()[1] is None
        counts["rebuilt, with a sentence" if said else "read"] += 1

    each()
    tried("progress.json and grade.json, edited by hand", counts)


def test_the_programs_end_in_a_sentence_too(new_checkout, finished):
    checkout = new_checkout()
    shutil.copytree(finished.parent.parent, checkout.folder / "runs", symlinks=True)
    folder = checkout.latest("fashion")
    for name, content in (
        ("attempt.json", "[[["),
        ("metrics.json", '{"test_accuracy": "x"}'),
        ("history.csv", "epoch\nx\n"),
    ):
        kept = (folder / name).read_bytes()
        (folder / name).write_text(content)
        for words in (["report.py"], ["check.py", "--last"]):
            answer = checkout.run(*words)
            assert "Traceback" not in answer.stderr + answer.stdout
            if answer.returncode == 2:
                assert answer.stderr.startswith(f"runs/fashion/{folder.name}/{name} was damaged or changed (")
                assert answer.stderr.count("\n") == 1
        (folder / name).write_bytes(kept)


class Exploit:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def stranger(kind: str, folder: Path) -> bytes:
    """Returns a .keras file that would make a file named executed, or fill the memory, if it could."""
    file = folder / "model.keras"
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    if kind == "lambda":
        layers.insert(1, keras.layers.Lambda(lambda x: [Path("executed").touch(), x][1]))
    keras.Sequential(layers).save(file)
    content = file.read_bytes()
    Path("executed").unlink(missing_ok=True)  # by the one who made it
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    flatten = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Flatten")
    if kind in CLASSES:
        flatten.update(CLASSES[kind])
        parts["config.json"] = json.dumps(config).encode()
    elif kind == "wrong config":
        parts["config.json"] = b'{"class_name": 7, "config": []}'
    elif kind == "deep config":
        parts["config.json"] = b"[" * 200_000
    elif kind == "no config":
        del parts["config.json"]
    elif kind == "damaged weights":
        parts["model.weights.h5"] = parts["model.weights.h5"][:1000] + b"\xff" * 1000
    elif kind == "pickle":
        return pickle.dumps(Exploit())
    elif kind == "truncated":
        return content[: len(content) // 2]
    elif kind == "no bytes":
        return b""
    if kind == "pickled weights":
        del parts["model.weights.h5"]
        weights = io.BytesIO()
        np.savez(weights, weights=np.array([Exploit()], dtype=object))
        parts["model.weights.npz"] = weights.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        if kind == "path out of the archive":
            archive.writestr("../../executed", b"")
    return changed.getvalue()


def layer(class_name: str, config: dict, module: str = "keras.layers") -> dict:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": class_name}


CODE = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
CLASSES = {  # what stands in the config in the place of a layer
    "builtins.exec": layer("exec", {"source": "open('executed', 'w')"}, "builtins"),
    "os.system": layer("system", {"command": "touch executed"}, "os"),
    "a function of Keras": layer("get_file", {"fname": "executed", "origin": "file:///etc/hostname"}, "keras.utils"),
    "a lambda in bytecode": layer("Lambda", {"name": "x", "function": CODE}),
    "a file as vocabulary": layer("StringLookup", {"name": "x", "vocabulary": "/etc/passwd"}),
}
STRANGERS = (
    "lambda", *CLASSES, "wrong config", "deep config", "no config", "damaged weights", "pickle", "pickled weights",
    "truncated", "no bytes", "path out of the archive",
)  # fmt: skip


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_network_from_a_stranger_executes_nothing(folder, monkeypatch, thorough, tried, kind):
    if not thorough and kind not in ("lambda", "os.system", "deep config", "truncated"):
        pytest.skip("CI tries a sample")
    monkeypatch.chdir(folder.parent)
    (folder / "model.keras").write_bytes(stranger(kind, folder))
    began = time.monotonic()
    write_report(folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert time.monotonic() - began < 3 * SECONDS  # with all its pictures
    said = "Not all of this network can be shown (" in page
    assert said or kind == "path out of the archive"
    assert not list(folder.parent.parent.rglob("executed"))
    assert not Path("/executed").exists()
    assert "root:" not in page
    tried(f"network: {kind}", Counter(["refused in a sentence" if said else "shown, nothing unpacked"]))


def test_the_grader_executes_nothing_of_a_network(new_checkout, finished, thorough):
    if not thorough:
        pytest.skip("CI tries report.py only")
    checkout = new_checkout()
    shutil.copytree(finished.parent.parent, checkout.folder / "runs", symlinks=True)
    for kind in ("lambda", "os.system", "truncated"):
        (checkout.latest("fashion") / "model.keras").write_bytes(stranger(kind, checkout.latest("fashion")))
        answer = checkout.run("check.py", "--last")
        assert "1 more to fix after this one." in answer.stdout  # the network; first of all, the data are other ones
        assert "Traceback" not in answer.stdout + answer.stderr
        assert not list(checkout.folder.rglob("executed"))
