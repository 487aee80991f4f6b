"""Sweeps: what a file may say, and that every trial is made and counted once, whatever is killed meanwhile."""

import contextlib
import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from browsing import look_at
from listening import listeners

from course.runs import folder as run_folder
from course.sweep import file as sweep_file
from course.sweep.trials import Sweep, Trial
from course.system.errors import CourseError

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = {"ray", "optuna", "keras", "tensorflow", "jax", "wandb", "matplotlib"}
SHIPPED = sorted(file.name for file in REPOSITORY.glob("sweep*.yaml"))
GOOD = {
    "program": "mlp.py",
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "run_cap": 4,
    "parameters": {"dropout": {"values": [0.1, 0.2]}},
}


def changed(**changes) -> dict:
    """Returns a good file's content with other values; what is None is left out."""
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def one(**parameter) -> dict:
    return changed(parameters={"dropout": parameter})


def grid(**parameters) -> dict:
    return changed(method="grid", parameters=parameters)


BAD = {  # what is wrong → what the file says, and what the answer must
    "not YAML": ("program: [", "sweep.yaml is not YAML in line 1"),
    "tabs": ("program: mlp.py\n\tmethod: grid", "is not YAML in line 2"),
    "tags": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a list": (["grid"], "where names and values should be"),
    "nothing": ("", "it holds None where"),
    "nothing to read": ("a: \x07", "sweep.yaml is not YAML ("),
    "too large": ("#" * 2**21, "sweep.yaml is larger than a sweep's file can be"),
    "itself": ("parameters: &a {dropout: *a}", "program is missing"),
    "unknown key": (changed(paramters={}), "paramters means nothing; did you mean parameters?"),
    "no effect": (changed(command=["python"]), "command has no effect here; take it out."),
    "entity": (changed(entity="me"), "entity has no effect"),
    "unknown method": (changed(method="evolution"), "method is 'evolution', but must be 'grid', 'random' or 'bayes'."),
    "no end": (changed(run_cap=None), "say run_cap: 12, or give --runs 12."),
    "run_cap": (changed(run_cap=0), "run_cap is 0, but must be greater than or equal to 1."),
    "too many": (grid(seed={"min": 1, "max": 10**9}) | {"run_cap": 10**5}, "100,000 trials are too many"),
    "no metric": (changed(metric=None), "metric is missing"),
    "never logged": (changed(metric={"name": "val_acuracy"}), "mlp.py never logs; did you mean val_accuracy?"),
    "test images": (changed(metric={"name": "test_accuracy"}), "choosing by test images would spend them"),
    "training images": (changed(metric={"name": "loss"}), "take val_loss."),
    "the worst": (changed(metric={"name": "val_accuracy"}), "which looks for the worst; say goal: maximize."),
    "no parameters": (changed(parameters={}), "parameters is {}, but dictionary must have at least 1 item"),
    "unknown parameter": (changed(parameters={"dropuot": {"value": 0.1}}), "no dropuot; did you mean dropout?"),
    "its name": (changed(parameters={"name": {"value": "a"}}), "a sweep names its trials"),
    "empty values": (one(values=[]), "parameters.dropout.values is [], but list must have at least 1 item"),
    "no keys": (one(), "dropout is categorical, which takes values, but there is nothing."),
    "both": (one(value=0.1, values=[0.1]), "dropout is constant, which takes value, but there is value and values."),
    "min above max": (one(min=0.5, max=0.1), "dropout has min 0.5 and max 0.1; min must not be above max."),
    "a number in text": (one(min="1e-4", max=0.1), "1e-4 is text to YAML, not a number; write it with a dot"),
    "no number": (one(min=math.nan, max=0.1), "nan cannot be a value"),
    "unknown distribution": (one(distribution="beta", min=0, max=1), "distribution beta, but here there are only"),
    "unknown part": (one(min=0.0, maximum=0.1), "parameters.dropout.maximum means nothing"),
    "outside": (one(values=[0.1, 1.5]), "is 1.5, but must be a number, at least 0 and below 1; change it there."),
    "range outside": (one(min=0.0, max=1.0), "dropout is 1.0, but must be"),
    "exponents": (one(distribution="log_uniform", min=0.001, max=0.5), "dropout is 1.00"),
    "below 0": (one(distribution="log_uniform_values", min=0.0, max=0.5), "min 0.0, which must be above 0"),
    "no step": (one(distribution="q_uniform", min=0.0, max=0.5, q=0), "has q 0, but must have one above 0."),
    "no spread": (one(distribution="normal", mu=0.3, sigma=0), "has sigma 0, but must have one above 0."),
    "halves": (one(distribution="int_uniform", min=0.5, max=0.9), "int_uniform, but has min 0.5 and max 0.9; both"),
    "large exponents": (one(distribution="log_uniform", min=1, max=400), "min 1 and max 400 are exponents of e;"),
    "q": (one(distribution="q_uniform", min=0.11, max=0.19, q=0.1), "no multiple of q 0.1 from 0.11 to 0.19"),
    "probabilities": (one(values=[0.1, 0.2], probabilities=[0.5, 0.6]), "and 1 as their sum"),
    "not whole": (changed(parameters={"hidden_nodes": {"min": 1.0, "max": 9.0}}), "must be a whole number"),
    "misspelt choice": (changed(parameters={"optimizer": {"values": ["adamm"]}}), "adam or rmsprop or sgd"),
    "a boolean": (changed(parameters={"epochs": {"values": [True]}}), "which a command line cannot say"),
    "no such data": (changed(parameters={"data": {"value": "gone.npz"}}), "data is 'gone.npz', but must be one of"),
    "batch too large": (
        changed(parameters={"limit": {"value": 100}, "batch_size": {"values": [50, 101]}}), "batch_size is 101",
    ),
    "unknown script": (changed(program="mpl.py"), "mpl.py cannot be read (No such file or directory)."),
    "no script": (changed(program="check.py"), "check.py has no class Config"),
    "continuous grid": (grid(dropout={"min": 0.0, "max": 0.5}), "a grid goes through values one by one"),
    "bayes": (one(distribution="normal", mu=0.3, sigma=0.1) | {"method": "bayes"}, "which bayes cannot search"),
    "early_terminate": (changed(early_terminate={"type": "hyperband"}), "takes either min_iter, or max_iter and s"),
    "too late": (changed(early_terminate={"type": "hyperband", "min_iter": 5}), "when all 5 are over"),
    "too early": (
        changed(early_terminate={"type": "hyperband", "max_iter": 8, "s": 2}), "less than one epoch is left",
    ),
}  # fmt: skip


