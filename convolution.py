"""Lesson: what a convolution does to a picture, in eight figures and a page in which to change all of it.

python convolution.py                            writes the figures, each about one idea
python convolution.py --image photo.jpg --open   your own picture; opens the page
python convolution.py --help                     all values of class Config; change them there or on the command line
"""

from course.command_line import CommandLine
from course.convolution import figures as draw, kept
from course.convolution.kernels import KERNELS, KernelText, learnt_kernels, read_kernel
from course.convolution.pictures import channels, join_channels, read_picture
from course.geometry import Padding, Pooling, PoolSize, Stride, check_picture_is_large_enough
import keras
import numpy as np


class Config(CommandLine):
    """What a convolution does to a picture."""

    image: str = "digit"  # digit, garment, house, or the path of a picture of your own
    kernel: KernelText = "vertical_edges"  # identity, blur, sharpen, horizontal_edges, emboss, or nine weights by rows
    stride: Stride = 1  # pixels from one stop of the kernel to the next
    padding: Padding = "valid"  # stay inside the picture, or add zeros around it
    pooling: Pooling = "max"  # what remains of the values in the pooling window
    pool_size: PoolSize = 2  # side of the pooling window
    open: bool = False  # open the page in the browser


def convolve(image, kernel, stride=1, padding="valid"):
    """Lays the kernel (3, 3, channels) on an image (height, width, channels), place by place: (rows, columns, 1)."""
    feature_map = keras.ops.conv(image[np.newaxis], kernel[..., np.newaxis], strides=stride, padding=padding)
    return keras.ops.convert_to_numpy(feature_map)[0]


def pool(feature_map, pool_size, pooling):
    """Keeps the largest or the average of every `pool_size` by `pool_size` values of maps (rows, columns, n)."""
    operation = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[pooling]
    return keras.ops.convert_to_numpy(operation(feature_map[np.newaxis], pool_size, strides=pool_size))[0]


def ideas(config):
    """Yields the name of each figure, and the figure."""
    picture = read_picture(config.image)  # (height, width, channels), from 0 to 1
    grey = picture.mean(axis=-1, keepdims=True)  # its brightness: (height, width, 1)
    kernel = read_kernel(config.kernel)  # (3, 3, 1)
    output = convolve(grey, kernel)
    yield "1-kernel", draw.one_kernel(grey, kernel, output)

    kernels = {name: read_kernel(name) for name in dict.fromkeys([*KERNELS, config.kernel])}
    pictures = [read_picture(name) for name in dict.fromkeys(["digit", "garment", "house", config.image])]
    outputs = {  # each channel on its own
        name: [join_channels(convolve(channel, kernels[name]) for channel in channels(image)) for image in pictures]
        for name in kernels
    }
    yield "2-kernels", draw.several_kernels(pictures, kernels, outputs, config)

    colour = picture if picture.shape[-1] == 3 else read_picture("house")
    red = kernel * np.array([1, -0.25, -0.75], "float32")  # (3, 3, 3): red counts, white and grey cancel out
    parts = [convolve(*channel) for channel in zip(channels(colour), channels(red), strict=True)]
    yield "3-colour", draw.three_channels(colour, red, parts, convolve(colour, red))

    strides = {stride: convolve(grey, kernel, stride) for stride in sorted({1, 2, 3, config.stride})}
    yield "4-stride", draw.strides(grey, kernel, strides, config)

    part = draw.striking_part(grey, output, 8)
    padded = {padding: convolve(part, kernel, config.stride, padding) for padding in ("valid", "same")}
    yield "5-padding", draw.paddings(part, kernel, padded, config)

    stops = config.stride, config.padding
    feature_map = np.maximum(convolve(grey, kernel, *stops), 0)  # relu, as after each convolution in cnn.py
    pooled = {pooling: pool(feature_map, config.pool_size, pooling) for pooling in ("max", "average")}
    yield "6-pooling", draw.poolings(feature_map, kernel, pooled, config)
    learnt = learnt_kernels()  # by cnn.py: all of its first convolution, and one of its second
    found = np.maximum(join_channels(convolve(grey, each, *stops) for each in learnt.first) + learnt.biases, 0)
    maps = pool(found, config.pool_size, config.pooling)
    second = np.maximum(convolve(maps, learnt.second) + learnt.bias, 0)
    yield "7-receptive-field", draw.seen_by_one_pixel(grey, found, maps, learnt, second, config)

    found = np.maximum(join_channels(convolve(grey, each, *stops) for each in kernels.values()), 0)
    maps = pool(found, config.pool_size, config.pooling)
    yield "8-flattening", draw.flattening(maps, list(kernels.values()), maps.ravel())


def main(config):
    check_picture_is_large_enough(read_picture(config.image), config.stride, config.padding, config.pool_size)
    kept.keep_figures(ideas(config), config)


if __name__ == "__main__":
    main(Config.from_command_line())
