"""What a sweep's file may contain; whatever is wrong with it is said in one sentence."""

import math
import sys
from pathlib import Path

import pytest
from checkout import REPOSITORY
from sweeping import changed, grid, one, write

from course.runs import folder as run_folder
from course.sweep.file import SweepFile, config_class, read_sweep_file
from course.system.errors import CourseError

SHIPPED = sorted(file.name for file in REPOSITORY.glob("sweep*.yaml"))
BAD = {  # what is wrong → what the file contains, and what the answer must
    "not YAML": ("program: [", "sweep.yaml is not YAML in line 1"),
    "tabs": ("program: mlp.py\n\tmethod: grid", "is not YAML in line 2"),
    "tags": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a list": (["grid"], "it contains ['grid'] instead of names and values"),
    "nothing": ("", "it contains None instead of"),
    "nothing to read": ("a: \x07", "sweep.yaml is not YAML ("),
    "too large": ("#" * 2**21, "sweep.yaml is larger than a sweep's file can be"),
    "a number of a megabyte": ("run_cap: " + "1" + ":1" * 10_000, "sweep.yaml is not YAML (it has a word or"),
    "itself": ("parameters: &a {dropout: *a}", "program is missing"),
    "unknown key": (
        changed(paramters={}), "Unknown key paramters; did you mean parameters? Otherwise remove it.",
    ),
    "no such key": (changed(colour="red"), "Unknown key colour; the keys here are program, method, metric,"),
    "no effect": (changed(command=["python"]), "command has no effect here; remove it."),
    "entity": (changed(entity="me"), "entity has no effect"),
    "unknown method": (changed(method="evolution"), "method is 'evolution', but must be 'grid', 'random' or 'bayes'."),
    "no end": (changed(run_cap=None), "a random search never ends by itself; set run_cap: 12, or give --runs 12."),
    "run_cap": (changed(run_cap=0), "run_cap is 0, but must be greater than or equal to 1."),
    "too many": (grid(seed={"min": 1, "max": 10**9}) | {"run_cap": 10**5}, "100,000 trials are too many"),
    "no metric": (changed(metric=None), "metric is missing"),
    "never logged": (changed(metric={"name": "val_acuracy"}), "mlp.py never logs; did you mean val_accuracy?"),
    "test images": (
        changed(metric={"name": "test_accuracy"}), "ranking by test images would make them useless for testing",
    ),
    "training images": (changed(metric={"name": "loss"}), "use val_loss."),
    "the worst": (changed(metric={"name": "val_accuracy"}), "which looks for the worst; set goal: maximize."),
    "no parameters": (changed(parameters={}), "parameters is {}, but dictionary must have at least 1 item"),
    "unknown parameter": (
        changed(parameters={"dropuot": {"value": 0.1}}), "Unknown value dropuot; did you mean dropout?",
    ),
    "its name": (changed(parameters={"name": {"value": "a"}}), "name cannot be a parameter"),
    "its traceback": (changed(parameters={"traceback": {"values": [True]}}), "traceback cannot be a parameter"),
    "empty values": (one(values=[]), "parameters.dropout.values is [], but list must have at least 1 item"),
    "no keys": (one(), "dropout is categorical, which needs values, but has nothing."),
    "both": (one(value=0.1, values=[0.1]), "dropout is constant, which needs value, but has value and values."),
    "no bound": (one(min=None, max=0.1), "parameters.dropout.min is None, but must be a valid integer."),
    "min above max": (one(min=0.5, max=0.1), "dropout has min 0.5 and max 0.1; min must not be above max."),
    "a number in text": (one(min="1e-4", max=0.1), "1e-4 is text to YAML, not a number; write it with a dot"),
    "escape codes": (one(values=["\x1b[31mred"]), r"'\x1b[31mred' cannot be a value; use a number, text"),
    "no number": (one(min=math.nan, max=0.1), "nan cannot be a value"),
    "unknown distribution": (one(distribution="beta", min=0, max=1), "the unknown distribution beta; use one of"),
    "unknown part": (one(min=0.0, maximum=0.1), "Unknown key parameters.dropout.maximum; "),
    "outside": (one(values=[0.1, 1.5]), "is 1.5, but must be a number, at least 0 and below 1; change it there."),
    "range outside": (one(min=0.0, max=1.0), "dropout is 1.0, but must be"),
    "exponents": (one(distribution="log_uniform", min=0.001, max=0.5), "dropout is 1.00"),
    "below 0": (one(distribution="log_uniform_values", min=0.0, max=0.5), "min 0.0, which must be above 0"),
    "no step": (one(distribution="q_uniform", min=0.0, max=0.5, q=0), "has q 0, but q must be above 0."),
    "no spread": (one(distribution="normal", mu=0.3, sigma=0), "has sigma 0, but sigma must be above 0."),
    "halves": (one(distribution="int_uniform", min=0.5, max=0.9), "int_uniform, but has min 0.5 and max 0.9; both"),
    "large exponents": (one(distribution="log_uniform", min=1, max=400), "min 1 and max 400 are exponents of e;"),
    "q": (one(distribution="q_uniform", min=0.11, max=0.19, q=0.1), "no multiple of q 0.1 from 0.11 to 0.19"),
    "probabilities": (one(values=[0.1, 0.2], probabilities=[0.5, 0.6]), "and their sum must be 1"),
    "not whole": (changed(parameters={"hidden_nodes": {"min": 1.0, "max": 9.0}}), "must be a whole number"),
    "misspelt choice": (changed(parameters={"optimizer": {"values": ["adamm"]}}), "adam or rmsprop or sgd"),
    "a boolean": (changed(parameters={"epochs": {"values": [True]}}), "epochs is True, which no command line can give"),
    "no such data": (changed(parameters={"data": {"value": "gone.npz"}}), "data is 'gone.npz', but must be one of"),
    "batch too large": (
        changed(parameters={"limit": {"value": 100}, "batch_size": {"values": [50, 101]}}), "batch_size is 101",
    ),
    "unknown script": (changed(program="mpl.py"), "program is mpl.py, but must be a script that exists, such as"),
    "no script": (changed(program="check.py"), "check.py has no class Config"),
    "continuous grid": (grid(dropout={"min": 0.0, "max": 0.5}), "a grid tries values one by one"),
    "bayes": (one(distribution="normal", mu=0.3, sigma=0.1) | {"method": "bayes"}, "which bayes cannot search"),
    "early_terminate": (changed(early_terminate={"type": "hyperband"}), "takes either min_iter, or max_iter and s"),
    "too late": (changed(early_terminate={"type": "hyperband", "min_iter": 5}), "when all 5 are over"),
    "too early": (
        changed(early_terminate={"type": "hyperband", "max_iter": 8, "s": 2}), "less than one epoch is left",
    ),
}  # fmt: skip

