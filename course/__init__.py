"""Everything that a lesson does not teach. Importing it settles what frameworks read from the environment."""

import os
from pathlib import Path

from course.late import load_when_used

# keras.json beside this file is Keras' settings: no lesson depends on, or writes to, the learner's home.
os.environ.setdefault("KERAS_HOME", str(Path(__file__).parent))
# Keras loads matplotlib where it is installed, which keeps a list of fonts.
os.environ.setdefault("MPLCONFIGDIR", str(Path(__file__).parent.parent / "runs" / "matplotlib"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only, no remarks about CUDA or the processor
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # fast kernels; TensorFlow has them, but off on many processors
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")  # they give memory back when they no longer need it
os.environ.setdefault("WANDB_SILENT", "true")  # course/training/tracking.py says what there is to say
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no telemetry

load_when_used("keras")