@pytest.fixture
def in_repository(monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize("problem", BAD)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(problem, tmp_path, in_repository):
    content, said = BAD[problem]
    with pytest.raises(CourseError) as refused:
        sweep_file.read(write(tmp_path, content))
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_said_in_one_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"gone.yaml cannot be read \(No such file or directory\)\.$"):
        sweep_file.read(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    "problem", ["not YAML", "unknown method", "empty values", "min above max", "unknown parameter", "unknown script",
                "never logged"],
)  # fmt: skip
def test_a_bad_file_ends_the_program_before_anything_is_loaded_or_trained(problem, checkout):
    content, said = BAD[problem]
    write(checkout.folder, content)
    assert said in checkout.refuses("sweep.py", before_loading=HEAVY)


def write(folder: Path, content: str | dict | list) -> Path:
    (folder / "sweep.yaml").write_text(
        content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    )
    return folder / "sweep.yaml"


def test_without_ray_one_sentence_says_what_to_do(checkout):
    # As if it were not installed: this interpreter finds no packages but those of requirements.txt.
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda name: None if name == 'ray' else f(name);"
    run = "import runpy, sys; sys.argv = ['sweep.py']; runpy.run_path('sweep.py', run_name='__main__')"
    answer = checkout.run("-c", hide + run)
    assert answer.returncode == 2
    assert answer.stderr == "sweep.py needs ray; `pip install -r requirements-sweep.txt` installs it.\n"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_are_right_and_end_soon(name, in_repository):
    sweep = sweep_file.read(REPOSITORY / name)  # which checks every value of every parameter
    assert sweep.trials() <= 16
    assert sweep.early_terminate is not None


