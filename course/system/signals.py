"""How a training is stopped: Ctrl-C, SIGTERM and a closed terminal end it in order, never between two files."""

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

NAMES = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "a closed terminal"}  # Windows has no SIGHUP
CLOSED_PIPE = ("a closed pipe", 141)  # what shells say after SIGPIPE


class _Signals:
    received: int | None = None
    held = 0  # how many blocks must come to their end first


def stop_in_order() -> None:
    """From here on these signals raise KeyboardInterrupt, but for those that it was told to ignore, as by nohup."""
    _Signals.received = None
    sys.unraisablehook = _say_unless_stopped
    if threading.current_thread() is threading.main_thread():
        for number in _numbers():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _stop)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Has a signal wait until the block is done; also notices one whose exception a library has swallowed."""
    _Signals.held += 1
    try:
        yield
    finally:
        _Signals.held -= 1
    if _Signals.received is not None and not _Signals.held:
        raise KeyboardInterrupt


def ignore() -> None:
    """From here on these signals change nothing: the program is about to end and has something left to write."""
    if threading.current_thread() is threading.main_thread():
        for number in _numbers():
            if signal.getsignal(number) is _stop:
                signal.signal(number, signal.SIG_IGN)
    for descriptor in (1, 2):
        if _is_gone(descriptor):
            _write_nowhere(descriptor)


def ignore_at_exit() -> None:
    """Has `ignore` called before all that libraries have planned for the program's exit so far."""
    atexit.unregister(ignore)
    atexit.register(ignore)


def described(error: BaseException | None) -> tuple[str, int] | None:
    """Returns what stopped the program, such as "Ctrl-C", and its exit code; None if the error is another."""
    if error is not None and _Signals.received is not None:  # a library may have stumbled over it
        number = _Signals.received
    elif isinstance(error.__context__ if isinstance(error, SystemExit) else error, BrokenPipeError):  # Rich exits
        return CLOSED_PIPE
    elif isinstance(error, OSError) and error.errno == errno.EIO and _terminal_is_gone():
        number = signal.SIGHUP  # which comes after what was written has failed
    elif isinstance(error, KeyboardInterrupt):
        number = signal.SIGINT
    else:
        return None
    return NAMES[signal.Signals(number).name], 128 + number


def say(sentence: str) -> None:
    """Writes a sentence to standard error; a terminal that is no longer there is no hindrance."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is sys.stderr:
                print(f"\n{sentence}", file=stream)
            stream.flush()
        except OSError:
            _write_nowhere(stream.fileno())


def _write_nowhere(descriptor: int) -> None:
    """Has nobody read what is written; the interpreter must not stumble over a closed terminal at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _is_gone(descriptor: int) -> bool:
    try:
        os.tcgetpgrp(descriptor)
    except AttributeError:  # Windows
        return False
    except OSError as error:
        return error.errno == errno.EIO
    return False


def _terminal_is_gone() -> bool:
    """Whether an error came from a terminal that is being closed; waits a second for it, which a disk's error can."""
    _Signals.held += 1
    until = time.monotonic() + 1
    while time.monotonic() < until:
        if _Signals.received is not None or any(map(_is_gone, range(3))):
            return True
        time.sleep(0.01)
    _Signals.held -= 1
    return False


def _numbers() -> list[signal.Signals]:
    return [signal.Signals[name] for name in NAMES if hasattr(signal, name)]


def _stop(number: int, frame: Any) -> None:
    _Signals.received = number
    if not _Signals.held:
        raise KeyboardInterrupt


def _say_unless_stopped(unraisable: Any) -> None:
    """Says what Python ignores, as where an object goes; but not that a signal came there: `uninterrupted` sees it."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
