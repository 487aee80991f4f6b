"""Configuration: the file's defaults, the command line over them, and one sentence for what is impossible."""

import math
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from checkout import REPOSITORY, Checkout
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

import cnn
from course.config import LessonConfig
from course.system.errors import CourseError


class Example(LessonConfig):
    """An example."""

    batch_size: int = Field(32, ge=1)
    augmentation: bool = False  # a boolean
    learning_rate: float = Field(0.1, gt=0, description="as pydantic writes it")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--first_layer_convs", "8", "--dropout", "0.3"],
        ["--first-layer-convs", "8", "--dropout", "0.3"],
        ["--first_layer_convs=8", "--dropout=0.3"],
        ["--dropout=.3", "--first-layer-convs=8"],
    ],
)
def test_every_way_of_writing_an_option_means_the_same(arguments):
    config = cnn.Config.from_command_line(arguments)
    assert config == cnn.Config(first_layer_convs=8, dropout=0.3)
    assert config != cnn.Config()


@pytest.mark.parametrize("arguments", [["--more_conv_layers", "64", "32"], ["--more_conv_layers=[64, 32]"]])
def test_a_list_is_written_as_words_or_as_a_sweep_agent_writes_it(arguments):
    assert cnn.Config.from_command_line(arguments).more_conv_layers == (64, 32)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], False),
        (["--augmentation"], True),
        (["--augmentation=True"], True),
        (["--augmentation=False"], False),
        (["--augmentation", "true"], True),
        (["--augmentation", "--batch_size", "8"], True),
    ],
)
def test_a_boolean_stands_alone_or_with_a_value(arguments, expected):
    assert Example.from_command_line(arguments).augmentation is expected


def test_the_lessons_own_values_come_first_and_in_the_order_of_the_file():
    names = list(cnn.Config().values())
    assert names[:3] == ["img_width", "img_height", "channels"]
    assert names.index("optimizer") < names.index("seed")


IMPOSSIBLE = [
    ("cnn", "--dropout 1.5", "dropout is 1.5", "below 1"),
    ("cnn", "--dropout=nan", "dropout is nan", "below 1"),
    ("cnn", "--epochs 0", "epochs is 0", "at least 1"),
    ("mlp", "--epochs 2.5", "epochs is 2.5", "whole number"),
    ("mlp", "--epochs", "epochs is empty", "at least 1"),
    ("cnn", "--img_width 257", "img_width is 257", "at most 256"),
    ("cnn", "--more_conv_layers 64 -1", "more_conv_layers is -1", "at least 1"),
    ("cnn", "--optimizer adamm", "optimizer is adamm", "adam or rmsprop or sgd"),
    ("fashion", "--learning_rate -0.1", "learning_rate is -0.1", "above 0"),
    ("fashion", "--learning_rate nan", "learning_rate is nan", "above 0"),
    ("fashion", "--learning_rate inf", "learning_rate is inf", "at most 100"),
    ("mlp", "--batch_size 70000", "batch_size is 70000", "55000"),
    ("mlp", "--limit 100 --batch_size 101", "batch_size is 101", "100 images"),
    ("mlp", "--limit 0", "limit is 0", "at least 1"),
    ("mlp", "--limit 60000", "limit is 60000", "55000"),
    ("mlp", "--hidden_nodes many", "hidden_nodes is many", "whole number"),
    ("mlp", "--seed -1", "seed is -1", "at least 0"),
    ("cnn", "--data nowhere.npz", "nowhere.npz", "fashion_mnist"),
    ("cnn", "--name ../../elsewhere", "name is ../../elsewhere", "letters"),
    ("cnn", "--dropuot 0.3", "--dropuot", "did you mean --dropout?"),
    ("mlp", "--hidden-node=3", "--hidden-node", "did you mean --hidden_nodes?"),
    ("cnn", "64", "64", "--help"),
]


@pytest.fixture(scope="module")
def untouched(new_checkout) -> Checkout:
    """A checkout in which nothing is changed."""
    return new_checkout()


@pytest.mark.parametrize(("script", "arguments", "named", "allowed"), IMPOSSIBLE)
def test_what_is_impossible_is_answered_in_one_sentence_before_keras_is_loaded(
    untouched, script, arguments, named, allowed
):
    said = untouched.refuses(
        f"{script}.py", *arguments.split(), before_loading={"keras", "tensorflow", "wandb", "jax", "torch"}
    )
    assert named in said
    assert allowed in said


@pytest.mark.parametrize("arguments", [["--help"], ["--dropout", "1.5"], ["--dropuot", "0.3"]])
def test_help_and_wrong_input_are_answered_within_a_second(untouched, tmp_path, arguments):
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}  # as from the second start on

    def seconds() -> float:
        """Of computing: other tests keep the machine busy, and waiting is not the program's doing."""
        before = os.times()
        untouched.run("cnn.py", *arguments, **compiled)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert 0.1 < min(seconds() for _ in range(5)) < 1


