"""Level 6 of the challenge: beyond the lessons: augmentation, normalisation.

Each image is shifted by up to a pixel and every other one mirrored, differently in each epoch: what never repeats is
hard to learn by heart, so half the dropout does. Normalisation brings what a convolution found to mean 0 and deviation
1, so that training settles sooner; it comes after pooling, where there is less to do. In the test, the network looks at
each image and into the mirror.
"""

import math
from typing import Literal

from pydantic import Field

from course.challenge.attempt import Attempt
from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet


class Config(LessonConfig):
    """A classifier of clothes: no image is seen twice in the same way."""

    data: str = Field("fashion_mnist", description="mnist, fashion_mnist, or the path of an .npz file of your own")
    img_width: int = Field(28, ge=8, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=8, le=256, description="in pixels; images of another size are scaled to it")
    first_layer_convs: int = Field(32, ge=1, le=1024, description="kernels in the convolution at full size")
    second_layer_convs: int = Field(64, ge=1, le=1024, description="kernels in each of two convolutions at half size")
    third_layer_convs: int = Field(128, ge=1, le=1024, description="kernels in the convolution at a quarter")
    shift: float = Field(0.04, ge=0, le=1, description="shift images at random by up to this share of their size")
    hidden_nodes: int = Field(100, ge=1, le=10_000, description="nodes in the hidden layer")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of values set to 0 at random in training")
    epochs: int = Field(20, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(64, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.002, gt=0, le=100, description="size of the first correction; falls to 0 by the end")
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="how gradients become corrections")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers

    from course.views import average_views


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    return images[..., None].astype("float32") / 255


def convolution(convs: int, pooled: bool) -> list[keras.Layer]:
    convolve, pooling = layers.Conv2D(convs, (3, 3), padding="same", use_bias=False), layers.MaxPooling2D((2, 2))
    return [convolve, *([pooling] if pooled else []), layers.BatchNormalization(momentum=0.9), layers.ReLU()]


def build_model(config: Config) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            layers.RandomTranslation(config.shift, config.shift, fill_mode="constant", interpolation="nearest"),
            layers.RandomFlip("horizontal"),
            *convolution(config.first_layer_convs, pooled=True),
            *convolution(config.second_layer_convs, pooled=False),
            *convolution(config.second_layer_convs, pooled=True),
            *convolution(config.third_layer_convs, pooled=True),
            layers.Flatten(),
            layers.Dropout(config.dropout),
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

        # What is on the left of a shirt may as well be on its right: the mean of both answers counts.
        model = average_views(model, mirror=True)
        run.keep_model(model)

        # The test images are for this one line alone.
        test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
        run.show_predictions(X_test, y_test, model.predict(X_test, verbose=0))
        run.finish(test_loss, test_accuracy, model.count_params())


if __name__ == "__main__":
    main(config)
