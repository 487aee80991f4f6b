"""Sweeps: what a file may say, and that every trial is made and counted once, whatever is killed meanwhile."""

import contextlib
import math
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from course import sweep_file
from course.errors import CourseError
from course.sweep_file import DISTRIBUTIONS

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = {"ray", "optuna", "keras", "tensorflow", "jax", "wandb", "matplotlib"}
SHIPPED = sorted(file.name for file in REPOSITORY.glob("sweep*.yaml"))
GOOD = {
    "program": "mlp.py",
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "run_cap": 4,
    "parameters": {"dropout": {"values": [0.1, 0.2]}},
}


def changed(**changes) -> dict:
    """Returns a good file's content with other values; what is None is left out."""
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def one(**parameter) -> dict:
    return changed(parameters={"dropout": parameter})


def grid(**parameters) -> dict:
    return changed(method="grid", parameters=parameters)


BAD = {  # what is wrong → what the file says, and what the answer must
    "not YAML": ("program: [", "sweep.yaml is not YAML in line 1"),
    "tabs": ("program: mlp.py\n\tmethod: grid", "is not YAML in line 2"),
    "tags": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a list": (["grid"], "where names and values should be"),
    "nothing": ("", "it holds None where"),
    "itself": ("parameters: &a {dropout: *a}", "program is missing"),
    "unknown key": (changed(paramters={}), "paramters means nothing; did you mean parameters?"),
    "no effect": (changed(command=["python"]), "command has no effect here; take it out."),
    "entity": (changed(entity="me"), "entity has no effect"),
    "unknown method": (changed(method="evolution"), "method is 'evolution', but must be 'grid', 'random' or 'bayes'."),
    "no end": (changed(run_cap=None), "say run_cap: 12, or give --runs 12."),
    "run_cap": (changed(run_cap=0), "run_cap is 0, but must be greater than or equal to 1."),
    "too many": (grid(seed={"min": 1, "max": 10**9}) | {"run_cap": 10**5}, "100,000 trials are too many"),
    "no metric": (changed(metric=None), "metric is missing"),
    "never logged": (changed(metric={"name": "val_acuracy"}), "mlp.py never logs; did you mean val_accuracy?"),
    "test images": (changed(metric={"name": "test_accuracy"}), "choosing by test images would spend them"),
    "training images": (changed(metric={"name": "loss"}), "take val_loss."),
    "the worst": (changed(metric={"name": "val_accuracy"}), "which looks for the worst; say goal: maximize."),
    "no parameters": (changed(parameters={}), "parameters is {}, but dictionary must have at least 1 item"),
    "unknown parameter": (changed(parameters={"dropuot": {"value": 0.1}}), "no dropuot; did you mean dropout?"),
    "its name": (changed(parameters={"name": {"value": "a"}}), "a sweep names its trials itself"),
    "empty values": (one(values=[]), "parameters.dropout.values is [], but list must have at least 1 item"),
    "no keys": (one(), "dropout is categorical, which takes values, but there is nothing."),
    "both": (one(value=0.1, values=[0.1]), "dropout is constant, which takes value, but there is value and values."),
    "min above max": (one(min=0.5, max=0.1), "dropout has min 0.5 and max 0.1; min must not be above max."),
    "a number in text": (one(min="1e-4", max=0.1), "1e-4 is text to YAML, not a number; write it with a dot"),
    "no number": (one(min=math.nan, max=0.1), "nan cannot be a value"),
    "unknown distribution": (one(distribution="beta", min=0, max=1), "distribution beta, but here there are only"),
    "unknown part": (one(min=0.0, maximum=0.1), "parameters.dropout.maximum means nothing"),
    "outside": (one(values=[0.1, 1.5]), "is 1.5, but must be a number, at least 0 and below 1; change it there."),
    "range outside": (one(min=0.0, max=1.0), "dropout is 1.0, but must be"),
    "exponents": (one(distribution="log_uniform", min=0.001, max=0.5), "dropout is 1.00"),
    "below 0": (one(distribution="log_uniform_values", min=0.0, max=0.5), "min 0.0, which must be above 0"),
    "q": (one(distribution="q_uniform", min=0.11, max=0.19, q=0.1), "no multiple of q 0.1 from 0.11 to 0.19"),
    "probabilities": (one(values=[0.1, 0.2], probabilities=[0.5, 0.6]), "and 1 as their sum"),
    "not whole": (changed(parameters={"hidden_nodes": {"min": 1.0, "max": 9.0}}), "must be a whole number"),
    "misspelt choice": (changed(parameters={"optimizer": {"values": ["adamm"]}}), "adam or rmsprop or sgd"),
    "a boolean": (changed(parameters={"epochs": {"values": [True]}}), "which a command line cannot say"),
    "no such data": (changed(parameters={"data": {"value": "gone.npz"}}), "data is 'gone.npz', but must be one of"),
    "batch too large": (
        changed(parameters={"limit": {"value": 100}, "batch_size": {"values": [50, 101]}}), "batch_size is 101",
    ),
    "unknown script": (changed(program="mpl.py"), "mpl.py cannot be read (No such file or directory)."),
    "no script": (changed(program="check.py"), "check.py has no class Config"),
    "continuous grid": (grid(dropout={"min": 0.0, "max": 0.5}), "a grid goes through values one by one"),
    "bayes": (one(distribution="normal", mu=0.3, sigma=0.1) | {"method": "bayes"}, "which bayes cannot search"),
    "early_terminate": (changed(early_terminate={"type": "hyperband"}), "takes either min_iter, or max_iter and s"),
    "too late": (changed(early_terminate={"type": "hyperband", "min_iter": 5}), "when all 5 are over"),
    "too early": (
        changed(early_terminate={"type": "hyperband", "max_iter": 8, "s": 2}), "less than one epoch is left",
    ),
}  # fmt: skip


