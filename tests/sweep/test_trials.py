"""What a sweep leaves on disk, and what is said when it cannot be resumed."""

import json
import re
import shlex

import pytest
from checkout import REPOSITORY
from sweeping import changed, scored, write

from course.runs import folder as run_folder
from course.sweep.trials import Sweep, Trial, newest_interrupted
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
    sweep.keep(Trial(number=2, values=values))
    assert json.dumps(sweep.trial(2).values) == json.dumps(values)


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
