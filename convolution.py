"""Lesson: what a convolution does to a picture, in eight figures.

python convolution.py                            writes the figures, each about one idea
python convolution.py --image photo.jpg --show   your own picture; opens the figures
python convolution.py --help                     everything you can change, in class Config below or like this
"""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from course.config import CommandLine
from course.convolution.kernels import KERNELS, KernelText, read_kernel
from course.convolution.pictures import channels, join_channels, read_picture
from course.geometry import check_picture_is_large_enough
from course.system.quiet import quiet


class Config(CommandLine):
    """What a convolution does to a picture."""

    image: str = Field("digit", description="digit, garment, house, or the path of a PNG or JPEG file of your own")
    kernel: KernelText = Field("vertical_edges", description=f"{', '.join(KERNELS)}, or nine weights, row by row")
    stride: int = Field(1, ge=1, le=4, description="pixels from one stop of the kernel to the next")
    padding: Literal["valid", "same"] = Field("valid", description="stay inside the picture, or add zeros around it")
    pooling: Literal["max", "average"] = Field("max", description="what remains of the values that are pooled")
    pool_size: int = Field(2, ge=2, le=4, description="so many by so many values are pooled")
    show: bool = Field(False, description="open the figures")

    @model_validator(mode="after")
    def picture_is_large_enough(self) -> Self:
        check_picture_is_large_enough(read_picture(self.image), self.stride, self.padding, self.pool_size)
        return self


config = Config.from_command_line() if __name__ == "__main__" else Config()

with quiet():  # only now: Keras takes seconds to load, and wrong values have been answered by then
    import keras
    from keras import layers

    from course.convolution import figures as draw


def convolve(image: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: str = "valid") -> np.ndarray:
    """Image (height, width, channels) and kernel (3, 3, channels) make a feature map (rows, columns, 1), float32.

    Like every network it lays the kernel on the pixels as it is; mathematics would turn it around first.
    """
    feature_map = keras.ops.conv(image[np.newaxis], kernel[..., np.newaxis], strides=stride, padding=padding)
    return keras.ops.convert_to_numpy(feature_map)[0]


def pool(feature_map: np.ndarray, pool_size: int, pooling: str) -> np.ndarray:
    """Of each `pool_size` by `pool_size` values of (rows, columns, 1) remains the largest or the average, float32."""
    operation = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[pooling]
    return keras.ops.convert_to_numpy(operation(feature_map[np.newaxis], pool_size, strides=pool_size))[0]


def ideas(config: Config) -> Iterator[tuple[str, str, draw.Figure]]:
    """Yields the name of each figure, what it shows, and the figure."""
    picture = read_picture(config.image)  # (height, width, channels), from 0 to 1
    grey = picture.mean(axis=-1, keepdims=True)  # its brightness: (height, width, 1)
    kernel = read_kernel(config.kernel)  # (3, 3, 1)
    output = convolve(grey, kernel)
    yield "1-kernel", "one pixel of the output is the weighted sum of nine", draw.kernel(grey, kernel, output)

    kernels = {name: read_kernel(name) for name in dict.fromkeys([*KERNELS, config.kernel])}
    pictures = [read_picture(name) for name in dict.fromkeys(["digit", "garment", "house", config.image])]
    outputs = {  # each channel on its own
        name: [join_channels(convolve(channel, kernels[name]) for channel in channels(image)) for image in pictures]
        for name in kernels
    }
    yield "2-kernels", "other weights, another effect", draw.kernels(pictures, kernels, outputs, config)

    colour = picture if picture.shape[-1] == 3 else read_picture("house")
    red = kernel * np.float32([1, -0.5, -0.5])  # (3, 3, 3): what is red counts, what is white or grey does not
    parts = [convolve(*channel) for channel in zip(channels(colour), channels(red), strict=True)]
    yield "3-colour", "three channels, one sum", draw.colour(colour, red, parts, sum(parts), convolve(colour, red))

    strides = {stride: convolve(grey, kernel, stride) for stride in sorted({1, 2, 3, config.stride})}
    yield "4-stride", "the further the kernel moves, the smaller the output", draw.stride(grey, kernel, strides, config)

    part = draw.striking_part(grey, output, 8)
    padded = {padding: convolve(part, kernel, config.stride, padding) for padding in ("valid", "same")}
    yield "5-padding", "zeros around a picture keep the output as large", draw.padding(part, kernel, padded, config)

    feature_map = convolve(grey, kernel, config.stride, config.padding)
    pooled = {pooling: pool(feature_map, config.pool_size, pooling) for pooling in ("max", "average")}
    yield "6-pooling", "a few values become one", draw.pooling(feature_map, kernel, pooled, config)

    maps = [feature_map, pooled[config.pooling], convolve(pooled[config.pooling], kernel)]
    yield "7-receptive-field", "what one pixel sees after pooling", draw.receptive_field(grey, kernel, maps, config)

    convolution = layers.Conv2D(len(kernels), (3, 3), strides=config.stride, padding=config.padding)
    pooling = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}[config.pooling](config.pool_size)
    flatten = layers.Flatten()
    dense = [layers.Dense(100, activation="relu"), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input(picture.shape), convolution, pooling, flatten, *dense])
    weights = [kernel.repeat(picture.shape[-1], axis=-1) for kernel in kernels.values()]  # the same for each channel
    convolution.set_weights([np.stack(weights, axis=-1), np.zeros(len(kernels))])
    maps = keras.ops.convert_to_numpy(pooling(convolution(picture[np.newaxis])))
    flat = keras.ops.convert_to_numpy(flatten(maps))
    yield "8-flattening", "most parameters come after flattening", draw.parameters(maps[0], flat[0], weights, model)


if __name__ == "__main__":
    draw.keep(ideas(config), config)
