"""Lesson: a convolutional network reads handwritten digits after one pass over the training images.

python fast.py           99% of the test images, after one epoch
python fast.py --help    all values of class Config; change them there or on the command line

docs/engineering/speed.md explains step by step what makes it fast, and what each step brings.
"""

from course import Count, Fraction, Images, LessonConfig, Pixels, Rate, Run, hold_out, load, one_cycle
import keras


class Config(LessonConfig):
    """A convolutional network reads handwritten digits after one epoch."""

    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    first_layer_convs: Count = 16  # 5x5 kernels in the first convolution
    second_layer_convs: Count = 32  # 3x3 kernels in the second convolution
    third_layer_convs: Count = 64  # 3x3 kernels in the third convolution
    dropout: Fraction = 0.1  # fraction of values dropped at random during training
    label_smoothing: Fraction = 0.1  # fraction of each target spread over all ten digits
    epochs: Count = 1  # passes over the training images
    batch_size: Images = 128  # images per weight update
    learning_rate: Rate = 0.015  # at its highest
    warm_up: Fraction = 0.25  # fraction of training in which it rises to that; then it falls to 0


def prepare(images, config):
    """Gives each grey image its one channel, (n, height, width, 1); pixels stay bytes, a quarter of the memory."""
    return images.reshape(images.shape[0], config.img_height, config.img_width, 1)


def build_model(config, num_classes):
    """A stride of 2 keeps the work small; normalisation between the layers is usual where updates are large."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            keras.layers.Rescaling(1 / 79, offset=-33 / 79),  # to mean 0 and deviation 1: MNIST's are 33 and 79
            # Stride 2 looks at every other position: a quarter of the work, and even less in what follows.
            keras.layers.Conv2D(config.first_layer_convs, (5, 5), strides=2, activation="relu"),
            keras.layers.Conv2D(config.second_layer_convs, (3, 3), use_bias=False),  # normalisation removes a bias
            keras.layers.MaxPooling2D((2, 2)),  # before normalisation and relu, which then have a quarter of the work
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Conv2D(config.third_layer_convs, (3, 3), use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def main(config):
    with Run(config) as run:
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = prepare(X_train, config), prepare(X_test, config)
        y_train = keras.utils.to_categorical(y_train)
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config, num_classes)
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
        # One cycle: the learning rate rises from a tenth, so that nothing breaks, and falls to 0, so that all settles.
        optimizer = keras.optimizers.Adam(one_cycle(config, len(X_train), config.warm_up))
        model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
        model.summary()

        model.fit(
            X_train,
            y_train,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(X_valid, y_valid),
            callbacks=run.callbacks,
        )

        # Test: once, at the end, with images that the network has never seen.
        results = model.evaluate(X_test, y_test, verbose=0, return_dict=True)
        run.finish(model, X_test, y_test, results)


if __name__ == "__main__":
    main(Config.from_command_line())
