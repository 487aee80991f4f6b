"""A sweep's file, in the format of Weights & Biases, read and checked before anything trains."""

import contextlib
import difflib
import math
import re
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from course import data
from course.config import LessonConfig, read_class
from course.system.errors import CourseError, first_line
from course.system.files import shown

LARGEST = 2**20  # bytes; a sweep's file is a page
RANKING = ("val_loss", "val_accuracy")  # what every run logs of its validation images
# Keys that Weights & Biases knows for its own agents.
NO_EFFECT = ("command", "controller", "entity", "image_uri", "imports", "job", "run_metadata", "scheduler")
# Distribution → the keys that it needs, besides itself, and those that it may have.
DISTRIBUTIONS = {
    "constant": ({"value"}, set()),
    "categorical": ({"values"}, {"probabilities"}),
    "int_uniform": ({"min", "max"}, set()),
    "uniform": ({"min", "max"}, set()),
    "q_uniform": ({"min", "max"}, {"q"}),
    "log_uniform": ({"min", "max"}, set()),
    "log_uniform_values": ({"min", "max"}, set()),
    "q_log_uniform": ({"min", "max"}, {"q"}),
    "q_log_uniform_values": ({"min", "max"}, {"q"}),
    "normal": ({"mu", "sigma"}, set()),
    "q_normal": ({"mu", "sigma"}, {"q"}),
}
COUNTABLE = ("constant", "categorical", "int_uniform")  # what a grid can go through
NOT_IN_BAYES = ("normal", "q_normal")  # Optuna has no such distributions
LARGEST_EXPONENT = 30  # of e
LARGEST_NUMBER = 10**15
LONGEST = 1000  # letters of a text, elements of a list
MOST_TRIALS = 10_000


def _plain(value: Any) -> Any:
    """Returns a value as it is; raises CourseError if no command line could hold it, or YAML read it amiss."""
    if isinstance(value, list) and len(value) <= LONGEST and not any(isinstance(part, list) for part in value):
        return [_plain(part) for part in value]
    if isinstance(value, str) and len(value) <= LONGEST:
        with contextlib.suppress(ValueError):
            float(value)
            raise CourseError(f"{value} is text to YAML, not a number; write it with a dot, such as 1.0e-4.")
        return value
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER):
        return value
    raise CourseError(f"{_brief(value)} cannot be a value; numbers, texts, True, False and lists of them can.")


