"""From a config class to validated values: written in the script, overridden on the command line or by a sweep."""

import ast
import difflib
import os
import re
import sys
import types
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

import tyro
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from course import agent, data
from course.runs import folder as run_folder
from course.runs import resume
from course.system import memory, signals
from course.system.errors import CourseError, end_in_a_sentence, first_line
from course.system.files import shown, typed
from course.training import devices, tracking

LONGEST = 100  # letters of a value that is said to be wrong


class _Words(tuple):
    """What stood behind an option on the command line, before it is known which type it should have."""


class CommandLine(BaseModel):
    """Values that a program takes from its command line; a program derives a class with its own values from this.

    Every field is checked, its default too; an impossible value raises CourseError with one sentence.
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

        `--dropout 0.3` and `--dropout=0.3` are the same, hyphens and underscores too; a boolean may stand bare. Ends
        the program with exit code 2 and one sentence if a value or an option is wrong.
        """
        end_in_a_sentence()
        config, unknown = tyro.cli(
            cls,
            prog=typed(),
            args=arguments,
            **({} if default is None else {"default": default}),
            registry=_options_as_words,
            config=(tyro.conf.FlagConversionOff,),
            use_underscores=True,
            return_unknown_args=True,
        )
        if unknown:
            option = unknown[0].split("=")[0]
            options = [f"--{name}" for name in cls.model_fields if f"--{name}" != option]  # else it has no -- in front
            raise CourseError(_no_such_value(option, options, "--help lists them all"))
        return config

    def values(self) -> dict[str, Any]:
        """Returns all values by name, in the order of --help, as JSON has them."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name in type(self).model_fields if name in values}

    @classmethod
    def _where_to_change(cls, name: str) -> str:
        return f"give --{name} another value"

    @model_validator(mode="wrap")
    @classmethod
    def _one_sentence(cls, values: Any, validate: Any) -> Self:
        try:
            return validate(values)
        except ValidationError as problems:
            raise CourseError(_sentence(cls, problems.errors()[0])) from None

    @field_validator("*", mode="before")
    @classmethod
    def _read_words(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, _Words):
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


class LessonConfig(CommandLine):
    """What the configurations of all lessons share; a lesson derives its `Config` from it and adds its own values."""

    batch_size: int  # every lesson has its own default
    data: str = Field("mnist", description="mnist, fashion_mnist, or the path of an .npz file of your own")
    limit: int | None = Field(None, ge=1, description="train on the first N images only, for a quick try")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="fixes everything random: same seed, same numbers")
    data_parallel: bool = Field(False, description="share each batch among all devices; takes Keras' JAX backend")
    name: str = Field(
        "run",
        pattern=r"^[\w.-]{1,60}$",
        json_schema_extra={"allowed": "up to 60 letters, digits, dots, hyphens and underscores"},
        description="ends the name of the run, on disk and in Weights & Biases",
    )
    project: str = Field(
        "course-in-a-box",
        pattern=r"^[\w.-]{1,100}$",
        json_schema_extra={"allowed": "up to 100 letters, digits, dots, hyphens and underscores"},
        description="the Weights & Biases project that the run belongs to",
    )
    # What to do, not what with: no value of the run, so that it is in no config.json.
    resume: str | None = Field(
        None,
        exclude=True,
        description="go on with an interrupted run: with the newest of this script, or with this folder of runs/",
    )

    @classmethod
    def from_command_line(cls, arguments: list[str] | None = None, default: Self | None = None) -> Self:
        """Returns the values as CommandLine does; those that a Weights & Biases sweep sets come before all others.

        Also ends the program in a sentence, with exit code 2, if WANDB_MODE or what the sweep sets is wrong, if the
        data set is damaged, if `runs/` cannot be written, if batches cannot be shared as data_parallel asks, or if
        there is no such run to resume.
        """
        end_in_a_sentence()
        signals.stop_in_order()
        swept = agent.sweep_values()
        for name in swept:
            if name not in cls.model_fields:
                raise CourseError(_no_such_value(name, list(cls.model_fields), "change it in the sweep, which sets it"))
        words = sys.argv[1:] if arguments is None else arguments
        words = [*words, *(f"--{name}={value}" for name, value in swept.items())]  # the last one counts
        try:
            config = super().from_command_line(words, default)
        except CourseError as error:
            if not swept or "the sweep" in str(error):
                raise
            raise CourseError(f"{str(error).rstrip('.')} (the sweep sets {', '.join(swept)}).") from None
        if config.resume is not None:
            config = cls._resumed(config.resume, words)
        data.verify(config.data)
        devices.check(config.data_parallel)
        run_folder.check_writable()
        tracking.asked_mode()
        return config

    @classmethod
    def _resumed(cls, run: str, arguments: list[str] | None) -> Self:
        """Returns the config of an interrupted run; raises CourseError unless the same would come out now."""
        folder, begun = resume.interrupted(run_folder.RUNS, run)
        given = {name: value for name, value in begun.config.items() if value != begun.defaults.get(name)}
        config = super().from_command_line(arguments, default=cls(**given))
        values = config.values()
        changed = " and ".join(
            f"{name} {begun.config.get(name, 'missing')} (now {values.get(name, 'missing')})"
            for name in dict.fromkeys([*begun.config, *values])
            if begun.config.get(name, "missing") != values.get(name, "missing")
        )
        if changed:
            raise CourseError(
                f"{shown(folder)} was begun with {changed}; resume it with what it was begun with, or start a new run"
                " without --resume."
            )
        return config.model_copy(update={"resume": str(folder)})

    @classmethod
    def _where_to_change(cls, name: str) -> str:
        if name in agent.sweep_values():
            return "change it in the sweep, which sets it"
        script = os.path.basename(sys.argv[0]) or "the script"
        return f"change it in class Config of {script}, or with --{name} on the command line"

    @model_validator(mode="after")
    def _fits_the_data(self) -> Self:
        images = data.training_images(self.data)
        if self.limit is not None and self.limit > images:
            raise CourseError(
                f"limit is {self.limit}, but {self.data} has {images} training images; give a smaller one."
            )
        memory.check_images(images, getattr(self, "img_height", 28), getattr(self, "img_width", 28))
        images = self.limit or images
        if self.batch_size > images:
            raise CourseError(
                f"batch_size is {self.batch_size}, but there are {images} images to train on; give a smaller one."
            )
        return self


def read_class(script: Path, remedy: str) -> type[LessonConfig]:
    """Returns class Config of a script without running what stands below it, which is what takes seconds to load.

    Its sentences end with `remedy` where those of the script would say where to change a value.

    Raises:
        CourseError: there is no such script, or no such class in it.
    """
    try:
        body = ast.parse(script.read_bytes(), str(script)).body
        names = [getattr(node, "name", None) for node in body]
        if "Config" not in names:
            raise CourseError(f"{shown(script)} has no class Config, so there is nothing to choose values for.")
        module = sys.modules[f"{script.stem}: Config"] = types.ModuleType(f"{script.stem}: Config")
        exec(compile(ast.Module(body[: names.index("Config") + 1], []), str(script), "exec"), vars(module))
        if not issubclass(module.Config, LessonConfig):
            raise CourseError(f"class Config of {shown(script)} must derive from LessonConfig.")
    except OSError as error:
        raise CourseError(f"{shown(script)} cannot be read ({error.strerror or error}).") from None
    except CourseError:
        raise
    except Exception as error:  # a learner's file may do anything
        raise CourseError(f"class Config of {shown(script)} cannot be read ({first_line(error)}).") from None

    class Config(module.Config):
        @classmethod
        def _where_to_change(cls, name: str) -> str:
            return remedy

    return Config


def check_image_is_large_enough(height: int, width: int, kernels: list[tuple[int, int]]) -> None:
    """Raises CourseError if a convolution would have nothing left to look at.

    Follows an image of (height, width) pixels through convolutions without padding, one for each (height, width) in
    `kernels`, each followed by 2x2 pooling while there are two pixels to pool in both directions.
    """
    for number, (kernel_height, kernel_width) in enumerate(kernels, start=1):
        if kernel_height > height or kernel_width > width:
            raise CourseError(
                f"Convolution {number} has kernels of {kernel_height}x{kernel_width} pixels (height x width), but only"
                f" {height}x{width} are left of the image; use smaller kernels, fewer convolutions or larger images."
            )
        height, width = height - kernel_height + 1, width - kernel_width + 1
        if min(height, width) >= 2:
            height, width = height // 2, width // 2


_options_as_words = tyro.constructors.ConstructorRegistry()


@_options_as_words.primitive_rule
def _as_words(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec:
    """Has tyro hand over the words behind each option as they are, so that pydantic alone judges values."""
    if get_origin(info.type) is Literal:
        metavar = f"{{{','.join(get_args(info.type))}}}"
    else:
        metavar = next((kind for kind in ("bool", "int", "float") if kind in str(info.type)), "text").upper()
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"{metavar} ..." if get_origin(info.type) is tuple else metavar,
        instance_from_str=_Words,
        is_instance=lambda value: True,
        str_from_instance=lambda value: list(map(str, value)) if isinstance(value, tuple) else [str(value)],
    )


def _sentence(config: type[CommandLine], problem: dict[str, Any]) -> str:
    """Says in one sentence what is wrong with a value, what is allowed and where to change it."""
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return _no_such_value(name, list(config.model_fields), "class Config lists them all")
    allowed = _allowed(config.model_json_schema()["properties"][name])
    return (
        f"{name} is {_shortened(problem['input']) or 'empty'}, but must be {allowed}; {config._where_to_change(name)}."
    )


def _shortened(value: Any) -> str:
    return text if len(text := str(value)) <= LONGEST else f"{text[:LONGEST]}..."


def _no_such_value(name: str, names: list[str], all_names: str) -> str:
    near = difflib.get_close_matches(name.replace("-", "_").replace("__", "--", 1), names, n=1)
    return f"There is no {_shortened(name)}{f'; did you mean {near[0]}?' if near else ';'} {all_names}."


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
    bounds = {
        "minimum": "at least {:,}",
        "exclusiveMinimum": "above {:,}",
        "maximum": "at most {:,}",
        "exclusiveMaximum": "below {:,}",
    }
    limits = [text.format(schema[bound]) for bound, text in bounds.items() if bound in schema]
    return f"{'a whole number' if schema['type'] == 'integer' else 'a number'}, {' and '.join(limits)}"
