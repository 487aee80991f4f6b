"""A network as a page takes it: what is described, what is refused and why, and that names cannot become markup."""

import base64
import json

import jinja2
import keras
import numpy as np
import pytest
from keras import layers

import cnn
from course.report import alive
from course.report.alive import NotAlive, description
from course.views import average_views


def sequential(*inside, shape=(8, 8, 1)):
    return keras.Sequential([keras.Input(shape), *inside])


def numbers(array):
    return np.frombuffer(base64.b64decode(array["data"]), "<f4").reshape(array["shape"])


def test_a_description_holds_layers_settings_and_weights():
    model = cnn.build_model(cnn.Config(), 10)
    described = json.loads(json.dumps(description(model)))
    assert described["input"] == [28, 28, 1]
    kinds = ["Conv2D", "MaxPooling2D", "Flatten", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer["kind"] for layer in described["layers"]] == kinds
    assert [layer["name"] for layer in described["layers"]] == [layer.name for layer in model.layers]
    convolution = described["layers"][0]
    assert convolution["settings"]["kernel_size"] == [3, 3]
    assert convolution["settings"]["activation"] == "relu"
    assert [array["name"] for array in convolution["weights"]] == ["kernel", "bias"]
    for array, weights in zip(convolution["weights"], model.layers[0].get_weights(), strict=True):
        assert np.array_equal(numbers(array), weights)
    assert [layer["kind"] for layer in described["layers"] if layer.get("passes")] == ["Dropout", "Dropout"]


def test_models_inside_models_are_flattened():
    inner = sequential(layers.Conv2D(2, 3, name="first"), layers.ReLU(name="second"))
    image = keras.Input((8, 8, 1))
    outer = keras.Model(image, layers.Dense(3, name="last")(layers.Flatten(name="third")(inner(image))))
    whole = keras.Sequential([keras.Input((8, 8, 1)), outer, layers.Softmax(name="end")])
    names = [layer["name"] for layer in description(whole)["layers"]]
    assert names == ["first", "second", "third", "last", "end"]


def test_several_views_are_one_last_layer(tmp_path):
    model = sequential(layers.Flatten(), layers.Dense(3, "softmax"))
    model.compile("sgd", "categorical_crossentropy")
    averaged = average_views(model, shift=1, mirror=True)
    averaged.save(tmp_path / "model.keras")
    *inside, views = description(keras.models.load_model(tmp_path / "model.keras", compile=False))["layers"]
    assert [layer["kind"] for layer in inside] == ["Flatten", "Dense"]
    assert views["kind"] == "Views"
    kinds = [[layer["kind"] for layer in view] for view in views["settings"]["views"]]
    moved = ["ZeroPadding2D", "Cropping2D"]
    assert kinds == [[], ["Flip"], *[moved] * 4, *[[*moved, "Flip"]] * 4]


def test_a_separable_convolution_is_described_as_two():
    described = description(sequential(layers.SeparableConv2D(4, 3, depth_multiplier=2, activation="relu")))["layers"]
    assert [layer["kind"] for layer in described] == ["DepthwiseConv2D", "Conv2D"]
    assert [[array["shape"] for array in layer["weights"]] for layer in described] == [
        [[3, 3, 1, 2]],
        [[1, 1, 2, 4], [4]],
    ]
    assert [layer["settings"]["activation"] for layer in described] == ["linear", "relu"]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")  # MixUp on JAX
@pytest.mark.parametrize("name", sorted(alive.PASSING))
def test_what_passes_changes_nothing_in_the_test(name):
    given = {
        "SpatialDropout1D": (0.5,), "SpatialDropout2D": (0.5,), "SpatialDropout3D": (0.5,),
        "RandomFlip": (), "RandomTranslation": (0.3, 0.3), "RandomPosterization": (3,),
        "RandomBrightness": (0.3,), "RandomHue": (0.3,), "RandomColorDegeneration": (0.3,), "RandomSaturation": (0.3,),
        "RandomContrast": (0.3,), "RandomSharpness": (0.3,), "RandomRotation": (0.3,), "RandomZoom": (0.3,),
        "Dropout": (0.5,), "AlphaDropout": (0.5,), "GaussianDropout": (0.5,), "GaussianNoise": (0.5,),
    }  # fmt: skip
    layer = getattr(layers, name)(*given.get(name, ()))
    shape = {"1D": (1, 8, 3), "3D": (1, 2, 8, 8, 3)}.get(name[-2:], (1, 8, 8, 3))
    image = np.random.default_rng(1).random(shape, dtype=np.float32)
    model = sequential(layer, shape=image.shape[1:])
    assert np.array_equal(model(image, training=False), image)
    assert description(model)["layers"][0]["passes"]


