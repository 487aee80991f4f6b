"""What the figures and the page of convolution.py need of the lesson's Config."""

from typing import Protocol

from course.geometry import Padding, Pooling


class Chosen(Protocol):
    """The values of a Config."""

    image: str
    kernel: str
    stride: int
    padding: Padding
    pooling: Pooling
    pool_size: int
    open: bool

    def values(self) -> dict[str, object]:
        """Returns all values by name, as JSON has them."""
