"""How a training is stopped: Ctrl-C, SIGTERM and a closed terminal end it in order, never between two files."""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import ClassVar

NAMES = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "a closed terminal"}  # Windows has no SIGHUP


Handler = Callable[[int, FrameType | None], object] | int | None  # as the module signal has them


class _Signals:
    received: int | None = None
    held = 0  # how many blocks of `uninterrupted` must end first
    before: ClassVar[dict[signal.Signals, Handler]] = {}  # what each did before `stop_in_order`
    hook: ClassVar[Callable[["sys.UnraisableHookArgs"], object]] = sys.unraisablehook  # what it did before


def stop_in_order() -> None:
    """Makes these signals raise KeyboardInterrupt, except those that the program was told to ignore, as by nohup."""
    _Signals.received = None
    if threading.current_thread() is threading.main_thread():
        for number in _numbers():
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN or number in _Signals.before:  # of which `ignore` was called
                _Signals.before.setdefault(number, handler)
                signal.signal(number, _stop)
        if sys.unraisablehook is not _pass_over_stop:
            _Signals.hook, sys.unraisablehook = sys.unraisablehook, _pass_over_stop


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Makes a signal wait until the block has ended; also notices one whose exception a library has swallowed."""
    _Signals.held += 1
    try:
        yield
    finally:
        _Signals.held -= 1
    if _Signals.received is not None and not _Signals.held:
        raise KeyboardInterrupt


def ignore() -> None:
    """Makes these signals change nothing: the program is about to end and still has something to write."""
    if threading.current_thread() is threading.main_thread():
        for number in _numbers():
            if signal.getsignal(number) is _stop:
                signal.signal(number, signal.SIG_IGN)


def give_back() -> None:
    """Undoes `stop_in_order` and `ignore`: the process continues with something else."""
    _Signals.received = None
    if threading.current_thread() is threading.main_thread():
        for number, handler in _Signals.before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        _Signals.before.clear()
        sys.unraisablehook = _Signals.hook


def described(error: BaseException | None) -> tuple[str, int] | None:
    """Returns what stopped the program, such as "Ctrl-C", and its exit code; None if the error is another."""
    if error is None:
        return None
    number = _Signals.received  # a library may have raised another error because of it
    if number is None and isinstance(error, KeyboardInterrupt):
        number = signal.SIGINT
    if number is None and isinstance(error, OSError) and error.errno == errno.EIO and _terminal_is_closed():
        number = signal.SIGHUP  # it comes after a write has failed
    return None if number is None else (NAMES[signal.Signals(number).name], 128 + number)


def say(sentence: str) -> None:
    """Writes a sentence to standard error, unless its terminal is closed."""
    try:
        sys.stdout.flush()
        print(f"\n{sentence}", file=sys.stderr, flush=True)
    except OSError:
        sys.stdout = sys.stderr = None  # else Python fails to flush them at its end


def _terminal_is_closed() -> bool:
    """Returns whether standard output was a terminal that is there no longer."""
    try:
        os.tcgetpgrp(1)
    except OSError as error:
        return error.errno == errno.EIO
    return False


def _numbers() -> list[signal.Signals]:
    return [signal.Signals[name] for name in NAMES if hasattr(signal, name)]


def _stop(number: int, frame: FrameType | None) -> None:
    _Signals.received = number
    if not _Signals.held:
        raise KeyboardInterrupt


def _pass_over_stop(unraisable: "sys.UnraisableHookArgs") -> None:
    """Says nothing of a stop that came while something was being thrown away: `uninterrupted` notices it next."""
    if not (unraisable.exc_type is KeyboardInterrupt and _Signals.received is not None):
        _Signals.hook(unraisable)


def _leave_to_parent() -> None:
    """Makes a forked process, such as a worker of keras.utils.PyDataset, end as its parent wants, without a word.

    A worker that inherits `_stop` shows a traceback when its pool, which sends SIGTERM, is closed.
    """
    for number in _numbers():
        if signal.getsignal(number) is _stop:  # Ctrl-C reaches the parent too, which then ends this one
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_leave_to_parent)