@pytest.fixture
def in_repository(monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize("problem", BAD)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(problem, tmp_path, in_repository):
    content, said = BAD[problem]
    with pytest.raises(CourseError) as refused:
        sweep_file.read(write(tmp_path, content))
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "problem", ["not YAML", "unknown method", "empty values", "min above max", "unknown parameter", "unknown script",
                "never logged"],
)  # fmt: skip
def test_a_bad_file_ends_the_program_before_anything_is_loaded_or_trained(problem, checkout):
    content, said = BAD[problem]
    write(checkout.folder, content)
    assert said in checkout.refuses("sweep.py", before_loading=HEAVY)


def write(folder: Path, content: str | dict | list) -> Path:
    (folder / "sweep.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return folder / "sweep.yaml"


def test_without_ray_one_sentence_says_what_to_do(checkout):
    # As if it were not installed: this interpreter finds no packages but those of requirements.txt.
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda name: None if name == 'ray' else f(name);"
    run = "import runpy, sys; sys.argv = ['sweep.py']; runpy.run_path('sweep.py', run_name='__main__')"
    answer = checkout.run("-c", hide + run)
    assert answer.returncode == 2
    assert answer.stderr == "sweep.py needs ray; `pip install -r requirements-sweep.txt` installs it.\n"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_are_right_and_end_soon(name, in_repository):
    sweep = sweep_file.read(REPOSITORY / name)  # which checks every value of every parameter
    assert sweep.trials() <= 16
    assert sweep.early_terminate is not None


def test_the_shipped_files_show_every_kind_of_search_and_of_parameter(in_repository):
    sweeps = [sweep_file.read(REPOSITORY / name) for name in SHIPPED]
    assert {sweep.method for sweep in sweeps} == {"grid", "random", "bayes"}
    kinds = {parameter.kind for sweep in sweeps for parameter in sweep.parameters.values()}
    assert {"constant", "categorical", "uniform", "log_uniform_values"} <= kinds


def test_a_learners_own_field_and_metric_can_be_swept(tmp_path, monkeypatch):
    script = (REPOSITORY / "mlp.py").read_text()
    script = script.replace(
        "    dropout: float", "    depth: int = Field(1, ge=1, description='layers')\n    dropout: float"
    )
    (tmp_path / "mine.py").write_text(script.replace('metrics=["accuracy"]', 'metrics=["accuracy", "top_k"]'))
    monkeypatch.chdir(tmp_path)
    content = changed(program="mine.py", parameters={"depth": {"min": 1, "max": 3}})
    own = content | {"metric": {"name": "val_top_k", "goal": "maximize"}}
    assert sweep_file.read(write(tmp_path, own)).parameters["depth"].kind == "int_uniform"
    with pytest.raises(CourseError, match="depth is 0, but must be a whole number, at least 1; change it there"):
        sweep_file.read(write(tmp_path, content | {"parameters": {"depth": {"min": 0, "max": 3}}}))


KEYS = ["min", "max", "mu", "sigma", "q", "value", "values", "dropout", "epochs", "seed"]
words = st.sampled_from([*GOOD, *DISTRIBUTIONS, *KEYS, "1e-4"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.integers(0, 3), inner, max_size=4),
    max_leaves=12,
)
numbers = st.sampled_from([0, 1, 2, 0.1, 0.25, 0.5, 0.9, 1.0, 3.0, -1, 1e-9, 1e15, 10**400, "1e-4", None, True])
parameter = st.dictionaries(st.sampled_from(["min", "max", "mu", "sigma", "q", "value"]), numbers, max_size=4)
parameter |= st.fixed_dictionaries(
    {"distribution": st.sampled_from([*DISTRIBUTIONS])},
    optional={name: numbers for name in ("min", "max", "mu", "sigma", "q")} | {"values": st.lists(numbers, max_size=3)},
)


@given(
    st.dictionaries(st.sampled_from([*GOOD]), anything, max_size=3).map(lambda content: GOOD | content)
    | anything
    | st.dictionaries(st.sampled_from(["dropout", "epochs", "learning_rate"]), parameter, min_size=1, max_size=2).map(
        lambda parameters: GOOD | {"parameters": parameters}
    ),
    st.sampled_from(["grid", "random", "bayes"]),
)
@settings(max_examples=150)
def test_any_yaml_is_a_sweep_or_one_sentence(tmp_path_factory, content, method):
    from course.tuning import draw  # late: it loads Ray

    folder = tmp_path_factory.mktemp("any")
    if isinstance(content, dict) and content.get("method") == "random":
        content = content | {"method": method}
    try:
        with contextlib.chdir(REPOSITORY):
            sweep = sweep_file.read(write(folder, content))
    except CourseError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        return
    finally:
        shutil.rmtree(folder)
    import mlp

    randomness = __import__("numpy").random.default_rng(1)
    for _ in range(3):
        for name, value in draw(sweep.parameters, randomness).items():
            swept = sweep.parameters[name]
            if "normal" not in swept.kind:  # which has no bounds
                assert mlp.Config(**sweep.constants | {name: value}).values()[name] == value


def test_values_are_drawn_as_weights_and_biases_defines_their_distributions():
    import numpy as np

    from course.tuning import draw

    def drawn(**parameter) -> np.ndarray:
        parameters = {"x": sweep_file.Parameter(**parameter)}
        randomness = np.random.default_rng(1)
        return np.array([draw(parameters, randomness)["x"] for _ in range(2000)])

    assert set(drawn(min=1, max=3)) == {1, 2, 3}
    assert drawn(min=0.0, max=2.0).mean() == pytest.approx(1, abs=0.05)
    assert set(drawn(distribution="q_uniform", min=0.0, max=0.6, q=0.2)) == {0, 0.2, 0.4, 0.6}
    values = drawn(distribution="log_uniform_values", min=0.01, max=100.0)
    assert np.mean(values < 1) == pytest.approx(0.5, abs=0.05)
    assert 0.01 <= values.min() < 0.02
    assert 50 < values.max() <= 100
    exponents = drawn(distribution="log_uniform", min=0.0, max=2.0)
    assert np.log(exponents).mean() == pytest.approx(1, abs=0.05)
    assert drawn(distribution="normal", mu=5.0, sigma=2.0).std() == pytest.approx(2, abs=0.1)
    assert set(drawn(distribution="q_normal", mu=5.0, sigma=0.3, q=1)) <= {4, 5, 6}
    assert np.mean(drawn(values=[1, 2], probabilities=[0.9, 0.1]) == 1) == pytest.approx(0.9, abs=0.03)


def test_a_grid_goes_through_every_combination_once():
    parameters = {"a": {"values": [1, 2]}, "b": {"value": "x"}, "c": {"min": 0, "max": 2}}
    sweep = sweep_file.SweepFile.model_validate(changed(method="grid", run_cap=None, parameters=parameters))
    found = [tuple(sweep.combination(number).values()) for number in range(1, sweep.trials() + 1)]
    assert found == [(a, "x", c) for a in (1, 2) for c in (0, 1, 2)]
    assert sweep.trials(4) == 4
