"""Kinds of values that a config may hold, each with its bounds: `dropout: Fraction = 0.4`."""

from typing import Annotated, Literal

from pydantic import Field

Count = Annotated[int, Field(ge=1, le=10_000)]  # layers' kernels and units, epochs
Images = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=1, le=256)]
Channels = Literal[1, 3]  # grey or colour
Shift = Annotated[int, Field(ge=0, le=4)]  # pixels
Fraction = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=100)]
Optimizer = Literal["adam", "rmsprop", "sgd"]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _name(longest: int) -> object:
    allowed = f"up to {longest} letters, digits, dots, hyphens and underscores"
    return Field(pattern=rf"^[\w.-]{{1,{longest}}}$", json_schema_extra={"allowed": allowed})


Suffix = Annotated[str, _name(60)]
Project = Annotated[str, _name(100)]
