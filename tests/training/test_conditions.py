"""A resumed run has the data, the script and the packages with which it began, or ends in a sentence."""

import importlib.metadata
import io
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_runs import keep_in, three_epochs, train

import mlp
from course import late
from course.runs import checkpoint, resume
from course.runs import folder as run_folder
from course.system import environment
from course.system.errors import CourseError
from course.training import conditions, opening


def images(file: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 28, 28), np.uint8)
    labels = np.tile(np.arange(10, dtype=np.uint8), 4)
    np.savez(file, x_train=pixels, y_train=labels, x_test=pixels[:10], y_test=labels[:10])
    return file


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> tuple[Path, Path, tuple]:
    """Two epochs of a run that was killed in its third, the file of its images, and the result without the kill."""
    folder = tmp_path_factory.mktemp("killed")
    data = images(folder / "mine.npz", 1)
    with pytest.MonkeyPatch.context() as patched:
        keep_in(folder / "runs", patched)
        _, expected = train(three_epochs, data=str(data), batch_size=8)
        interrupted, _ = train(three_epochs, kill_at=3, data=str(data), batch_size=8)
    return interrupted, data, expected


@pytest.fixture
def interrupted(killed, tmp_path, monkeypatch) -> Path:
    """The folder of such a run; it may be changed."""
    keep_in(tmp_path / "runs", monkeypatch)
    return Path(shutil.copytree(killed[0], tmp_path / "runs" / "mlp" / killed[0].name))


@pytest.fixture
def script(tmp_path, monkeypatch) -> Path:
    return Path(shutil.copy(mlp.__file__, tmp_path / "mlp.py"))


def go_on(folder: Path, data: Path, **values: object) -> tuple:
    return train(three_epochs, resume=str(folder), data=str(data), batch_size=8, **values)[1]


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def changed_version(package: str, monkeypatch) -> None:
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == package else version(name))


def change_script(monkeypatch, tmp_path) -> None:
    changed = tmp_path / "mlp.py"
    changed.write_text(Path(mlp.__file__).read_text() + "\n# another remark\n")
    monkeypatch.setattr(conditions, "script_file", lambda config: changed)


