"""Signals in a process that continues, and in those that it forks."""

import signal
import subprocess
import sys

import pytest
from checkout import REPOSITORY

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals, and does not fork"),
    pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning"),  # JAX says so
]


def run(program: str) -> subprocess.CompletedProcess:
    begin = "import os, signal, time\nfrom course.system import signals\nsignals.stop_in_order()\n"
    words = [sys.executable, "-c", begin + program]

    # A shell has its background jobs ignore Ctrl-C, and nohup a closed terminal; this program must not.
    def by_default() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False, preexec_fn=by_default)


def test_a_second_run_can_be_stopped_as_the_first_could():
    program = """
for _ in range(2):
    signals.stop_in_order()
    try:
        os.kill(os.getpid(), signal.SIGINT)
        print("not stopped")
    except KeyboardInterrupt as error:
        print(signals.described(error))
    signals.ignore()
"""
    assert run(program).stdout == "('Ctrl-C', 130)\n" * 2


def test_what_a_run_changed_is_given_back():
    program = """
signals.ignore()
signals.give_back()
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM).name)
with signals.uninterrupted():
    print("goes on")
"""
    assert run(program).stdout == "True SIG_DFL\ngoes on\n"


def test_a_stop_while_something_is_thrown_away_is_noticed_later_without_a_word():
    program = """
class Thrown:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

def throw_away():
    Thrown()

throw_away()
print("goes on")
try:
    with signals.uninterrupted():
        pass
except KeyboardInterrupt as error:
    print(signals.described(error))
"""
    answer = run(program)
    assert answer.stdout == "goes on\n('Ctrl-C', 130)\n"
    assert answer.stderr == ""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", -15), ("SIGHUP", -1), ("SIGINT", 0)])
def test_a_worker_process_ends_without_a_word(name, status):
    program = f"""
worker = os.fork()
if not worker:
    time.sleep(0.5)
    os._exit(0)
time.sleep(0.2)
os.kill(worker, signal.{name})
print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
"""
    ended = run(program)
    assert (ended.stdout, ended.stderr) == (f"{status}\n", "")
