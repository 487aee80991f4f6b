"""Which values are drawn, and on which cores trials are to train."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.sweep.file import Parameter
from course.sweep.search import _as_suggestion, _cores_per_trial, _from_suggestion, distribution, draw, mode_of_trials
from course.system.errors import CourseError
from course.training import tracking


@pytest.mark.parametrize(
    ("asked", "chosen", "mode"),
    [(None, "online", "offline"), (None, "disabled", "disabled"), ("online", "disabled", "online")],
)
def test_trials_are_tracked_offline_unless_one_asks_for_another_mode(asked, chosen, mode, monkeypatch):
    monkeypatch.setattr(tracking, "asked_mode", lambda: asked)
    monkeypatch.setattr(tracking, "chosen_mode", lambda: chosen)
    assert mode_of_trials() == mode


def test_values_are_drawn_as_weights_and_biases_defines_their_distributions():
    def drawn(**parameter) -> np.ndarray:
        parameters = {"x": Parameter(**parameter)}
        randomness = np.random.default_rng(1)
        return np.array([draw(parameters, randomness)["x"] for _ in range(2000)])

    assert set(drawn(min=1, max=3)) == {1, 2, 3}
    assert drawn(min=0.0, max=2.0).mean() == pytest.approx(1, abs=0.05)
    assert set(drawn(distribution="q_uniform", min=0.0, max=0.6, q=0.2)) == {0, 0.2, 0.4, 0.6}
    values = drawn(distribution="log_uniform_values", min=0.01, max=100.0)
    assert np.mean(values < 1) == pytest.approx(0.5, abs=0.05)
    assert 0.01 <= values.min() < 0.02
    assert 50 < values.max() <= 100
    exponents = drawn(distribution="log_uniform", min=0.0, max=2.0)
    assert np.log(exponents).mean() == pytest.approx(1, abs=0.05)
    assert drawn(distribution="normal", mu=5.0, sigma=2.0).std() == pytest.approx(2, abs=0.1)
    assert set(drawn(distribution="q_normal", mu=5.0, sigma=0.3, q=1)) <= {4, 5, 6}
    assert np.mean(drawn(values=[1, 2], probabilities=[0.9, 0.1]) == 1) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter(values=[True, 1, "a", [64, 64], None]),
        Parameter(min=1, max=9),
        Parameter(distribution="q_uniform", min=0.1, max=0.7, q=0.1),
        Parameter(distribution="log_uniform_values", min=0.001, max=10.0),
    ],
)
def test_what_was_drawn_is_known_again_to_optuna_after_an_interruption(parameter):
    randomness = np.random.default_rng(1)
    allowed = distribution(parameter)
    for _ in range(20):
        value = draw({"x": parameter}, randomness)["x"]
        suggestion = _as_suggestion(parameter, value)
        assert allowed._contains(allowed.to_internal_repr(suggestion))
        assert json.dumps(_from_suggestion(parameter, suggestion)) == json.dumps(value)


@given(st.lists(st.integers(0, 64), min_size=1, max_size=5), st.integers(1, 100))
def test_trials_share_the_cores_of_each_node(cores, trials):
    if sum(cores) < trials:
        with pytest.raises(CourseError, match=f"parallel is {trials}, but there are {sum(cores)} cores, one per trial"):
            _cores_per_trial(cores, trials)
    else:
        each = _cores_per_trial(cores, trials)
        assert sum(node // each for node in cores) >= trials
        assert each == max(cores) or sum(node // (each + 1) for node in cores) < trials