def test_the_shipped_files_show_every_kind_of_search_and_of_parameter(in_repository):
    sweeps = [sweep_file.read(REPOSITORY / name) for name in SHIPPED]
    assert {sweep.method for sweep in sweeps} == {"grid", "random", "bayes"}
    kinds = {parameter.kind for sweep in sweeps for parameter in sweep.parameters.values()}
    assert {"constant", "categorical", "uniform", "log_uniform_values"} <= kinds


def test_a_learners_own_field_and_metric_can_be_swept(tmp_path, monkeypatch):
    script = (REPOSITORY / "mlp.py").read_text()
    script = script.replace(
        "    dropout: float", "    depth: int = Field(1, ge=1, description='layers')\n    dropout: float"
    )
    (tmp_path / "mine.py").write_text(script.replace('metrics=["accuracy"]', 'metrics=["accuracy", "top_k"]'))
    monkeypatch.chdir(tmp_path)
    content = changed(program="mine.py", parameters={"depth": {"min": 1, "max": 3}})
    own = content | {"metric": {"name": "val_top_k", "goal": "maximize"}}
    assert sweep_file.read(write(tmp_path, own)).parameters["depth"].kind == "int_uniform"
    with pytest.raises(CourseError, match="depth is 0, but must be a whole number, at least 1; change it there"):
        sweep_file.read(write(tmp_path, content | {"parameters": {"depth": {"min": 0, "max": 3}}}))


def test_values_are_drawn_as_weights_and_biases_defines_their_distributions():
    import numpy as np

    from course.sweep.search import draw

    def drawn(**parameter) -> np.ndarray:
        parameters = {"x": sweep_file.Parameter(**parameter)}
        randomness = np.random.default_rng(1)
        return np.array([draw(parameters, randomness)["x"] for _ in range(2000)])

    assert set(drawn(min=1, max=3)) == {1, 2, 3}
    assert drawn(min=0.0, max=2.0).mean() == pytest.approx(1, abs=0.05)
    assert set(drawn(distribution="q_uniform", min=0.0, max=0.6, q=0.2)) == {0, 0.2, 0.4, 0.6}
    values = drawn(distribution="log_uniform_values", min=0.01, max=100.0)
    assert np.mean(values < 1) == pytest.approx(0.5, abs=0.05)
    assert 0.01 <= values.min() < 0.02
    assert 50 < values.max() <= 100
    exponents = drawn(distribution="log_uniform", min=0.0, max=2.0)
    assert np.log(exponents).mean() == pytest.approx(1, abs=0.05)
    assert drawn(distribution="normal", mu=5.0, sigma=2.0).std() == pytest.approx(2, abs=0.1)
    assert set(drawn(distribution="q_normal", mu=5.0, sigma=0.3, q=1)) <= {4, 5, 6}
    assert np.mean(drawn(values=[1, 2], probabilities=[0.9, 0.1]) == 1) == pytest.approx(0.9, abs=0.03)


def test_a_grid_goes_through_every_combination_once():
    parameters = {"a": {"values": [1, 2]}, "b": {"value": "x"}, "c": {"min": 0, "max": 2}}
    sweep = sweep_file.SweepFile.model_validate(changed(method="grid", run_cap=None, parameters=parameters))
    found = [tuple(sweep.combination(number).values()) for number in range(1, sweep.trials() + 1)]
    assert found == [(a, "x", c) for a in (1, 2) for c in (0, 1, 2)]
    assert sweep.trials(4) == 4


def test_a_sweep_that_cannot_go_on_is_said_in_one_sentence(tmp_path, monkeypatch, in_repository):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path / "runs")
    sweep = Sweep.new(write(tmp_path, GOOD), None, 1)
    sweep.keep(Trial(number=1, values={"dropout": 0.1}))
    assert Sweep.old(sweep.folder).trials() == sweep.trials()
    (trial,) = (sweep.folder / "trials").glob("*.json")
    for damaged in (trial.read_text()[:20], "{}", ""):
        trial.write_text(damaged)
        with pytest.raises(CourseError, match=r"json is damaged; delete it, and its trial is made again\.$"):
            sweep.trials()
    with pytest.raises(CourseError, match=r"trials holds no sweep; give a folder in "):
        Sweep.old(trial.parent)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=f"^This sweep began in {re.escape(str(REPOSITORY))}; go there first.$"):
        Sweep.old(sweep.folder)


