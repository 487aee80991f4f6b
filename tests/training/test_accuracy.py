"""Which metric is the accuracy."""

import keras
import numpy as np
import pytest

from course.training.accuracy import with_accuracy


@pytest.mark.parametrize(
    ("metrics", "found"),
    [
        (["accuracy"], "accuracy"),
        (["acc"], "acc"),
        ([keras.metrics.CategoricalAccuracy()], "categorical_accuracy"),
        ([keras.metrics.categorical_accuracy], "categorical_accuracy"),
        ([keras.metrics.AUC(name="area"), keras.metrics.CategoricalAccuracy(name="right")], "right"),
        (["top_k_categorical_accuracy"], None),
        ([], None),
    ],
)
def test_an_accuracy_of_any_name_is_found(metrics, found):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
    model.compile(loss="categorical_crossentropy", metrics=metrics, run_eagerly=True)
    results = model.evaluate(np.ones((8, 3)), np.eye(4)[[0, 1] * 4], verbose=0, return_dict=True)
    named = with_accuracy(results | {f"val_{name}": value for name, value in results.items()}, model)
    assert named.get("accuracy") == (None if found is None else results[found])
    assert named.get("val_accuracy") == named.get("accuracy")
    assert results.items() <= named.items()


def test_several_outputs_have_no_accuracy_in_common():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in "ab"])
    assert with_accuracy({"a_acc": 1.0, "binary_accuracy": 0.5}, model) == {"a_acc": 1.0, "binary_accuracy": 0.5}
