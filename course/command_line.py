"""A pydantic class as a command line, with one sentence for what is wrong on it."""

import ast
import inspect
import io
import json
import re
import reprlib
import tokenize
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, EnumType
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import tyro
from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic._internal._model_construction import ModelMetaclass  # it alone sees a class before pydantic judges it
from pydantic.fields import FieldInfo

from course import late
from course.system import program
from course.system.errors import CourseError, end_in_a_sentence, first_line
from course.system.files import typed
from course.system.problems import Schema, first_problem, nearest, requirement, shortened

LONGEST_WORD = 5_000  # characters; the longest path has 4,096
MOST_WORDS = 2_000
BOOLEANS = ("true", "false", "yes", "no", "on", "off", "1", "0")
LONGEST_VALUE = 3_000  # characters of a number, a list or a dictionary: Python reads those of a megabyte for minutes


class Words(tuple[str, ...]):
    """What followed an option on the command line, before it is known which type it should have."""

    def __repr__(self) -> str:
        return " ".join(self)


Namespace = dict[str, Any]  # what the body of a class has defined


class _Sentences(ModelMetaclass):
    """Ends the program in one sentence if a class has a value that pydantic or the command line cannot read."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: Namespace, **kwargs: Any) -> type:
        def new(namespace: Namespace) -> type[BaseModel]:
            created: type[BaseModel] = super(_Sentences, mcs).__new__(mcs, name, bases, namespace, **kwargs)
            if created.__pydantic_complete__:  # else an annotation names what is defined later
                _schema(created)
            return created

        try:
            _check_names(bases, namespace)
            return new(namespace)
        except Exception as error:  # pydantic raises many kinds
            end_in_a_sentence()  # the script has not yet asked for its command line
            if isinstance(error, CourseError):
                raise
            raise CourseError(f"class {name}: {_refused(error, namespace, new)}.") from None


def _schema(of: type[BaseModel]) -> Schema:
    """Returns the JSON schema from which sentences about values are made."""
    with warnings.catch_warnings(action="ignore"):  # about defaults that JSON cannot have
        return of.model_json_schema(by_alias=False)


def _check_names(bases: tuple[type, ...], namespace: Namespace) -> None:
    """Raises CourseError unless each value of a class has a kind, and a name that is free."""
    annotations = namespace.get("__annotations__", {})
    for name in annotations:
        fields = {field for base in bases for field in getattr(base, "model_fields", ())}
        if name == "help" or (name not in fields and any(hasattr(base, name) for base in bases)):
            raise CourseError(f"{name} is a name that the course uses itself; give that value another one.")


def _refused(error: Exception, namespace: Namespace, new: Callable[[Namespace], type[BaseModel]]) -> str:
    """Returns what is wrong in a class, by what is refused if each of its values stands alone in it."""
    if getattr(error, "code", None) in ("model-field-missing-annotation", "model-field-overridden"):
        name = re.findall(r"[`'](\w+)", str(error))[0]
        value = namespace[name]
        kind = _kind(value.default if isinstance(value, FieldInfo) else value)
        if not kind:
            return f"{name} is nothing that a command line can set; write it outside the class"
        shown = value if isinstance(value, Enum) else reprlib.repr(value)
        shown = "Field(...)" if isinstance(value, FieldInfo) else shown
        return f"{name} lacks the kind of its value; write {name}: {kind} = {shown}"
    shared: Namespace = {
        name: namespace[name] for name in ("__module__", "__qualname__", "model_config") if name in namespace
    }
    for name, annotation in namespace.get("__annotations__", {}).items():
        alone = {"__annotations__": {name: annotation}} | {name: namespace[name] for name in {name} & {*namespace}}
        try:
            new(shared | alone)
        except PydanticUserError:
            kind = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
            return f"{name} is of the kind {kind}, which cannot be read; make it a number, a text or a list of them"
        except Exception as reason:
            return f"{name} cannot be used as it is written ({str(reason).strip().splitlines()[-1].strip()})"
    return first_line(error)


class CommandLine(BaseModel, metaclass=_Sentences):
    """Values that a program takes from its command line; a program derives a class with its own values from this.

    The comment after a value is its help. Every value is checked, defaults too; an impossible one raises CourseError
    with one sentence.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        validate_by_name=True,
        loc_by_alias=False,
    )

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
        arguments = program.arguments() if arguments is None else arguments
        _check_length(arguments)
        try:
            cls.model_rebuild()
        except PydanticUndefinedAnnotation as error:
            raise CourseError(
                f"class {cls.__name__}: {error.name} is not defined, but is the kind of a value."
            ) from None
        if default is None:
            cls._check_nothing_is_missing(arguments)
        if {"-h", "--help"} & {*arguments}:
            _describe(cls)
        with warnings.catch_warnings(action="ignore"):  # of tyro about defaults, which are judged here
            config, unknown = tyro.cli(
                cls,
                prog=typed(),
                args=_names_first(arguments, cls.model_fields),
                default=tyro.MISSING_NONPROP if default is None else default,
                registry=_options_as_words,
                config=(tyro.conf.FlagConversionOff,),
                use_underscores=True,
                return_unknown_args=True,
            )
        if unknown:
            raise CourseError(_unknown_option(unknown[0].split("=")[0], list(cls.model_fields)))
        late.backend()
        return config

    @classmethod
    def _check_nothing_is_missing(cls, arguments: list[str]) -> None:
        options = {word.lstrip("-").partition("=")[0].replace("-", "_") for word in arguments if word.startswith("-")}
        for name, field in cls.model_fields.items():
            if field.is_required() and not options & {name, "help", "h"}:
                raise CourseError(f"{name} has no value; {cls.where_to_change(name)}.")

    def values(self) -> dict[str, Any]:
        """Returns all values by name, in the order of --help, as JSON has them."""
        values = self.model_dump(mode="json", warnings=False)  # a list may stand where a tuple belongs
        return {name: values[name] for name in type(self).model_fields if name in values}

    @classmethod
    def where_to_change(cls, name: str) -> str:
        """Returns how a sentence about a wrong value ends."""
        return f"give --{name} another value"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Puts `_one_sentence` around all validators, also those of a class that derives from this one."""
        return WrapValidator(cls._one_sentence).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def _one_sentence(cls, values: Any, validate: ValidatorFunctionWrapHandler) -> Self:
        try:
            config = validate(values)
        except ValidationError as error:
            problem = first_problem(error)
        else:
            _check_plain(config)
            return config
        end_in_a_sentence()  # a script may make its config without asking for its command line
        name = problem.place.split(".")[0]
        if not name:  # a validator of the script's own, for all values together
            raise CourseError(f"class {cls.__name__}: {problem.requirement.rstrip('.')}.")
        if problem.kind == "extra_forbidden" and name == problem.place:
            raise CourseError(unknown_value("value", name, list(cls.model_fields), "class Config lists them all"))
        if problem.kind == "missing" and name == problem.place:
            raise CourseError(f"{name} has no value; {cls.where_to_change(name)}.")
        place, is_wrong = requirement(problem, _schema(cls))
        raise CourseError(f"{place} {is_wrong.rstrip('.')}; {cls.where_to_change(name)}.")

    @field_validator("*", mode="wrap")
    @classmethod
    def _read_words(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        try:
            if isinstance(value, Words):
                return _read(value, info.field_name, cls.model_fields[info.field_name], validate)
            return validate(value)
        except TypeError as error:
            if not str(error).startswith("Unable to apply constraint"):
                raise
            raise CourseError(
                f"class {cls.__name__}: {info.field_name} cannot be used as it is written ({first_line(error)})."
            ) from None


def _describe(of: type[CommandLine]) -> None:
    """Makes the comment behind a value its description; tyro would look for it in the sources of pydantic, too."""
    for base in of.__mro__[: of.__mro__.index(CommandLine)]:
        with suppress(OSError, TypeError, SyntaxError, tokenize.TokenError):
            tokens = list(tokenize.generate_tokens(io.StringIO(inspect.getsource(base)).readline))
            name = ""
            for token, following in pairwise(tokens):
                if token.start[1] == 4 and following.string == ":":
                    name = token.string
                elif token.type == tokenize.COMMENT and following.type == tokenize.NEWLINE and name:
                    field = of.model_fields.get(name)
                    if field is not None and field.description is None:
                        field.description = token.string.lstrip("#: ")
                elif token.type == tokenize.NEWLINE:
                    name = ""


def _names_first(words: list[str], fields: dict[str, FieldInfo]) -> list[str]:
    """Moves what no option takes to the front, if names are expected there: `--open digit.jpg` has one."""
    if not any(tyro.conf.Positional in field.metadata for field in fields.values()):
        return words
    names: list[str] = []
    options: list[str] = []
    kind: object = None  # of the option whose value comes next
    for word in words:
        if word.startswith("-"):
            field = fields.get(word.lstrip("-").replace("-", "_"))
            options.append(word)
            kind = field.annotation if field else None
        else:
            is_value = word.lower() in BOOLEANS if kind is bool else kind is not None
            (options if is_value else names).append(word)
            kind = None
    return names + options


def _check_length(words: list[str]) -> None:
    """Raises CourseError if a command line is so long that reading it would take long."""
    if len(words) > MOST_WORDS:
        raise CourseError(f"The command line has {len(words):,} words; give at most {MOST_WORDS:,}.")
    for word in words:
        if len(word) > LONGEST_WORD:
            raise CourseError(
                f"{shortened(word)} has {len(word):,} characters; give at most {LONGEST_WORD:,} in a word."
            )


def _check_plain(config: BaseModel) -> None:
    """Raises CourseError if a value, such as an object in a field of kind Any, cannot be in a file."""
    with suppress(ValueError):
        json.dumps(config.model_dump(mode="json"))
        return
    for name in type(config).model_fields:
        try:
            json.dumps(config.model_dump(mode="json", include={name}))
        except ValueError:
            value = shortened(getattr(config, name))
            raise CourseError(
                f"{name} is {value}, which cannot be kept in a file; use numbers, texts, or lists of them."
            ) from None


def _read(words: Words, name: str, field: FieldInfo, validate: ValidatorFunctionWrapHandler) -> object:
    """Returns the value that the words after the option of this name mean; raises ValidationError if none."""
    errors = []
    usual = field.default.model_dump() if isinstance(field.default, BaseModel) else {}
    for reading in _readings(words, field.annotation):
        whole = reading
        if usual and isinstance(reading, dict):  # what is not named stays as it is in the script
            for unknown in reading.keys() - usual.keys():
                raise CourseError(unknown_value("value", unknown, [*usual], f"{name} has {', '.join(usual)}"))
            whole = usual | reading
        try:
            return validate(whole)
        except ValidationError as error:
            errors.append(error)
    raise max(errors, key=lambda error: len(error.errors()[0]["loc"]))  # the one that found least wrong


def _readings(words: Words, annotation: object) -> Iterator[object]:
    """Yields what words on a command line may mean: `64 32`, `64,32` and a sweep agent's `[64, 32]` are one list."""
    kinds = (annotation, *get_args(annotation))
    text = " ".join(words)
    if not words and bool in kinds:
        yield True
    if text == "None" and NoneType in kinds:
        yield None
    readings = [text, _literal(text)]  # a union of numbers and text reads 3 as a number
    yield from (reversed(readings) if get_origin(annotation) in (Union, UnionType) else readings)
    parts = re.sub(r"[\[\](),]", " ", text).split()
    yield from ([*words], parts, [_literal(part) for part in parts])


