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


@pytest.mark.slow
def test_what_somebodys_settings_change_is_not_taken_or_it_is_said_and_kept(checkout, small_data):
    (checkout.home / "keras.json").write_text('{"floatx": "float16", "image_data_format": "channels_first"}')
    home = {"KERAS_HOME": str(checkout.home)}
    now = "import course, keras; print(keras.config.floatx(), keras.config.image_data_format())"
    assert checkout.run("-c", now, **home).stdout == "float32 channels_last\n"
    words = ("mlp.py", "--hidden_nodes", "8", "--epochs", "3", "--data", str(small_data))
    answer = checkout.run(*words, KERAS_MAX_EPOCHS="1", **home)
    assert answer.returncode == 0, answer.stderr
    said = answer.stdout.splitlines()[1:4]
    assert said[0].startswith("Your environment sets KERAS_MAX_EPOCHS=1, which may change numbers; environment.json")
    assert said[1:] == [
        "KERAS_HOME and its keras.json are not read; KERAS_BACKEND chooses the backend.",
        "Loading Keras ...",
    ]
    assert len((checkout.latest("mlp") / "history.csv").read_text().splitlines()) == 2
    assert json.loads((checkout.latest("mlp") / "environment.json").read_text())["settings"] == "KERAS_MAX_EPOCHS=1"
