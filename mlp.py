"""Lesson: a multilayer perceptron reads handwritten digits.

python mlp.py                      98% of the test images
python mlp.py --hidden_nodes 10    a small hidden layer learns less
python mlp.py --help               all values of class Config; change them there or on the command line
"""

from course import Count, Fraction, Images, LessonConfig, Optimizer, Pixels, Rate, Run, decaying, hold_out, load
import keras


class Config(LessonConfig):
    """A multilayer perceptron reads handwritten digits."""

    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    hidden_nodes: Count = 200  # units in the hidden layer
    dropout: Fraction = 0.2  # fraction of hidden units dropped at random during training
    epochs: Count = 5  # passes over the training images
    batch_size: Images = 64  # images per weight update
    learning_rate: Rate = 0.002  # at the start; decays linearly to 0
    optimizer: Optimizer = "adam"  # rule that turns gradients into weight updates


def prepare(images):
    """Scales pixels from 0...255 to 0...1, near which untrained weights work best."""
    return images.astype("float32") / 255


def build_model(config, num_classes):
    """Each hidden unit weighs all pixels of the image; the last layer weighs the hidden units for each digit."""
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width)),
            keras.layers.Flatten(),
            keras.layers.Dense(config.hidden_nodes, activation="relu"),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def main(config):
    with Run(config) as run:
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = prepare(X_train), prepare(X_test)
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
