"""Lesson: a convolutional network reads handwritten digits.

python cnn.py                          98% of the test images
python cnn.py --more_conv_layers 64    99%: a second convolution looks at what the first one found
python cnn.py --help                   everything you can change, in class Config below or like this
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from course.config import LessonConfig, check_image_is_large_enough
from course.data import hold_out, load
from course.system.quiet import quiet
from course.training.run import Run


class Config(LessonConfig):
    """A convolutional network reads handwritten digits."""

    img_width: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=1, le=256, description="in pixels; images of another size are scaled to it")
    first_layer_convs: int = Field(32, ge=1, le=1024, description="kernels in the first convolution")
    first_layer_conv_width: int = Field(3, ge=1, le=256, description="width of these kernels, in pixels")
    first_layer_conv_height: int = Field(3, ge=1, le=256, description="height of these kernels, in pixels")
    more_conv_layers: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (), description="further convolutions: how many 3x3 kernels each has, such as 64 or 64 64"
    )
    dense_layer_size: int = Field(100, ge=1, le=10_000, description="nodes in the dense layer before the last")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of values set to 0 at random in training")
    epochs: int = Field(4, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(128, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.006, gt=0, le=100, description="size of the first correction; falls to 0 by the end")
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="how gradients become corrections")
    averaging: float = Field(0.1, ge=0, le=1, description="share of an epoch over whose end weights are averaged")

    @model_validator(mode="after")
    def kernels_fit(self) -> Self:
        first = (self.first_layer_conv_height, self.first_layer_conv_width)
        check_image_is_large_enough(self.img_height, self.img_width, [first] + [(3, 3)] * len(self.more_conv_layers))
        return self


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers


def build_model(config: Config) -> keras.Model:
    """Convolutions find strokes, pooling keeps the strongest, dense layers tell from them which digit it is."""
    convolutions = [(config.first_layer_convs, (config.first_layer_conv_height, config.first_layer_conv_width))]
    convolutions += [(convs, (3, 3)) for convs in config.more_conv_layers]

    model = keras.Sequential([keras.Input((config.img_height, config.img_width, 1))])
    for convs, kernel_size in convolutions:
        model.add(layers.Conv2D(convs, kernel_size, activation="relu"))
        if min(model.output_shape[1:3]) >= 2:  # as long as there is something to pool
            model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dropout(config.dropout))
    model.add(layers.Dense(config.dense_layer_size, activation="relu"))
    model.add(layers.Dropout(config.dropout))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def main(config: Config) -> None:
    with Run("cnn", config) as run:
        # Load: pixels from 0...255 become 0...1, each image gets its one channel, each label becomes one-hot.
        (X_train, y_train), (X_test, y_test) = load(config.data, (config.img_height, config.img_width))
        X_train = X_train.reshape(-1, config.img_height, config.img_width, 1).astype("float32") / 255
        y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config)
        batches = math.ceil(len(X_train) / config.batch_size)  # in an epoch
        falling = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, config.epochs * batches, 0.0)
        # An epoch ends with a mean of its last weights, which is better than what a single batch leaves behind.
        averaging = {"ema_momentum": 1 - 1 / max(config.averaging * batches, 1), "ema_overwrite_frequency": batches}
        optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
        model.compile(
            loss="categorical_crossentropy",
            optimizer=optimizers[config.optimizer](falling, use_ema=True, **averaging),
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

        # Test: once, at the end, with images that the network has never seen, prepared in the same way.
        X_test = X_test.reshape(-1, config.img_height, config.img_width, 1).astype("float32") / 255
        test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
        run.show_predictions(X_test, y_test, model.predict(X_test, verbose=0))
        run.finish(test_loss, test_accuracy, model.count_params())


if __name__ == "__main__":
    main(config)
