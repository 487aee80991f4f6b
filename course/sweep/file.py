"""A sweep's file, in the format of Weights & Biases, read and checked before anything trains."""

import ast
import contextlib
import math
import os
import re
import reprlib
import runpy
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from course import data
from course.command_line import unknown_value
from course.config import LessonConfig
from course.runs import folder as run_folder
from course.system.errors import CourseError, first_line
from course.system.files import shown
from course.system.plain_yaml import LARGEST, parse_yaml
from course.system.problems import first_problem, nearest, shortened

RANKING = {"val_loss": "minimize", "val_accuracy": "maximize"}  # what every run logs of its validation images
# Keys that Weights & Biases knows for its own agents.
NO_EFFECT = ("command", "controller", "entity", "image_uri", "imports", "job", "run_metadata", "scheduler")
RANGES = ("int_uniform", *(q + kind for q in ("", "q_") for kind in ("uniform", "log_uniform", "log_uniform_values")))
DISTRIBUTIONS: dict[str, set[str]] = {  # the keys that each needs, besides itself
    "constant": {"value"},
    "categorical": {"values"},
    **{kind: {"min", "max"} for kind in RANGES},
    **{kind: {"mu", "sigma"} for kind in ("normal", "q_normal")},
}
COUNTABLE = ("constant", "categorical", "int_uniform")  # what a grid can go through
LARGEST_EXPONENT = 30  # of e
LARGEST_NUMBER = 10**15
LONGEST = 1000  # letters of a text, elements of a list
MOST_TRIALS = 10_000
GOLDEN = 0.6180339887  # what is so far between two bounds is not a whole number, unless it must be one

Content = dict[str, Any]  # of a file, as JSON has it
Scalar = bool | int | float | str | None
Value = Scalar | list[Scalar]  # what a command line can give to a field of a config


def _checked_value(value: object) -> object:
    """Returns a value as it is; raises CourseError if no command line can give it, or YAML misread it."""
    if isinstance(value, list) and len(value) <= LONGEST and not any(isinstance(part, list) for part in value):
        return [_checked_value(part) for part in value]
    if isinstance(value, str) and len(value) <= LONGEST and value.isprintable():  # a terminal shows it
        with contextlib.suppress(ValueError):
            float(value)
            raise CourseError(f"{value} is text to YAML, not a number; write it with a dot, such as 1.0e-4.")
        return value
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER):
        return value
    raise CourseError(f"{reprlib.repr(value)} cannot be a value; use a number, text, True, False, or a list of these.")