def test_help_shows_every_field_with_the_comment_behind_it_and_its_default(untouched, script):
    config = __import__(script).Config
    answer = untouched.run(f"{script}.py", "--help", COLUMNS="200")
    assert answer.returncode == 0
    words = " ".join(answer.stdout.replace("│", " ").split())
    source = "".join((REPOSITORY / file).read_text() for file in (f"{script}.py", "course/config.py"))
    for name in config.model_fields:
        comment = re.search(rf"^    {name}: .*  # (.+)$", source, re.MULTILINE)
        assert comment, f"{name} has no comment"
        assert f"--{name}" in words
        assert comment[1] in words
    assert f"(default: {config.model_fields['learning_rate'].default})" in words


def test_a_script_and_a_refused_command_line_load_no_keras(untouched, script):
    code = f"import sys, {script}; print(sorted({{'keras.src', 'tensorflow', 'jax', 'wandb'}} & set(sys.modules)))"
    assert untouched.run("-c", code).stdout == "[]\n"


def test_a_wrong_default_in_the_file_is_answered_like_a_wrong_option(checkout):
    script = checkout.folder / "cnn.py"
    script.write_text(script.read_text().replace("dropout: Fraction = 0.4", "dropout: Fraction = 1.4"))
    answer = checkout.run("cnn.py")
    assert answer.returncode == 2
    assert answer.stderr.startswith("dropout is 1.4, but must be a number, at least 0 and below 1; change it in class")


def test_a_wrong_value_in_a_script_of_ones_own_is_answered_in_a_sentence_too(checkout):
    script = checkout.folder / "cnn.py"
    for wrong, named in (("dropout=1", "dropout is 1, but"), ("dropuot=0.1", "Unknown value dropuot")):
        text = (REPOSITORY / "cnn.py").read_text().replace("Config.from_command_line()", f"Config({wrong})")
        script.write_text(text)
        answer = checkout.run("cnn.py")
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.startswith(named)
        assert answer.stderr.count("\n") == 1


def test_a_script_that_imports_the_config_of_another_is_a_script_of_its_own(checkout):
    (checkout.folder / "mynet.py").write_text(
        "from cnn import Config\nfrom course.config import script_file\n"
        "config = Config.from_command_line()\nprint(script_file(config).name, config.command())\n"
    )
    assert checkout.run("mynet.py", "--epochs", "2").stdout == "mynet.py python mynet.py --epochs 2\n"


def test_the_command_that_repeats_a_run_can_be_typed(monkeypatch):
    class Nested(LessonConfig):
        batch_size: int = 1
        layers: list[list[int]] = Field([[1, 2]])

    monkeypatch.setattr("course.config.script_file", lambda config: Path("mlp copy.py"))
    command = Nested(layers=[[3, 4]]).command()
    assert command == "python 'mlp copy.py' --layers '[[3, 4]]'"
    assert Nested.from_command_line(shlex.split(command)[2:]).layers == [[3, 4]]


def test_a_value_without_its_kind_in_the_file_is_answered_in_one_sentence(checkout):
    script = checkout.folder / "fashion.py"
    script.write_text(
        script.read_text().replace("    epochs: Count = 5", "    hidden_nodes = 100\n    epochs: Count = 5")
    )
    answer = checkout.run("fashion.py", "--epochs", "1")
    assert answer.returncode == 2
    assert answer.stderr == (
        "class Config: hidden_nodes lacks the kind of its value; write hidden_nodes: Count = 100.\n"
    )


def test_what_is_wrong_with_own_images_is_said_before_sizes_of_batches_that_follow_from_them(tmp_path):
    file, labels = tmp_path / "own.npz", np.arange(60) % 10
    images = np.zeros((60, 8, 8), np.uint8)
    np.savez(file, x_train=images, y_train=labels + 1, x_test=images, y_test=labels + 1)
    with pytest.raises(CourseError, match="labels from 1 to 10"):
        cnn.Config(data=str(file))
    np.savez(file, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(CourseError, match="batch_size is 128, but there are 55 images"):
        cnn.Config(data=str(file))


def test_a_misspelt_value_in_code_is_refused():
    with pytest.raises(CourseError, match="Unknown value dropuot; did you mean dropout"):
        cnn.Config(dropuot=0.3)


@given(st.floats() | st.integers())
def test_dropout_is_what_it_may_be_and_nothing_else(value):
    if 0 <= value < 1:
        assert cnn.Config(dropout=value).dropout == value
    else:
        with pytest.raises(CourseError, match="dropout is"):
            cnn.Config(dropout=value)


@given(
    st.lists(
        st.sampled_from([f"--{name}" for name in cnn.Config.model_fields if name != "data"])
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
        | st.floats().map(str)
        | st.integers().map(str),
        max_size=6,
    ).filter(lambda words: not {"-h", "--help"} & {word.split("=")[0] for word in words})
)
@settings(max_examples=300)
def test_any_command_line_gives_values_in_range_or_one_sentence(arguments):
    try:
        config = cnn.Config.from_command_line(arguments)
    except CourseError as error:
        assert str(error).endswith(".")
    else:
        assert config.values() == cnn.Config(**config.values()).values()
        assert 0 <= config.dropout < 1
        assert math.isfinite(config.learning_rate)
        assert config.learning_rate > 0
        assert 1 <= config.batch_size <= (config.limit or 55_000)
