"""check.py as a learner runs it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from checkout import REPOSITORY

import check
from course.system.errors import CourseError

STARTING_POINT = (REPOSITORY / "solutions" / "level_1.py").read_text(encoding="utf-8")
ANSWER = re.sub(  # that of level 2, so that a training takes seconds
    r"    epochs: Count = \d+",
    "    limit: Images | None = 1_000\n    epochs: Count = 1",
    (REPOSITORY / "solutions" / "level_2.py").read_text(encoding="utf-8"),
)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The learner's file."""
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "SCRIPT", tmp_path / "fashion.py")
    return check.SCRIPT


def test_reset_keeps_the_learners_file(script, capsys):
    script.write_text("mine")
    check.main(check.Options(reset=True))
    (kept,) = check.FOLDER.glob("fashion-*.py")
    assert kept.read_text() == "mine"
    assert kept.name in capsys.readouterr().out
    assert script.read_text(encoding="utf-8") == STARTING_POINT
    check.main(check.Options(reset=True))
    assert len(list(check.FOLDER.glob("fashion-*.py"))) == 1  # the starting point itself is not worth keeping


def test_reset_keeps_whatever_is_in_the_place_of_the_learners_file(script, capsys, monkeypatch):
    script.mkdir()
    (script / "mine").write_text("mine")
    monkeypatch.setattr(check.time, "strftime", lambda form: "now")
    kept = check.FOLDER / "fashion-now.py"
    kept.write_text("older")
    with pytest.raises(CourseError, match=r"fashion-now.py cannot be written \(File exists\); fashion.py is as it was"):
        check.main(check.Options(reset=True))
    kept.unlink()
    check.main(check.Options(reset=True))
    assert (kept / "mine").read_text() == "mine"
    assert script.read_text(encoding="utf-8") == STARTING_POINT
    script.unlink()
    check.main(check.Options(reset=True))
    assert script.read_text(encoding="utf-8") == STARTING_POINT


def test_without_a_starting_point_reset_leaves_all_as_it_was(script, monkeypatch):
    script.write_text("mine")
    monkeypatch.setattr(check, "STARTING_POINT", check.FOLDER / "level_1.py")
    with pytest.raises(CourseError, match=r"level_1.py cannot be read"):
        check.main(check.Options(reset=True))
    assert [file.name for file in check.FOLDER.iterdir()] == ["fashion.py"]


def test_two_resets_at_once_lose_nothing(script, monkeypatch):
    monkeypatch.setattr(check.time, "strftime", lambda form: "now")
    for text in ("mine", "mine too"):
        script.write_text(text)
        with contextlib.suppress(CourseError):
            check.main(check.Options(reset=True))
    assert (check.FOLDER / "fashion-now.py").read_text() == "mine"
    assert script.read_text() == "mine too"


def test_a_paragraph_is_wrapped_and_a_traceback_below_it_is_not(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    traceback = f"  fashion.py, line 9, in main\n    {'a' * 300} = [red]1 :smile:\n\n\nKeyError: '[/red]'"
    check._say(f"{'[bold]To fix: ' * 20}\n{traceback}")
    paragraph, _, rest = capsys.readouterr().out.partition("\n  fashion.py")
    assert "".join(paragraph.split()) == "[bold]Tofix:" * 20
    assert 80 < max(map(len, paragraph.splitlines())) <= 100
    assert f"  fashion.py{rest}" == f"{traceback}\n\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--last"], "No run of fashion.py is finished; `python check.py` trains and grades one."),
        (["--last", "--hint"], "--last and --hint do not go together; choose one of them."),
        (["--minutes", "0"], "minutes is 0, but must be a number, above 0 and at most 1,440; give --minutes another"),
        (["--lastt"], "Unknown option --lastt; did you mean --last? --help lists them all."),
    ],
)
def test_wrong_use_is_answered_in_one_sentence(checkout, words, sentence):
    answer = checkout.run("-X", "importtime", "check.py", *words)
    said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.split("|")[-1].strip() for line in answer.stderr.splitlines() if "|" in line}
    assert answer.returncode == 2
    assert len(said) == 1
    assert said[0].startswith(sentence)
    assert not imported & {"keras.src", "tensorflow", "wandb", "watchfiles"}


def test_the_levels_are_listed_without_a_terminal_and_without_keras(checkout):
    answer = checkout.run("-X", "importtime", "check.py", "--list", COLUMNS="80")
    assert answer.returncode == 0
    assert "    2       81.0%  80.0%        scaled pixels, softmax, cross-entropy" in answer.stdout
    assert "\x1b" not in answer.stdout
    assert "keras.src" not in answer.stderr


def test_what_does_not_end_is_stopped(checkout):
    (checkout.folder / "fashion.py").write_text("while True:\n    pass\n")
    answer = checkout.run("check.py", "--minutes", "0.02", timeout=60)
    assert answer.returncode == 1
    assert "did not end within 0.02 minutes" in answer.stdout
    assert answer.stderr == ""


def test_a_script_that_shortens_its_own_traceback_is_shown_as_it_is(checkout):
    said = "  fashion.py, line 9, in main\n    fit()\nKeyError: 1\n\nThe whole traceback: add --traceback"
    (checkout.folder / "fashion.py").write_text(f"raise SystemExit({said!r})")
    answer = checkout.run("check.py")
    assert answer.returncode == 1
    assert f"fashion.py ended with an error:\n\n{said}\n" in answer.stdout


