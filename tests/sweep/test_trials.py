"""What a sweep leaves on disk, and what is said when it cannot be resumed."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from checkout import REPOSITORY
from sweeping import changed, scored, write

from course.runs import folder as run_folder
from course.sweep.interrupted import changed_since, named_sweep, newest_interrupted
from course.sweep.trials import Sweep, Trial, read_trial
from course.system.errors import CourseError


def test_a_sweep_is_read_as_it_was_written(sweep):
    again = Sweep.old(sweep.folder)
    assert again == sweep
    assert again.trials() == [sweep.trial(1)] == [Trial(number=1, values={"dropout": 0.1})]
    assert Sweep.old(sweep.folder, 7).settings.trials == Sweep.old(sweep.folder).settings.trials == 7


def test_the_group_is_kept_and_begins_the_names_of_runs(sweep):
    group = json.loads((sweep.folder / "config.json").read_text())["group"]
    assert re.fullmatch(r"Which-dropout--[0-9a-f]{4}", group)
    assert sweep.folder.name.endswith(f"-{group}")
    assert sweep.run_name(12) == f"{group}-012"
    folder = run_folder.new_folder("mlp", sweep.run_name(12))
    assert sweep.run_folders(12) == [folder]
    assert sweep.run_folders(1) == []


def test_a_sweep_is_resumed_with_the_script_beside_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    (tmp_path / "mine.py").write_text((REPOSITORY / "mlp.py").read_text())
    sweep = Sweep.new(write(tmp_path, changed(program="mine.py")), None, 1)
    assert sweep.file.program == Sweep.old(sweep.folder).file.program == str(tmp_path / "mine.py")


def test_values_of_every_type_are_read_as_they_were_written(sweep):
    values = {"a": True, "b": 1, "c": 1.0, "d": "1", "e": [64, 64], "f": None, "g": ["a"], "h": 1e-5}
    (sweep.folder / "trials" / "00002.json").write_text(Trial(number=2, values=values).model_dump_json())
    assert json.dumps(read_trial(sweep.folder / "trials" / "00002.json").values) == json.dumps(values)
    with pytest.raises(CourseError, match=r"has the values a, b, .* parameters of this sweep are dropout; delete it"):
        sweep.trials()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"metric": {"name": "val_loss", "goal": "minimize"}}, "metric.name was val_accuracy .* and is val_loss now"),
        (
            {"parameters": {"dropout": {"values": [0.1, 0.3]}}},
            r"dropout.values was \[0.1, 0.2\] .* is \[0.1, 0.3\] now",
        ),
        ({"parameters": {"hidden_nodes": {"values": [8]}}}, "parameters.dropout.values was .* and is missing now"),
        ({"method": "grid"}, "method was random .* and is grid now"),
        ({"program": "cnn.py"}, "program was mlp.py .* and is cnn.py now"),
        (
            {"early_terminate": {"type": "hyperband", "min_iter": 1}},
            "early_terminate.type was missing .* and is hyperband now",
        ),
    ],
)
def test_a_sweep_continues_with_what_it_began_with_or_is_refused(sweep, now, said):
    write(sweep.folder, changed(**now))
    before = {file: file.read_bytes() for file in sweep.folder.rglob("*") if file.is_file()}
    with pytest.raises(CourseError, match=f"sweep.yaml'?: .*{said}, so its trials could not be compared;"):
        Sweep.old(sweep.folder)
    assert {file: file.read_bytes() for file in sweep.folder.rglob("*") if file.is_file()} == before


def test_what_decides_nothing_may_be_changed(sweep):
    write(sweep.folder, changed(description="Which one?", project="mine", run_cap=99, name="another"))
    assert Sweep.old(sweep.folder).settings.trials == 4


def test_another_file_or_script_than_in_the_beginning_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    script = (REPOSITORY / "mlp.py").read_text()
    Path("mlp.py").write_text(script)
    sweep = Sweep.new(write(Path.cwd(), changed()), None, 1)
    assert changed_since(Sweep.old(sweep.folder)) == []
    Path("mlp.py").write_text(script + "# a remark\n")
    assert changed_since(Sweep.old(sweep.folder)) == []
    Path("mlp.py").write_text(script.replace('"relu"', '"tanh"'))
    write(Path.cwd(), changed(metric={"name": "val_loss"}))
    file, code = changed_since(Sweep.old(sweep.folder))
    copy = f"runs/sweeps/{sweep.folder.name}/sweep.yaml"
    assert file == f"sweep.yaml is not what this sweep began with, which continues with its own copy, {copy}."
    assert code.startswith("mlp.py was changed since this sweep began; trials before and after that may differ")
    Path("sweep.yaml").unlink()
    assert changed_since(Sweep.old(sweep.folder)) == [code]


@pytest.mark.parametrize("problem", [f"[Errno 28] {os.strerror(28)}", f"a cannot be written ({os.strerror(28)})."])
def test_a_trial_that_found_no_room_is_trained_again(sweep, problem):
    for number in (1, 2, 3, 4):
        sweep.keep(scored(number, 0.5))
    with pytest.raises(CourseError, match="No sweep was interrupted"):
        newest_interrupted()
    sweep.keep(scored(2, None, state="failed", problem="Out of luck."))
    sweep.keep(scored(3, None, state="failed", problem=problem))
    assert [trial.ended for trial in sweep.trials()] == [True, True, False, True]
    assert newest_interrupted() == sweep.folder


def test_what_a_trial_says_cannot_steer_a_terminal_or_a_table(sweep):
    sweep.keep(scored(1, None, state="failed", problem="\x1b]0;title\x07\x1b[2Jgone\x1b[31m red\r"))
    assert sweep.trial(1).problem == r"\x1b]0;title\x07\x1b[2Jgone red\r"
    sweep.write_table()
    assert "\x1b" not in (sweep.folder / "trials.csv").read_text()


def test_a_sweep_is_named_as_a_run_is(sweep, monkeypatch):
    for name in ("", str(sweep.folder), sweep.folder.name, f"sweeps/{sweep.folder.name}", "latest"):
        assert named_sweep(name) == sweep.folder
    for name in ("gone", "\0", "a" * 5000):
        with pytest.raises(CourseError, match=r"^There is no sweep .*; --resume alone resumes the newest interrupted"):
            named_sweep(name)


def test_a_sweep_that_cannot_be_resumed_is_said_in_one_sentence(sweep, tmp_path, monkeypatch):
    (trial,) = (sweep.folder / "trials").glob("*.json")
    for damaged in (trial.read_text()[:20], "{}", ""):
        trial.write_text(damaged)
        with pytest.raises(CourseError, match=r"json is damaged; delete it, and its trial is trained again\.$"):
            sweep.trials()
    for folder in (trial.parent, tmp_path, tmp_path / "missing"):
        with pytest.raises(CourseError, match=r" is not a sweep; name a folder in .*sweeps\.$"):
            Sweep.old(folder)
    with sweep.lock(), pytest.raises(CourseError, match=r" is still running; wait for its end, or stop it first\.$"):
        sweep.lock()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=f"^This sweep was started in {re.escape(str(REPOSITORY))}; go there first.$"):
        Sweep.old(sweep.folder)


@pytest.mark.parametrize("earlier", [{"group": None}, {"trials": "many"}, None])
def test_a_sweep_of_an_earlier_version_is_refused_in_one_sentence(sweep, earlier):
    config = sweep.folder / "config.json"
    settings = json.loads(config.read_text())
    changes = None if earlier is None else {k: v for k, v in (settings | earlier).items() if v is not None}
    config.write_text("{" if changes is None else json.dumps(changes))
    with pytest.raises(CourseError) as refused:
        Sweep.old(sweep.folder)
    said = f"{shlex.quote(str(config))} was changed, or an earlier version of the course wrote it ("
    assert str(refused.value).startswith(said)
    assert str(refused.value).endswith("); start a new sweep.")
    assert "\n" not in str(refused.value)


def test_the_newest_interrupted_sweep_is_found(sweep, tmp_path):
    assert newest_interrupted() == sweep.folder
    other = Sweep.new(write(tmp_path, changed(run_cap=1)), None, 1)
    assert newest_interrupted() == other.folder
    other.keep(scored(1, 0.5))
    assert newest_interrupted() == sweep.folder
    (sweep.folder / "trials" / "00001.json").write_text("{")
    with pytest.raises(CourseError, match=r"^No sweep was interrupted; `python sweep.py` starts one\.$"):
        newest_interrupted()


def test_trials_are_ranked_and_the_best_is_one_that_was_trained_to_its_end(sweep):
    for trial in (
        scored(1, 0.5), scored(2, 0.9, state="stopped"), scored(3, 0.7), scored(4, None, state="failed"),
        scored(5, 0.95, state="failed"), scored(6, 0.7), scored(7, None),
    ):  # fmt: skip
        sweep.keep(trial)
    assert [trial.number for trial in sweep.ranked()] == [2, 3, 6, 1]
    best = sweep.best()
    assert best == sweep.trial(3)
    assert best.score_text == "0.7000"
    assert sweep.repeat(best) == "python mlp.py --dropout=0.1"
    sweep.write_table()
    assert (sweep.folder / "trials.csv").read_text().splitlines()[3] == "3,finished,0.1,0.7,0,0.0,,,"


def test_the_test_accuracy_is_that_of_the_run(sweep):
    folder = run_folder.new_folder("mlp", sweep.run_name(1))
    (folder / "history.csv").write_text("epoch,loss\n1,0.5\n")
    trial = scored(1, 0.5, folder=folder.relative_to(run_folder.RUNS).as_posix())
    assert trial.test_accuracy() is None
    (folder / "metrics.json").write_text('{"test_accuracy": 0.75}')
    assert trial.test_accuracy() == 0.75
    assert scored(1, 0.5).test_accuracy() is None