def _literal(text: str) -> object:
    """Returns the value that a text is in JSON or, as a sweep's values are written, in Python; else the text."""
    for read in (json.loads, ast.literal_eval) if len(text) <= LONGEST_VALUE else ():
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return read(text)
    return text


def unknown_value(what: str, name: str, names: list[str], otherwise: str) -> str:
    """Returns a sentence about a name that is none of `names`; it ends with the nearest one, or with `otherwise`."""
    near = nearest(name.replace("-", "_").replace("__", "--", 1), names)
    return f"Unknown {what} {shortened(name)}{f'; did you mean {near}?' if near else ';'} {otherwise}."


def _kind(value: object) -> str:
    """Returns how the kind of a value is written, nothing if a config can have no such value."""
    if isinstance(value, list | tuple):
        kind = (_kind(value[0]) if value else "") or "Count"
        return f"list[{kind}]" if isinstance(value, list) else f"tuple[{kind}, ...]"
    if isinstance(value, int) and not isinstance(value, bool | Enum) and 1 <= value <= 10_000:
        return "Count"
    if value is None:
        return "Count | None"
    return type(value).__name__ if isinstance(value, bool | int | float | str | dict | Enum) else ""


def _unknown_option(option: str, names: list[str]) -> str:
    name, _, inner = option.removeprefix("--").partition(".")
    if inner and name in names:
        return f"Unknown option {option}; write --{name} '{{\"{inner}\": ...}}'."
    options = [f"--{name}" for name in names if f"--{name}" != option]  # else it has no -- in front
    return unknown_value("option", option, options, "--help lists them all")


