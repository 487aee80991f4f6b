"""Level 5 of the challenge: several convolutions.

Each convolution looks at what the one before it found. Each pooling leaves room for twice as many kernels, and zeros
around the image keep what is at its border. With dropout after pooling, too, the network memorises less, and it takes
more epochs.
"""

from course import Attempt, Count, Fraction, Images, LessonConfig, Optimizer, Pixels, Rate, decaying, hold_out, load
import keras


class Config(LessonConfig):
    """A classifier of clothes: convolutions look at what convolutions found."""

    data: str = "fashion_mnist"  # mnist, fashion_mnist, or the path of your own: an .npz file, or a folder of pictures
    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    first_layer_convs: Count = 32  # kernels in the convolution at full size
    second_layer_convs: Count = 64  # kernels in each of two convolutions at half size
    third_layer_convs: Count = 128  # kernels in the convolution at a quarter
    hidden_nodes: Count = 100  # units in the hidden layer
    dropout: Fraction = 0.4  # fraction of values dropped at random during training; half of it after pooling
    epochs: Count = 25  # passes over the training images
    batch_size: Images = 64  # images per weight update
    learning_rate: Rate = 0.002  # at the start; decays linearly to 0
    optimizer: Optimizer = "adam"  # rule that turns gradients into weight updates


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    return images[..., None].astype("float32") / 255


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            keras.layers.Conv2D(config.first_layer_convs, (3, 3), padding="same", activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Dropout(config.dropout / 2),
            keras.layers.Conv2D(config.second_layer_convs, (3, 3), padding="same", activation="relu"),
            keras.layers.Conv2D(config.second_layer_convs, (3, 3), padding="same", activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Dropout(config.dropout / 2),
            keras.layers.Conv2D(config.third_layer_convs, (3, 3), padding="same", activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(config.hidden_nodes, activation="relu"),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def main(config):
    with Attempt(config) as run:
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = prepare(X_train), prepare(X_test)
        y_train = keras.utils.to_categorical(y_train)
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

        # The test images are for these two lines alone.
        results = model.evaluate(X_test, y_test, verbose=0, return_dict=True)
        run.finish(model, X_test, y_test, results)


if __name__ == "__main__":
    main(Config.from_command_line())