Number = Annotated[int | float, BeforeValidator(_plain)]
Value = Annotated[Any, BeforeValidator(_plain)]
Whole = Annotated[int, Field(ge=1, le=1_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Metric(_Part):
    """What trials are ranked by."""

    name: str
    goal: Literal["minimize", "maximize"] = "minimize"


class EarlyTermination(_Part):
    """When trials that fall behind are stopped: after epoch `first`, after `eta` times as many, and so on."""

    type: Literal["hyperband"]
    min_iter: Whole | None = None
    max_iter: Whole | None = None
    s: Annotated[int, Field(ge=1, le=50)] | None = None
    eta: Annotated[Number, Field(gt=1, le=1000)] = 3

    @property
    def first(self) -> int:
        return self.min_iter or int(self.max_iter / self.eta**self.s)


class Parameter(_Part):
    """The values that one field of the config is to be tried with."""

    distribution: str | None = None
    value: Value = None
    values: list[Value] | None = Field(None, min_length=1)
    probabilities: list[Number] | None = None
    min: Number | None = None
    max: Number | None = None
    mu: Number | None = None
    sigma: Number | None = None
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
        """The lowest and the highest value, where the distribution has some."""
        if self.kind in ("log_uniform", "q_log_uniform"):  # there, they are exponents
            return math.exp(self.min), math.exp(self.max)
        return self.min, self.max

    def all_values(self) -> Sequence[Any]:
        """Returns every value of one that is countable."""
        if self.kind == "int_uniform":
            return range(self.min, self.max + 1)
        return [self.value] if self.kind == "constant" else self.values

    def samples(self) -> list[Any]:
        """Returns values that its field must allow if it allows all of them: the outermost, and one in between."""
        if self.kind in ("constant", "categorical"):
            return self.all_values()
        if self.kind in ("normal", "q_normal"):
            low, high = self.mu, self.mu + self.sigma * 0.6180339887
        else:
            low, high = self.bounds
        between = low + (high - low) * 0.6180339887  # no whole number, unless it must be one
        if self.kind == "int_uniform":
            return [low, high]
        if self.kind.startswith("q_"):
            return [self.quantized(value) for value in (low, high, between)]
        return [low, high, between]

    @property
    def steps(self) -> tuple[int, int]:
        """The lowest and the highest multiple of q within the bounds, in steps of q."""
        low, high = self.bounds
        return math.ceil(low / self.q - 1e-9), math.floor(high / self.q + 1e-9)

    def quantized(self, value: float) -> float:
        """Returns the nearest multiple of q that is within the bounds."""
        steps = round(value / self.q)
        if self.max is not None:
            lowest, highest = self.steps
            steps = min(max(steps, lowest), highest)
        return steps * self.q


class SweepFile(_Part):
    """What a file says; `read` has checked it."""

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
    def constants(self) -> dict[str, Any]:
        """The parameters that have one value only, by name."""
        return {name: parameter.value for name, parameter in self.parameters.items() if parameter.kind == "constant"}

    @property
    def varied(self) -> dict[str, Parameter]:
        """The parameters that have more than one value, by name."""
        return {name: parameter for name, parameter in self.parameters.items() if parameter.kind != "constant"}

    def combination(self, number: int) -> dict[str, Any]:
        """Returns the values of a trial of a grid, counted from 1; the last parameter changes fastest."""
        number -= 1
        chosen = {}
        for name, parameter in reversed(self.parameters.items()):
            values = parameter.all_values()
            number, position = divmod(number, len(values))
            chosen[name] = values[position]
        return {name: chosen[name] for name in self.parameters}

    def trials(self, at_most: int | None = None) -> int:
        """Returns how many trials there are: `at_most` of them, run_cap if it is None; a grid may have fewer."""
        caps = [at_most or self.run_cap]
        if self.method == "grid":
            caps.append(math.prod(len(parameter.all_values()) for parameter in self.parameters.values()))
        return min(cap for cap in caps if cap is not None)


def read(file: Path, at_most: int | None = None) -> SweepFile:
    """Returns what a sweep's file says, checked against class Config of the script that it names.

    Args:
        file: in YAML.
        at_most: how many trials there are to be, if the file's run_cap does not count.

    Raises:
        CourseError: it cannot be read, is no sweep's file, or asks for something that the script or Ray cannot do.
    """
    content = _load(file)
    try:
        if not isinstance(content, dict):
            raise CourseError(f"it holds {_brief(content)} where names and values should be, such as method: random.")
        for key in content:
            if key in NO_EFFECT:
                raise CourseError(f"{key} has no effect here; take it out.")
        sweep = _checked(content)
        _check_parameters(sweep)
        _check_method(sweep, at_most)
        config = read_class(Path(sweep.program), "change it there")
        _check_values(sweep, config)
        _check_metric(sweep, config)
    except CourseError as error:
        raise CourseError(f"{shown(file)}: {error}") from None
    return sweep


def _load(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise CourseError(f"{shown(file)} is larger than a sweep's file can be; give one such as sweep.yaml.")
        return yaml.safe_load(text)
    except OSError as error:
        raise CourseError(f"{shown(file)} cannot be read ({error.strerror or error}).") from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CourseError(f"{shown(file)} is not YAML{line} ({error.problem or error.context}).") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError, AttributeError) as error:
        raise CourseError(f"{shown(file)} is not YAML ({first_line(error)}).") from None


def _checked(content: dict[str, Any]) -> SweepFile:
    try:
        return SweepFile.model_validate(content)
    except ValidationError as problems:
        problem = problems.errors(include_url=False)[0]
    *within, key = problem["loc"]
    place = ".".join(str(part) for part in problem["loc"] if part not in ("int", "float", "[key]"))
    if problem["type"] == "missing":
        raise CourseError(f"{place} is missing; docs/scaling.md has an example.")
    if problem["type"] == "extra_forbidden":
        part = {(): SweepFile, ("metric",): Metric, ("early_terminate",): EarlyTermination}.get(
            tuple(within), Parameter
        )
        near = difflib.get_close_matches(str(key), part.model_fields, n=1)
        names = (
            f"did you mean {near[0]}? If not, take it out." if near else f"there may be {', '.join(part.model_fields)}."
        )
        raise CourseError(f"{place} means nothing; {names}")
    said = problem["msg"].replace("Input should", "should").replace("should", "must")
    raise CourseError(f"{place} is {_brief(problem['input'])}, but {said[0].lower()}{said[1:]}.")


def _check_parameters(sweep: SweepFile) -> None:
    """Raises CourseError unless each parameter has the keys of its distribution, with values that make sense."""
    for name, parameter in sweep.parameters.items():
        kind = parameter.kind
        if kind not in DISTRIBUTIONS:
            known = ", ".join(DISTRIBUTIONS)
            raise CourseError(f"{name} has the distribution {kind}, but here there are only {known}.")
        needed, possible = DISTRIBUTIONS[kind]
        given = parameter.model_fields_set - {"distribution"}
        if not needed <= given <= needed | possible:
            has = " and ".join(sorted(given)) or "nothing"
            raise CourseError(f"{name} is {kind}, which takes {' and '.join(sorted(needed))}, but there is {has}.")
        if parameter.q < 1 / LARGEST_NUMBER:
            raise CourseError(f"{name} has q {parameter.q}, but must have one above 0.")
        if parameter.probabilities is not None:
            _check_probabilities(name, parameter)
        if "min" in needed:
            _check_bounds(name, parameter)
        if parameter.sigma is not None and parameter.sigma <= 0:
            raise CourseError(f"{name} has sigma {parameter.sigma}, but must have one above 0.")


def _check_probabilities(name: str, parameter: Parameter) -> None:
    shares = parameter.probabilities
    if len(shares) != len(parameter.values) or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise CourseError(f"{name} must have one probability for each of its values, and 1 as their sum.")


def _check_bounds(name: str, parameter: Parameter) -> None:
    kind, low, high = parameter.kind, parameter.min, parameter.max
    if low > high:
        raise CourseError(f"{name} has min {low} and max {high}; min must not be above max.")
    if kind == "int_uniform" and not (isinstance(low, int) and isinstance(high, int)):
        raise CourseError(f"{name} is int_uniform, but has min {low} and max {high}; both must be whole numbers.")
    if kind.endswith("log_uniform") and max(abs(low), abs(high)) > LARGEST_EXPONENT:
        raise CourseError(
            f"{name} is {kind}, so min {low} and max {high} are exponents of e; {kind}_values takes values."
        )
    if kind.endswith("log_uniform_values") and low <= 0:
        raise CourseError(f"{name} is {kind}, but has min {low}, which must be above 0.")
    if kind.startswith("q_"):
        lowest, highest = parameter.steps
        if lowest > highest:
            low, high = parameter.bounds
            raise CourseError(f"{name} has no multiple of q {parameter.q} from {low:g} to {high:g}.")


def _check_method(sweep: SweepFile, at_most: int | None) -> None:
    for name, parameter in sweep.parameters.items():
        if sweep.method == "grid" and (parameter.kind not in COUNTABLE or parameter.probabilities):
            raise CourseError(
                f"{name} is {parameter.kind}, but a grid goes through values one by one; list them in values, or"
                " choose the method random."
            )
        if sweep.method == "bayes" and (parameter.kind in NOT_IN_BAYES or parameter.probabilities):
            raise CourseError(
                f"{name} is {parameter.kind}{' with probabilities' * bool(parameter.probabilities)}, which bayes cannot"
                " search; choose another distribution, or the method random."
            )
    if sweep.method != "grid" and at_most is None and sweep.run_cap is None:
        raise CourseError(f"a {sweep.method} search has no end of its own; say run_cap: 12, or give --runs 12.")
    if sweep.trials(at_most) > MOST_TRIALS:
        raise CourseError(f"{sweep.trials(at_most):,} trials are too many; say run_cap: 12, or give --runs 12.")
    early = sweep.early_terminate
    if early is not None:
        if (early.min_iter is None) == (early.max_iter is None) or (early.max_iter is None) != (early.s is None):
            raise CourseError("early_terminate takes either min_iter, or max_iter and s.")
        if early.first < 1:
            raise CourseError(
                f"early_terminate divides max_iter {early.max_iter} by eta {early.eta}, {early.s} times, and less than"
                " one epoch is left; make s smaller."
            )


def _check_values(sweep: SweepFile, config: type[LessonConfig]) -> None:
    for name in ("name", "resume"):
        if name in sweep.parameters:
            raise CourseError(f"{name} cannot be a parameter: a sweep names its trials, and goes on with them, itself.")
    if sweep.project is not None and "project" not in sweep.parameters:
        config(project=sweep.project)
    usual = config(**sweep.constants).values()
    data.verify(usual["data"])
    for name, parameter in sweep.parameters.items():
        for value in parameter.samples():
            taken = config(**sweep.constants | {name: value}).values()[name]
            if isinstance(value, bool) != isinstance(taken, bool) or (value is None and config().values()[name]):
                raise CourseError(f"{name} is {value}, which a command line cannot say.")
            if name == "data":
                data.verify(taken)
    early = sweep.early_terminate
    epochs = max(sweep.parameters["epochs"].samples()) if "epochs" in sweep.parameters else usual.get("epochs")
    if early is not None and epochs is not None and early.first >= epochs:
        raise CourseError(
            f"early_terminate looks at trials after epoch {early.first} first, when all {epochs} are over; make it"
            " smaller, or epochs more."
        )


def _check_metric(sweep: SweepFile, config: type[LessonConfig]) -> None:
    name, goal = sweep.metric.name, sweep.metric.goal
    if name.startswith("test_"):
        raise CourseError(f"metric is {name}, but choosing by test images would spend them; take val_accuracy.")
    if f"val_{name}" in RANKING:
        raise CourseError(f"metric is {name}, but only images held out can tell which trial is best; take val_{name}.")
    words = re.findall(r"\w+", Path(sweep.program).read_text(encoding="utf-8"))
    own = name.startswith("val_") and name.removeprefix("val_") in words  # a metric that the learner added
    if name not in RANKING and not own:
        near = difflib.get_close_matches(name, RANKING, n=1)
        take = f"did you mean {near[0]}? It" if near else "val_accuracy"
        raise CourseError(f"metric is {_brief(name)}, which {sweep.program} never logs; {take} is always there.")
    wanted = {"val_loss": "minimize", "val_accuracy": "maximize"}.get(name, goal)
    if goal != wanted:
        raise CourseError(f"metric {name} has the goal {goal}, which looks for the worst; say goal: {wanted}.")


def _brief(value: Any) -> str:
    """Returns a value as text that is short, however large it is."""
    return reprlib.repr(value)
