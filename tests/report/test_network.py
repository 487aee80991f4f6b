"""What a saved network consists of, and what each of its layers makes of an image."""

import keras
import numpy as np
import pytest

import cnn
import mlp
from course.muon import Muon
from course.report.network import SavedNetwork
from course.views import average_views


def test_a_network_is_told_layer_by_layer_and_followed_to_its_answer(tmp_path):
    keras.utils.set_random_seed(1)
    model = cnn.build_model(cnn.Config(more_conv_layers=(8,)), 3)
    model.save(tmp_path / "model.keras")
    network = SavedNetwork(tmp_path / "model.keras")
    layers = network.layers()
    assert [(layer.kind, layer.parameters) for layer in layers if layer.parameters] == [
        (type(layer).__name__, layer.count_params()) for layer in model.layers if layer.count_params()
    ]
    assert [layer.kind for layer in layers if layer.parameters] == ["Conv2D", "Conv2D", "Dense", "Dense"]
    assert sum(layer.fraction for layer in layers) == pytest.approx(1)
    assert layers[0].output == (26, 26, 32)
    image = np.random.default_rng(1).random((1, 28, 28, 1), dtype=np.float32)
    outputs = network.outputs(image)
    assert next(name for name, _ in outputs).endswith(": 26 x 26 x 32")
    assert len(outputs) == len(layers) - 2  # dropout changes nothing
    np.testing.assert_allclose(outputs[-1][1], model.predict(image, verbose=0)[0], atol=1e-6)
    weights = network.first_weights(28, 28)
    assert weights.kind == "kernels"
    assert weights.layer.startswith("conv2d")
    assert np.array_equal(weights.images, np.array(model.layers[0].kernel)[:, :, 0])


def test_the_network_inside_several_views_is_followed_as_it_is_in_the_test(tmp_path):
    keras.utils.set_random_seed(1)
    random = [keras.layers.RandomTranslation(0.3, 0.3), keras.layers.Rescaling(1 / 255)]
    last = [keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *random, keras.layers.Conv2D(4, 3), *last])
    model.compile(Muon(0.01), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)  # as it is after training
    average_views(model, 1).save(tmp_path / "model.keras")
    image = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 1), dtype=np.uint8)
    *_, (_, answer) = SavedNetwork(tmp_path / "model.keras").outputs(image)
    np.testing.assert_allclose(answer, model.predict(image, verbose=0)[0], atol=1e-6)


def test_units_that_see_the_whole_image_are_shown_as_images(tmp_path):
    model = mlp.build_model(mlp.Config(hidden_nodes=5), 10)
    model.save(tmp_path / "model.keras")
    weights = SavedNetwork(tmp_path / "model.keras").first_weights(28, 28)
    assert weights.kind == "units"
    assert weights.layer.startswith("dense")
    assert np.array_equal(weights.images[:, :, 3].ravel(), np.array(model.layers[1].kernel)[:, 3])


def test_weights_that_are_not_images_are_not_shown(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "model.keras")
    assert SavedNetwork(tmp_path / "model.keras").first_weights(28, 28) is None


def test_the_layers_of_a_network_inside_are_told_with_the_others(tmp_path):
    augmentation = keras.Sequential([keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)])
    last = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 1)), augmentation, keras.layers.Conv2D(4, (3, 3)), *last])
    model.save(tmp_path / "model.keras")
    network = SavedNetwork(tmp_path / "model.keras")
    kinds = [layer.kind for layer in network.layers()]
    assert kinds == ["RandomFlip", "RandomRotation", "Conv2D", "Flatten", "Dense"]
    assert network.first_weights(8, 8).kind == "kernels"
    outputs = network.outputs(np.ones((1, 8, 8, 1), np.float32))
    assert [name.split(":")[0] for name, _ in outputs] == ["convolution", "flattened", "dense"]
    assert outputs[-1][1].shape == (10,)
