"""The same scripts on another backend of Keras."""

import json

import pytest

ABOUT_THE_MODEL = """
import cnn, json, numpy
model = cnn.build_model(cnn.Config(), 10)
shapes = [list(weight.shape) for weight in model.get_weights()]
model.set_weights([numpy.full(shape, 0.01) for shape in shapes])
images = numpy.linspace(0, 1, 2 * 784, dtype="float32").reshape(2, 28, 28, 1) ** 2
print(json.dumps([cnn.keras.backend.backend(), shapes, model.predict(images, verbose=0).tolist()]))
"""


@pytest.mark.slow
def test_jax_builds_the_same_model(checkout):
    def about(backend: str) -> list:
        return json.loads(checkout.run("-c", ABOUT_THE_MODEL, KERAS_BACKEND=backend).stdout)

    (tensorflow, tensorflow_shapes, tensorflow_output), (jax, jax_shapes, jax_output) = (
        about("tensorflow"),
        about("jax"),
    )
    assert (tensorflow, jax) == ("tensorflow", "jax")
    assert tensorflow_shapes == jax_shapes
    assert jax_output[0] == pytest.approx(tensorflow_output[0], abs=1e-6)


@pytest.mark.slow
def test_jax_runs_the_scripts(checkout, script):
    if script == "best":
        pytest.skip("JAX takes minutes for its convolutions on a processor")
    answer = checkout.run(f"{script}.py", "--limit", "2000", "--epochs", "2", KERAS_BACKEND="jax")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    metrics = json.loads((checkout.latest(script) / "metrics.json").read_text())
    assert len((checkout.latest(script) / "history.csv").read_text().splitlines()) == 3
    if script != "fashion":
        assert metrics["test_accuracy"] > 0.7
