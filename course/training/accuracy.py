"""Which of a network's metrics is its accuracy, whatever the learner calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

NAMES = ("acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")


def with_accuracy(metrics: Mapping[str, Any], model: keras.Model) -> dict[str, Any]:
    """Returns metrics as `fit` and `evaluate` have them, with accuracy and val_accuracy if they have another name.

    Nothing is added for a network with several outputs, of which each may have an accuracy.
    """
    named = dict(metrics)
    if len(getattr(model, "outputs", None) or [None]) > 1:
        return named
    kinds = (
        keras.metrics.Accuracy,
        keras.metrics.BinaryAccuracy,
        keras.metrics.CategoricalAccuracy,
        keras.metrics.SparseCategoricalAccuracy,
    )
    names = [
        metric.name
        for group in model.metrics
        for metric in getattr(group, "metrics", [group])
        if isinstance(metric, kinds)
    ]
    for name in (*names, *NAMES):
        for prefix in ("", "val_"):
            if prefix + name in metrics:
                named.setdefault(f"{prefix}accuracy", metrics[prefix + name])
    return named