CHANGES = {
    "data": lambda data, patch: images(data, 2),
    "script": lambda data, patch: change_script(patch, data.parent),
    "backend": lambda data, patch: patch.setenv("KERAS_BACKEND", "jax"),
    "floatx": lambda data, patch: patch.setattr(keras.config, "floatx", lambda: "float64"),
    "image_data_format": lambda data, patch: patch.setattr(keras.config, "image_data_format", lambda: "channels_first"),
    "Keras": lambda data, patch: changed_version("keras", patch),
    "NumPy": lambda data, patch: changed_version("numpy", patch),
    "dtype policy": lambda data, patch: keras.config.set_dtype_policy("mixed_float16"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_under_other_conditions_is_refused_with_the_difference(interrupted, killed, tmp_path, monkeypatch, name):
    if name == "backend" and late.backend() == "jax":
        pytest.skip("the other backend, TensorFlow, is not installed")
    data = killed[1]
    kept = data.read_bytes()
    policy = keras.config.dtype_policy()
    try:
        if name == "dtype policy":  # a new process has none yet
            monkeypatch.setattr(keras.utils, "clear_session", lambda: None)
        CHANGES[name](data, monkeypatch)
        before = contents(tmp_path)
        with pytest.raises(CourseError) as refused:
            go_on(interrupted, data)
        said = str(refused.value)
        assert f"was begun with {name} " in said or f" and {name} " in said
        assert "(now " in said
        assert said.endswith(
            "; restore that, add --resume_anyway to resume it all the same, or start a new run without --resume."
        )
        assert contents(tmp_path) == before
    finally:
        data.write_bytes(kept)
        keras.config.set_dtype_policy(policy)


def test_another_config_is_refused_with_the_difference(interrupted, killed, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(CourseError, match=r"was begun with dropout 0\.2 \(now 0\.3\); resume it with what"):
        mlp.Config.from_command_line(
            ["--resume", str(interrupted), "--data", str(killed[1]), "--batch_size=8", "--dropout=0.3"]
        )
    assert contents(tmp_path) == before


def test_resumed_anyway_it_says_what_has_changed_and_keeps_both(interrupted, killed, monkeypatch, capsys):
    begun = json.loads((interrupted / run_folder.ENVIRONMENT).read_text())
    changed_version("numpy", monkeypatch)
    go_on(interrupted, killed[1], resume_anyway=True)
    assert capsys.readouterr().err == (
        f"This run was begun with NumPy {begun['NumPy']} (now 0.1); its numbers may differ from those of a run that was"
        " not interrupted.\n"
    )
    kept = json.loads((interrupted / run_folder.ENVIRONMENT).read_text())
    assert kept == begun | {"NumPy from epoch 3": "0.1"}
    go_on(interrupted, killed[1])  # the last half counts
    assert json.loads((interrupted / run_folder.ENVIRONMENT).read_text()) == kept


def test_a_run_without_an_epoch_may_begin_under_any_conditions(killed, tmp_path, monkeypatch, capsys):
    keep_in(tmp_path / "runs", monkeypatch)
    folder, _ = train(three_epochs, kill_at=1, data=str(killed[1]), batch_size=8)
    changed_version("numpy", monkeypatch)
    go_on(folder, killed[1])
    assert json.loads((folder / run_folder.ENVIRONMENT).read_text())["NumPy"] == "0.1"
    assert capsys.readouterr().err == ""


DAMAGE = {
    "empty": lambda file: file.write_bytes(b""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_other_files_are_rewritten_from_the_checkpoint(interrupted, killed, damage, monkeypatch):
    names = (run_folder.CONFIG, run_folder.ENVIRONMENT, run_folder.HISTORY, run_folder.CHANGES)
    whole = {name: (interrupted / name).read_bytes() for name in names}
    for name in (*names, run_folder.MODEL):
        DAMAGE[damage](interrupted / name)
    written = {}

    def note(folder: Path, *arguments: object) -> None:  # once they are rewritten, and before another epoch
        written.update({name: (folder / name).read_bytes() for name in names})

    monkeypatch.setattr(opening, "_say_what_may_differ", lambda *_: note(interrupted))
    assert go_on(interrupted, killed[1]) == killed[2]
    assert written == whole
    assert keras.saving.load_model(interrupted / run_folder.MODEL, compile=False).count_params() == 58


def edit(folder: Path, change) -> None:
    """Changes what a checkpoint says, by hand: its seal is left as it was."""
    with np.load(folder / run_folder.CHECKPOINT) as content:
        arrays = dict(content)
    about = json.loads(arrays[checkpoint.ABOUT].tobytes())
    change(about, arrays)
    arrays[checkpoint.ABOUT] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    (folder / run_folder.CHECKPOINT).write_bytes(file.getvalue())


EDITS = {
    "the state of random": lambda about, arrays: about["random"]["python"][1].__setitem__(0, 7),
    "no state of NumPy": lambda about, arrays: about["random"].update(numpy=[]),
    "the history": lambda about, arrays: about["history"][0].update(loss=0.1),
    "epochs 999": lambda about, arrays: about.update(epochs=999),
    "a weight": lambda about, arrays: arrays["network 0.0"].fill(0),
    "the conditions": lambda about, arrays: about["conditions"].update(NumPy="9.9"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_checkpoint_is_refused(interrupted, killed, tmp_path, what):
    edit(interrupted, EDITS[what])
    before = contents(tmp_path)
    with pytest.raises(CourseError, match=r"checkpoint.npz is damaged or was changed, so this run cannot be resumed"):
        go_on(interrupted, killed[1])
    assert contents(tmp_path) == before


def copy(folder: Path, name: str) -> Path:
    return Path(shutil.copytree(folder, folder.parent / name))


def test_resume_alone_passes_over_what_cannot_be_resumed(interrupted, capsys):
    edit(copy(interrupted, "2999-01-01_00-00-00-edited"), EDITS["epochs 999"])
    (copy(interrupted, "2999-01-02_00-00-00-empty") / run_folder.CHECKPOINT).write_bytes(b"")
    (copy(interrupted, "2999-01-03_00-00-00-changed") / run_folder.CONFIG).write_text("{}")
    running = run_folder.lock(copy(interrupted, "2999-01-04_00-00-00-running"))
    edit(copy(interrupted, "2999-01-05_00-00-00-other"), lambda about, arrays: about.update(program="cnn.py"))
    folder, found = resume.interrupted("")
    running.close()
    assert folder == interrupted.resolve()
    assert len(found.history) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("2999-01-")[2] for line in said] == [
        "04_00-00-00-running is still running.",
        "03_00-00-00-changed/config.json was changed since the run began, so it cannot be resumed.",
        "02_00-00-00-empty/checkpoint.npz is damaged or was changed, so this run cannot be resumed.",
        "01_00-00-00-edited/checkpoint.npz is damaged or was changed, so this run cannot be resumed.",
    ]
    assert all(line.startswith("Passed over: ") for line in said)
    shutil.rmtree(interrupted)
    shutil.rmtree(interrupted.parent / "2999-01-04_00-00-00-running")
    with pytest.raises(CourseError, match=r"2999-01-03_00-00-00-changed/config.json was changed since"):
        resume.interrupted("")
    assert capsys.readouterr().err == ""


def test_a_search_reads_all_of_one_checkpoint_only(interrupted, monkeypatch):
    for number in range(1, 4):
        copy(interrupted, f"2026-01-0{number}_00-00-00-older")
    read, whole = checkpoint.read, []
    monkeypatch.setattr(checkpoint, "read", lambda folder: whole.append(folder) or read(folder))
    assert resume.interrupted("")[0] == interrupted.resolve()
    assert whole == [interrupted.resolve()]


def test_a_run_that_another_process_finished_in_the_meantime_is_left_alone(interrupted, killed, monkeypatch):
    lock = run_folder.lock

    def finished_by_now(folder: Path, create: bool = False):
        if create:
            (folder / run_folder.CHECKPOINT).unlink()
            (folder / run_folder.METRICS).write_text("{}")
        return lock(folder, create)

    monkeypatch.setattr(run_folder, "lock", finished_by_now)
    with pytest.raises(CourseError, match="is finished, so there is nothing to resume"):
        go_on(interrupted, killed[1])


def test_versions_are_those_of_the_packages_that_compute():
    assert set(environment.versions(late.backend())) == {"Keras", "backend", "NumPy"}


def test_asking_for_the_policy_does_not_settle_it():
    from keras.src.backend.common import global_state  # a private door of Keras', see course/training/conditions.py

    keras.utils.clear_session()
    assert conditions.conditions(mlp.Config())["dtype policy"] == "float32"
    assert global_state.get_global_attribute("dtype_policy") is None