def test_escape_codes_of_a_script_do_not_reach_the_terminal(checkout):
    codes = "\x1b]0;title\x07\x1b[2J\x1b[1mbold\x1b[0m \x9b31m \u202eback"
    shown = r"\x1b]0;title\x07\x1b[2Jbold \x9b31m \u202eback"
    for script in (f"raise ValueError({codes!r})", f"import sys; sys.exit({codes!r})"):
        (checkout.folder / "fashion.py").write_text(script, encoding="utf-8")
        answer = checkout.run("check.py", PYTHONUTF8="1")
        assert answer.returncode == 1
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", answer.stdout + answer.stderr)
        assert shown in answer.stdout


def test_watching_grades_again_when_the_file_is_saved_whatever_happened_to_it(checkout):
    script, other = checkout.folder / "fashion.py", checkout.folder / "other.py"
    script.write_text("first mistake\n")
    other.write_text("third mistake\n")
    happens = [
        (lambda: script.write_text("second mistake\n"), "first mistake"),
        (script.unlink, "second mistake"),
        (script.mkdir, "There is no fashion.py that can be read"),
        (lambda: (script.rmdir(), os.mkfifo(script)), "There is no fashion.py that can be read"),
        (lambda: other.replace(script), "There is no fashion.py that can be read"),
        (lambda: None, "third mistake"),
    ]
    watching = checkout.start("check.py", "--watch")
    try:
        for happen, expected in happens:
            said = ""
            while "Waiting for you" not in (line := watching.stdout.readline()):
                assert line, watching.stderr.read()
                said += line
            assert expected in said
            time.sleep(1)
            happen()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
        assert watching.stderr.read().strip() == "Stopped by Ctrl-C."
    finally:
        watching.kill()
        watching.communicate()  # closes its pipes


@pytest.fixture(scope="module")
def graded(new_checkout):
    """A checkout with a finished run of the challenge, graded once; its answer is in `answer.txt`."""
    checkout = new_checkout()
    (checkout.folder / "fashion.py").write_text(ANSWER, encoding="utf-8")
    answer = checkout.run("check.py", timeout=300)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stderr == ""
    (checkout.folder / "answer.txt").write_text(answer.stdout, encoding="utf-8")
    return checkout


@pytest.mark.slow
def test_the_grader_as_a_learner_runs_it(graded):
    said = (graded.folder / "answer.txt").read_text(encoding="utf-8")
    assert "for at most 30 minutes" in said
    assert "1 of 1  " in said  # training is shown as it goes
    assert "Level 2 is not reached. Its mark is" in said
    assert "limit is 1,000" in " ".join(said.split())
    assert "Hint 3 of 3 for level 2" in said  # all that the level is about is there, so the hint is about values
    assert "docs/challenge.md" in said
    assert "Test accuracy" not in said
    assert "% of the 5,000 validation images right (" in " ".join(said.split())

    seconds = []
    for _ in range(2):  # the least of them: other tests keep the machine busy
        started = time.perf_counter()
        again = graded.run("check.py", "--last")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 10
    assert again.stdout[again.stdout.index("Graded") :] == said[said.index("Graded") :]


@pytest.mark.slow
def test_a_run_is_graded_elsewhere_without_the_learners_file(graded, new_checkout):
    """As it reaches a teacher: a folder of its own, of which nothing is executed."""
    elsewhere = new_checkout()
    (elsewhere.folder / "fashion.py").unlink()
    (run,) = (graded.folder / "runs" / "fashion").glob("[0-9]*")
    copied = elsewhere.folder / "runs" / "fashion" / run.name
    shutil.copytree(run, copied)
    source = copied / "fashion.py"
    source.write_text("print('executed')\n" + source.read_text(encoding="utf-8"), encoding="utf-8")
    seconds = []
    for _ in range(2):  # the least of them: other tests keep the machine busy
        (copied / "grade.json").unlink(missing_ok=True)
        started = time.perf_counter()
        again = elsewhere.run("check.py", "--last")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 10
    assert again.returncode == 0, again.stdout + again.stderr
    assert "executed" not in again.stdout + again.stderr
    assert json.loads((copied / "grade.json").read_text()) == json.loads((run / "grade.json").read_text())
    graded_before = (graded.folder / "answer.txt").read_text(encoding="utf-8")
    right = r"[0-9.]+% of the 5,000\s+validation\s+images\s+right"
    assert re.findall(right, again.stdout) == re.findall(right, graded_before)


@pytest.mark.slow
def test_two_graders_at_once_and_a_kill_leave_valid_files(graded):
    command = [sys.executable, "check.py", "--last"]
    both = [
        subprocess.Popen(command, cwd=graded.folder, env=graded.environment(), stdout=subprocess.DEVNULL) for _ in "12"
    ]
    assert [grader.wait(120) for grader in both] == [0, 0]
    progress_file = graded.folder / "runs" / "fashion" / "progress.json"
    kept = json.loads(progress_file.read_text())
    for seconds in (0.2, 0.5, 1, 3, 6):
        grader = subprocess.Popen(command, cwd=graded.folder, env=graded.environment(), stdout=subprocess.DEVNULL)
        threading.Timer(seconds, grader.kill).start()
        grader.wait()
        assert json.loads(progress_file.read_text()) == kept
    assert (graded.folder / "fashion.py").read_text() == ANSWER


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of files is limited with prlimit")
def test_a_full_disk_loses_nothing(graded):
    progress_file = graded.folder / "runs" / "fashion" / "progress.json"
    kept = progress_file.read_text()
    full = ("prlimit", "--fsize=4", "env")  # no file can grow, but for the few bytes with which Python tries folders
    for words in (("--hint",), ("--reset",)):
        answer = graded.run("check.py", *words, before=full)
        assert answer.returncode == 2
        assert re.fullmatch(r"\S+ cannot be written \(.*\).*\.", answer.stderr.strip()), answer.stderr
    assert progress_file.read_text() == kept
    assert (graded.folder / "fashion.py").read_text() == ANSWER
