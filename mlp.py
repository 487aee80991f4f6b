"""Lesson: a multilayer perceptron reads handwritten digits.

python mlp.py                      98% of the test images
python mlp.py --hidden_nodes 10    a small hidden layer learns less
python mlp.py --help               everything you can change, in class Config below or like this
"""

import math
from typing import Literal

from pydantic import Field

from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet
from course.training.run import Run


class Config(LessonConfig):
    """A multilayer perceptron reads handwritten digits."""

    img_width: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    hidden_nodes: int = Field(200, ge=1, le=10_000, description="nodes in the hidden layer")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of hidden nodes set to 0 at random in training")
    epochs: int = Field(5, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(64, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.002, gt=0, le=100, description="size of the first correction; falls to 0 by the end")
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="how gradients become corrections")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers


def build_model(config: Config) -> keras.Model:
    """Each hidden node weighs all pixels of the image; the last layer weighs the hidden nodes for each digit."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width)),
            layers.Flatten(),
            layers.Dense(config.hidden_nodes, activation="relu"),
            layers.Dropout(config.dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(config: Config) -> None:
    with Run("mlp", config) as run:
        # Load: pixels from 0...255 become 0...1, and a label such as 3 becomes one-hot: 0 0 0 1 0 0 0 0 0 0.
        (X_train, y_train), (X_test, y_test) = load(config.data, (config.img_height, config.img_width))
        X_train, X_test = X_train.astype("float32") / 255, X_test.astype("float32") / 255
        y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config)
        steps = config.epochs * math.ceil(len(X_train) / config.batch_size)
        falling = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, steps, end_learning_rate=0.0)
        optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
        model.compile(
            loss="categorical_crossentropy",
            optimizer=optimizers[config.optimizer](falling),
            metrics=["accuracy"],
            steps_per_execution=run.steps_per_execution,
        )
        model.summary()

        model.fit(
            X_train,
            y_train,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(X_valid, y_valid),
            callbacks=[run.after_each_epoch()],
            verbose=run.verbose,
        )

        # Test: once, at the end, with images that the network has never seen.
        test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
        run.show_predictions(X_test, y_test, model.predict(X_test, verbose=0))
        run.finish(test_loss, test_accuracy, model.count_params())


if __name__ == "__main__":
    main(config)
