"""A class of values as a command line: fields of any kind that pydantic knows, and one sentence for what is wrong."""

import datetime
import decimal
import enum
import json
import re
import time
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Union

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

import mlp
import predict
from course.command_line import CommandLine
from course.config import LessonConfig
from course.system.errors import CourseError
from course.values import Count, Fraction


class Activation(enum.Enum):
    RELU = "relu"
    GELU = "gelu"


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


class Augmentation(BaseModel):
    shift: Fraction = 0.05
    flip: bool = True


class Point(NamedTuple):
    x: int = 0
    y: int = 0


def config_class(base: type[CommandLine] = CommandLine, **body: object) -> type[CommandLine]:
    """Returns a class Config with one value, `field`, as a script would define it."""
    names = {"__module__": __name__} | {name: value for name, value in body.items() if name != "kind"}
    if "kind" in body:
        names["__annotations__"] = {"field": body["kind"]}
    return types.new_class("Config", (base,), exec_body=lambda namespace: namespace.update(names))


@pytest.mark.parametrize(
    ("kind", "default", "words", "value"),
    [
        (list[int], [1], "16 32", [16, 32]),
        (list[int], [1], "16", [16]),
        (list[int], [1], "[16, 32]", [16, 32]),
        (list[int], [1], "", []),
        (list[str], [], "a b", ["a", "b"]),
        (list[str], [], '["a","b"]', ["a", "b"]),
        (list[str], [], "['a','b']", ["a", "b"]),
        (dict[str, float], {}, "{'a': 2}", {"a": 2.0}),
        (list, [], "a", ["a"]),
        (Sequence[float], [], "1 .5", [1.0, 0.5]),
        (set[int], {1}, "2 2 3", {2, 3}),
        (tuple[int, int], (3, 3), "5,7", (5, 7)),
        (tuple[int, str], (3, "a"), "5 b", (5, "b")),
        (list[tuple[int, int]], [], "[[1,2],[3,4]]", [(1, 2), (3, 4)]),
        (list[Literal[1, 2]], [], "2 1", [2, 1]),
        (Activation, Activation.RELU, "gelu", Activation.GELU),
        (Size, Size.SMALL, "2", Size.LARGE),
        (list[Size], [], "2 1", [Size.LARGE, Size.SMALL]),
        (Literal[1, 2], 1, "2", 2),
        (Literal["a", "b"] | None, None, "b", "b"),
        (Literal["a", "b"] | None, "a", "None", None),
        (int | tuple[int, int], 3, "5", 5),
        (int | tuple[int, int], 3, "5 7", (5, 7)),
        (int | str, 3, "5", 5),
        (int | str, 3, "same", "same"),
        (bool | None, None, "", True),
        (bool | None, None, "None", None),
        (dict[str, float], {}, '{"a": 2}', {"a": 2.0}),
        (Augmentation, Augmentation(flip=False), '{"shift": 0.1}', Augmentation(shift=0.1, flip=False)),
        (Point, Point(), "3 4", Point(3, 4)),
        (Path, Path("a"), "b/c", Path("b/c")),
        (datetime.date, datetime.date(2026, 1, 1), "2026-02-01", datetime.date(2026, 2, 1)),
        (decimal.Decimal, decimal.Decimal(1), "0.1", decimal.Decimal("0.1")),
        (Any, None, "text", "text"),
    ],
)
def test_a_value_of_any_kind_is_set_on_the_command_line_and_kept(kind, default, words, value):
    config = config_class(kind=kind, field=default).from_command_line(
        ["--field", *words.split(" ")] if words else ["--field"]
    )
    assert config.field == value
    assert type(config)(**config.values()) == config
    assert config_class(kind=kind, field=default).from_command_line([]).field == default


