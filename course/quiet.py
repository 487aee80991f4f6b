"""Keeps what frameworks say while they are being loaded out of the lesson's output."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet():
    """Silences standard error, also for compiled code; what was said is shown after all if the block fails.

    TensorFlow remarks on missing CUDA drivers while it is imported, whatever its log level is.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        terminal = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except Exception:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
