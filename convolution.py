"""Lesson: what a convolution does to a picture, in eight figures.

python convolution.py                            writes the figures, each about one idea
python convolution.py --image photo.jpg --show   your own picture; opens the figures
python convolution.py --help                     all values of class Config; change them there or on the command line
"""

from typing import Literal

from course.command_line import CommandLine
from course.convolution import figures as draw
from course.convolution.kernels import KERNELS, KernelText, read_kernel
from course.convolution.pictures import channels, join_channels, read_picture
from course.geometry import PoolSize, Stride, check_picture_is_large_enough
import keras
import numpy as np


class Config(CommandLine):
    """What a convolution does to a picture."""

    image: str = "digit"  # digit, garment, house, or the path of a PNG or JPEG file of your own
    kernel: KernelText = "vertical_edges"  # a name (see docs/convolutions.md), or nine weights, row by row
    stride: Stride = 1  # pixels from one stop of the kernel to the next
    padding: Literal["valid", "same"] = "valid"  # stay inside the picture, or add zeros around it
    pooling: Literal["max", "average"] = "max"  # what remains of the values in the pooling window
    pool_size: PoolSize = 2  # side of the pooling window
    show: bool = False  # open the figures


def convolve(image, kernel, stride=1, padding="valid"):
    """Image (height, width, channels) and kernel (3, 3, channels) make a feature map (rows, columns, 1), float32.

    Like every network it lays the kernel on the pixels as it is; mathematics would turn it around first.
    """
    feature_map = keras.ops.conv(image[np.newaxis], kernel[..., np.newaxis], strides=stride, padding=padding)
    return keras.ops.convert_to_numpy(feature_map)[0]


def pool(feature_map, pool_size, pooling):
    """Of each `pool_size` by `pool_size` values of (rows, columns, 1) remains the largest or the average, float32."""
    operation = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[pooling]
    return keras.ops.convert_to_numpy(operation(feature_map[np.newaxis], pool_size, strides=pool_size))[0]


def ideas(config):
    """Yields the name of each figure, what it shows, and the figure."""
    picture = read_picture(config.image)  # (height, width, channels), from 0 to 1
    grey = picture.mean(axis=-1, keepdims=True)  # its brightness: (height, width, 1)
    kernel = read_kernel(config.kernel)  # (3, 3, 1)
    output = convolve(grey, kernel)
    yield "1-kernel", "one pixel of the output is the weighted sum of nine", draw.one_kernel(grey, kernel, output)

    kernels = {name: read_kernel(name) for name in dict.fromkeys([*KERNELS, config.kernel])}
    pictures = [read_picture(name) for name in dict.fromkeys(["digit", "garment", "house", config.image])]
    outputs = {  # each channel on its own
        name: [join_channels(convolve(channel, kernels[name]) for channel in channels(image)) for image in pictures]
        for name in kernels
    }
    figure = draw.several_kernels(pictures, kernels, outputs, config)
    yield "2-kernels", "change the weights, change the effect", figure

    colour = picture if picture.shape[-1] == 3 else read_picture("house")
    red = kernel * np.array([1, -0.5, -0.5], "float32")  # (3, 3, 3): what is red counts, what is white or grey does not
    parts = [convolve(*channel) for channel in zip(channels(colour), channels(red), strict=True)]
    figure = draw.three_channels(colour, red, parts, sum(parts), convolve(colour, red))
    yield "3-colour", "three channels, one sum", figure

    strides = {stride: convolve(grey, kernel, stride) for stride in sorted({1, 2, 3, config.stride})}
    figure = draw.strides(grey, kernel, strides, config)
    yield "4-stride", "the further the kernel moves, the smaller the output", figure

    part = draw.striking_part(grey, output, 8)
    padded = {padding: convolve(part, kernel, config.stride, padding) for padding in ("valid", "same")}
    yield "5-padding", "zeros around a picture keep its size", draw.paddings(part, kernel, padded, config)

    feature_map = convolve(grey, kernel, config.stride, config.padding)
    pooled = {pooling: pool(feature_map, config.pool_size, pooling) for pooling in ("max", "average")}
    yield "6-pooling", "a few values become one", draw.poolings(feature_map, kernel, pooled, config)

    maps = [feature_map, pooled[config.pooling], convolve(pooled[config.pooling], kernel)]
    figure = draw.seen_by_one_pixel(grey, kernel, maps, config)
    yield "7-receptive-field", "what one pixel sees after pooling", figure

    convolution = keras.layers.Conv2D(len(kernels), (3, 3), strides=config.stride, padding=config.padding)
    pooling = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[config.pooling]
    model = keras.Sequential([keras.Input(picture.shape), convolution, pooling(config.pool_size)])
    weights = [kernel.repeat(picture.shape[-1], axis=-1) for kernel in kernels.values()]  # the same for each channel
    convolution.set_weights([np.stack(weights, axis=-1), np.zeros(len(kernels))])
    maps = keras.ops.convert_to_numpy(model(picture[np.newaxis]))
    model.add(keras.layers.Flatten())
    flat = keras.ops.convert_to_numpy(model(picture[np.newaxis]))
    model.add(keras.layers.Dense(100, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    figure = draw.flattening(maps[0], flat[0], weights, model)
    yield "8-flattening", "most parameters come after flattening", figure


def main(config):
    picture = read_picture(config.image)
    check_picture_is_large_enough(picture, config.stride, config.padding, config.pool_size)
    draw.keep_figures(ideas(config), config)


if __name__ == "__main__":
    main(Config.from_command_line())
