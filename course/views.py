"""The mean answer of a trained network to several views of the same image."""

from __future__ import annotations

import keras
from keras import layers


def average_views(model: keras.Model, shift: int = 0, mirror: bool = False) -> keras.Model:
    """Returns a network that answers with the mean of `model`'s answers to several views of an image.

    The views are the image as it is; if `shift` is not 0, the image shifted up, down, left and right, filled up with
    zeros; and with `mirror` also the mirror image of each of these. What a network gets wrong in one view it often gets
    right in the others (Krizhevsky and others 2012, https://papers.nips.cc/paper/4824). The weights are those of
    `model`. Without shift and mirror `model` itself is returned.

    Args:
        model: compiled, for images of shape (n, height, width, channels).
        shift: in pixels.
        mirror: whether left and right may be exchanged.
    """
    if not (shift or mirror):
        return model
    image = keras.Input(model.input_shape[1:])
    views = [image]
    if shift:
        padded = layers.ZeroPadding2D(shift)(image)
        for above, before in ((0, shift), (2 * shift, shift), (shift, 0), (shift, 2 * shift)):
            views.append(layers.Cropping2D(((above, 2 * shift - above), (before, 2 * shift - before)))(padded))
    if mirror:
        views += [keras.ops.flip(view, axis=2) for view in views]
    averaged = keras.Model(image, layers.Average()([model(view) for view in views]))
    averaged.compile(loss=model.loss, metrics=["accuracy"])
    averaged.optimizer.build(averaged.trainable_variables)  # so that it is kept and loaded like any other
    return averaged
