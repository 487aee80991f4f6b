"""A pydantic class as a command line, with one sentence for what is wrong on it."""

import re
from typing import Any, Literal, Self, get_args, get_origin

import tyro
from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from course import late
from course.system import program
from course.system.errors import CourseError, end_in_a_sentence
from course.system.files import typed
from course.system.problems import first_problem, nearest, shortened

BOUNDS = {  # of JSON schema
    "minimum": "at least {:,}",
    "exclusiveMinimum": "above {:,}",
    "maximum": "at most {:,}",
    "exclusiveMaximum": "below {:,}",
}


class Words(tuple[str, ...]):
    """What followed an option on the command line, before it is known which type it should have."""


class CommandLine(BaseModel):
    """Values that a program takes from its command line; a program derives a class with its own values from this.

    The comment after a value is its help. Every value is checked, defaults too; an impossible one raises CourseError
    with one sentence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        # A program's own values come first, on the page as in --help.
        own = {name: cls.__pydantic_fields__[name] for name in cls.__annotations__ if name in cls.__pydantic_fields__}
        cls.__pydantic_fields__ = own | cls.__pydantic_fields__

    @classmethod
    def from_command_line(cls, arguments: list[str] | None = None, default: Self | None = None) -> Self:
        """Returns the values of this class, or of `default`, as overridden by `arguments` (the program's if None).

        `--dropout 0.3` and `--dropout=0.3` are the same, hyphens and underscores too; a boolean may stand alone. Ends
        the program with exit code 2 and one sentence if a value or an option is wrong, or Keras has no backend.
        """
        end_in_a_sentence()
        config, unknown = tyro.cli(
            cls,
            prog=typed(),
            args=program.arguments() if arguments is None else arguments,
            default=tyro.MISSING_NONPROP if default is None else default,
            registry=_options_as_words,
            config=(tyro.conf.FlagConversionOff,),
            use_underscores=True,
            return_unknown_args=True,
        )
        if unknown:
            option = unknown[0].split("=")[0]
            options = [f"--{name}" for name in cls.model_fields if f"--{name}" != option]  # else it has no -- in front
            raise CourseError(unknown_value("option", option, options, "--help lists them all"))
        late.backend()
        return config

    def values(self) -> dict[str, Any]:
        """Returns all values by name, in the order of --help, as JSON has them."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name in type(self).model_fields if name in values}

    @classmethod
    def where_to_change(cls, name: str) -> str:
        """Returns how a sentence about a wrong value ends."""
        return f"give --{name} another value"

    @model_validator(mode="wrap")
    @classmethod
    def _one_sentence(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return validate(values)
        except ValidationError as error:
            problem = first_problem(error)
        name = problem.place.split(".")[0]
        if problem.kind == "extra_forbidden":
            raise CourseError(unknown_value("value", name, list(cls.model_fields), "class Config lists them all"))
        allowed = _allowed(cls.model_json_schema()["properties"][name])
        value = shortened(problem.value)
        raise CourseError(f"{name} is {value}, but must be {allowed}; {cls.where_to_change(name)}.")

    @field_validator("*", mode="before")
    @classmethod
    def _read_words(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Words) or info.field_name is None:
            return value
        annotation = cls.model_fields[info.field_name].annotation
        if get_origin(annotation) is tuple and get_args(annotation)[0] is str:  # names, which may have spaces in them
            return tuple(value)
        if get_origin(annotation) is tuple:  # 64 64, 64,64 and a sweep agent's [64, 64]
            return tuple(re.sub(r"[\[\](),]", " ", " ".join(value)).split())
        if annotation is bool and not value:
            return True
        if value == ("None",) and type(None) in get_args(annotation):
            return None
        return value[0] if len(value) == 1 else " ".join(value)


def unknown_value(what: str, name: str, names: list[str], otherwise: str) -> str:
    """Returns a sentence about a name that is none of `names`; it ends with the nearest one, or with `otherwise`."""
    near = nearest(name.replace("-", "_").replace("__", "--", 1), names)
    return f"Unknown {what} {shortened(name)}{f'; did you mean {near}?' if near else ';'} {otherwise}."


_options_as_words = tyro.constructors.ConstructorRegistry()


@_options_as_words.primitive_rule
def _as_words(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Words]:
    """Makes tyro return the words after each option as they are, so that pydantic alone judges values."""
    if get_origin(info.type) is Literal:
        metavar = f"{{{','.join(get_args(info.type))}}}"
    else:
        metavar = next((kind for kind in ("bool", "int", "float") if kind in str(info.type)), "text").upper()
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"{metavar} ..." if get_origin(info.type) is tuple else metavar,
        instance_from_str=Words,
        is_instance=lambda value: True,
        str_from_instance=lambda value: list(map(str, value)) if isinstance(value, tuple) else [str(value)],
    )


def _allowed(schema: dict[str, Any]) -> str:
    """Puts into words what the JSON schema of one field allows."""
    if "allowed" in schema:
        return schema["allowed"]
    if "anyOf" in schema:  # a value, or None
        schema = schema["anyOf"][0]
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if schema["type"] == "array":
        return f"a list of which each element is {_allowed(schema['items'])}"
    if schema["type"] not in ("integer", "number"):
        return {"boolean": "True or False", "string": "text"}[schema["type"]]
    limits = [text.format(schema[bound]) for bound, text in BOUNDS.items() if bound in schema]
    return f"{'a whole number' if schema['type'] == 'integer' else 'a number'}, {' and '.join(limits)}"
