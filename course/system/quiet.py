"""Keeps messages of frameworks out of the lesson's output."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

from course.system import signals
from course.system.errors import CourseError

LAST_WORDS = """
import os, sys
sys.stdin.buffer.read()  # until the program has ended
os.lseek(1, 0, os.SEEK_SET)
wrote = os.read(1, 10_000).decode("utf-8", "replace").strip()
said = "Python died while a framework such as TensorFlow was loaded or at work: out of memory, killed, or made for"
os.write(2, f"{said} another processor. It wrote {wrote or 'nothing'}\\n".encode())
"""

silenced: set[int] = set()  # descriptors, while a block of `quiet` runs


@contextlib.contextmanager
def quiet(descriptor: int = 2) -> Iterator[None]:
    """Silences standard error, or standard output (1), for compiled code too.

    If the block fails, what it wrote is shown after all, except before a CourseError, which says it better. It is also
    shown, after a sentence, if the whole program dies: TensorFlow aborts on a processor for which it was not made.

    TensorFlow remarks on missing CUDA drivers while it is imported, whatever its log level is.
    """
    if descriptor in silenced:
        yield
        return
    stream = {1: sys.stdout, 2: sys.stderr}[descriptor]
    stream.flush()
    with tempfile.TemporaryFile() as output, _last_words(output, descriptor):
        terminal = os.dup(descriptor)
        os.dup2(output.fileno(), descriptor)
        silenced.add(descriptor)
        try:
            yield
        except CourseError:
            raise
        except Exception:
            output.seek(0)
            os.write(terminal, output.read())
            raise
        finally:
            silenced.remove(descriptor)
            stream.flush()
            os.dup2(terminal, descriptor)
            os.close(terminal)


@contextlib.contextmanager
def _last_words(output: IO[bytes], descriptor: int) -> Iterator[None]:
    """Lets another process show what is in a file if this one dies in the block, when no Python runs any more."""
    with contextlib.ExitStack() as stack:
        with signals.uninterrupted(), contextlib.suppress(OSError):  # the system may have no room for a process
            witness = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LAST_WORDS],
                stdin=subprocess.PIPE,  # which the system closes with this process
                stdout=output,
                stderr=descriptor,
                start_new_session=True,  # Ctrl-C is not meant for it
            )
            stack.enter_context(witness)
            stack.callback(witness.kill)
        yield