LATE = """from __future__ import annotations
from course import Count, Images, LessonConfig

class Config(LessonConfig):
    batch_size: Images = 1
    dropout: float = 0.1
"""


@pytest.fixture
def in_repository(monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize("problem", BAD)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(problem, tmp_path, in_repository):
    content, said = BAD[problem]
    with pytest.raises(CourseError) as refused:
        read_sweep_file(write(tmp_path, content))
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_said_in_one_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"gone.yaml cannot be read \(No such file or directory\)\.$"):
        read_sweep_file(tmp_path / "gone.yaml")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_are_right_and_end_soon(name, in_repository):
    sweep = read_sweep_file(REPOSITORY / name)  # which checks every value of every parameter
    assert sweep.trial_count() <= 16
    assert sweep.early_terminate is not None


def test_the_shipped_files_show_every_kind_of_search_and_of_parameter(in_repository):
    sweeps = [read_sweep_file(REPOSITORY / name) for name in SHIPPED]
    assert {sweep.method for sweep in sweeps} == {"grid", "random", "bayes"}
    kinds = {parameter.kind for sweep in sweeps for parameter in sweep.parameters.values()}
    assert {"constant", "categorical", "uniform", "log_uniform_values"} <= kinds


def test_a_learners_own_field_and_metric_can_be_swept(tmp_path, monkeypatch):
    script = (REPOSITORY / "mlp.py").read_text()
    own_field = script.replace("    dropout: Fraction", "    depth: Count = 1  # layers\n    dropout: Fraction")
    assert own_field != script
    (tmp_path / "mine.py").write_text(own_field.replace('metrics=["accuracy"]', 'metrics=["accuracy", "top_k"]'))
    monkeypatch.chdir(tmp_path)
    content = changed(program="mine.py", parameters={"depth": {"min": 1, "max": 3}})
    own = content | {"metric": {"name": "val_top_k", "goal": "maximize"}}
    assert read_sweep_file(write(tmp_path, own)).parameters["depth"].kind == "int_uniform"
    with pytest.raises(CourseError, match=r"depth is 0, but must be a whole number, at least 1 .*; change it there\.$"):
        read_sweep_file(write(tmp_path, content | {"parameters": {"depth": {"min": 0, "max": 3}}}))


