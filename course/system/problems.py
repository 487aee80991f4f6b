"""What pydantic finds wrong with values, in words for one sentence."""

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

LONGEST = 100  # letters of a value that is said to be wrong
Schema = dict[str, Any]  # of JSON
BOUNDS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "above {:,}",
    "maximum": "at most {:,}",
    "exclusiveMaximum": "below {:,}",
    "multipleOf": "a multiple of {:,}",
}
LENGTHS = {"minLength": "at least {:,}", "maxLength": "at most {:,}"}
SIZES = {"minItems": "at least {:,}", "maxItems": "at most {:,}"}
FORMATS = {
    "date": "a date such as 2026-01-31",
    "date-time": "a date and time such as 2026-01-31T12:00",
    "time": "a time such as 12:00",
    "duration": "a duration such as 01:30:00",
}
# Kinds of problems of which the schema tells more than pydantic's own words.
SAID_BY_SCHEMA = re.compile(
    r"_type$|_parsing$|_size$|_from_float$|^(greater|less)_than|^too_|^string_|^(missing|multiple_of|literal_error|enum|finite_number)$"
)


class Problem(NamedTuple):
    """The first thing that is wrong with some values."""

    place: str  # the names that lead to it, joined by dots, such as parameters.dropout.min
    name: str  # the last of them
    value: Any
    kind: str  # pydantic's: "missing", "extra_forbidden" (a name that does not exist), or what is wrong with the value
    requirement: str  # such as "must be a valid integer", or what a validator of somebody's own raised


def first_problem(error: ValidationError) -> Problem:
    """Returns what is wrong with the first of the values that pydantic refused."""
    problem = error.errors(include_url=False, include_context=False)[0]
    names = [str(part) for part in problem["loc"] if part not in ("int", "float", "[key]")]
    said = problem["msg"].replace("Input should", "must").replace("should", "must")
    own = re.sub("^(Value error|Assertion failed), ", "", problem["msg"])  # what a validator has raised
    return Problem(
        place=".".join(names),
        name=names[-1] if names else "",
        value=problem["input"],
        kind=problem["type"],
        requirement=" ".join((f"{said[:1].lower()}{said[1:]}" if own == problem["msg"] else own).split()),
    )


def requirement(problem: Problem, schema: Schema) -> tuple[str, str]:
    """Returns where a wrong value is in the class of this JSON schema, and what it must be, as a part of a sentence."""
    place, *inner = problem.place.split(".")
    found = schema["properties"][place]
    for name in inner:
        found = _resolved(found, schema)
        if name not in found.get("properties", {}):
            break
        place, found = f"{place}.{name}", found["properties"][name]
    if problem.kind in ("missing", "extra_forbidden") and not problem.name.isdecimal():
        return place, f"has {'no' if problem.kind == 'missing' else 'an unknown'} {problem.name}"
    is_said = "allowed" in found or "allowed" in _resolved(found, schema) or SAID_BY_SCHEMA.search(problem.kind)
    must = _allowed(found, schema) if is_said else ""
    if must == "a number" and problem.kind == "finite_number":
        must = "a finite number"
    is_wrong = f"is {shortened(problem.value)}"
    if must:
        return place, f"{is_wrong}, but must be {must}"
    return place, f"{is_wrong}{', but' if problem.requirement.startswith('must ') else ':'} {problem.requirement}"


def _resolved(schema: Schema, whole: Schema) -> Schema:
    """Returns what a JSON schema refers to; of a value, or None, the value."""
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        return _resolved(kinds[0], whole) if len(kinds) == 1 else schema
    return whole["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _allowed(schema: Schema, whole: Schema) -> str:
    """Puts into words what the JSON schema of one value allows; nothing if there is no word for it."""
    schema = schema if "allowed" in schema else _resolved(schema, whole)
    if "allowed" in schema:
        return schema["allowed"]
    several: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    if {"type": "number"} in several:  # a decimal number may also be text
        several = [kind for kind in several if kind.get("type") != "string"]
    kinds = [_allowed(kind, whole) for kind in several]
    if kinds:
        return " or ".join(dict.fromkeys(kinds)) if all(kinds) else ""
    if "enum" in schema or "const" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = schema.get("type", "")
    if kind in ALLOWED:
        return ALLOWED[kind](schema, whole)
    return {"boolean": "True or False", "null": "None"}.get(kind, "")


def _allowed_number(schema: Schema, whole: Schema) -> str:
    limits = _limits(schema, BOUNDS)
    return f"{'a whole number' if schema['type'] == 'integer' else 'a number'}{limits and ', '}{limits}"


def _allowed_text(schema: Schema, whole: Schema) -> str:
    lengths = _limits(schema, LENGTHS)
    text = f"text that matches {schema['pattern']}" if "pattern" in schema else "text"
    return FORMATS.get(schema.get("format", ""), f"{text}{lengths and f', {lengths} letters'}")


def _allowed_list(schema: Schema, whole: Schema) -> str:
    parts = [_allowed(part, whole) or "anything" for part in schema.get("prefixItems", [])]
    if parts:
        each = f"each {parts[0]}" if len(set(parts)) == 1 else ", then ".join(parts)
        return f"a list of {len(parts)}: {each}"
    numbers = _limits(schema, SIZES)
    each = _allowed(schema.get("items") or {}, whole)
    return f"a list{numbers and ' of '}{numbers}{each and f' of which each element is {each}'}"


def _allowed_names(schema: Schema, whole: Schema) -> str:
    names = ", ".join(f'"{name}": ...' for name in schema.get("properties", ["name"]))
    each = schema.get("additionalProperties")
    each = _allowed(each, whole) if isinstance(each, dict) else ""
    return f"{{{names}}}{each and f' with {each} after each name'}"


ALLOWED = {
    "array": _allowed_list,
    "object": _allowed_names,
    "integer": _allowed_number,
    "number": _allowed_number,
    "string": _allowed_text,
}


def _limits(schema: Schema, texts: dict[str, str]) -> str:
    return " and ".join(text.format(schema[bound]) for bound, text in texts.items() if bound in schema)


def shortened(value: Any) -> str:
    """Returns a value as text of a readable length, "empty" if there is nothing to see."""
    try:
        text = value if isinstance(value, str) else reprlib.repr(value)
    except ValueError:  # Python does not write so many digits
        text = "a number with thousands of digits"
    text = " ".join(text.split())  # in one line
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}...") or "empty"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Returns the name that somebody who wrote `name` may have meant, None if nothing is near."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)
