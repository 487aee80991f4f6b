"""What pydantic finds wrong with values, in words for one sentence."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

LONGEST = 100  # letters of a value that is said to be wrong


class Problem(NamedTuple):
    """The first thing that is wrong with some values."""

    place: str  # the names that lead to it, joined by dots, such as parameters.dropout.min
    name: str  # the last of them
    value: Any
    kind: str  # pydantic's: "missing", "extra_forbidden" (a name that does not exist), or what is wrong with the value
    requirement: str  # such as "must be a valid integer"


def first_problem(error: ValidationError) -> Problem:
    """Returns what is wrong with the first of the values that pydantic refused."""
    problem = error.errors(include_url=False, include_context=False)[0]
    names = [str(part) for part in problem["loc"] if part not in ("int", "float", "[key]")]
    said = problem["msg"].replace("Input should", "must").replace("should", "must")
    return Problem(
        place=".".join(names),
        name=names[-1] if names else "",
        value=problem["input"],
        kind=problem["type"],
        requirement=f"{said[:1].lower()}{said[1:]}",
    )


def shortened(value: Any) -> str:
    """Returns a value as text of a readable length, "empty" if there is nothing to see."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}...") or "empty"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Returns the name that somebody who wrote `name` may have meant, None if nothing is near."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)
