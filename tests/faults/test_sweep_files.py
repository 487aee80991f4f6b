"""Sweep files that nobody would write: each is a sweep whose values the script takes, or refused in a sentence."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from checkout import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

import mlp
from course.sweep.file import DISTRIBUTIONS, read_sweep_file
from course.system.errors import CourseError

SHIPPED = (REPOSITORY / "sweep-mlp.yaml").read_bytes()
SECONDS = 10  # what no file may take
GOOD = yaml.safe_load(SHIPPED)
KEYS = ["min", "max", "mu", "sigma", "q", "value", "values", "dropout", "epochs", "seed"]
PIECES = (  # what a mutation writes into a file
    b"\0", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf", b"\t", b"\n", b"\r", b"  ", b": ", b"- ", b"[", b"]", b"{", b"}",
    b"&a ", b"*a", b"<<: *a\n", b"!!python/name:os.system ", b"!!binary ", b"!!set ", b"!!timestamp ", b"---\n", b"? ",
    b"|\n", b"\"", b"#", b"-1", b"0", b".inf", b".nan", b"1e999", b"9" * 400, b"0x10", b"1:30", b"no", b"~",
)  # fmt: skip

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
fractions = st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2).map(sorted)
sensible = st.builds(
    lambda bounds, kind, q: (
        {"distribution": kind, "min": bounds[0], "max": bounds[1]} | ({"q": q} if kind[0] == "q" else {})
    ),
    fractions,
    st.sampled_from(["uniform", "q_uniform", "log_uniform_values", "q_log_uniform_values"]),
    st.floats(0.001, 0.5),
)
contents = st.dictionaries(st.sampled_from([*GOOD]), anything, max_size=3).map(lambda content: GOOD | content)
contents |= anything
contents |= st.builds(
    lambda parameters, method: GOOD | {"parameters": parameters, "method": method},
    st.dictionaries(st.sampled_from(["dropout", "epochs", "learning_rate"]), parameter, min_size=1, max_size=2)
    | st.fixed_dictionaries({"dropout": sensible, "learning_rate": sensible}),
    st.sampled_from(["grid", "random", "bayes"]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Returns a shipped file with pieces overwritten, inserted or removed."""
    content = SHIPPED
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4))
        content = content[:start] + piece + content[start + draw(st.integers(0, 12)) :]
    return content


def outcome(file: Path) -> str:
    """Reads a sweep's file; the result is a sweep all of whose values the script takes, or one sentence."""
    from course.sweep.search import distribution, draw  # late: it loads Ray

    began = time.monotonic()
    try:
        sweep = read_sweep_file(file)
    except CourseError as error:
        assert str(error).startswith("sweep.yaml")
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        result = "refused in a sentence"
    else:
        assert 1 <= sweep.trial_count() <= 10_000
        randomness = np.random.default_rng(1)
        for _ in range(3):
            for name, value in draw(sweep.parameters, randomness).items():
                swept = sweep.parameters[name]
                if "normal" not in swept.kind:  # which has no bounds
                    assert mlp.Config(**sweep.constants | {name: value}).values()[name] == value
        if sweep.method == "bayes":
            for swept in sweep.varied.values():
                distribution(swept)
        result = "a sweep"
    assert time.monotonic() - began < SECONDS
    return result


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """Where a sweep's file is to be written, next to the script that it names."""
    (tmp_path / "mlp.py").symlink_to(REPOSITORY / "mlp.py")
    monkeypatch.chdir(tmp_path)
    return Path("sweep.yaml")


def test_any_values_are_a_sweep_or_one_sentence(file, thorough, tried):
    counts = Counter()

    @settings(max_examples=1000 if thorough else 100)
    @given(contents)
    def each(content) -> None:
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        counts[outcome(file)] += 1

    each()
    tried("sweep files: any names and values where others belong", counts)
    assert len(counts) == 2  # it does not refuse all of them


def test_a_damaged_file_is_a_sweep_or_one_sentence(file, thorough, tried):
    counts = Counter()

    @settings(max_examples=1000 if thorough else 50)
    @given(damaged())
    def each(content: bytes) -> None:
        file.write_bytes(content)
        counts[outcome(file)] += 1

    each()
    tried("sweep files: bytes overwritten, inserted or left out", counts)
    assert len(counts) == 2
