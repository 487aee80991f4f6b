"""Level 6 of the challenge: augmentation, normalisation, mirror images.

Each image is shifted by up to a pixel and every other one mirrored, differently in each epoch: what never repeats is
hard to memorise, so half the dropout is enough. Normalisation brings what a convolution found to mean 0 and deviation
1, so that training settles sooner; it comes after pooling, where there is less to do. In the test, the network looks
at each image and its mirror image.
"""

from course import Attempt, Count, Fraction, Images, LessonConfig, Optimizer, Pixels, Rate
from course import decaying, hold_out, load, views
import keras


class Config(LessonConfig):
    """A classifier of clothes: no image is seen twice in the same way."""

    data: str = "fashion_mnist"  # mnist, fashion_mnist, or the path of your own: an .npz file, or a folder of pictures
    img_width: Pixels = 28  # images of another size are resized
    img_height: Pixels = 28  # images of another size are resized
    first_layer_convs: Count = 32  # kernels in the convolution at full size
    second_layer_convs: Count = 64  # kernels in each of two convolutions at half size
    third_layer_convs: Count = 128  # kernels in the convolution at a quarter
    shift: Fraction = 0.04  # shift images at random by up to this fraction of their size
    hidden_nodes: Count = 100  # units in the hidden layer
    dropout: Fraction = 0.2  # fraction of values dropped at random during training
    epochs: Count = 20  # passes over the training images
    batch_size: Images = 64  # images per weight update
    learning_rate: Rate = 0.002  # at the start; decays linearly to 0
    optimizer: Optimizer = "adam"  # rule that turns gradients into weight updates


def prepare(images):
    """Turns images as they are stored, (n, height, width) of 0...255, into what build_model's network takes."""
    return images[..., None].astype("float32") / 255


def convolution(convs, pooled):
    pooling = [keras.layers.MaxPooling2D((2, 2))] if pooled else []
    normalisation = [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
    return [keras.layers.Conv2D(convs, (3, 3), padding="same", use_bias=False), *pooling, *normalisation]


def build_model(config, num_classes):
    return keras.Sequential(
        [
            keras.Input((config.img_height, config.img_width, 1)),
            keras.layers.RandomTranslation(config.shift, config.shift, fill_mode="constant", interpolation="nearest"),
            keras.layers.RandomFlip("horizontal"),
            *convolution(config.first_layer_convs, pooled=True),
            *convolution(config.second_layer_convs, pooled=False),
            *convolution(config.second_layer_convs, pooled=True),
            *convolution(config.third_layer_convs, pooled=True),
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

        # What is on the left of a shirt may as well be on its right: the mean of both answers counts.
        model = views.average_views(model, mirror=True)

        # The test images are for these two lines alone.
        results = model.evaluate(X_test, y_test, verbose=0, return_dict=True)
        run.finish(model, X_test, y_test, results)


if __name__ == "__main__":
    main(Config.from_command_line())
