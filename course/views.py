"""The mean answer of a trained network to several views of the same image."""

import keras
from keras import layers


def average_views(model: keras.Model, shift: int) -> keras.Model:
    """Returns a network that answers with the mean of `model`'s answers to five views of an image.

    They are the image as it is, and shifted up, down, left and right, with zeros where nothing is left. What a network
    gets wrong in one view it often gets right in the others (Krizhevsky and others 2012,
    https://papers.nips.cc/paper/4824). The weights are those of `model`.

    Args:
        model: compiled, for images of shape (n, height, width, channels).
        shift: in pixels; if it is 0, `model` itself is returned.
    """
    if not shift:
        return model
    image = keras.Input(model.input_shape[1:])
    padded = layers.ZeroPadding2D(shift)(image)
    views = [image]
    for above, before in ((0, shift), (2 * shift, shift), (shift, 0), (shift, 2 * shift)):
        views.append(layers.Cropping2D(((above, 2 * shift - above), (before, 2 * shift - before)))(padded))
    averaged = keras.Model(image, layers.Average()([model(view) for view in views]))
    averaged.compile(loss=model.loss, metrics=["accuracy"])
    averaged.optimizer.build(averaged.trainable_variables)  # so that it is kept and loaded like any other
    return averaged
