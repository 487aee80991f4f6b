"""A disk that is full at any write of a run: no corrupt file, no lost finished epoch, one sentence."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import keras
import pytest
from PIL import Image

from course.runs import checkpoint
from course.runs import folder as run_folder
from course.runs.record import read_history, read_run

pytestmark = pytest.mark.slow  # mounts disks
QUICK = ("mlp.py", "--hidden_nodes", "16", "--epochs", "2", "--data", "mine.npz")
SAMPLE = (220,)  # KiB: a checkpoint that does not fit
EVERY = (4, 64, 160, *SAMPLE, 300, 400, 480, 700, 840, 1100, 1500)


@pytest.fixture(scope="module")
def history(new_checkout, small_data) -> str:
    """The history of a run with room for everything."""
    checkout = new_checkout()
    shutil.copy(small_data, checkout.folder / "mine.npz")
    assert checkout.run(*QUICK).returncode == 0
    return (checkout.latest("mlp") / "history.csv").read_text()


@pytest.fixture
def small_disk(checkout, small_data):
    """Runs a script with so many KiB for runs/, which it leaves as it was at the end; returns how it ended."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only the superuser of a Linux system can mount something for one program")
    shutil.copy(small_data, checkout.folder / "mine.npz")

    def run(kibibytes: int) -> subprocess.CompletedProcess:
        (checkout.folder / "runs").mkdir()
        small = f'mount -t tmpfs -o size={kibibytes}k tmpfs runs; "$@"; code=$?; cp -a runs ../kept; exit $code'
        answer = checkout.run(*QUICK, before=("unshare", "--mount", "sh", "-c", small, "sh"))
        (checkout.folder / "runs").rmdir()
        (checkout.folder.parent / "kept").rename(checkout.folder / "runs")
        return answer

    return run


def check_every_file(folder: Path) -> None:
    """Checks that no file of a run is half written."""
    for file in folder.rglob("*"):
        assert not file.name.startswith(".unfinished"), file
        if file.suffix == ".json":
            json.loads(file.read_text())
        elif file.suffix == ".png":
            Image.open(file).load()
        elif file.suffix == ".html":
            assert file.read_text().rstrip().endswith("</html>")
        elif file.suffix == ".keras":
            assert keras.saving.load_model(file, safe_mode=True).count_params() == 12_730
        elif file.name == run_folder.CHECKPOINT:
            checkpoint.read(folder)
    if (folder / "history.csv").exists():
        read_run(folder)


@pytest.mark.parametrize("kibibytes", EVERY)
def test_disk_full(checkout, small_disk, history, thorough, tried, tracked, kibibytes):
    if not thorough and kibibytes not in SAMPLE:
        pytest.skip("CI tries a sample")
    answer = small_disk(kibibytes)
    said = answer.stderr.strip()
    folder = checkout.latest("mlp")
    assert "Traceback" not in said
    if folder.is_dir():
        check_every_file(folder)
    finished = len(re.findall("val_loss", answer.stdout))  # what the learner has seen
    if answer.returncode == 0:
        result = "finished" if said == "" else "finished, and a message names what is missing"
        assert (folder / "history.csv").read_text() == history
        assert (folder / "metrics.json").exists()
        assert len(said.splitlines()) == (not (folder / "report.html").exists()) + ("Tracking" in said)
        if "racking" not in said and "not tracked" not in said:
            (offline,) = (checkout.folder / "runs" / "wandb").glob("offline-run-*")
            assert tracked(offline)["summary"]["epoch"] == 2
    else:
        result = "ended in a sentence"
        assert answer.returncode == 2
        assert re.search(r"(cannot be written|can be made in .*) \(No space left on device\)[^\n]*\.$", said), said
        assert len([line for line in said.splitlines() if "racking" not in line and "not tracked" not in line]) == 1
        if (folder / run_folder.CHECKPOINT).exists():
            result += "; resumed, it ended as usual"
            assert len(checkpoint.read(folder)[0].history) >= finished
            assert os.listdir(folder)
            resumed = checkout.run(*QUICK, "--resume", folder.name)
            assert resumed.returncode == 0, resumed.stderr
            assert (folder / "history.csv").read_text() == history
            assert len(read_history(folder)) == 2
        else:
            assert finished == 0
    tried(f"disk of {kibibytes:,} KiB", Counter([result]))
