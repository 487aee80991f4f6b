"""Right answers to the challenge as people write them, made from the reference answers."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from checkout import REPOSITORY


def solution(level: int) -> Path:
    """Returns the file of a reference answer."""
    return REPOSITORY / "solutions" / f"level_{level}.py"


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Returns a learner's file after some edits, each of which finds its place."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def short(solution: Path) -> str:
    """Returns a reference answer that trains in seconds."""
    text = solution.read_text(encoding="utf-8")
    return re.sub(r"    epochs: Count = \d+", "    limit: Images | None = 1_000\n    epochs: Count = 1", text)


def replaced(text: str, name: str, new: str) -> str:
    """Returns a learner's file with another function in place of the one with this name."""
    lines = text.splitlines(keepends=True)
    (found,) = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return "".join([*lines[: found.lineno - 1], new.strip("\n"), "\n", *lines[found.end_lineno :]])


class Style(NamedTuple):
    """A right answer, written in another way than the reference answer it is made from."""

    level: int
    build_model: str = ""  # in place of the one that is there
    edits: tuple[tuple[str, str], ...] = ()
    says: str = ""  # what the grader says of it that it does not say of the reference answer

    def text(self) -> str:
        """Returns the learner's file, which trains in seconds."""
        text = short(solution(self.level))
        if self.build_model:
            text = replaced(text, "build_model", self.build_model)
        return edited(text, *self.edits)


COMPILE = """        model.compile(
            loss="categorical_crossentropy",
            optimizer=decaying(config, len(X_train)),
            metrics=["accuracy"],
        )
"""
FIT = """        model.fit(
            X_train,
            y_train,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(X_valid, y_valid),
            callbacks=run.callbacks,
        )
"""
LOSS = 'loss="categorical_crossentropy"'
METRICS = 'metrics=["accuracy"]'
CALLBACKS = "callbacks=run.callbacks"
TEST = "        results = model.evaluate(X_test, y_test, verbose=0, return_dict=True)\n"
SOFTMAX = 'keras.layers.Dense(num_classes, activation="softmax")'
SCALED = '    return images[..., None].astype("float32") / 255'
ONE_HOT = """        y_train = keras.utils.to_categorical(y_train)
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
"""
LABELS = "        num_classes = 10\n"
SUMMARY = "        model.summary()\n"
GUARD = """if __name__ == "__main__":
    main(Config.from_command_line())
"""
OWN = "Your network has parts of your own"
LOOP = "model.fit was not called, so the grader saw neither"
ARRAY = "Training images (fit, line "

FUNCTIONAL = """
def build_model(config, num_classes):
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(32, 3, activation="relu")(inputs)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dropout(config.dropout)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(config.hidden_nodes, activation="relu")(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)
"""
SUBCLASS = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(32, 3, activation="relu")
        self.pool = keras.layers.MaxPooling2D()
        self.flatten = keras.layers.Flatten()
        self.dense1 = keras.layers.Dense(100, activation="relu")
        self.dense2 = keras.layers.Dense(10, activation="softmax")
        self.dropout = keras.layers.Dropout(0.4)

    def call(self, inputs, training=False):
        x = self.flatten(self.pool(self.conv(inputs)))
        return self.dense2(self.dropout(self.dense1(x), training=training))


def build_model(config, num_classes):
    return Net()
