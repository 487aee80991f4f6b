"""Lesson: a convolutional network reads handwritten digits after one look at each training image.

python fast.py           99% of the test images, after one epoch
python fast.py --help    everything you can change, in class Config below or like this

docs/speed.md tells step by step what makes it fast, and what each step brings.
"""

import math

from pydantic import Field

from course.config import LessonConfig
from course.data import hold_out, load
from course.system.quiet import quiet
from course.training.run import Run


class Config(LessonConfig):
    """A convolutional network reads handwritten digits after one epoch."""

    img_width: int = Field(28, ge=19, le=256, description="in pixels; images of another size are scaled to it")
    img_height: int = Field(28, ge=19, le=256, description="in pixels; images of another size are scaled to it")
    first_layer_convs: int = Field(16, ge=1, le=1024, description="5x5 kernels in the first convolution")
    second_layer_convs: int = Field(32, ge=1, le=1024, description="3x3 kernels in the second convolution")
    third_layer_convs: int = Field(64, ge=1, le=1024, description="3x3 kernels in the third convolution")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values set to 0 at random in training")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of each target spread over all ten digits")
    epochs: int = Field(1, ge=1, le=10_000, description="how often each training image is seen")
    batch_size: int = Field(128, ge=1, description="images between two corrections of the weights")
    learning_rate: float = Field(0.015, gt=0, le=100, description="size of the largest correction")
    warm_up: float = Field(0.25, ge=0, le=0.9, description="share of training in which corrections grow to that size")


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers


def build_model(config: Config) -> keras.Model:
    """Few, large strides keep the work small; normalising between the layers lets the corrections be large."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            layers.Rescaling(1 / 79, offset=-33 / 79),  # to mean 0 and deviation 1: those of MNIST are 33 and 79
            # Stride 2 looks at every other position: a quarter of the work, here and in all that follows.
            layers.Conv2D(config.first_layer_convs, (5, 5), strides=2, activation="relu"),
            layers.Conv2D(config.second_layer_convs, (3, 3), use_bias=False),  # normalising takes a bias away again
            layers.MaxPooling2D((2, 2)),  # before normalising and relu, which then have a quarter of the work
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(config.third_layer_convs, (3, 3), use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(config.dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(config: Config) -> None:
    with Run("fast", config) as run:
        # Load: each image gets its one channel, each label becomes one-hot; pixels stay bytes, a quarter of the memory.
        (X_train, y_train), (X_test, y_test) = load(config.data, (config.img_height, config.img_width))
        X_train = X_train.reshape(-1, config.img_height, config.img_width, 1)
        X_test = X_test.reshape(-1, config.img_height, config.img_width, 1)
        y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        # One cycle: the learning rate rises from a tenth, so that nothing breaks, and falls to 0, so that all settles.
        model = build_model(config)
        steps = config.epochs * math.ceil(len(X_train) / config.batch_size)
        rising = int(config.warm_up * steps)
        one_cycle = keras.optimizers.schedules.CosineDecay(
            config.learning_rate / 10, steps - rising, warmup_target=config.learning_rate, warmup_steps=rising
        )
        model.compile(
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
            optimizer=keras.optimizers.Adam(one_cycle),
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
