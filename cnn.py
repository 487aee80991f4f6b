"""Lesson: a convolutional network reads handwritten digits.

python cnn.py                             98% of the test images
python cnn.py --more_conv_layers 64       99%: a second convolution looks at what the first one found
python cnn.py --limit 1000 --epochs 40    few images: here dropout matters, as --dropout 0 shows
python cnn.py --help                      all values of class Config; change them there or on the command line
"""

from course import Channels, Count, Fraction, Images, LessonConfig, Optimizer, Pixels, Rate, Run
from course import decaying, hold_out, load
import keras


class Config(LessonConfig):
    """A convolutional network reads handwritten digits."""

    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    channels: Channels = 1  # 1 for grey images, 3 for colour: red, green and blue
    first_layer_convs: Count = 32  # kernels in the first convolution
    first_layer_conv_width: Pixels = 3  # their width
    first_layer_conv_height: Pixels = 3  # their height
    more_conv_layers: tuple[Count, ...] = ()  # kernels in each further 3x3 convolution, such as 64 or 64 64
    dense_layer_size: Count = 100  # units in the dense layer before the last
    dropout: Fraction = 0.4  # fraction of values dropped at random during training, usually 0.2 to 0.5
    epochs: Count = 4  # passes over the training images
    batch_size: Images = 128  # images per weight update
    learning_rate: Rate = 0.006  # at the start; decays linearly to 0
    optimizer: Optimizer = "adam"  # rule that turns gradients into weight updates


def prepare(images, config):
    """Scales pixels from 0...255 to 0...1; gives each grey image its one channel: (n, height, width, 1)."""
    return images.reshape(images.shape[0], config.img_height, config.img_width, config.channels).astype("float32") / 255


def build_model(config, num_classes):
    """Convolutions find strokes, pooling keeps the strongest, dense layers tell from them which digit it is."""
    kernel_size = (config.first_layer_conv_height, config.first_layer_conv_width)

    model = keras.Sequential([keras.Input((config.img_height, config.img_width, config.channels))])
    model.add(keras.layers.Conv2D(config.first_layer_convs, kernel_size, activation="relu"))
    model.add(keras.layers.MaxPooling2D((2, 2)))
    for convs in config.more_conv_layers:  # zeros around the maps keep their size: only pooling makes them smaller
        model.add(keras.layers.Conv2D(convs, (3, 3), padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D((2, 2), padding="same"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dropout(config.dropout))
    model.add(keras.layers.Dense(config.dense_layer_size, activation="relu"))
    model.add(keras.layers.Dropout(config.dropout))
    model.add(keras.layers.Dense(num_classes, activation="softmax"))
    return model


def main(config):
    with Run(config) as run:
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = prepare(X_train, config), prepare(X_test, config)
        y_train = keras.utils.to_categorical(y_train)  # one-hot: 3 becomes 0 0 0 1 0 0 0 0 0 0
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config, num_classes)
        model.compile(
            loss="categorical_crossentropy",
            optimizer=decaying(config, len(X_train)),
            metrics=["accuracy"],
        )
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
