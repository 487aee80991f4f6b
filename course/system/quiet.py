"""Keeps messages of frameworks out of the lesson's output."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from course.system.errors import CourseError


@contextlib.contextmanager
def quiet(descriptor: int = 2) -> Iterator[None]:
    """Silences standard error, or standard output (1), for compiled code too.

    If the block fails, what it wrote is shown after all, except before a CourseError, which says it better.

    TensorFlow remarks on missing CUDA drivers while it is imported, whatever its log level is.
    """
    stream = {1: sys.stdout, 2: sys.stderr}[descriptor]
    stream.flush()
    with tempfile.TemporaryFile() as output:
        terminal = os.dup(descriptor)
        os.dup2(output.fileno(), descriptor)
        try:
            yield
        except CourseError:
            raise
        except Exception:
            output.seek(0)
            os.write(terminal, output.read())
            raise
        finally:
            stream.flush()
            os.dup2(terminal, descriptor)
            os.close(terminal)