"""
ACTIVATIONS_IN_CALL = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(32, 3)
        self.fc1 = keras.layers.Dense(100)
        self.fc2 = keras.layers.Dense(10)

    def call(self, x):
        x = keras.ops.max_pool(keras.activations.relu(self.conv(x)), 2, 2)
        x = keras.activations.relu(self.fc1(keras.ops.reshape(x, (-1, 13 * 13 * 32))))
        return keras.ops.softmax(self.fc2(x))


def build_model(config, num_classes):
    return Net()
"""
NESTED = """
def block(convs):
    return keras.Sequential(
        [keras.layers.Conv2D(convs, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    )


def build_model(config, num_classes):
    inputs = keras.Input((28, 28, 1))
    features = keras.Model(inputs, block(64)(block(32)(inputs)))
    head = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes, "softmax")])
    return keras.Sequential([keras.Input((28, 28, 1)), features, head])
"""
OWN_BLOCK = """
class ConvBlock(keras.layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv = keras.layers.Conv2D(filters, 3, activation="relu")
        self.pool = keras.layers.MaxPooling2D()

    def call(self, x):
        return self.pool(self.conv(x))


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            ConvBlock(32),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
OWN_KERNEL = """
class Kernels(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(3, 3, shape[-1], 16), initializer="he_normal", name="w")

    def call(self, x):
        return keras.ops.relu(keras.ops.conv(x, self.w, strides=2, padding="same"))


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            Kernels(),
            Kernels(),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
OWN_DENSE = """
class Linear(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="glorot_uniform")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        return keras.ops.matmul(x, self.w) + self.b


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Reshape((784,)),
            Linear(128),
            keras.layers.Activation("relu"),
            Linear(num_classes),
            keras.layers.Softmax(),
        ]
    )
"""
SEPARABLE = """
def build_model(config, num_classes):
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (32, 64):
        model.add(keras.layers.SeparableConv2D(filters, 3, padding="same"))
        model.add(keras.layers.LayerNormalization())
        model.add(keras.layers.PReLU(shared_axes=[1, 2]))
        model.add(keras.layers.AveragePooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes))
    model.add(keras.layers.Activation("softmax"))
    return model
"""
RESIDUAL = """
def build_model(config, num_classes):
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same")(inputs)
    y = keras.layers.Conv2D(16, 3, padding="same", activation=keras.activations.gelu)(x)
    x = keras.layers.Add()([x, keras.layers.Conv2D(16, 1)(y)])
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation=keras.ops.softmax)(x))
"""
DIVIDED = """
def build_model(config, num_classes):
    inputs = keras.Input((28, 28, 1))
    x = inputs / 255.0
    x = keras.layers.Conv2D(32, 3, activation="relu")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    x = keras.layers.Dense(100, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))
"""
MIXED = """
def build_model(config, num_classes):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(32, 3, activation="relu")(inputs)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    x = keras.layers.Dense(100, activation="relu")(x)
    x = keras.layers.Dense(num_classes, activation="softmax")(x)
    outputs = keras.layers.Activation("linear", dtype="float32")(x)
    keras.mixed_precision.set_global_policy("float32")
    return keras.Model(inputs, outputs)
"""
CHANNELS_FIRST = """
def build_model(config, num_classes):
    first = {"data_format": "channels_first"}
    return keras.Sequential(
        [
            keras.Input((1, 28, 28)),
            keras.layers.Conv2D(16, 3, activation="relu", **first),
            keras.layers.MaxPooling2D(**first),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
OWN_STEP = """
class Net(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def build_model(config, num_classes):
    model = Net([keras.Input((28, 28, 1))])
    model.add(keras.layers.Conv2D(32, 3, activation="relu"))
    model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(100, activation="relu"))
    model.add(keras.layers.Dense(num_classes, activation="softmax"))
    return model
"""
OWN_ACTIVATION = """
def my_tanh(x):
    return 1.7159 * keras.ops.tanh(2 * x / 3)


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation=my_tanh),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation=my_tanh),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
ADAPTED = """
def build_model(config, num_classes):
    scaling = keras.layers.Normalization(mean=73.0, variance=8100.0)
    return keras.Sequential([keras.Input((28, 28)), scaling, keras.layers.Flatten(), DENSE])
""".replace("DENSE", SOFTMAX)
BATCH_NORMALISED = """
def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
PADDED = """
def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.Conv2D(6, 5, activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5, activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="tanh"),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )
"""
RECURRENT = """
def build_model(config, num_classes):
    return keras.Sequential([keras.Input((28, 28)), keras.layers.GRU(32), keras.layers.Dense(num_classes, "softmax")])