@pytest.mark.parametrize(
    ("kind", "default", "words", "sentence"),
    [
        (int, 1, "x", "field is x, but must be a whole number; give --field another value."),
        (int, 1, "3 5", "field is 3 5, but must be a whole number; "),
        (float, 1.0, "inf", "field is inf, but must be a finite number; "),
        (list[int], [], "1 x", "field is x, but must be a list of which each element is a whole number; "),
        (list[Count], [], "1 0", "field is 0, but must be a list of which each element is a whole number, at least 1"),
        (tuple[int, int], (3, 3), "3", "field is ['3'], but must be a list of 2: each a whole number; "),
        (tuple[int, str], (3, "a"), "x b", "field is x, but must be a list of 2: a whole number, then text; "),
        (Annotated[list[int], Field(max_length=2)], [], "1 2 3", "field is 1 2 3, but must be a list of at most 2 of "),
        (Activation, Activation.RELU, "tanh", "field is tanh, but must be relu or gelu; "),
        (Size, Size.SMALL, "3", "field is 3, but must be 1 or 2; "),
        (Literal[1, 2], 1, "3", "field is 3, but must be 1 or 2; "),
        (Literal["a", "b"] | None, None, "c", "field is c, but must be a or b; "),
        (int | tuple[int, int], 3, "x", "field is x, but must be a whole number or a list of 2: each a whole number; "),
        (dict[str, float], {}, "b 2", 'field is b 2, but must be {"name": ...} with a number after each name; '),
        (Augmentation, Augmentation(), "x", 'field is x, but must be {"shift": ..., "flip": ...}; '),
        (
            Augmentation,
            Augmentation(),
            '{"shift":1.5}',
            "field.shift is 1.5, but must be a number, at least 0 and below 1",
        ),
        (Augmentation, Augmentation(), '{"shfit":0.1}', "Unknown value shfit; did you mean shift?"),
        (datetime.date, datetime.date(2026, 1, 1), "2026-13-01", "field is 2026-13-01, but must be a date such as "),
        (decimal.Decimal, decimal.Decimal(1), "x", "field is x, but must be a number; "),
        (Annotated[str, Field(min_length=3)], "abc", "a", "field is a, but must be text, at least 3 letters; "),
        (Annotated[int, Field(multiple_of=2)], 2, "3", "field is 3, but must be a whole number, a multiple of 2; "),
    ],
)
def test_a_wrong_value_of_any_kind_is_answered_in_a_sentence(kind, default, words, sentence):
    with pytest.raises(CourseError) as refused:
        config_class(kind=kind, field=default).from_command_line(["--field", *words.split(" ")])
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"hidden_nodes": 100},
            "class Config: hidden_nodes lacks the kind of its value; write hidden_nodes: Count = 100.",
        ),
        ({"limit": 100}, "class Config: limit lacks the kind of its value; write limit: Count = 100."),
        ({"shift": -1}, "write shift: int = -1."),
        ({"rate": 0.3}, "write rate: float = 0.3."),
        ({"flip": True}, "write flip: bool = True."),
        ({"way": "up"}, "write way: str = 'up'."),
        ({"filters": [32, 64]}, "write filters: list[Count] = [32, 64]."),
        ({"kernel": (3, 3)}, "write kernel: tuple[Count, ...] = (3, 3)."),
        ({"activation": Activation.RELU}, "write activation: Activation = Activation.RELU."),
        ({"nodes": Field(100, ge=1)}, "write nodes: Count = Field(...)."),
        ({"library": np}, "library is nothing that a command line can set; write it outside the class."),
        ({"kind": np.ndarray, "field": None}, "field is of the kind ndarray, which cannot be read; "),
        ({"kind": list[np.ndarray], "field": []}, "field is of the kind list[numpy.ndarray], which cannot be read; "),
        ({"kind": Callable, "field": len}, "field is of the kind "),
        ({"kind": [int], "field": []}, "field is of the kind [<class 'int'>], which cannot be read; "),
        ({"kind": str, "field": Field("", pattern="(")}, "field cannot be used as it is written ("),
        (
            {"kind": np.ndarray, "field": None, "model_config": ConfigDict(arbitrary_types_allowed=True)},
            "field is of the kind ndarray, which cannot be read; ",
        ),
        ({"__annotations__": {"values": int}, "values": 3}, "values is a name that the course uses itself; "),
        ({"__annotations__": {"image_size": int}, "image_size": 3}, "image_size is a name that the course uses itself"),
        ({"__annotations__": {"copy": int}, "copy": 3}, "copy is a name that the course uses itself; "),
        ({"__annotations__": {"help": int}, "help": 3}, "help is a name that the course uses itself; "),
    ],
)
def test_a_class_that_cannot_be_read_is_refused_when_it_is_defined(body, sentence):
    with pytest.raises(CourseError) as refused:
        config_class(LessonConfig, **body)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"kind": int}, "field has no value; give --field another value."),
        ({"kind": "Cuont", "field": 3}, "class Config: Cuont is not defined, but is the kind of a value."),
        ({"kind": Any, "field": object()}, "which cannot be kept in a file; use numbers, texts, or lists of them."),
        (
            {"kind": bytes, "field": b"\xff"},
            "cannot be ",
        ),  # kept in a file; before pydantic 2.14: used as it is written
        (
            {"kind": str, "field": Field("", ge=1)},
            "class Config: field cannot be used as it is written (Unable to apply",
        ),
        ({"kind": int, "field": "a"}, "field is a, but must be a whole number; "),
        ({"kind": str, "field": 3}, "field is 3, but must be text; "),
        ({"kind": int, "field": Field(0, alias="n", ge=1)}, "field is 0, but must be a whole number, at least 1; "),
    ],
)
def test_a_class_without_good_defaults_is_refused_when_it_is_used(body, sentence):
    with pytest.raises(CourseError) as refused:
        config_class(**body).from_command_line([])
    assert sentence in str(refused.value)


