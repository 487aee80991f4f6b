"""Level 3 of the challenge: a hidden layer, dropout.

Each hidden node looks for a pattern of its own, and relu lets it be silent where the pattern is missing. Dropout keeps
nodes from relying on each other. Two layers want smaller corrections, and more epochs of them.
"""

import math
from typing import Literal

from pydantic import Field

from course.challenge.attempt import Attempt
from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet


class Config(LessonConfig):
    """A classifier of clothes: a hidden layer combines what pixels say."""

    data: str = Field("fashion_mnist", description="mnist, fashion_mnist, or the path of an .npz file of your own")
    img_width: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    hidden_nodes: int = Field(512, ge=1, le=10_000, description="nodes in the hidden layer")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of values set to 0 at random in training")
    epochs: int = Field(10, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(64, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.002, gt=0, le=100, description="size of the first correction; falls to 0 by the end")
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="how gradients become corrections")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    return images.astype("float32") / 255


def build_model(config: Config) -> keras.Model:
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
    with Attempt("fashion", config) as run:
        (X_train, y_train), (X_test, y_test) = load(config.data, (config.img_height, config.img_width))
        X_train, X_test = prepare(X_train), prepare(X_test)
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

        # The test images are for this one line alone.
        test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
        run.show_predictions(X_test, y_test, model.predict(X_test, verbose=0))
        run.finish(test_loss, test_accuracy, model.count_params())


if __name__ == "__main__":
    main(config)