"""
UNSCALED = '    return images[..., None].astype("float32")'
WHOLE = "    return images.astype('float32')"
FLAT = '    return images.astype("float32") / 255'

STYLES = {
    "functional": Style(4, FUNCTIONAL),
    "subclassed, dropout assigned last": Style(4, SUBCLASS, says=OWN),
    "subclassed, activations in call": Style(4, ACTIVATIONS_IN_CALL, says=OWN),
    "models within models": Style(5, NESTED),
    "a block of one's own without get_config": Style(4, OWN_BLOCK, says=OWN),
    "a kernel of one's own": Style(5, OWN_KERNEL, says=OWN),
    "a dense layer of one's own": Style(3, OWN_DENSE, says=OWN),
    "separable convolutions, other activations": Style(5, SEPARABLE),
    "a residual connection": Style(5, RESIDUAL),
    "divided in the functional model": Style(4, DIVIDED, ((SCALED, UNSCALED),)),
    "mixed precision, a linear cast at the end": Style(4, MIXED),
    "channels first": Style(
        4, CHANNELS_FIRST, ((SCALED, '    return images[:, None].astype("float32") / 255'),)
    ),
    "a train_step of one's own": Style(4, OWN_STEP, says=OWN),
    "an activation of one's own": Style(4, OWN_ACTIVATION, says=OWN),
    "a lambda as activation": Style(
        4, edits=((SOFTMAX, "keras.layers.Dense(num_classes, activation=lambda x: keras.ops.softmax(x))"),), says=OWN
    ),
    "normalised by a layer": Style(2, ADAPTED, ((FLAT, WHOLE),)),
    "normalised by batch": Style(3, BATCH_NORMALISED, ((FLAT, WHOLE),)),
    "padded to 32 pixels": Style(
        5,
        PADDED,
        ((SCALED, '    return __import__("numpy").pad(images / 255.0, ((0, 0), (2, 2), (2, 2)))[..., None]'),),
        says="The training images were changed so much",
    ),
    "rows read one after another": Style(3, RECURRENT),
    "logits": Style(
        2,
        edits=((SOFTMAX, "keras.layers.Dense(num_classes)"),
               (LOSS, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)")),
    ),
    "logits, a loss function of one's own": Style(
        4,
        edits=(
            (SOFTMAX, "keras.layers.Dense(num_classes)"),
            (ONE_HOT, LABELS),
            (LOSS, "loss=lambda y, z: keras.losses.sparse_categorical_crossentropy(y, z, from_logits=True)"),
        ),
    ),
    "softmax added after training": Style(
        4,
        edits=(
            (SOFTMAX, "keras.layers.Dense(num_classes)"),
            (LOSS, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
            (TEST, "        model = keras.Sequential([model, keras.layers.Softmax()])\n"
                   '        model.compile(loss="categorical_crossentropy", metrics=["accuracy"])\n' + TEST),
        ),
    ),
    "focal loss": Style(2, edits=((LOSS, "loss=keras.losses.CategoricalFocalCrossentropy()"),)),
    "a loss class of one's own": Style(
        4,
        edits=(
            ("def main(", "class MyLoss(keras.losses.Loss):\n    def call(self, y, p):\n"
                          "        return -keras.ops.sum(y * keras.ops.log(p + 1e-7), axis=-1)\n\n\ndef main("),
            (LOSS, "loss=MyLoss()"),
        ),
    ),
    "smoothed labels": Style(
        4, edits=((SUMMARY, SUMMARY + "        y_train = y_train.astype('float32') * 0.9 + 0.01\n"),)
    ),
    "mixed up images": Style(
        4,
        edits=((SUMMARY, SUMMARY + "        X_train = 0.9 * X_train + 0.1 * X_train[::-1]\n"
                                   "        y_train = 0.9 * y_train + 0.1 * y_train[::-1]\n"),),
        says="The training images were changed so much",
    ),
    "plain labels": Style(2, edits=((ONE_HOT, LABELS), (LOSS, 'loss="sparse_categorical_crossentropy"'))),
    "another metric": Style(4, edits=((METRICS, "metrics=[keras.metrics.CategoricalAccuracy()]"),)),
    "several metrics": Style(
        4, edits=((METRICS, 'metrics=["acc", keras.metrics.AUC(), "top_k_categorical_accuracy"]'),)
    ),
    "no metrics": Style(4, edits=((METRICS, "metrics=[]"),)),
    "no return_dict": Style(2, edits=((", return_dict=True", ""),)),
    "no evaluate": Style(2, edits=((TEST, ""), (", results)", ")"))),
    "early stopping that restores": Style(
        4,
        edits=(
            ("epochs: Count = 1", "epochs: Count = 4"),
            (CALLBACKS, "callbacks=[*run.callbacks, keras.callbacks.EarlyStopping(monitor='val_accuracy', patience=1,"
                        " start_from_epoch=0, restore_best_weights=True)]"),
            ("optimizer=decaying(config, len(X_train))", "optimizer=keras.optimizers.RMSprop(0.02)"),
        ),
    ),
    "averaged weights": Style(
        4, edits=(("optimizer=decaying(config, len(X_train))", "optimizer=keras.optimizers.Adam(use_ema=True)"),)
    ),
    "fit once more without the callbacks": Style(
        4, edits=((TEST, "        model.fit(X_train, y_train, epochs=1, verbose=0)\n" + TEST),)
    ),
    "fit in a loop": Style(
        4, edits=((FIT, "        for epoch in range(3):\n    " + FIT.replace("\n", "\n    ").rstrip(" ")),)
    ),
    "folds": Style(
        4,
        edits=(
            (
                "        model = build_model(config, num_classes)\n" + COMPILE + SUMMARY + "\n" + FIT,
                "        for fold in range(3):\n"
                "            rows = __import__('numpy').arange(len(X_train)) % 3 == fold\n"
                "            model = build_model(config, num_classes)\n"
                "            model.compile(loss='categorical_crossentropy', optimizer='adam',\n"
                "                          metrics=['accuracy', keras.metrics.AUC()])\n"
                "            model.fit(X_train[~rows], y_train[~rows], epochs=1,\n"
                "                      validation_data=(X_train[rows], y_train[rows]), callbacks=run.callbacks)\n",
            ),
        ),
    ),
    "an ensemble": Style(
        4,
        edits=(
            (
                "        model = build_model(config, num_classes)\n" + COMPILE + SUMMARY + "\n" + FIT,
                "        members = []\n"
                "        for _ in range(2):\n"
                "            model = build_model(config, num_classes)\n"
                "            model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])\n"
                "            model.fit(X_train, y_train, validation_data=(X_valid, y_valid), callbacks=run.callbacks)\n"
                "            members.append(model)\n"
                "        inputs = keras.Input((28, 28, 1))\n"
                "        model = keras.Model(inputs, keras.layers.Average()([member(inputs) for member in members]))\n"
                "        model.compile(loss='categorical_crossentropy', metrics=['accuracy'])\n",
            ),
        ),
    ),
    "a loop with a gradient tape": Style(
        4,
        edits=(
            (
                FIT,
                "        import tensorflow as tf\n\n"
                "        optimizer = keras.optimizers.Adam()\n"
                "        for start in range(0, len(X_train), 50):\n"
                "            images, labels = X_train[start : start + 50], y_train[start : start + 50]\n"
                "            with tf.GradientTape() as tape:\n"
                "                answers = model(images, training=True)\n"
                "                loss = keras.ops.mean(keras.losses.categorical_crossentropy(labels, answers))\n"
                "            gradients = tape.gradient(loss, model.trainable_variables)\n"
                "            optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            ),
        ),
        says=LOOP,
    ),
    "train_on_batch": Style(
        4,
        edits=(
            (
                FIT,
                "        for start in range(0, len(X_train), 50):\n"
                "            model.train_on_batch(X_train[start : start + 50], y_train[start : start + 50])\n",
            ),
        ),
        says=LOOP,
    ),
    "a dataset": Style(
        4,
        edits=(
            (
                "            X_train,\n            y_train,\n            batch_size=config.batch_size,\n",
                "            __import__('tensorflow').data.Dataset.from_tensor_slices((X_train, y_train)).batch(50),\n"
                "            shuffle=False,\n",
            ),
        ),
        says=ARRAY,
    ),
    "a generator": Style(
        4,
        edits=(
            (
                "            X_train,\n            y_train,\n            batch_size=config.batch_size,\n",
                "            ((X_train[i : i + 50], y_train[i : i + 50]) for _ in 'ab' for i in range(0, 1000, 50)),\n"
                "            shuffle=False,\n            steps_per_epoch=20,\n",
            ),
        ),
        says=ARRAY,
    ),
    "batches of one's own": Style(
        4,
        edits=(
            (
                "def main(",
                "class Batches(keras.utils.PyDataset):\n"
                "    def __init__(self, x, y, **options):\n"
                "        super().__init__(**options)\n"
                "        self.x, self.y = x, y\n\n"
                "    def __len__(self):\n"
                "        return len(self.x) // 50\n\n"
                "    def __getitem__(self, i):\n"
                "        return self.x[50 * i : 50 * i + 50], self.y[50 * i : 50 * i + 50]\n\n\n"
                "def main(",
            ),
            (
                "            X_train,\n            y_train,\n            batch_size=config.batch_size,\n",
                "            Batches(X_train, y_train),\n",
            ),
        ),
        says=ARRAY,
    ),
    "validation_split": Style(3, edits=(("validation_data=(X_valid, y_valid)", "validation_split=0.2"),)),
    "no guard": Style(4, edits=((GUARD, "main(Config.from_command_line())\n"),)),
    "a guard around the config alone": Style(
        4,
        edits=((GUARD, 'main(Config.from_command_line() if __name__ == "__main__" else Config())\n'),),
    ),
    "the mean of the training images": Style(
        4,
        edits=(
            ("def prepare(", "MEAN, STD = 0.0, 1.0\n\n\ndef prepare("),
            (SCALED, '    return ((images - MEAN) / STD)[..., None].astype("float32")'),
            ("        X_train, X_test = prepare", "        global MEAN, STD\n"
             "        MEAN, STD = X_train.mean(), X_train.std()\n        X_train, X_test = prepare"),
        ),
    ),
    "each pixel normalised": Style(
        3,
        edits=(
            ("        X_train, X_test = prepare(X_train), prepare(X_test)\n",
             "        X_train, X_test = prepare(X_train), prepare(X_test)\n"
             "        mean, std = X_train.mean(axis=0), X_train.std(axis=0) + 1e-4\n"
             "        X_train, X_test = (X_train - mean) / std, (X_test - mean) / std\n"),
        ),
        says="The training images were changed so much",
    ),
    "no functions at all": Style(
        2,
        edits=(
            ("        X_train, X_test = prepare(X_train), prepare(X_test)\n",
             "        X_train, X_test = X_train.reshape(-1, 784) / 255.0, X_test.reshape(-1, 784) / 255.0\n"),
            ("        model = build_model(config, num_classes)\n",
             "        model = keras.Sequential([keras.layers.Dense(10, activation='softmax')])\n"),
            (SUMMARY, ""),
        ),
    ),
    "a schedule without get_config": Style(
        4,
        edits=(
            (
                "def main(",
                "class WarmUp(keras.optimizers.schedules.LearningRateSchedule):\n"
                "    def __init__(self, highest, warm):\n"
                "        self.highest, self.warm = highest, warm\n\n"
                "    def __call__(self, step):\n"
                "        step = keras.ops.cast(step, 'float32') + 1\n"
                "        return self.highest * keras.ops.minimum(1.0, step / self.warm)\n"
                "\n\ndef main(",
            ),
            ("optimizer=decaying(config, len(X_train))", "optimizer=keras.optimizers.Adam(WarmUp(0.002, 5))"),
        ),
    ),
}  # fmt: skip
