"""An exception in a learner's script, shortened."""

import time
import traceback

import pytest

from course.system.tracebacks import REMEDIES, shorten

KERAS = '  File "/b/keras/x.py", line 1, in y\n    raise\n'
THEIRS = 'Traceback (most recent call last):\n  File "/a/fashion.py", line 9, in main\n    fit(\n    ~~~^\n' + KERAS
SHORT = "  fashion.py, line 9, in main\n    fit(\n    ~~~^\n"


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        (
            THEIRS + "ValueError: expected ndim=4, found ndim=3\n\nArguments received by Conv2D.call():\n  • x=1\n",
            SHORT + "ValueError: expected ndim=4, found ndim=3\n\nA convolution takes images with a channel each",
        ),
        (THEIRS.replace("/a/", "C:\\course\\") + "KeyError: 1\n", SHORT + "KeyError: 1"),
        (THEIRS + "\n\nDuring handling, another:\n\n" + THEIRS + "KeyError: 1\n", SHORT + "KeyError: 1"),
        (THEIRS + "ValueError: \x1b[1mwrong\x1b[0m\n", SHORT + "ValueError: wrong"),
        (THEIRS + "\n".join("abcdefgh"), SHORT + "a\nb\nc\nd\ne\nf\n..."),
        ("epochs is 0.\n", "epochs is 0."),
        (
            '  File "/a/fashion.py", line 3\n    x = (\n        ^\nSyntaxError: never closed\n',
            "  fashion.py, line 3\n    x = (\n        ^\nSyntaxError: never closed",
        ),
    ],
)
def test_a_traceback_is_shortened_to_the_learners_file_and_then_stays_as_it_is(errors, shown):
    short = shorten(errors, "fashion.py")
    assert short.startswith(shown)
    assert "keras/x.py" not in short
    more = f"{short}\n\nThe whole traceback: add --traceback"
    assert shorten(f"{more}\n", "fashion.py") == more


def test_an_exception_of_this_process_is_shortened_to_one_of_its_files():
    try:
        import matplotlop  # noqa: F401
    except ImportError as error:
        short = shorten("".join(traceback.format_exception(error)), "test_tracebacks.py")
    assert short.startswith("  test_tracebacks.py, line ")
    assert "No module named 'matplotlop'\n\nThis package is not installed" in short


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("ValueError: Computed output size would be zero or negative. Received: `inputs_shape`", "Nothing is left of"),
        (
            "ValueError: Arguments `target` and `output` must have the same rank (ndim). Received:"
            " target.shape=(None, 10), output.shape=(None, 13, 13, 10)",
            "The last layer gives a table of answers for each image instead of one row: put keras.layers.Flatten()",
        ),
        ("ValueError: Unknown layer: RandomZoom", "A layer of your own"),
        ("jaxlib._jax.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes", "Out of memory."),
        ("tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating", "Out of memory."),
        ("ValueError: Argument(s) not recognized: {'lr': 0.1}", "lr is called learning_rate today."),
        ("AttributeError: 'Config' object has no attribute 'drop_out'", "class Config has no such field"),
        (
            "AttributeError: module 'learners' has no attribute 'prepare'",
            "Config, prepare, build_model and main must keep",
        ),
        ("TypeError: RandomZoom got 3 wrong values for LambdaCallback", ""),
    ],
)
def test_a_well_known_exception_gets_its_remedy(message, remedy):
    short = shorten(THEIRS + message, "fashion.py")
    assert short.startswith(f"{SHORT}{message}\n\n{remedy}" if remedy else f"{SHORT}{message}")
    assert (short == SHORT + message) == (not remedy)


@pytest.mark.parametrize("words", ["target and output ", "argument 'lr ", "must be positive ", 'File "x", line ', " "])
def test_a_long_message_takes_no_time(words):
    started = time.perf_counter()
    shorten(THEIRS + "ValueError: " + 3_000 * words, "fashion.py")
    assert time.perf_counter() - started < 1


def test_many_lines_that_may_begin_a_syntax_error_take_no_time():
    started = time.perf_counter()
    shorten(9_000 * '    File "x", line 1\n' + "KeyError: 1", "fashion.py")
    assert time.perf_counter() - started < 1


def test_every_remedy_is_a_sentence():
    assert all(remedy.endswith((".", '"same".')) and "\n" not in remedy for remedy in REMEDIES.values())
