"""Shows where a training spends its time: `python -m benchmarks.profile cnn.py --more_conv_layers 64`.

Runs the script until it calls `fit`, trains on part of the images under TensorFlow's profiler instead, prints a table
of operations, and ends.
"""

from __future__ import annotations

import collections
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from course.system.quiet import quiet  # first of all: from then on Keras is loaded as a lesson loads it

# isort: split
import keras
import numpy as np

with quiet():
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

IMAGES = 16_384
# What an operation does, by a part of its name in TensorFlow; the first that fits.
KINDS = {
    "/adam/": "the optimizer's updates",
    "Conv2DBackpropFilter": "convolution: gradient of the kernels",
    "Conv2DBackpropInput": "convolution: gradient of the inputs",
    "Conv2D": "convolution: forward",
    "MaxPoolGrad": "pooling: gradient",
    "MaxPool": "pooling: forward",
    "dropout": "dropout",
    "MatMul": "dense layers",
}
OTHER = "everything else (relu's gradient, loss, metrics, copying)"

original_fit = keras.Model.fit


def profiled_fit(model: keras.Model, x: np.ndarray, y: np.ndarray, batch_size: int = 32, **options: Any) -> None:
    """Takes the place of `fit`: prints a Markdown table and ends the program."""
    x, y = x[:IMAGES], y[:IMAGES]
    original_fit(model, x, y, batch_size=batch_size, verbose=0)  # so that everything is compiled
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        started = time.perf_counter()
        original_fit(model, x, y, batch_size=batch_size, verbose=0)
        seconds = time.perf_counter() - started
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        spent = seconds_by_kind(file.read_bytes())
    total = sum(spent.values())
    print(f"\n`{' '.join(sys.argv)}`, {len(x) / seconds:,.0f} images per second:\n")
    print("| operation | fraction of the computing time |\n|---|---|")
    for kind, value in spent.most_common():
        print(f"| {kind} | {value / total:.0%} |")
    sys.exit()


def seconds_by_kind(recorded: bytes) -> collections.Counter[str]:
    """Returns what the operations of a recorded profile took, summed over the threads that compute, by KINDS."""
    spent: collections.Counter[str] = collections.Counter()
    for plane in xplane_pb2.XSpace.FromString(recorded).planes:
        for line in plane.lines:
            if not line.name.startswith("tf_Compute"):
                continue
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if ":" in name and "/" in name:  # an operation, as path:type; the rest is what calls it
                    kind = next((kind for part, kind in KINDS.items() if part in name), OTHER)
                    spent[kind] += event.duration_ps / 1e12
    return spent


def main() -> None:
    sys.argv = sys.argv[1:]
    keras.Model.fit = profiled_fit
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
