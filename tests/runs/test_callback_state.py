"""What callbacks remember, as plain values and arrays."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.runs import callback_state

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


@settings(max_examples=30)
@given(plain)
def test_plain_values_come_back_from_json(value):
    packed = json.loads(json.dumps(callback_state.pack(value, [])))
    assert callback_state.unpack(packed, []) == value


def test_arrays_and_numpy_scalars_come_back_with_their_kinds():
    arrays = []
    packed = callback_state.pack({"best": [np.eye(2, dtype="float32"), np.float64(0.1)]}, arrays)
    matrix, number = callback_state.unpack(json.loads(json.dumps(packed)), arrays)["best"]
    np.testing.assert_array_equal(matrix, np.eye(2))
    assert (matrix.dtype, type(number), number) == (np.float32, np.float64, 0.1)


@pytest.mark.parametrize("value", [object(), lambda: 1, [object()], np.array([object()]), iter([])])
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(TypeError, match="is not plain"):
        callback_state.pack(value, [])


def test_only_what_has_changed_is_remembered_and_only_what_may_have_is_lost():
    callback = keras.callbacks.EarlyStopping("loss", patience=3)
    callback.images, callback.seen, callback.file = np.zeros((100, 100)), [], Path("here")
    begun = callback_state.fingerprints(callback)
    callback.wait, callback.generator = 2, np.random.default_rng()
    callback.seen.append(np.ones(2))
    arrays = []
    state = callback_state.state_of(callback, begun, arrays)
    assert state.remembered.keys() == {"wait", "seen"}
    assert state.lost == ["generator"]
    assert len(arrays) == 1
    again = keras.callbacks.EarlyStopping("loss", patience=4)
    callback_state.give_memory_back([again], [state], arrays)
    assert (again.wait, again.patience) == (2, 4)
    np.testing.assert_array_equal(again.seen, [[1, 1]])
