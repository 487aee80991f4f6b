"""sweep.py as a learner runs it: what it refuses, and a whole sweep from its file to its report."""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from browsing import look_at
from listening import LOOPBACK, listeners
from sweeping import GOOD, changed, grid, newest, one, table, write

HEAVY = {"ray", "optuna", "keras", "tensorflow", "jax", "wandb", "matplotlib"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("program: [", "sweep.yaml is not YAML in line 1"),
        (one(min=0.5, max=0.1), "dropout has min 0.5 and max 0.1; min must not be above max."),
        (one(values=[1.5]), "dropout is 1.5, but must be a number, at least 0 and below 1; change it there."),
        (changed(program="mpl.py"), "program is mpl.py, but must be a script that exists"),
        (changed(metric={"name": "val_acuracy"}), "mlp.py never logs; did you mean val_accuracy?"),
    ],
)
def test_a_bad_file_ends_the_program_before_anything_is_loaded_or_trained(content, said, checkout):
    write(checkout.folder, content)
    assert said in checkout.refuses("sweep.py", before_loading=HEAVY)


def test_started_from_another_folder_the_files_of_the_course_are_found(checkout):
    file = write(checkout.folder, changed(metric={"name": "val_acuracy"}))
    answer = checkout.run(str(checkout.folder / "sweep.py"), before=("env", "-C", str(checkout.home)))
    assert answer.returncode == 2
    assert answer.stderr.startswith(
        f"'{file}': metric is 'val_acuracy', which {checkout.folder / 'mlp.py'} never logs;"
    )


def test_without_ray_one_sentence_says_what_to_do(checkout):
    # As if it were not installed: this interpreter finds no packages but those of requirements.txt.
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda name: None if name == 'ray' else f(name);"
    run = "import runpy, sys; sys.argv = ['sweep.py']; runpy.run_path('sweep.py', run_name='__main__')"
    answer = checkout.run("-c", hide + run)
    assert answer.returncode == 2
    command = "python -m pip install -r requirements-sweep.txt" if importlib.util.find_spec("pip") else "uv sync"
    assert answer.stderr == f"sweep.py needs ray; `{command}` installs it.\n"


def test_a_missing_cluster_is_said_in_one_sentence(checkout):
    write(checkout.folder, GOOD)
    answer = checkout.run("sweep.py", "--ray-address", "127.0.0.1:1024")
    assert answer.returncode == 2
    assert answer.stderr == "No Ray cluster can be reached at 127.0.0.1:1024 ([Errno 111] Connection refused).\n"
    wrong = checkout.run("sweep.py", "--ray-address", "somewhere")
    assert wrong.stderr.startswith("ray_address is somewhere, but must be HOST:PORT, such as ")


def all_of_mlps_choices(data: Path) -> dict:
    # A batch cannot be larger than what there is to train on: the script refuses one of these four trials.
    parameters = {"limit": {"values": [100, 1000]}, "batch_size": {"values": [32, 128]}, "hidden_nodes": {"value": 8}}
    return grid(**parameters, data={"value": str(data)}, epochs={"value": 2}) | {
        "name": "Which batch?", "description": "How large may a <b>batch</b> be?",
    }  # fmt: skip


def rays_folders(process: subprocess.Popen) -> dict[Path, int]:
    """Returns the folders around those that the processes of Ray are told to use, each with its mode."""
    found = {}
    with contextlib.suppress(psutil.Error, FileNotFoundError):
        for child in psutil.Process(process.pid).children(recursive=True):
            for name in re.findall(r"--temp[-_]dir=(\S+)", " ".join(child.cmdline())):
                found[Path(name).parent] = Path(name).parent.stat().st_mode & 0o777
    return found


def watched(process: subprocess.Popen) -> tuple[str, str]:
    """Returns what a sweep says, once it has ended; meanwhile it is closed to other machines and other users."""
    listening, modes = set(), {}
    with process:
        while process.poll() is None:
            listening |= listeners(process.pid)
            modes |= rays_folders(process)
            time.sleep(0.5)
        said, errors = process.communicate()
    assert listening
    assert listening <= LOOPBACK
    assert set(modes.values()) == {0o700}
    assert not any(folder.exists() for folder in modes)
    return said, errors


@pytest.mark.slow
def test_a_sweep_trains_tests_ranks_and_reports(checkout, small_data, no_network, browser, tracked):
    write(checkout.folder, all_of_mlps_choices(small_data))
    process = subprocess.Popen(
        [*no_network, sys.executable, "sweep.py", "--parallel", "2"], cwd=checkout.folder, env=checkout.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    said, errors = watched(process)
    assert (process.returncode, errors) == (0, "")

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
    assert "Values and scores" in text
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