@pytest.fixture
def stand_in(checkout):
    """A checkout with a script that takes seconds where others take minutes."""
    shutil.copy(REPOSITORY / "tests" / "stand_in.py", checkout.folder)
    return checkout


def newest(checkout) -> Path:
    return (checkout.folder / "runs" / "sweeps" / "latest").resolve()


def table(checkout) -> list[dict[str, str]]:
    file = newest(checkout) / "trials.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines())) if file.exists() else []


def all_of_mlps_choices(data: Path) -> dict:
    # A batch cannot be larger than what there is to train on: the script refuses one of these four trials.
    parameters = {"limit": {"values": [100, 1000]}, "batch_size": {"values": [32, 128]}, "hidden_nodes": {"value": 8}}
    return grid(**parameters, data={"value": str(data)}, epochs={"value": 2}) | {
        "name": "Which batch?", "description": "How large may a <b>batch</b> be?",
    }  # fmt: skip


def test_a_sweep_trains_tests_ranks_and_reports(checkout, small_data, no_network, browser, tracked):
    write(checkout.folder, all_of_mlps_choices(small_data))
    process = start(checkout, "sweep.py", "--parallel", "2", before=no_network)
    listening = set()
    while process.poll() is None:
        listening |= listeners(process.pid)
        time.sleep(0.5)
    said, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert listening
    assert all(address.endswith("0100007F") for address in listening), listening  # 127.0.0.1, backwards

    rows = table(checkout)
    assert [row["state"] for row in rows] == ["finished", "failed", "finished", "finished"]
    assert rows[1]["problem"].startswith("batch_size is 128, but there are 100 images to train on")
    assert [(row["limit"], row["batch_size"]) for row in rows] == [
        (a, b) for a in ("100", "1000") for b in ("32", "128")
    ]
    for row in rows[:1] + rows[2:]:
        folder = checkout.folder / "runs" / row["folder"]
        history = (folder / "history.csv").read_text().splitlines()
        assert float(row["val_accuracy"]) == float(history[-1].split(",")[4])
        assert int(row["epochs_trained"]) == len(history) - 1 == 2
        assert (folder / "report.html").exists()
    assert len(list((checkout.folder / "runs" / "mlp").glob("2*"))) == 3
    best = max(rows, key=lambda row: float(row["val_accuracy"] or 0))
    words = f"--limit={best['limit']} --batch_size={best['batch_size']} --hidden_nodes=8 --data={small_data}"
    repeat = f"python mlp.py {words} --epochs=2".replace(str(small_data), f"'{small_data}'")
    assert repeat.replace("--data='", "'--data=") in said
    tested = json.loads((checkout.folder / "runs" / best["folder"] / "metrics.json").read_text())["test_accuracy"]
    assert f"test accuracy {tested:.2%}" in said
    assert len(re.findall(r"^Trial \d of 4: ", said, re.MULTILINE)) == 4

    text = look_at(browser, newest(checkout) / "report.html", 360)
    assert f"test accuracy {tested:.2%}" in text
    assert len(re.findall(r"test accuracy \d", text)) == 1
    assert "What was tried" in text
    assert "How large may a <b>batch</b> be?" in text
    assert "batch_size is 128, but" in text
    look_at(browser, newest(checkout) / "report.html", 1280, "dark")
    link = re.search(r'href="([^"]+)"', (newest(checkout) / "report.html").read_text())[1]
    assert (newest(checkout) / link).resolve() == (checkout.folder / "runs" / best["folder"] / "report.html").resolve()

    offline = list((checkout.folder / "runs" / "wandb").glob("offline-run-*"))
    assert len(offline) == 3
    group = newest(checkout).name[20:].encode()
    assert all(group in next(run.glob("*.wandb")).read_bytes() for run in offline)
    assert list(checkout.home.rglob("*")) == []
    assert not (newest(checkout) / "ray").exists()

    # An agent of Weights & Biases starts the same config with the same values, and the same numbers come out.
    threads = dict.fromkeys(["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"], "1")
    values = [f"--{name}={best[name]}" for name in ("batch_size", "data", "epochs", "hidden_nodes", "limit")]
    environment = checkout.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", **threads)
    agent = ["/usr/bin/env", "python", "mlp.py", *values]
    subprocess.run(agent, cwd=checkout.folder, env=environment, check=True, capture_output=True)
    histories = [(checkout.latest("mlp") / "history.csv"), checkout.folder / "runs" / best["folder"] / "history.csv"]
    assert histories[0].read_bytes() == histories[1].read_bytes()