class Dense(layers.Dense):
    """A learner's own."""


class Whole(keras.Model):
    """A network that is a class."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, image):
        return self.dense(image)


def branches():
    image = keras.Input((8, 8, 1))
    left, right = layers.Conv2D(2, 3)(image), layers.Conv2D(2, 3)(image)
    return keras.Model(image, layers.Add()([left, right]))


def two_outputs():
    image = keras.Input((8,))
    return keras.Model(image, [layers.Dense(2)(image), layers.Dense(3)(image)])


def a_class():
    model = Whole()
    model(np.zeros((1, 4), np.float32))
    return model


def flipped():
    image = keras.Input((8, 8, 1))
    return keras.Model(image, keras.ops.flip(image))  # along all axes


def diverged():
    model = sequential(layers.Flatten(), layers.Dense(2, name="last"))
    model.layers[-1].bias.assign([np.nan, 0])
    return model


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (branches, "branches"),
        (two_outputs, "several inputs or outputs"),
        (a_class, "Whole is a class of your own"),
        (diverged, "weights of its layer last are infinite or not numbers: its training diverged"),
        (lambda: sequential(Dense(2, name="mine")), "layer mine is of a class of your own, Dense"),
        (lambda: sequential(layers.LSTM(2, name="it"), shape=(8, 8)), "does not know its layer it, of class LSTM"),
        (lambda: sequential(layers.Conv2D(2, 3, name="it"), shape=(None, None, 1)), "one image of one fixed size"),
        (lambda: sequential(layers.Dense(2, "glu", name="it")), "the activation of its layer it"),
        (lambda: sequential(layers.Dense(2, keras.layers.ReLU(), name="it")), "the activation of its layer it"),
        (lambda: sequential(layers.Flatten("channels_first", name="it")), "layer it has channels first"),
        (lambda: sequential(layers.UpSampling2D(interpolation="bilinear", name="it")), "a setting of its layer it"),
        (lambda: sequential(layers.LayerNormalization(axis=1, name="it")), "layer it works along axes"),
        (lambda: sequential(layers.LayerNormalization(axis=[1, 3], name="it")), "layer it works along axes"),
        (flipped, "works along axes that the page does not know"),
        (lambda: sequential(layers.Rescaling([1, 2], name="it"), shape=(4, 4, 2)), "it has a scale for each channel"),
        (lambda: sequential(layers.Rescaling(np.inf, name="it")), "layer it has a setting that is not a finite number"),
        (lambda: sequential(layers.Flatten(), layers.Dense(50_000)), "its 3,250,000 weights are more than"),
        (lambda: sequential(layers.Conv2D(99, 99, padding="same"), shape=(99, 99, 1)), "needs 9,510,"),
    ],
)  # fmt: skip
def test_what_a_page_cannot_compute_is_refused_in_a_sentence(build, said):
    with pytest.raises(NotAlive) as refused:
        description(build())
    assert said in str(refused.value)
    assert str(refused.value).startswith("This network cannot be computed in the page: ")
    assert str(refused.value).endswith(".")


def test_names_cannot_become_markup():
    name = "</script><img src=x onerror=alert(1)>"
    described = {"input": [2], "layers": [{"name": name, "kind": "Flatten", "settings": {}, "weights": []}]}
    text = jinja2.Environment(autoescape=True).from_string("{{ network|tojson }}").render(network=described)
    assert "<" not in text
    assert json.loads(text) == described
