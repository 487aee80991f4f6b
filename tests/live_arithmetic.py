"""Checks by hand what a page says of the arithmetic of one value."""

import keras
import numpy as np
import pytest

BY_LAYER = {"Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU"}  # activations that are layers, with settings of their own


def check(opened: dict, value: float, before: np.ndarray) -> None:
    """Asserts that the numbers of an opened value lead to it, and are those of the layer before it, `before`."""
    near = pytest.approx(value, rel=1e-5, abs=1e-5)
    assert opened["value"] == near
    CHECKS[opened["kind"]](opened, near, before.ravel())


def _convolution(opened: dict, near: object, values: np.ndarray) -> None:
    for places, patch in zip(opened["places"], opened["patch"], strict=True):
        assert patch == [values[place] if place >= 0 else 0 for place in places]
    products = np.multiply(opened["patch"], opened["kernel"])
    np.testing.assert_allclose(products, opened["products"], rtol=1e-6)
    np.testing.assert_allclose(products.sum(axis=1), opened["sums"], rtol=1e-6, atol=1e-6)
    _activated(opened, products.sum() + opened["bias"], near)


def _dense(opened: dict, near: object, values: np.ndarray) -> None:
    for each in opened["contributions"]:
        assert each["value"] == values[each["input"]]
        assert each["product"] == pytest.approx(each["value"] * each["weight"])
    shown = sum(each["product"] for each in opened["contributions"])
    _activated(opened, shown + opened["rest"]["sum"] + opened["bias"], near)


def _pooling(opened: dict, near: object, values: np.ndarray) -> None:
    assert opened["window"] == [values[place] for place in opened["inputs"]]
    if "winner" in opened:
        assert opened["window"][opened["winner"]] == max(opened["window"]) == near
    else:
        assert opened["mean"] == near
        assert np.mean(opened["window"]) == near


def _softmax(opened: dict, near: object, values: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(opened["exponents"]) + opened["subtracted"], values[opened["inputs"]])
    _powers(opened, near)


def _normalisation(opened: dict, near: object, values: np.ndarray) -> None:
    if len(opened["inputs"]) > 1:
        assert opened["mean"] == pytest.approx(values[opened["inputs"]].mean(), rel=1e-4, abs=1e-4)
        assert opened["variance"] == pytest.approx(values[opened["inputs"]].var(), rel=1e-4, abs=1e-4)
    scaled = (opened["from"] - opened["mean"]) / opened["deviation"] * opened["gamma"] + opened["beta"]
    assert opened["result"] == near
    assert (opened["mean"] + opened["from"] * opened["deviation"] if opened["invert"] else scaled) == near


def _rescaling(opened: dict, near: object, values: np.ndarray) -> None:
    assert opened["before"] == values[opened["inputs"][0]]
    assert opened["before"] * opened["scale"] + opened["offset"] == near


def _activation(opened: dict, near: object, values: np.ndarray) -> None:
    assert opened["after"] == near
    assert opened["before"] in values[opened["inputs"]]
    if opened["activation"] not in BY_LAYER | {"log_softmax"}:
        assert float(keras.activations.get(opened["activation"])(np.float32(opened["before"]))) == near


def _moved(opened: dict, near: object, values: np.ndarray) -> None:
    assert (values[opened["from"]] if opened["from"] >= 0 else 0) == near


def _views(opened: dict, near: object, values: np.ndarray) -> None:
    assert np.mean(opened["answers"]) == near


def _input(opened: dict, near: object, values: np.ndarray) -> None:
    assert opened["inputs"] == []


CHECKS = {
    "activation": _activation,
    "convolution": _convolution,
    "dense": _dense,
    "input": _input,
    "moved": _moved,
    "normalisation": _normalisation,
    "pooling": _pooling,
    "rescaling": _rescaling,
    "softmax": _softmax,
    "views": _views,
}


def _activated(opened: dict, before: float, near: object) -> None:
    assert opened["before"] == pytest.approx(before, rel=1e-5, abs=1e-5)
    assert opened["after"] == near
    if "softmax" in opened:
        _powers(opened["softmax"], near)
    elif opened["activation"] != "log_softmax":
        assert float(keras.activations.get(opened["activation"])(np.float32(opened["before"]))) == near


def _powers(softmax: dict, near: object) -> None:
    np.testing.assert_allclose(np.exp(softmax["exponents"]), softmax["powers"], rtol=1e-6)
    assert sum(softmax["powers"]) == pytest.approx(softmax["sum"])
    assert softmax["powers"][softmax["unit"]] / softmax["sum"] == near