STARTED = []


@pytest.fixture(autouse=True)
def nothing_stays():
    """Ends what a failed test has left."""
    yield
    while STARTED:
        STARTED.pop().kill()


def start(checkout, *words: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [*before, sys.executable, *words], cwd=checkout.folder, env=checkout.environment(**environment),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    STARTED.append(process)
    return process


def slow_sweep(**changes) -> dict:
    """Eight trials of some seconds each."""
    content = {
        "program": "stand_in.py",
        "method": "random",
        "metric": {"name": "val_accuracy", "goal": "maximize"},
        "run_cap": 8,
        "parameters": {"dropout": {"min": 0.0, "max": 0.9}},
    }
    return content | changes


def ended(checkout) -> list[int]:
    """Returns the numbers of the trials that have ended so far."""
    trials = [json.loads(file.read_text()) for file in sorted((newest(checkout) / "trials").glob("[0-9]*.json"))]
    return [trial["number"] for trial in trials if trial["state"] != "open"]


def wait_until(what, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def finished_runs(checkout) -> list[int]:
    """Returns the numbers of the trials whose runs came to their end, as often as they did."""
    folders = (checkout.folder / "runs" / "stand_in").glob("2*")
    return sorted(int(folder.name[-3:]) for folder in folders if (folder / "metrics.json").exists())


def alive(checkout) -> list[int]:
    """Returns the processes of trials that are still there."""
    found = []
    for file in (checkout.folder / "runs" / "stand_in").glob("2*/process"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            status = Path(f"/proc/{int(file.read_text())}/stat").read_text()
            found += [int(file.read_text())] if status.split(") ")[1][0] != "Z" else []
    return found


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def just_begun(checkout) -> list[int]:
    """Returns the processes of trials that have no epoch yet."""
    files = (checkout.folder / "runs" / "stand_in").glob("2*/process")
    new = {file.read_text() for file in files if not (file.parent / "history.csv").exists()}
    return [process for process in alive(checkout) if str(process) in new]


def test_an_interrupted_sweep_goes_on_and_makes_every_trial_once(stand_in):
    steps = {"distribution": "q_uniform", "min": 0.65, "max": 0.8, "q": 0.1}
    parameters = {"dropout": {"min": 0.0, "max": 0.9}, "pause": steps}
    write(stand_in.folder, slow_sweep(method="bayes", parameters=parameters))
    first = start(stand_in, "sweep.py", "--parallel", "2")
    wait_until(lambda: (stand_in.folder / "runs" / "sweeps" / "latest").exists() and len(ended(stand_in)) >= 1)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    kept = ended(stand_in)
    assert first.returncode == 130
    assert said.strip() == (
        f"Stopped by Ctrl-C: {len(kept)} of 8 trials are kept in runs/sweeps/{newest(stand_in).name};"
        " `python sweep.py --resume` goes on."
    )
    wait_until(lambda: not alive(stand_in), 20)

    second = start(stand_in, "sweep.py", "--resume", "--parallel", "2")
    wait_until(lambda: just_begun(stand_in))
    os.kill(just_begun(stand_in)[0], signal.SIGKILL)
    wait_until(lambda: len(ended(stand_in)) > len(kept) and alive(stand_in))
    other = stand_in.run("sweep.py", "--resume")
    assert other.returncode == 2
    assert (
        other.stderr == f"runs/sweeps/{newest(stand_in).name} is still running; wait for its end, or stop it first.\n"
    )
    second.kill()
    second.communicate(timeout=60)
    wait_until(lambda: not alive(stand_in), 20)
    kept = ended(stand_in)
    assert len(kept) < 8

    third = stand_in.run("sweep.py", "--resume", "--parallel", "2")
    assert third.returncode == 0, third.stderr
    assert third.stderr == ""
    assert f"stand_in.py: 8 trials, {len(kept)} of which ended before." in third.stdout
    assert [int(row["trial"]) for row in table(stand_in)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {row["state"] for row in table(stand_in)} == {"finished"}
    assert finished_runs(stand_in) == [1, 2, 3, 4, 5, 6, 7, 8]  # none twice, whenever it was stopped
    said_now = {int(number) for number in re.findall(r"^Trial (\d) of 8: ", third.stdout, re.MULTILINE)}
    assert said_now == {1, 2, 3, 4, 5, 6, 7, 8} - set(kept)
    assert len({row["dropout"] for row in table(stand_in)}) == 8
    assert {row["pause"] for row in table(stand_in)} <= {"0.7", "0.8"}

    again = stand_in.run("sweep.py", "--resume")
    assert again.returncode == 2
    assert again.stderr == "No sweep was interrupted; `python sweep.py` begins one.\n"


CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
second = cluster.add_node(**node)
(raylet,) = second.all_processes["raylet"]
print(json.dumps({"address": cluster.address, "raylet": raylet.process.pid}), flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def cluster(stand_in):
    """A Ray cluster of two nodes with a core each, on this machine: its address, and the raylet of the second."""
    quick = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "4"}
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # names of sockets must be short
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], cwd=stand_in.folder,
        env=stand_in.environment(**quick, **loopback, RAY_TMPDIR=folder),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    yield json.loads(process.stdout.readline())
    process.communicate(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def test_on_a_cluster_what_is_killed_is_made_again_and_counted_once(stand_in, cluster):
    slower = {"pause": {"value": 4.0}, "epochs": {"value": 1}}
    write(stand_in.folder, slow_sweep(run_cap=5, parameters={"dropout": {"min": 0.0, "max": 0.9}} | slower))
    sweep = start(
        stand_in, "sweep.py", "--ray-address", cluster["address"], RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0"
    )  # both nodes are on loopback

    def on_second_node() -> list[int]:
        return [process for process in just_begun(stand_in) if parent(parent(process)) == cluster["raylet"]]

    # Both nodes have ended a trial, and the second one has begun another.
    wait_until(lambda: len({row["node"] for row in table(stand_in)} - {""}) == 2 and on_second_node(), 120)
    (training,) = on_second_node()
    os.kill(cluster["raylet"], signal.SIGKILL)
    wait_until(lambda: training not in alive(stand_in), 3)  # nothing goes on without its node ...
    wait_until(lambda: just_begun(stand_in), 120)
    training = just_begun(stand_in)[0]
    os.kill(parent(training), signal.SIGKILL)
    wait_until(lambda: training not in alive(stand_in), 1)  # ... nor without the process that follows it
    said, errors = sweep.communicate(timeout=240)
    assert (sweep.returncode, errors) == (0, ""), said
    rows = table(stand_in)
    assert [int(row["trial"]) for row in rows] == [1, 2, 3, 4, 5]
    assert {row["state"] for row in rows} == {"finished"}
    assert finished_runs(stand_in) == [1, 2, 3, 4, 5]
    assert len({row["node"] for row in rows}) == 2
    assert len(list((stand_in.folder / "runs" / "stand_in").glob("2*"))) >= 5 + 2  # two were begun again


def test_a_cluster_that_is_not_there_is_answered_in_a_sentence(stand_in):
    write(stand_in.folder, slow_sweep())
    answer = stand_in.run("sweep.py", "--ray-address", "127.0.0.1:1024")
    assert answer.returncode == 2
    assert answer.stderr == "No Ray cluster can be reached at 127.0.0.1:1024 ([Errno 111] Connection refused).\n"
    assert (
        "ray_address is somewhere, but must be HOST:PORT"
        in stand_in.run("sweep.py", "--ray-address", "somewhere").stderr
    )
