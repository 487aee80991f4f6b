"""What the environment sets that may change a run's numbers."""

import os

import pytest

from course.system.settings import DEFAULTS, settings


@pytest.fixture
def environment(monkeypatch):
    """An environment with nothing in it but what the course itself sets."""
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in (DEFAULTS | values).items()]


def test_only_what_somebody_else_has_set_and_changes_numbers_is_named(environment):
    environment(PATH="/bin", KERAS_BACKEND="jax", KERAS_HOME="/a", TF_CPP_MIN_LOG_LEVEL="0", XLA_FLAGS="")
    environment(
        TF_VAR_password="secret", TF_CLI_CONFIG_FILE="/a", TF_FORCE_GPU_ALLOW_GROWTH="true", JAX_PLATFORMS="cpu"
    )
    assert settings() == ""
    environment(TF_ENABLE_ONEDNN_OPTS="0", KERAS_MAX_EPOCHS="2", OMP_NUM_THREADS="1", JAX_ENABLE_X64="1")
    assert settings() == "JAX_ENABLE_X64=1, KERAS_MAX_EPOCHS=2, OMP_NUM_THREADS=1, TF_ENABLE_ONEDNN_OPTS=0"
