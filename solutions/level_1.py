"""Challenge: a poor classifier of clothes, yours to improve.

python fashion.py           runs as it stands, and gets most of the test images wrong
python fashion.py --help    everything you can change on the command line

It knows nothing of what the lessons mlp.py and cnn.py teach. An arrow, -->, marks where your work may begin; change
whatever you like, and run it again.
"""

import math
from typing import Literal

from pydantic import Field

from course.challenge.attempt import Attempt
from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet


class Config(LessonConfig):
    """A poor classifier of clothes, yours to improve."""

    # --> values that your network needs, such as a hidden layer's size or dropout
    data: str = Field("fashion_mnist", description="mnist, fashion_mnist, or the path of an .npz file of your own")
    img_width: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    epochs: int = Field(5, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(64, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.01, gt=0, le=100, description="size of the first correction; falls to 0 by the end")
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="how gradients become corrections")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    # --> which range of numbers, and which shape, does a network like?
    return images.astype("float32")


def build_model(config: Config) -> keras.Model:
    # --> more layers; what should come out at the end if the ten outputs are to be probabilities?
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width)),
            layers.Flatten(),
            layers.Dense(10),
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
        # --> which loss fits the question "which of ten?"
        model.compile(
            loss="mean_squared_error",
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
