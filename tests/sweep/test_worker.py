"""Every trial is trained and counted once, whatever is killed meanwhile."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from checkout import REPOSITORY, Checkout
from sweeping import newest, slow_sweep, table, write

pytestmark = pytest.mark.slow


@pytest.fixture
def stand_in(checkout) -> Checkout:
    """A checkout with a script that takes seconds where others take minutes."""
    shutil.copy(REPOSITORY / "tests" / "stand_in.py", checkout.folder)
    return checkout


@pytest.fixture
def start(stand_in) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts sweep.py; ends what a failed test has left."""
    started = []

    def run(*words: str, **environment: str) -> subprocess.Popen:
        started.append(stand_in.start("sweep.py", *words, **environment))
        return started[-1]

    yield run
    for process in started:
        process.kill()


def ended(checkout: Checkout) -> list[int]:
    """Returns the numbers of the trials that have ended so far."""
    trials = [json.loads(file.read_text()) for file in sorted((newest(checkout) / "trials").glob("[0-9]*.json"))]
    return [trial["number"] for trial in trials if trial["state"] != "open"]


def wait_until(what: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def runs(checkout: Checkout) -> list[Path]:
    """Returns the folders of all runs of trials, finished or not."""
    return list((checkout.folder / "runs" / "stand_in").glob("2*"))


def finished_runs(checkout: Checkout) -> list[int]:
    """Returns the numbers of the trials whose runs were finished, as often as they were."""
    return sorted(int(folder.name[-3:]) for folder in runs(checkout) if (folder / "metrics.json").exists())


def trains(folder: Path) -> psutil.Process | None:
    """Returns the process that a trial's run trains in, None if it has ended."""
    try:
        process = psutil.Process(int((folder / "process").read_text()))
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (psutil.NoSuchProcess, FileNotFoundError, ValueError):
        return None


def alive(checkout: Checkout) -> list[psutil.Process]:
    """Returns the processes of trials that have not ended."""
    return [process for folder in runs(checkout) if (process := trains(folder))]


def just_started(checkout: Checkout) -> list[psutil.Process]:
    """Returns the processes of trials that have not finished an epoch yet."""
    new = [folder for folder in runs(checkout) if not (folder / "history.csv").exists()]
    return [process for folder in new if (process := trains(folder))]


def test_an_interrupted_sweep_continues_and_trains_every_trial_once(stand_in, start):
    steps = {"distribution": "q_uniform", "min": 0.65, "max": 0.8, "q": 0.1}
    parameters = {"dropout": {"min": 0.0, "max": 0.9}, "pause": steps}
    write(stand_in.folder, slow_sweep(method="bayes", parameters=parameters))
    first = start("--parallel", "2")
    wait_until(lambda: (stand_in.folder / "runs" / "sweeps" / "latest").exists() and len(ended(stand_in)) >= 1)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    kept = ended(stand_in)
    assert first.returncode == 130
    assert said.strip() == (
        f"Stopped by Ctrl-C: {len(kept)} of 8 trials are kept in runs/sweeps/{newest(stand_in).name};"
        f" resume it with `python sweep.py --resume runs/sweeps/{newest(stand_in).name}`."
    )
    wait_until(lambda: not alive(stand_in), 20)

    second = start("--resume", "--parallel", "2")
    wait_until(lambda: just_started(stand_in))
    just_started(stand_in)[0].kill()
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
    assert again.stderr == "No sweep was interrupted; `python sweep.py` starts one.\n"


def test_a_trial_that_found_no_room_is_trained_again(stand_in, thorough):
    if not thorough:
        pytest.skip("CI tries its parts")
    parameters = {"ends": {"values": ["well", "without room"]}, "epochs": {"value": 1}}
    write(stand_in.folder, slow_sweep(method="grid", run_cap=None, parameters=parameters))
    first = stand_in.run("sweep.py", "--parallel", "2")
    assert (first.returncode, first.stderr) == (0, "")
    said = first.stdout
    again = f"`python sweep.py --resume runs/sweeps/{newest(stand_in).name}`"
    assert f"For 1 the disk was full; once there is room, {again} trains them." in said
    assert r"Trial 2 of 2: \x1b]0;a title\x07It cannot be written (No space left on device). (--ends=" in said
    assert [row["state"] for row in table(stand_in)] == ["finished", "failed"]
    assert "\x1b" not in said + (newest(stand_in) / "trials.csv").read_text()

    (stand_in.folder / "room").touch()
    second = stand_in.run("sweep.py", "--resume", str(newest(stand_in)))
    assert (second.returncode, second.stderr) == (0, "")
    assert "stand_in.py: 2 trials, 1 of which ended before." in second.stdout
    assert [row["state"] for row in table(stand_in)] == ["finished", "finished"]
    assert finished_runs(stand_in) == [1, 2]


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


def test_on_a_cluster_what_is_killed_is_started_again_and_counted_once(stand_in, start, cluster):
    slower = {"pause": {"value": 4.0}, "epochs": {"value": 1}}
    write(stand_in.folder, slow_sweep(run_cap=5, parameters={"dropout": {"min": 0.0, "max": 0.9}} | slower))
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # where both nodes are
    sweep = start("--ray-address", cluster["address"], **loopback)

    def on_second_node() -> list[psutil.Process]:
        return [process for process in just_started(stand_in) if process.parents()[1].pid == cluster["raylet"]]

    # Both nodes have ended a trial, and the second one has started another.
    wait_until(lambda: len({row["node"] for row in table(stand_in)} - {""}) == 2 and on_second_node(), 120)
    (training,) = on_second_node()
    os.kill(cluster["raylet"], signal.SIGKILL)
    wait_until(lambda: training not in alive(stand_in), 3)  # nothing continues without its node ...
    wait_until(lambda: just_started(stand_in), 120)
    training = just_started(stand_in)[0]
    training.parent().kill()
    wait_until(lambda: training not in alive(stand_in), 1)  # ... nor without the process that follows it
    said, errors = sweep.communicate(timeout=240)
    assert (sweep.returncode, errors) == (0, ""), said
    rows = table(stand_in)
    assert [int(row["trial"]) for row in rows] == [1, 2, 3, 4, 5]
    assert {row["state"] for row in rows} == {"finished"}
    assert finished_runs(stand_in) == [1, 2, 3, 4, 5]
    assert len({row["node"] for row in rows}) == 2
    assert len(runs(stand_in)) >= 5 + 2  # two were started again
