"""A broken environment: the training continues, or ends in one sentence; finished epochs are kept."""

import shutil
import subprocess
import sys
import time
from collections import Counter

import pytest
from listening import LOOPBACK, listeners

from course.runs.record import read_history

pytestmark = pytest.mark.slow  # mounts disks, removes folders
QUICK = ("mlp.py", "--hidden_nodes", "16", "--epochs", "2")
MOMENTS = ("start", "log 1", "epoch 1", "log 2", "predictions", "summary", "pictures", "finish", "finished", "teardown")
MISHAP = """
import os, runpy, signal, subprocess, sys, threading, time
from pathlib import Path

_, moment, kind, bound, *sys.argv = sys.argv
from course.training import tracking
from course.training.tracking import Tracking

tracking.STUCK_SECONDS = int(bound)

spent = []  # seconds in each call


def timed(usual):
    def called(*given, **named):
        begun = time.monotonic()
        try:
            return usual(*given, **named)
        finally:
            spent.append(time.monotonic() - begun)

    return called


def strike(process):
    os.kill(process, signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
    print("hit", file=sys.stderr)
    if kind == "frozen for a while":
        subprocess.Popen(["sh", "-c", f"sleep 2; kill -CONT {process}"])


def before(name, owner, when=lambda *given: True):
    usual = getattr(owner, name)

    def struck(*given, **named):
        if when(*given):
            strike(process())
        return usual(*given, **named)

    setattr(owner, name, struck)


def process():
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if "wandb-core" in Path(f"/proc/{child}/cmdline").read_text():
            return int(child)


def at_the_start():
    while True:
        try:
            if found := process():
                return strike(found)
        except OSError:
            pass


if moment == "start":
    threading.Thread(target=at_the_start, daemon=True).start()
elif moment == "epoch 1":
    log = Tracking.log
    Tracking.log = lambda self, row, step: (log(self, row, step), step == 1 and strike(process()))
elif moment.startswith("log "):
    before("log", Tracking, lambda self, row, step: step == int(moment[4:]))
elif moment in ("predictions", "pictures"):
    before("log_" + moment, Tracking)
elif moment in ("summary", "finish"):
    before({"summary": "summarize", "finish": "finish"}[moment], Tracking)
elif moment in ("finished", "teardown"):
    import wandb
    if moment == "teardown":
        before("teardown", wandb)
    else:
        finish = wandb.Run.finish
        wandb.Run.finish = lambda self, exit_code: (finish(self, exit_code), strike(process()))
for name in ("__init__", "log", "log_predictions", "log_pictures", "summarize", "finish"):
    setattr(Tracking, name, timed(getattr(Tracking, name)))
runpy.run_path(sys.argv[0], run_name="__main__")
print(sum(spent), file=sys.stderr)
"""
UNDECODED = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def here(checkout, small_data):
    """A checkout with the small data in it, as mine.npz."""
    shutil.copy(small_data, checkout.folder / "mine.npz")
    return checkout


@pytest.fixture(scope="module")
def history(new_checkout, small_data) -> str:
    """The history of a run that nothing disturbed."""
    checkout = new_checkout()
    assert checkout.run(*QUICK, "--data", str(small_data)).returncode == 0
    return (checkout.latest("mlp") / "history.csv").read_text()


def only_sentence(errors: str) -> str:
    """Returns the one sentence that standard error holds."""
    sentence = errors.strip()
    assert "\n" not in sentence
    assert sentence.endswith(".") or sentence.endswith("`.")
    return sentence


def mounted(*commands: str) -> tuple[str, ...]:
    """Returns a prefix for a command that mounts these for it, and for nothing else."""
    script = " && ".join([*commands, 'exec "$@"'])
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only the superuser of a Linux system can mount something for one program")
    return ("unshare", "--mount", "sh", "-c", script, "sh")


@pytest.mark.parametrize(
    ("name", "redirected"),
    [
        ("no home", "env -u HOME"),
        ("a home that is not there", "env HOME=/nowhere/at/all"),
        ("a home that is a file", "env HOME=/dev/null"),
        ("a locale of ASCII only", "env " + " ".join(f"{name}={value}" for name, value in UNDECODED.items())),
        ("a terminal without features", "env TERM=dumb"),
    ],
)
def test_a_poor_environment_changes_nothing(here, history, thorough, tried, name, redirected):
    if not thorough and "that is not" not in name and "locale" not in name:
        pytest.skip("CI tries a sample")
    answer = here.run(*QUICK, "--data", "mine.npz", before=tuple(redirected.split()))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert (here.latest("mlp") / "history.csv").read_text() == history
    assert (here.latest("mlp") / "report.html").exists()
    tried(name, Counter({"the usual run": 1}))


