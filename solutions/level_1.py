"""Challenge: a poor classifier of clothes, yours to improve.

python fashion.py           runs as it is, and gets most of the test images wrong
python fashion.py --help    all values of class Config; change them there or on the command line

It knows nothing of what the lessons mlp.py and cnn.py teach. An arrow, -->, marks where your work may begin; change
whatever you like, and run it again.
"""

from course import Attempt, Count, Images, LessonConfig, Optimizer, Pixels, Rate, decaying, hold_out, load
import keras


class Config(LessonConfig):
    """A poor classifier of clothes, yours to improve."""

    # --> values that your network needs: a hidden layer's size is a Count, dropout a Fraction (import it, too)
    data: str = "fashion_mnist"  # mnist, fashion_mnist, or the path of your own: an .npz file, or a folder of pictures
    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    epochs: Count = 5  # passes over the training images
    batch_size: Images = 64  # images per weight update
    learning_rate: Rate = 0.01  # at the start; decays linearly to 0
    optimizer: Optimizer = "adam"  # rule that turns gradients into weight updates


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    # --> which range of numbers, and which shape, does a network like?
    return images.astype("float32")


def build_model(config, num_classes):
    # --> more layers; what should come out at the end if the ten outputs are to be probabilities?
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width)),
            keras.layers.Flatten(),
            keras.layers.Dense(num_classes),
        ]
    )


def main(config):
    with Attempt(config) as run:
        # Labels from 0 to 9: T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot
        (X_train, y_train), (X_test, y_test) = load(config)
        X_train, X_test = prepare(X_train), prepare(X_test)
        y_train = keras.utils.to_categorical(y_train)
        num_classes = y_train.shape[1]
        y_test = keras.utils.to_categorical(y_test, num_classes)
        (X_train, y_train), (X_valid, y_valid) = hold_out(X_train, y_train, config.limit)

        model = build_model(config, num_classes)
        # --> which loss fits the question "which of ten?"
        model.compile(
            loss="mean_squared_error",
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