class Checked(CommandLine):
    """A class with validators of its own."""

    kernel: int = 3
    stride: int = 1
    not_a_value: ClassVar[int] = 3

    @field_validator("kernel")
    @classmethod
    def _is_odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError("Kernels must be odd.")
        return kernel

    @model_validator(mode="after")
    def _fits(self):
        if self.stride > self.kernel:
            raise ValueError("The stride is larger than the kernel.")
        return self


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--kernel", "4"], "kernel is 4: Kernels must be odd; give --kernel another value."),
        (["--stride", "4"], "class Checked: The stride is larger than the kernel."),
        (["--not_a_value", "4"], "Unknown option --not_a_value; --help lists them all."),
    ],
)
def test_validators_of_a_script_end_in_their_sentence(words, sentence):
    with pytest.raises(CourseError) as refused:
        Checked.from_command_line(words)
    assert str(refused.value) == sentence
    assert Checked.from_command_line([]).values() == {"kernel": 3, "stride": 1}


def test_an_option_of_a_value_within_a_value_shows_how_it_is_written():
    with pytest.raises(CourseError, match=r"""^Unknown option --field.shift; write --field '{"shift": ...}'.$"""):
        config_class(kind=Augmentation, field=Augmentation()).from_command_line(["--field.shift", "0.1"])


def test_help_shows_values_of_any_kind(capsys):
    with pytest.raises(SystemExit) as ended:
        config_class(kind=dict[str, float], field={"a": 1.0}).from_command_line(["--help"])
    assert ended.value.code == 0
    assert "--field JSON" in capsys.readouterr().out


LEAVES = st.sampled_from(
    [
        int, float, bool, str, bytes, Path, complex, Count, Fraction, Activation, Size, Literal[1, "a"], Any, Point,
        datetime.date, datetime.datetime, datetime.timedelta, decimal.Decimal, Augmentation, None, dict, list, object,
        range, Callable, np.ndarray, type,
    ]
)  # fmt: skip
KINDS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),
        inner.map(lambda kind: set[kind]),
        inner.map(lambda kind: tuple[kind, ...]),
        inner.map(lambda kind: dict[str, kind]),
        st.tuples(inner, inner).map(lambda kinds: tuple[kinds]),
        st.tuples(inner, inner).map(lambda kinds: Union[kinds]),  # noqa: UP007  # for kinds that have no `|`
    ),
    max_leaves=3,
)
VALUES = st.one_of(
    st.sampled_from(
        [..., None, True, 0.5, "", "a\nb", b"\xff", object(), int, Activation.GELU, Augmentation(), [], {}]
    ),
    st.integers(),
    st.floats(),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
    | st.sampled_from(
        ["1", "2 3", "[1, 2]", "[[1]]", "{", '{"shift": 1}', '{"a": [1]}', "nan", "1e999", "None", "null"]
    )
    | st.integers().map(str),
    max_size=3,
).filter(lambda words: not any(word.startswith("-") for word in words))


@given(kind=KINDS, default=VALUES, words=st.none() | WORDS)
@settings(max_examples=300)
def test_a_field_of_any_kind_gives_a_value_or_one_sentence(kind, default, words):
    with warnings.catch_warnings(action="ignore"):  # a learner's mistake may be worth a warning of pydantic, too
        try:
            config = config_class(kind=kind, **({} if default is ... else {"field": default})).from_command_line(
                [] if words is None else ["--field", *words]
            )
        except CourseError as error:
            assert re.fullmatch(r"[^\n]+\.", str(error))
        else:
            json.dumps(config.values())


@pytest.mark.parametrize("big", ["9" * 10**6, "0x" + "f" * 10**6, "1_" * 10**6 + "1", "[" * 10**6, "1 " * 500_000])
def test_a_value_of_a_megabyte_is_refused_at_once(big):
    for words in (["--epochs", big], ["--epochs", *big.split()], [big]):
        started = time.perf_counter()
        with pytest.raises(CourseError) as refused:
            mlp.Config.from_command_line(words)
        assert time.perf_counter() - started < 1
        assert len(str(refused.value)) < 300


def test_numbers_of_thousands_of_digits_are_refused_wherever_they_come_from():
    class Config(CommandLine):
        count: Count = 10**5_000
        free: int = 1

    with pytest.raises(CourseError, match="count is a number with thousands of digits, but must be a whole number"):
        Config()
    with pytest.raises(CourseError, match="free is a number with thousands of digits, which cannot be kept in a file"):
        Config(count=1, free=10**5_000)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a.jpg b.jpg", (("a.jpg", "b.jpg"), None, False)),
        ("--run here a.jpg b.jpg", (("a.jpg", "b.jpg"), "here", False)),
        ("a.jpg --run=here b.jpg", (("a.jpg", "b.jpg"), "here", False)),
        ("--open a.jpg --run here", (("a.jpg",), "here", True)),
        ("--open false a.jpg", (("a.jpg",), None, False)),
        ("a.jpg --open", (("a.jpg",), None, True)),
    ],
)
def test_names_may_come_before_between_and_after_options(words, expected):
    options = predict.Options.from_command_line(words.split())
    assert (options.pictures, options.run, options.open) == expected
