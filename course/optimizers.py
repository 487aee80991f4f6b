"""Optimizers whose learning rate changes during training, as the lessons use them."""

from __future__ import annotations

import math
from typing import Protocol

import keras


class Training(Protocol):
    """What a config says about the length of a training and the size of its updates."""

    epochs: int
    batch_size: int
    learning_rate: float


class TrainingByName(Training, Protocol):
    """A config that also names its optimizer."""

    optimizer: str


def decaying(config: TrainingByName, images: int) -> keras.optimizers.Optimizer:
    """Returns `config.optimizer`, whose learning rate decays linearly from `config.learning_rate` to 0.

    Args:
        config: that of a lesson.
        images: how many there are in an epoch.
    """
    schedule = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, _updates(config, images), 0.0)
    return keras.optimizers.get({"class_name": config.optimizer, "config": {"learning_rate": schedule}})


def one_cycle(config: Training, images: int, warm_up: float = 0.25) -> keras.optimizers.schedules.CosineDecay:
    """Returns a learning rate that rises from a tenth of `config.learning_rate` to all of it, then falls to 0.

    It rises in a line, so that large updates do not break an untrained network, and falls like a cosine, so that the
    weights settle. Source: Smith 2018, https://arxiv.org/abs/1803.09820.

    Args:
        config: that of a lesson.
        images: how many there are in an epoch.
        warm_up: the fraction of all updates in which it rises.
    """
    updates = _updates(config, images)
    rising = int(warm_up * updates)
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10, updates - rising, warmup_target=config.learning_rate, warmup_steps=rising
    )


def _updates(config: Training, images: int) -> int:
    """Returns how many updates of the weights a training makes; the last batch of an epoch may be smaller."""
    return config.epochs * math.ceil(images / config.batch_size)
