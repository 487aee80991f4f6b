"""The page of convolution.py: kernel, stride, padding and pooling to change, and every value down to its products."""

from __future__ import annotations

import base64

import numpy as np

from course.convolution.chosen import Chosen
from course.convolution.kernels import KERNELS, read_kernel
from course.convolution.pictures import NAMES, read_picture
from course.report.page import render
from course.report.try_it import page_script

SCRIPTS = ("network", "layers", "arithmetic", "picture", "elements", "maps", "numbers", "inside", "workbench")
PARTS = ("picture", "kernel", "stride", "padding", "pooling")  # what a reader can change


def workbench(config: Chosen) -> str:
    """Returns the page, which begins with the values of a config."""
    script, named = page_script(SCRIPTS)
    return render(
        "workbench.html", data=workbench_data(config), script=script, hash=named, level=2, id="live", parts=PARTS
    )


def workbench_data(config: Chosen) -> dict[str, object]:
    """Returns what the scripts of the page need, as JSON has it: pictures, kernels, and the values of a config."""
    kernels = {name.replace("_", " "): read_kernel(name) for name in KERNELS}
    if config.kernel not in KERNELS:
        kernels["yours"] = read_kernel(config.kernel)
    pictures = {name: read_picture(name).mean(axis=-1) for name in dict.fromkeys([config.image, *NAMES])}
    return {
        "pictures": {name: as_steps(picture) for name, picture in pictures.items()},
        "kernels": {name: kernel.ravel().tolist() for name, kernel in kernels.items()},
        "kernel": config.kernel.replace("_", " ") if config.kernel in KERNELS else "yours",
        "stride": config.stride,
        "padding": config.padding,
        "pooling": config.pooling,
        "pool_size": config.pool_size,
    }


def as_steps(picture: np.ndarray) -> dict[str, object]:
    """Returns brightness, float32 (height, width) from 0 to 1, as the scripts read it, in 256 steps."""
    height, width = picture.shape
    pixels = np.rint(255 * picture).astype(np.uint8)
    return {"height": height, "width": width, "pixels": base64.b64encode(pixels.tobytes()).decode()}
