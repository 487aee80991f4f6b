"""Keeps what frameworks say while they are being loaded out of the lesson's output."""

import contextlib
import os
import sys
import tempfile

from course.system.errors import CourseError


@contextlib.contextmanager
def quiet(descriptor: int = 2):
    """Silences standard error, or standard output (1), for compiled code too.

    What was said is shown after all if the block fails, but if it fails with CourseError, which says it better.

    TensorFlow remarks on missing CUDA drivers while it is imported, whatever its log level is.
    """
    stream = {1: sys.stdout, 2: sys.stderr}[descriptor]
    stream.flush()
    with tempfile.TemporaryFile() as said:
        terminal = os.dup(descriptor)
        os.dup2(said.fileno(), descriptor)
        try:
            yield
        except CourseError:
            raise
        except Exception:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            stream.flush()
            os.dup2(terminal, descriptor)
            os.close(terminal)
