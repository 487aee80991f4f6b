"""What a loss measures, found by giving it answers: whatever it is called, and whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from course.challenge.observed import ObservedLoss

CLASSES = 10


def observe_loss(model: keras.Model, targets: np.ndarray | None) -> ObservedLoss:
    """Returns what there is to say about the loss of a compiled network, whose targets are (n,), (n, 1) or (n, 10)."""
    loss = getattr(model, "loss", None)  # not there if compile was forgotten
    name = str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss)
    found = ObservedLoss(name=name)
    labels = np.arange(CLASSES)
    truth: np.ndarray = np.eye(CLASSES, dtype="float32")[labels]
    if targets is not None and (targets.ndim == 1 or targets.shape[-1] == 1):
        truth = labels.reshape(-1, *[1] * (targets.ndim - 1))
    try:
        measure = keras.losses.get(loss)
        found.from_logits = _takes_logits(measure, truth)
        found.of_probability = found.from_logits or _punishes_certainty(measure, truth)
    except Exception:  # a learner's loss may take anything
        return ObservedLoss(name=name)
    return found


def _takes_logits(measure: Callable[..., object], truth: np.ndarray) -> bool:
    """Returns whether only differences between the ten answers matter, as they do before softmax, not after it."""
    sums = np.random.default_rng(0).normal(size=(len(truth), CLASSES)).astype("float32")
    value, shifted, others = (_value(measure, truth, answers) for answers in (sums, sums + 3, 2 * sums))
    return bool(np.isclose(value, shifted, rtol=1e-3) and not np.isclose(value, others, rtol=1e-3))


def _punishes_certainty(measure: Callable[..., object], truth: np.ndarray) -> bool:
    """Returns whether a probability of 0.000001 for the right answer is much worse than one of 0.001."""
    right = np.eye(CLASSES, dtype="float32")
    half, little, nothing = (
        _value(measure, truth, np.where(right == 1, p, (1 - p) / (CLASSES - 1)).astype("float32"))
        for p in (0.5, 1e-3, 1e-6)
    )
    if not np.isfinite([half, little, nothing]).all():
        raise ValueError("too large to be compared")
    return bool(nothing - little > 0.1 * abs(little - half))


def _value(measure: Callable[..., object], truth: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean(keras.ops.convert_to_numpy(measure(keras.ops.convert_to_tensor(truth), answers))))