_options_as_words = tyro.constructors.ConstructorRegistry()


@_options_as_words.primitive_rule
def _as_words(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Words]:
    """Makes tyro return the words after each option as they are, so that pydantic alone judges values."""
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=_metavar(info.type),
        instance_from_str=Words,
        is_instance=lambda value: True,
        str_from_instance=_as_words_again,
    )


def _plain(value: object) -> object:
    """Returns a value as JSON has it."""
    return TypeAdapter(object).dump_python(value, mode="json", fallback=str)


def _as_words_again(value: object) -> list[str]:
    plain = _plain(value)
    if isinstance(plain, list):
        return [str(part) for part in plain]
    return [json.dumps(plain) if isinstance(plain, dict) else str(plain)]


def _metavar(kind: object) -> str:
    """Returns what --help shows as the value of an option, such as INT or {adam,sgd}."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, EnumType):
        origin, inner = Literal, tuple(map(_plain, kind.__members__.values()))
    shown = str(getattr(kind, "__name__", "")).upper() if kind in (bool, int, float) else "TEXT"
    if origin is Literal:
        shown = f"{{{','.join(map(str, inner))}}}"
    elif origin is Annotated:
        shown = _metavar(inner[0])
    elif origin in (Union, UnionType):
        shown = "|".join(dict.fromkeys(_metavar(one) for one in inner if one is not NoneType))
    elif origin in (list, set, frozenset) or (origin is tuple and inner[1:] == (...,)):
        shown = f"{_metavar(inner[0])} ..."
    elif origin is tuple:
        shown = " ".join(map(_metavar, inner))
    elif origin is dict or kind is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        shown = "JSON"
    return shown
