"""Lesson: as far as one network goes in minutes; digits with `python best.py`, clothes with

python best.py --data fashion_mnist --flip --rotation 0 --views_shift 1 --epochs 11
"""

from course import Channels, Count, Fraction, Images, LessonConfig, Pixels, Rate, Run, Shift
from course import hold_out, load, muon, one_cycle, views
import keras


class Config(LessonConfig):
    """Five convolutions that see no image twice in the same way."""

    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    channels: Channels = 1  # 1 for grey images, 3 for colour: red, green and blue
    first_layer_convs: Count = 40  # kernels in the convolution at full size
    second_layer_convs: Count = 64  # kernels in each of two convolutions at half size
    third_layer_convs: Count = 128  # kernels in each of two convolutions at a quarter
    rotation: Fraction = 0.03  # turn images at random by up to this fraction of a full turn
    shift: Fraction = 0.07  # shift images at random by up to this fraction of their size
    flip: bool = False  # mirror images at random; for clothes, not for digits
    views_shift: Shift = 0  # in the test, also look at images shifted by so many pixels
    dropout: Fraction = 0.2  # fraction of values dropped at random during training
    label_smoothing: Fraction = 0.1  # fraction of each target spread over all ten classes
    epochs: Count = 4  # passes over the training images
    batch_size: Images = 64  # images per weight update
    learning_rate: Rate = 0.003  # at its highest, a quarter of the way; then it falls to 0


def convolution(convs, pooled):
    """Zeros around the image keep its size; pooling halves it, before normalisation and relu have to work on it."""
    pooling = [keras.layers.MaxPooling2D((2, 2))] if pooled else []
    normalisation = [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
    return [keras.layers.Conv2D(convs, (3, 3), padding="same", use_bias=False), *pooling, *normalisation]


def build_model(config, num_classes):
    """The layers that turn, shift and mirror do so in training only, and differently each time."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, config.channels)),
            *([keras.layers.RandomRotation(config.rotation, fill_mode="constant")] if config.rotation else []),
            keras.layers.RandomTranslation(config.shift, config.shift, fill_mode="constant", interpolation="nearest"),
            *([keras.layers.RandomFlip("horizontal")] if config.flip else []),
            keras.layers.Rescaling(1 / 255),
            *convolution(config.first_layer_convs, pooled=True),
            *convolution(config.second_layer_convs, pooled=False),
            *convolution(config.second_layer_convs, pooled=True),
            *convolution(config.third_layer_convs, pooled=False),
            *convolution(config.third_layer_convs, pooled=True),
            keras.layers.Flatten(),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def main(config):
    with Run(config) as run:
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = (X.reshape(*X.shape[:3], config.channels) for X in (X_train, X_test))  # pixels stay bytes
        y_train = keras.utils.to_categorical(y_train)
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config, num_classes)
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
        model.compile(loss=loss, optimizer=muon.Muon(one_cycle(config, len(X_train))), metrics=["accuracy"])
        model.summary()
        model.fit(
            X_train,
            y_train,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(X_valid, y_valid),
            callbacks=run.callbacks,
        )

        # Test: once, at the end, with images that the network has never seen; it may look at each several times.
        model = views.average_views(model, config.views_shift)
        results = model.evaluate(X_test, y_test, verbose=0, return_dict=True)
        run.finish(model, X_test, y_test, results)


if __name__ == "__main__":
    main(Config.from_command_line())