def test_when_nobody_reads_the_output_the_run_ends_and_can_be_resumed(here, history):
    reader = ("bash", "-c", 'set -o pipefail; "$@" | grep -m 1 "^1 of"', "sh")
    answer = here.run(*QUICK, "--data", "mine.npz", before=reader)
    assert answer.returncode == 141
    assert answer.stderr == ""
    assert here.run(QUICK[0], "--resume").returncode == 0
    assert (here.latest("mlp") / "history.csv").read_text() == history


@pytest.mark.parametrize("kind", ["frozen", "killed", "frozen for a while"])
@pytest.mark.parametrize("moment", range(len(MOMENTS)), ids=MOMENTS)
def test_tracking_that_no_longer_answers_does_not_hold_the_run(here, history, thorough, tried, moment, kind):
    if not thorough and (MOMENTS[moment], kind) not in (("log 2", "frozen"), ("log 2", "killed")):
        pytest.skip("CI tries a sample")
    (here.folder / "mishap.py").write_text(MISHAP, encoding="utf-8")
    rest = ("20" if thorough else "3", *QUICK, "--data", "mine.npz")
    answer = here.run("mishap.py", MOMENTS[moment], kind, *rest, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert (here.latest("mlp") / "history.csv").read_text() == history
    assert (here.latest("mlp") / "report.html").exists()
    *said, seconds = answer.stderr.splitlines()
    said.remove("hit")
    if kind == "frozen for a while":
        assert said == []
    elif said:
        assert "rack" in only_sentence("\n".join(said))
    else:
        assert (MOMENTS[moment], kind) == ("start", "killed")
    assert float(seconds) < 60
    tried(
        f"Weights & Biases' own process {kind}",
        Counter({"the usual run, with one sentence" if said else "the usual run": 1}),
    )


def test_a_full_folder_for_temporary_files_changes_nothing(here, history, thorough):
    if not thorough:
        pytest.skip("CI tries a sample")
    full = ["mount -t tmpfs -o size=4k tmpfs {0}", "head -c 4096 /dev/zero > {0}/full"]
    elsewhere = [f'mkdir -p /mnt/course && mount --bind "{here.folder}" /mnt', "cd /mnt"]
    answer = here.run(*QUICK, "--data", "mine.npz", before=mounted(*elsewhere, *(line.format("/tmp") for line in full)))
    assert answer.returncode == 0, answer.stderr
    assert (here.latest("mlp") / "history.csv").read_text() == history


@pytest.mark.parametrize("removed", ["runs", "runs/mlp", "runs/wandb"])
def test_folders_that_are_removed_during_the_training(here, thorough, removed):
    if not thorough and removed != "runs":
        pytest.skip("CI tries a sample")
    process = subprocess.Popen(
        [sys.executable, "-u", *QUICK[:3], "--epochs", "40", "--data", "mine.npz"],
        cwd=here.folder,
        env=here.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("4 of "):
            break
    shutil.rmtree(here.folder / removed, ignore_errors=True)
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    if removed == "runs/wandb":
        assert process.returncode == 0
        assert len(read_history(here.latest("mlp"))) == 40
        assert "Tracking" in only_sentence(errors)
    else:
        assert process.returncode == 2
        assert "cannot be written (No such file or directory)" in only_sentence(errors)


@pytest.mark.parametrize(
    ("there", "refused"),
    [
        ("touch runs", True),
        ("mkdir runs && touch runs/mlp", True),
        ("ln -s /nowhere/at/all runs", True),
        ("mkdir -p runs/mlp && mkdir runs/mlp/latest && touch runs/mlp/latest/mine", False),
        ("mkdir runs && touch runs/wandb", False),
        ("mkdir -p runs/matplotlib/fontlist-v3.11.0.json", False),
    ],
)
def test_files_where_folders_of_runs_must_be(here, thorough, there, refused):
    if not thorough and "wandb" not in there and there != "touch runs":
        pytest.skip("CI tries a sample")
    subprocess.run(["sh", "-c", there], cwd=here.folder, check=True)
    answer = here.run(*QUICK, "--data", "mine.npz")
    assert "Traceback" not in answer.stderr
    if refused:
        assert answer.returncode == 2
        assert "runs" in only_sentence(answer.stderr)
    else:
        assert answer.returncode == 0, answer.stderr
        (finished,) = (here.folder / "runs" / "mlp").glob("2*/metrics.json")
        assert len(read_history(finished.parent)) == 2
        if "wandb" in there:
            assert "not tracked" in only_sentence(answer.stderr)


def test_a_run_listens_on_loopback_only(here, no_network):
    process = subprocess.Popen(
        [*no_network, sys.executable, *QUICK[:3], "--epochs", "60", "--data", "mine.npz"],
        cwd=here.folder,
        env=here.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    listening = set()
    with process:
        while process.poll() is None:
            listening |= listeners(process.pid)
            time.sleep(0.02)
        assert process.returncode == 0, process.stderr.read()
    assert listening <= LOOPBACK
