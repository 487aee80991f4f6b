"""Power cuts at random moments, on real file systems: what was shown is there, and resumes to the same numbers."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow  # mounts disks, and trains
EPOCHS = 40
SEED = 20261127  # of the moments
MEBIBYTES = {"ext4": 64, "xfs": 300}  # XFS wants as much
CUTS = 25  # of one run; CI tries a sample
SAMPLE = 1
RUNS = {"ext4": 2, "xfs": 1}

# Resumes the run on each disk in turn, in one process: to load TensorFlow 50 times would take most of the time.
RESUME = """
import json, subprocess, sys
from pathlib import Path
from unittest import mock

images, sys.argv = sys.argv[1:], ["mlp.py"]
import mlp
from course.runs import folder, resume
from course.system.errors import CourseError

for image in images:
    uuid = ",nouuid" if Path(image).name.startswith("xfs") else ""  # of which there are copies
    subprocess.run(["mount", "-o", f"loop{uuid}", image, "runs"], check=True)
    found = {"error": "", "epochs": 0, "finished": False}
    try:
        with mock.patch("course.report.page.write_report", lambda folder: []):
            run, checkpoint = resume.interrupted("")
            found["epochs"] = len(checkpoint.history)
            changed = {"data": "mine.npz", "epochs": checkpoint.config["epochs"]}
            mlp.main(mlp.Config(resume=str(run), **changed))
    except CourseError as error:
        found["error"] = str(error)
    runs = [run for run in folder.RUNS.glob("mlp/2*") if (run / folder.METRICS).exists()]
    if runs:
        (run,) = runs
        metrics = json.loads((run / folder.METRICS).read_text()) | {"seconds": None}
        found |= {"finished": True, "history": (run / folder.HISTORY).read_text(), "metrics": metrics}
    print("\\n" + json.dumps(found), flush=True)
    subprocess.run(["umount", "--lazy", "runs"], check=True)
"""


class Cut(NamedTuple):
    """A disk as it was at some moment of a run."""

    image: Path
    epochs: int  # that had been shown by then


class Shown(threading.Thread):
    """Reads what a run prints, from its first line to its last."""

    def __init__(self, process: subprocess.Popen) -> None:
        super().__init__(daemon=True)
        self.process, self.lines, self.epochs = process, 0, 0
        self.start()

    def run(self) -> None:
        for line in self.process.stdout:
            self.lines += 1
            epoch = re.match(r"(\d+) of ", line)
            self.epochs = int(epoch[1]) if epoch else self.epochs

    def wait_for(self, epochs: int) -> None:
        while self.is_alive() and (self.lines < 2 or self.epochs < epochs):
            time.sleep(0.002)


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


@pytest.fixture
def disk(checkout, small_data):
    """Starts a program in a checkout, in which what it mounts is its own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only the superuser of a Linux system can mount something for one program")
    shutil.copy(small_data, checkout.folder / "mine.npz")
    (checkout.folder / "runs").mkdir()

    def start(*words: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["unshare", "--mount", *words],
            cwd=checkout.folder,
            env=checkout.environment(WANDB_MODE="disabled"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def snapshot(image: Path, target: Path) -> None:
    """Copies the image of a disk in use, as it is at one moment: again, until nothing is written in the meantime."""
    device = subprocess.check_output([tool("losetup"), "--associated", image, "--noheadings", "--output=NAME"])
    counted = Path("/sys/block", Path(device.decode().strip() or "/dev/none").name, "stat")

    def writes() -> tuple[str, str]:
        fields = counted.read_text().split() if counted.exists() else ["0"] * 9
        return fields[4], fields[8]  # that have ended, and all that have not

    while True:
        before = writes()
        if before[1] == "0":
            subprocess.run(["cp", "--sparse=always", image, target], check=True)
            if writes() == before:
                return


def cut_at_random(process: subprocess.Popen, image: Path, number: int, chance: random.Random) -> list[Cut]:
    """Takes so many copies of a disk while a run uses it."""
    shown, cuts, last, began = Shown(process), [], -1, 0.0
    moments = sorted((chance.choice([0, *range(EPOCHS + 1), EPOCHS]), chance.random()) for _ in range(number))
    for epoch, part in moments:
        shown.wait_for(epoch)
        began = time.monotonic() if epoch != last else began
        last = epoch
        most = 8 if epoch == 0 else 3 if epoch == EPOCHS else 0.3  # seconds: it begins, it ends, or one epoch
        time.sleep(max(0, began + part * most - time.monotonic()))
        epochs = shown.epochs
        target = image.with_name(f"{image.stem}-{len(cuts)}.img")
        snapshot(image, target)
        cuts.append(Cut(target, epochs))
    shown.join()
    return cuts


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    thorough = metafunc.config.getoption("--thorough")
    if "kind" in metafunc.fixturenames:
        every = [(kind, number) for kind in RUNS for number in range(RUNS[kind])]
        metafunc.parametrize(("kind", "number"), every if thorough else every[:1])


def test_a_power_cut_at_any_moment_loses_nothing_that_was_shown(disk, tmp_path, thorough, tried, kind, number):
    image = tmp_path / f"{kind}.img"
    image.touch()
    os.truncate(image, MEBIBYTES[kind] * 2**20)
    subprocess.run([tool(f"mkfs.{kind}"), "-q", image], check=True)
    run = [sys.executable, "-u", "mlp.py", "--data", "mine.npz", "--epochs", str(EPOCHS)]
    chance = random.Random(SEED + number)
    with disk("sh", "-c", f'mount -o loop "{image}" runs && exec "$@"', "sh", *run) as process:
        cuts = cut_at_random(process, image, CUTS if thorough else SAMPLE, chance)
    assert process.returncode == 0
    images = [image, *(cut.image for cut in cuts)]
    with disk(sys.executable, "-c", RESUME, *map(str, images)) as resuming:
        said, _ = resuming.communicate(timeout=3600)
    assert resuming.returncode == 0, said
    whole, *found = [json.loads(line) for line in said.splitlines() if line.startswith('{"error"')]
    assert whole["finished"], said
    assert len(found) == len(cuts)
    for cut, after in zip(cuts, found, strict=True):
        tried(f"power cuts, {kind}", Counter([check_resumed(cut, after, whole)]))


def check_resumed(cut: Cut, after: dict, whole: dict) -> str:
    """Checks that nothing that was shown is lost, and that the numbers are the usual ones; returns how far it was."""
    if after["error"] and not after["finished"]:
        assert "No run of mlp.py was interrupted" in after["error"]
        assert cut.epochs == 0
        return "no checkpoint yet"
    assert after["history"] == whole["history"]
    assert after["metrics"] == whole["metrics"]
    if after["error"]:
        assert "No run of mlp.py was interrupted" in after["error"]
        return "finished already"
    assert after["epochs"] >= cut.epochs
    before = "no epoch" if after["epochs"] == 0 else "all epochs" if after["epochs"] == EPOCHS else "some epochs"
    return f"resumed to the same numbers after {before}"
