"""Command lines that nobody would type: values in range, or one sentence; the same for every program."""

import math
import os
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import best
import check
import cnn
import convolution
import fashion
import fast
import mlp
import report
from course.config import CommandLine, LessonConfig
from course.system.errors import CourseError

PROGRAMS = {
    "mlp": mlp.Config,
    "cnn": cnn.Config,
    "fast": fast.Config,
    "best": best.Config,
    "fashion": fashion.Config,
    "convolution": convolution.Config,
    "check": check.Options,
    "report": report.Options,
}
VALUES = (  # at the edges, or not what they seem
    "0", "-1", "1", "2", "12", "28", "1e3", "1_0", "0x10", "\N{ARABIC-INDIC DIGIT FIVE}", "1e-400", "1e400", "nan",
    "-inf", "True", "false", "None", "null", "", " ", "''", "[64, 64]", "64,64", "(", "{}", "../..", "/etc/passwd",
    "mnist", "fashion_mnist", "digit", "/dev/zero", "/dev/stdin", "%s", "\u202e", "\ud83d",
    "9" * 5000, "a" * 300, "$(touch x)",
)  # fmt: skip


def lines(config: type[CommandLine]) -> st.SearchStrategy[list[str]]:
    names = [f"--{name}" for name in config.model_fields if name not in ("resume", "show")]
    options = st.sampled_from(names) | st.sampled_from([name.replace("_", "-") for name in names])
    values = (
        st.sampled_from(VALUES) | st.integers().map(str) | st.floats().map(str)
        | st.text(st.characters(exclude_characters="\0"), max_size=20)
    )  # fmt: skip
    words = st.tuples(options, values).map(list) | st.tuples(options, values).map(lambda both: ["=".join(both)])
    words |= (options | values).map(lambda word: [word])
    return st.lists(words, max_size=4).map(lambda parts: [word for part in parts for word in part])


@pytest.mark.parametrize("program", PROGRAMS)
def test_any_command_line_gives_values_in_range_or_one_sentence(tmp_path, monkeypatch, thorough, tried, program):
    monkeypatch.chdir(tmp_path)
    config, counts = PROGRAMS[program], Counter()
    many = 300 if program == "convolution" else 1450  # it reads its picture each time

    @settings(max_examples=many if thorough else 15, derandomize=not thorough)
    @given(lines(config))
    def each(arguments: list[str]) -> None:
        if {"-h", "--help"} & {word.split("=")[0] for word in arguments}:
            return
        try:
            values = config.from_command_line(arguments)
        except CourseError as error:
            assert str(error).endswith(".")
            assert len(str(error)) < 1000
            counts["refused in a sentence"] += 1
            return
        counts["values in range"] += 1
        assert config(**values.values()).values() == values.values()
        if isinstance(values, LessonConfig):
            assert 1 <= values.batch_size <= (values.limit or 55_000)
            assert 0 <= values.seed < 2**32
            assert values.data in ("mnist", "fashion_mnist")
            assert not set("/\\\0\n ") & set(values.name + values.project)
        for value in values.values().values():
            assert not isinstance(value, float) or math.isfinite(value)

    hook = sys.excepthook
    each()
    monkeypatch.setattr(sys, "excepthook", hook)
    assert os.listdir(tmp_path) == []
    tried(f"command lines of {program}.py", counts)
