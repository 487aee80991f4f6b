"""Lesson: as far as one network goes in minutes; digits with `python best.py`, clothes with

python best.py --data fashion_mnist --flip --rotation 0 --views_shift 1 --epochs 11
"""

import math

from pydantic import Field

from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet
from course.training.run import Run


class Config(LessonConfig):
    """Five convolutions that see no image twice in the same way."""

    img_width: int = Field(28, ge=8, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=8, le=256, description="in pixels; images of another size are scaled to it")
    first_layer_convs: int = Field(40, ge=1, le=1024, description="kernels in the convolution at full size")
    second_layer_convs: int = Field(64, ge=1, le=1024, description="kernels in each of two convolutions at half size")
    third_layer_convs: int = Field(128, ge=1, le=1024, description="kernels in each of two convolutions at a quarter")
    rotation: float = Field(0.03, ge=0, le=0.5, description="turn images at random by up to this share of a full turn")
    shift: float = Field(0.07, ge=0, le=1, description="shift images at random by up to this share of their size")
    flip: bool = Field(False, description="mirror images at random; for clothes, not for digits")
    views_shift: int = Field(0, ge=0, le=4, description="in the test, also look at images shifted by so many pixels")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of values set to 0 at random in training")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of each target spread over all ten classes")
    epochs: int = Field(4, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(64, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.003, gt=0, le=100, description="size of the largest correction")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers

    from course.muon import Muon
    from course.views import average_views


def convolution(convs: int, pooled: bool) -> list[keras.Layer]:
    """Zeros around the image keep its size; pooling halves it, before normalising and relu have to work on it."""
    convolve, pooling = layers.Conv2D(convs, (3, 3), padding="same", use_bias=False), layers.MaxPooling2D((2, 2))
    return [convolve, *([pooling] if pooled else []), layers.BatchNormalization(momentum=0.9), layers.ReLU()]


def build_model(config: Config) -> keras.Model:
    """The layers that turn, shift and mirror do so in training only, and differently each time."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            *([layers.RandomRotation(config.rotation, fill_mode="constant")] if config.rotation else []),
            layers.RandomTranslation(config.shift, config.shift, fill_mode="constant", interpolation="nearest"),
            *([layers.RandomFlip("horizontal")] if config.flip else []),
            layers.Rescaling(1 / 255),
            *convolution(config.first_layer_convs, pooled=True),
            *convolution(config.second_layer_convs, pooled=False),
            *convolution(config.second_layer_convs, pooled=True),
            *convolution(config.third_layer_convs, pooled=False),
            *convolution(config.third_layer_convs, pooled=True),
            layers.Flatten(),
            layers.Dropout(config.dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(config: Config) -> None:
    with Run("best", config) as run:
        # Load: pixels stay the bytes they are, 0...255; each image gets its one channel, each label becomes one-hot.
        (X_train, y_train), (X_test, y_test) = load(config.data, (config.img_height, config.img_width))
        X_train, X_test = X_train[..., None], X_test[..., None]
        y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config)
        steps = config.epochs * math.ceil(len(X_train) / config.batch_size)
        one_cycle = keras.optimizers.schedules.CosineDecay(
            config.learning_rate / 10, steps - steps // 4, warmup_target=config.learning_rate, warmup_steps=steps // 4
        )
        model.compile(
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
            optimizer=Muon(one_cycle),
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
        # Test: once, at the end, with images that the network has never seen; it may look at each several times.
        model = average_views(model, config.views_shift)
        run.keep_model(model)
        test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
        run.show_predictions(X_test, y_test, model.predict(X_test, verbose=0))
        run.finish(test_loss, test_accuracy, model.count_params())


if __name__ == "__main__":
    main(config)