Number = Annotated[int | float, BeforeValidator(_checked_value)]
CheckedValue = Annotated[Value, BeforeValidator(_checked_value)]
Whole = Annotated[int, Field(ge=1, le=1_000_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Metric(_Section):
    """What trials are ranked by."""

    name: str
    goal: Literal["minimize", "maximize"] = "minimize"


class EarlyTermination(_Section):
    """When trials that fall behind are stopped: after epoch `first`, after `eta` times as many, and so on."""

    type: Literal["hyperband"]
    min_iter: Whole | None = None
    max_iter: Whole | None = None
    s: Annotated[int, Field(ge=1, le=50)] | None = None
    eta: Annotated[Number, Field(gt=1, le=1000)] = 3

    @property
    def first(self) -> int:
        """The first epoch after which trials are compared."""
        return self.min_iter or int((self.max_iter or 0) / self.eta ** (self.s or 0))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.min_iter is None) == (self.max_iter is None) or (self.max_iter is None) != (self.s is None):
            raise ValueError("takes either min_iter, or max_iter and s")
        if self.first < 1:
            raise ValueError(
                f"divides max_iter {self.max_iter} by eta {self.eta}, {self.s} times, and less than one epoch is left;"
                " make s smaller"
            )
        return self


class Parameter(_Section):
    """The values that one field of the config is to be tried with."""

    distribution: str | None = None
    value: CheckedValue = None
    values: list[CheckedValue] = Field([], min_length=1)
    probabilities: list[Number] = Field([], min_length=1)
    min: Number = 0
    max: Number = 0
    mu: Number = 0
    sigma: Number = 1
    q: Number = 1

    @property
    def kind(self) -> str:
        """The name of its distribution, which follows from its other keys if it is not given."""
        if self.distribution is not None:
            return self.distribution
        given = self.model_fields_set
        if not {"min", "max"} <= given:
            return "constant" if "value" in given else "categorical"
        return "int_uniform" if isinstance(self.min, int) and isinstance(self.max, int) else "uniform"

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value; a normal distribution has none, and is infinite."""
        if "normal" in self.kind:
            return -math.inf, math.inf
        if self.kind in ("log_uniform", "q_log_uniform"):  # there, they are exponents
            return math.exp(self.min), math.exp(self.max)
        return self.min, self.max

    def all_values(self) -> Sequence[Value]:
        """Returns every value of a parameter that is countable."""
        if self.kind == "int_uniform":
            return range(int(self.min), int(self.max) + 1)
        return [self.value] if self.kind == "constant" else self.values

    def samples(self) -> Sequence[Value]:
        """Returns values that its field must allow if it allows all of them: the outermost, and one in between."""
        if self.kind in COUNTABLE:
            return [self.min, self.max] if self.kind == "int_uniform" else self.all_values()
        low, high = (self.mu, self.mu + self.sigma * GOLDEN) if "normal" in self.kind else self.bounds
        samples = [low, high, low + (high - low) * GOLDEN]
        return [self.quantized(value) for value in samples] if self.kind.startswith("q_") else samples

    @property
    def steps(self) -> tuple[int, int]:
        """The lowest and the highest multiple of q within the bounds, in steps of q."""
        low, high = self.bounds
        return math.ceil(low / self.q - 1e-9), math.floor(high / self.q + 1e-9)

    def quantized(self, value: float) -> float:
        """Returns the nearest multiple of q that is within the bounds."""
        steps = round(value / self.q)
        if "normal" not in self.kind:
            lowest, highest = self.steps
            steps = min(max(steps, lowest), highest)
        return steps * self.q

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind not in DISTRIBUTIONS:
            raise ValueError(f"has the unknown distribution {self.kind}; use one of {', '.join(DISTRIBUTIONS)}")
        needed, given = DISTRIBUTIONS[self.kind], self.model_fields_set - {"distribution"}
        optional = {"q"} if self.kind.startswith("q_") else {"probabilities"} if self.kind == "categorical" else set()
        if not needed <= given <= needed | optional:
            has = " and ".join(sorted(given)) or "nothing"
            raise ValueError(f"is {self.kind}, which needs {' and '.join(sorted(needed))}, but has {has}")
        for name in ("q", "sigma"):
            if getattr(self, name) < 1 / LARGEST_NUMBER:
                raise ValueError(f"has {name} {getattr(self, name)}, but {name} must be above 0")
        each = self.probabilities
        if each and (len(each) != len(self.values) or min(each) < 0 or not math.isclose(sum(each), 1, abs_tol=1e-6)):
            raise ValueError("must have one probability for each of its values, and their sum must be 1")
        kind, low, high = self.kind, self.min, self.max
        if low > high:
            raise ValueError(f"has min {low} and max {high}; min must not be above max")
        if kind == "int_uniform" and not (isinstance(low, int) and isinstance(high, int)):
            raise ValueError(f"is int_uniform, but has min {low} and max {high}; both must be whole numbers")
        if kind.endswith("log_uniform") and max(abs(low), abs(high)) > LARGEST_EXPONENT:
            raise ValueError(f"is {kind}, so min {low} and max {high} are exponents of e; {kind}_values takes values")
        if kind.endswith("log_uniform_values") and low <= 0:
            raise ValueError(f"is {kind}, but has min {low}, which must be above 0")
        if kind in RANGES and kind.startswith("q_") and self.steps[0] > self.steps[1]:
            low, high = self.bounds
            raise ValueError(f"has no multiple of q {self.q} from {low:g} to {high:g}")
        return self


class SweepFile(_Section):
    """What a sweep's file contains; `read_sweep_file` has checked it."""

    program: str
    method: Literal["grid", "random", "bayes"]
    metric: Metric
    parameters: dict[str, Parameter] = Field(min_length=1)
    early_terminate: EarlyTermination | None = None
    run_cap: Whole | None = None
    name: str | None = None
    description: str | None = None
    project: str | None = None

    @property
    def decisive(self) -> Content:
        """All that decides which trials there are, and which of them is best; the rest may change meanwhile."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"name", "description", "project", "run_cap"})

    @property
    def constants(self) -> dict[str, Value]:
        """The parameters that have one value only, by name."""
        return {name: parameter.value for name, parameter in self.parameters.items() if parameter.kind == "constant"}

    @property
    def varied(self) -> dict[str, Parameter]:
        """The parameters that have more than one value, by name."""
        return {name: parameter for name, parameter in self.parameters.items() if parameter.kind != "constant"}

    def combination(self, number: int) -> dict[str, Value]:
        """Returns the values of a trial of a grid, counted from 1; the last parameter changes fastest."""
        number -= 1
        chosen = {}
        for name, parameter in reversed(self.parameters.items()):
            values = parameter.all_values()
            number, position = divmod(number, len(values))
            chosen[name] = values[position]
        return {name: chosen[name] for name in self.parameters}

    def trial_count(self, at_most: int | None = None) -> int:
        """Returns how many trials there are: `at_most` of them, run_cap if it is None; a grid may have fewer."""
        caps = [at_most or self.run_cap]
        if self.method == "grid":
            caps.append(math.prod(len(parameter.all_values()) for parameter in self.parameters.values()))
        return min(cap for cap in caps if cap is not None)


def read_sweep_file(
    file: Path, at_most: int | None = None, folder: Path | None = None, begun: Content | None = None
) -> SweepFile:
    """Returns what a YAML file contains, checked against class Config of its script.

    The script is executed, as far as importing it does, once nothing else is wrong: only its class Config knows which
    values it allows. What is said after that says so.

    Args:
        file: in the format of Weights & Biases.
        at_most: the number of trials, instead of the file's run_cap.
        folder: where the script is looked for after the working directory and before the course; that of the file if
            it is None.
        begun: what was `decisive` when the sweep that is to be resumed began.

    Raises:
        CourseError: it cannot be read, is not a sweep's file, is not what the sweep began with, or asks for what the
            script or Ray cannot do.
    """
    content, place = _load_yaml(file), shown(file)
    try:
        sweep = _validated(content)
        _check_method(sweep, at_most)
        sweep = sweep.model_copy(update={"program": str(_found(sweep.program, folder or file.parent))})
        if begun is not None:
            _check_unchanged(sweep, begun)
        _check_source(sweep)
        _check_metric(sweep)
        config = config_class(Path(sweep.program))
        place = f"{place}, for which {shown(Path(sweep.program))} was imported"
        _check_values(sweep, config)
    except CourseError as error:
        raise CourseError(f"{place}: {error}") from None
    return sweep


def config_class(script: Path) -> type[LessonConfig]:
    """Returns class Config of a script, whose sentences about a wrong value end with "change it there".

    Raises CourseError if the script cannot be imported, or has no such class.
    """
    try:
        defined = runpy.run_path(str(script), run_name=script.stem)
        if "Config" not in defined:
            raise CourseError(f"{shown(script)} has no class Config, so there are no values to choose.")
        config = defined["Config"]
        if not (isinstance(config, type) and issubclass(config, LessonConfig)):
            raise CourseError(f"class Config of {shown(script)} must derive from LessonConfig.")
        config.model_rebuild(_types_namespace=defined)  # an annotation may name what the script defines after it
        config.where_to_change = classmethod(lambda cls, name: "change it there")  # type: ignore[assignment]
        return config
    except CourseError:
        raise
    except (Exception, SystemExit) as error:  # a learner's file may do anything
        raise CourseError(f"{shown(script)} cannot be imported ({first_line(error)}).") from None


def _found(script: str, folder: Path) -> Path:
    looked_in = list(dict.fromkeys(place.resolve() for place in (Path.cwd(), folder, run_folder.COURSE)))
    places = " or ".join(map(str, looked_in))
    for place in looked_in:
        if not Path(os.path.normpath(place / script)).is_relative_to(place):
            continue
        if (place / script).is_file():
            return Path(script) if place == Path.cwd() else place / script
    if Path(script).is_file():
        raise CourseError(f"program is {shown(Path(script))}, but must be a script in {places}; copy it there.")
    nowhere = "" if Path(script).is_absolute() else f"; there is none in {places}"
    raise CourseError(f"program is {shown(Path(script))}, but must be a script that exists, such as cnn.py{nowhere}.")


def _load_yaml(file: Path) -> object:
    try:
        if file.stat().st_size > LARGEST:
            raise CourseError(f"{shown(file)} is larger than a sweep's file can be; name one such as sweep.yaml.")
        return parse_yaml(file.read_bytes())
    except OSError as error:
        raise CourseError(f"{shown(file)} cannot be read ({error.strerror or error}).") from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CourseError(f"{shown(file)} is not YAML{line} ({error.problem or error.context}).") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError, AttributeError) as error:
        raise CourseError(f"{shown(file)} is not YAML ({first_line(error)}).") from None


def _validated(content: object) -> SweepFile:
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        place, name, value, kind, requirement = first_problem(error)
    if not place:
        raise CourseError(f"it contains {reprlib.repr(value)} instead of names and values, such as method: random.")
    if kind == "value_error":
        raise CourseError(f"{name} {requirement}.")
    if kind == "missing":
        raise CourseError(f"{place} is missing; docs/engineering/scaling.md has an example.")
    if kind != "extra_forbidden":
        raise CourseError(f"{place} is {reprlib.repr(value)}, but {requirement}.")
    if place in NO_EFFECT:
        raise CourseError(f"{place} has no effect here; remove it.")
    sections: dict[str, type[BaseModel]] = {"": SweepFile, "metric.": Metric, "early_terminate.": EarlyTermination}
    keys = sections.get(place.removesuffix(name), Parameter).model_fields
    near = nearest(name, keys)
    remedy = f"did you mean {near}? Otherwise remove it." if near else f"the keys here are {', '.join(keys)}."
    raise CourseError(f"Unknown key {place}; {remedy}")


def _check_method(sweep: SweepFile, at_most: int | None) -> None:
    for name, parameter in sweep.parameters.items():
        kind = f"{parameter.kind} with probabilities" if parameter.probabilities else parameter.kind
        if sweep.method == "grid" and kind not in COUNTABLE:
            raise CourseError(
                f"{name} is {kind}, but a grid tries values one by one; list them in values, or use the method random."
            )
        if sweep.method == "bayes" and (kind not in DISTRIBUTIONS or "normal" in kind):  # Optuna has neither
            raise CourseError(
                f"{name} is {kind}, which bayes cannot search; use another distribution, or the method random."
            )
    if sweep.method != "grid" and at_most is None and sweep.run_cap is None:
        raise CourseError(f"a {sweep.method} search never ends by itself; set run_cap: 12, or give --runs 12.")
    count = sweep.trial_count(at_most)
    if count > MOST_TRIALS:
        raise CourseError(f"{count:,} trials are too many; set run_cap: 12, or give --runs 12.")


def _check_unchanged(sweep: SweepFile, begun: Content) -> None:
    """Raises CourseError if a sweep is not what it was when it began: its trials could not be compared."""
    before, now = _by_place(begun), _by_place(sweep.decisive)
    for place in dict.fromkeys([*before, *now]):
        if before.get(place, "missing") != now.get(place, "missing"):
            was, value = (shortened(values.get(place, "missing")) for values in (before, now))
            raise CourseError(
                f"{place} was {was} when this sweep began and is {value} now, so its trials could not be compared;"
                " change it back, or start a new sweep."
            )


def _by_place(content: Content, place: str = "") -> Content:
    """Returns nested values by the names that lead to them, joined by dots."""
    found: Content = {}
    for name, value in content.items():
        found |= _by_place(value, f"{place}{name}.") if isinstance(value, dict) else {f"{place}{name}": value}
    return found


def _check_source(sweep: SweepFile) -> None:
    """Raises CourseError if reading a script, without executing it, shows that it does not have these parameters."""
    script = Path(sweep.program)
    try:
        tree = ast.parse(script.read_bytes(), str(script))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CourseError(f"{shown(script)} cannot be imported ({first_line(error)}).") from None
    config = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config"), None)
    if config is None:
        if not any(map(_binds_config, ast.walk(tree))):
            raise CourseError(f"{shown(script)} has no class Config, so there are no values to choose.")
        return
    if not config.bases:
        raise CourseError(f"class Config of {shown(script)} must derive from LessonConfig.")
    if [ast.unparse(base).rpartition(".")[2] for base in config.bases] != [LessonConfig.__name__]:
        return  # what it derives from may have fields of its own
    own = [
        node.target.id for node in config.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    fields = list(dict.fromkeys([*own, *LessonConfig.model_fields]))
    for name in sweep.parameters:
        if name not in fields:
            raise CourseError(unknown_value("value", name, fields, "class Config lists them all"))


def _binds_config(node: ast.AST) -> bool:
    """Returns whether this may give the name Config to something."""
    if isinstance(node, ast.alias):
        return (node.asname or node.name) in ("Config", "*")
    if isinstance(node, ast.Name):
        return node.id == "Config" and isinstance(node.ctx, ast.Store)
    return isinstance(node, ast.ClassDef) and node.name == "Config"


def _check_values(sweep: SweepFile, config: type[LessonConfig]) -> None:
    for name in ("name", "open", "resume", "resume_anyway", "traceback"):
        if name in sweep.parameters:
            raise CourseError(f"{name} cannot be a parameter, because a sweep sets it itself; remove it.")
    if sweep.project is not None and "project" not in sweep.parameters:
        config.model_validate({"project": sweep.project})
    defaults, usual = config.model_validate({}).values(), config.model_validate(sweep.constants)
    data.verify(usual.data, usual.image_size, usual.image_channels)
    longest = usual.values().get("epochs") or math.inf
    for name, parameter in sweep.parameters.items():
        accepted = []
        for value in parameter.samples():
            trial = config.model_validate(sweep.constants | {name: value})
            accepted.append(trial.values()[name])
            means_default = value is None and defaults[name] is not None  # for it would be left out of the command
            if means_default or isinstance(value, bool) != isinstance(accepted[-1], bool):
                raise CourseError(f"{name} is {value}, which no command line can give.")
            if name == "data":
                data.verify(trial.data, trial.image_size, trial.image_channels)
        if name == "epochs":
            longest = max(accepted)
    if sweep.early_terminate is not None and sweep.early_terminate.first >= longest:
        raise CourseError(
            f"early_terminate first compares trials after epoch {sweep.early_terminate.first}, when all {longest} are"
            " over; make it smaller, or epochs larger."
        )


def _check_metric(sweep: SweepFile) -> None:
    name, goal = sweep.metric.name, sweep.metric.goal
    if name.startswith("test_"):
        raise CourseError(
            f"metric is {name}, but ranking by test images would make them useless for testing; use val_accuracy."
        )
    if f"val_{name}" in RANKING:
        raise CourseError(f"metric is {name}, but only validation images show which trial is best; use val_{name}.")
    with tokenize.open(sweep.program) as script:  # in the encoding that Python finds in it
        words = re.findall(r"\w+", script.read())
    if name not in RANKING and not (name.startswith("val_") and name.removeprefix("val_") in words):
        near = nearest(name, RANKING)
        remedy = f"did you mean {near}? It" if near else "use val_accuracy, which"
        raise CourseError(
            f"metric is {reprlib.repr(name)}, which {sweep.program} never logs; {remedy} is always there."
        )
    wanted = RANKING.get(name, goal)  # a metric that the learner added may have either
    if goal != wanted:
        raise CourseError(f"metric {name} has the goal {goal}, which looks for the worst; set goal: {wanted}.")