def test_a_script_is_found_where_the_sweep_was_started_or_beside_its_file_or_in_the_course(tmp_path, monkeypatch):
    here, beside = tmp_path / "here", tmp_path / "beside"
    for folder in (here, beside):
        folder.mkdir()
    monkeypatch.chdir(here)
    file = write(beside, changed())
    assert read_sweep_file(file).program == str(REPOSITORY / "mlp.py")
    for folder, program in ((beside, str(beside / "mlp.py")), (here, "mlp.py")):
        (folder / "mlp.py").write_text((REPOSITORY / "mlp.py").read_text())
        assert read_sweep_file(file).program == program
    with pytest.raises(CourseError) as refused:
        read_sweep_file(write(beside, changed(program="mpl.py")))
    assert str(refused.value).endswith(
        f"program is mpl.py, but must be a script that exists, such as cnn.py; there is none in {here} or {beside} or"
        f" {REPOSITORY}."
    )


@pytest.mark.parametrize(
    ("begin", "encoding"), [("# coding: latin-1\r\n", "latin-1"), ("", "utf-8-sig"), ("", "utf-8")]
)
def test_a_script_is_read_in_the_encoding_that_python_finds_in_it(begin, encoding, tmp_path, monkeypatch):
    script = begin + (REPOSITORY / "mlp.py").read_text().replace('["accuracy"]', '["accuracy", "schärfe"]')
    (tmp_path / "mine.py").write_bytes(script.encode(encoding))
    monkeypatch.chdir(tmp_path)
    metric = {"name": "val_schärfe", "goal": "maximize"}
    assert read_sweep_file(write(tmp_path, changed(program="mine.py", metric=metric))).metric.name == "val_schärfe"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "mine.py has no class Config, so there are no values to choose."),
        ("Config = 1", "class Config of mine.py must derive from LessonConfig."),
        ("class Config: pass", "class Config of mine.py must derive from LessonConfig."),
        ("class Config(", "mine.py cannot be imported ('(' was never closed (mine.py, line 1))."),
        ("import missing\n" + LATE.partition("\n")[2], "mine.py cannot be imported (No module named 'missing')."),
        (LATE + "import sys\nsys.exit('Not today.')", "mine.py cannot be imported (Not today)."),
        (LATE + "    depth: Deep = 3\n", "mine.py cannot be imported (name 'Deep' is not defined)."),
        (b"\0", "mine.py cannot be imported (source code string cannot contain null bytes)."),
    ],
)
def test_a_script_without_a_config_is_said_in_one_sentence(script, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_bytes(script if isinstance(script, bytes) else script.encode())
    with pytest.raises(CourseError) as refused:
        read_sweep_file(write(tmp_path, changed(program="mine.py")))
    assert str(refused.value) == f"sweep.yaml: {said}"
    assert "mine" not in sys.modules


def test_none_is_refused_where_leaving_the_option_out_means_another_value(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(LATE + "    weight_decay: float | None = 0.0\n")
    monkeypatch.chdir(tmp_path)
    parameters = {"weight_decay": {"values": [None, 0.1]}}
    with pytest.raises(CourseError, match="weight_decay is None, which no command line can give"):
        read_sweep_file(write(tmp_path, changed(program="mine.py", parameters=parameters)))


LEAVES_A_TRACE = LATE + "open('executed', 'w').close()\n"


@pytest.mark.parametrize(
    ("script", "changes", "said"),
    [
        (LEAVES_A_TRACE, {"run_cap": None}, "never ends by itself"),
        (LEAVES_A_TRACE, {"colour": "red"}, "Unknown key colour"),
        (LEAVES_A_TRACE, {"metric": {"name": "val_acuracy"}}, "which mine.py never logs; did you mean val_accuracy?"),
        (LEAVES_A_TRACE, {"metric": {"name": "test_accuracy"}}, "useless for testing"),
        (LEAVES_A_TRACE, {"parameters": {"dropuot": {"value": 0.1}}}, "Unknown value dropuot; did you mean dropout?"),
        (LEAVES_A_TRACE, {"parameters": {"dropout": {"min": 0.5, "max": 0.1}}}, "min must not be above max"),
        (LEAVES_A_TRACE.replace("Config(", "Values("), {}, "mine.py has no class Config"),
        (LEAVES_A_TRACE.replace("(LessonConfig)", ""), {}, "must derive from LessonConfig"),
        (LEAVES_A_TRACE + "x = (\n", {}, "mine.py cannot be imported ('(' was never closed"),
        (LEAVES_A_TRACE, {"program": "../inner/../mine.py"}, "must be a script in "),
    ],
)
def test_a_file_that_is_refused_has_executed_nothing(script, changes, said, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(script)
    (tmp_path / "inner").mkdir()
    if "program" in changes:
        monkeypatch.chdir(tmp_path / "inner")
        monkeypatch.setattr(run_folder, "COURSE", tmp_path / "inner")
    else:
        monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError) as refused:
        read_sweep_file(write(Path.cwd(), changed(program="mine.py") | changes))
    assert said in str(refused.value)
    assert not Path("executed").exists()


def test_what_only_the_script_knows_is_said_with_a_word_about_its_import(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(LEAVES_A_TRACE.replace("dropout: float = 0.1", "dropout: Count = 1"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=r"^sweep.yaml, for which mine.py was imported: dropout is 0.1, but must be"):
        read_sweep_file(write(tmp_path, changed(program="mine.py")))
    assert Path("executed").exists()


def test_a_script_with_the_name_of_a_package_takes_nothing_from_it(tmp_path, monkeypatch):
    import yaml

    (tmp_path / "yaml.py").write_text((REPOSITORY / "mlp.py").read_text())
    monkeypatch.chdir(tmp_path)
    config = config_class(tmp_path / "yaml.py")
    assert sys.modules["yaml"] is yaml
    assert config().values()["epochs"] == 5
    with pytest.raises(CourseError, match=r"^epochs is 0, but .*; change it there\.$"):
        config(epochs=0)


def test_an_annotation_may_name_what_the_script_defines_later(tmp_path):
    (tmp_path / "mine.py").write_text(LATE + "    depth: Deep = 3\n\nDeep = Count\n")
    config = config_class(tmp_path / "mine.py")
    assert config().values()["depth"] == 3
    with pytest.raises(CourseError, match=r"^depth is 0, but .*; change it there\.$"):
        config(depth=0)


def test_a_grid_goes_through_every_combination_once():
    parameters = {"a": {"values": [1, 2]}, "b": {"value": "x"}, "c": {"min": 0, "max": 2}}
    sweep = SweepFile.model_validate(changed(method="grid", run_cap=None, parameters=parameters))
    found = [tuple(sweep.combination(number).values()) for number in range(1, sweep.trial_count() + 1)]
    assert found == [(a, "x", c) for a in (1, 2) for c in (0, 1, 2)]
    assert sweep.trial_count(4) == 4
