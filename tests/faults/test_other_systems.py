"""What other systems lack, or do otherwise, taken away here: Windows' signals, links, consoles and open files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import REPOSITORY

from course.system import files

# What Windows does not have or refuses, of what the course asks for; what libraries for Linux ask for must stay.
WITHOUT = """
import os, signal, sys
for module, name in [(signal, "SIGHUP"), (signal, "SIGPIPE"), (os, "killpg"), (os, "sched_getaffinity")]:
    delattr(module, name)
sys.modules["fcntl"] = None

def refused(*names, **options):
    raise OSError(1314, "A required privilege is not held by the client")

os.symlink = os.link = refused
usual_open, usual_replace = os.open, os.replace

def without_folders(path, *flags, **options):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return usual_open(path, *flags, **options)

def unless_locked(old, new, **options):
    if os.path.basename(new) == os.environ.get("LOCKED"):  # another program shows it
        raise PermissionError(13, "The process cannot access the file", new)
    return usual_replace(old, new, **options)

os.open, os.replace = without_folders, unless_locked
"""
RUN = """
import runpy, sys
exec(open(sys.argv[1]).read())
del sys.argv[:2]
runpy.run_path(sys.argv[0], None, "__main__")
"""
ENCODINGS = ("cp1252", "cp437", "ascii")  # of a console, or of a file to which its output goes
WORDS = ("mlp.py", "--limit", "300", "--epochs", "1", "--hidden_nodes", "8")


@pytest.fixture(scope="module")
def poor(new_checkout):
    """Runs a script of a checkout without what POSIX has, on a console of another encoding."""
    checkout = new_checkout()
    (checkout.home / "without.py").write_text(WITHOUT)

    def run(*words: str, encoding: str = "cp1252", **environment: str) -> subprocess.CompletedProcess:
        settings = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding, "WANDB_MODE": "disabled"} | environment
        command = [sys.executable, "-c", RUN, str(checkout.home / "without.py"), *words]
        answer = subprocess.run(
            command, cwd=checkout.folder, env=checkout.environment(**settings), capture_output=True, check=False
        )
        said = [output.decode(encoding).replace("\r\n", "\n") for output in (answer.stdout, answer.stderr)]
        return subprocess.CompletedProcess(command, answer.returncode, *said)

    run.folder = checkout.folder
    return run


SHOWN = [("cnn.py", "--help"), ("check.py", "--list"), ("sweep.py", "--help")]


@pytest.mark.parametrize(("words", "encoding"), list(zip(SHOWN, ENCODINGS, strict=True)))
def test_what_needs_no_training_is_shown_on_every_console(words, encoding, poor):
    answer = poor(*words, encoding=encoding)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len(answer.stdout.splitlines()) > 5


def test_a_mistake_is_one_sentence_on_every_console(poor):
    answer = poor("mlp.py", "--name", "größe→", encoding="cp437")
    assert answer.returncode == 2
    assert answer.stderr.startswith("name is größe\\u2192, but must be ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_needs_no_links_no_signals_and_no_console_of_utf_8(encoding, poor):
    answer = poor(*WORDS, encoding=encoding)
    assert (answer.returncode, answer.stderr) == (0, "")
    runs = sorted((poor.folder / "runs" / "mlp").iterdir())
    assert (runs[-1] / "report.html").is_file()
    assert "latest" not in [run.name for run in runs]
    answer = poor("report.py", encoding=encoding)  # the newest run is found without a link
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.slow
def test_a_file_that_another_program_holds_ends_a_run_in_a_sentence_and_it_resumes(poor):
    answer = poor(*WORDS, "--name", "locked", LOCKED="history.csv")
    assert answer.returncode == 2
    assert re.search(
        r"^\S*history\.csv\S* cannot be written \(The process cannot access the file\)", answer.stderr, re.M
    )
    assert "Traceback" not in answer.stderr
    (run,) = (poor.folder / "runs" / "mlp").glob("*-locked")
    assert not list(run.rglob(f"{files.UNFINISHED}*"))
    again = poor("mlp.py", "--resume", str(run))
    assert again.returncode == 0, again.stderr
    assert (run / "history.csv").read_text().count("\n") == 2


def test_paths_are_quoted_as_the_shell_of_the_system_does(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert files.shown(Path("a course/x.csv")) == "'a course/x.csv'"
    monkeypatch.setattr(sys, "platform", "win32")  # whose cmd knows no single quotes
    assert files.shown(Path("a course\\x.csv")) == '"a course\\x.csv"'
    assert files.shown(Path("runs\\cnn\\latest")) == "runs\\cnn\\latest"


def test_every_system_can_have_the_files_of_the_repository():
    """No name differs from another in case alone, is one of Windows' own, or makes a path too long for it."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    paths = listed.stdout.splitlines()
    assert len({path.casefold() for path in paths}) == len(paths)
    reserved = r"(?i)(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)"
    assert [path for path in paths if re.search(rf'{reserved}|[<>:"|?*\\]|[ .](/|$)', path)] == []
    assert max(map(len, paths)) <= 100  # of 260; pip's packages are deeper, in .venv
