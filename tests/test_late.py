"""Keras, loaded when it is used, and the backends that it may have."""

import importlib.util
import os
from importlib.machinery import ModuleSpec

import pytest

from course import late
from course.system.errors import CourseError

MISSING = "KERAS_BACKEND is torch, which is not installed; `pip install torch` installs it, or use another backend."


@pytest.mark.parametrize("name", ["theano", "Tensorflow", "numpy", "openvino"])
def test_an_unknown_backend_is_refused(name, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(CourseError) as refused:
        late.backend()
    assert str(refused.value) == (
        f"KERAS_BACKEND is {name}, but must be tensorflow or jax or torch; change it or unset it."
    )


def test_a_backend_that_is_not_installed_is_refused(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(CourseError) as refused:
        late.backend()
    assert str(refused.value) == MISSING


@pytest.mark.parametrize("named", [None, ""])
@pytest.mark.parametrize("first", ["tensorflow", "jax", "torch"])
def test_without_a_word_about_it_the_backend_is_the_first_that_is_installed(first, named, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "")
    if named is None:
        monkeypatch.delenv("KERAS_BACKEND")
    missing = late.BACKENDS[: late.BACKENDS.index(first)]
    there, folder = ModuleSpec("it", None, origin="there"), ModuleSpec("it", None, is_package=True)  # without code
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: folder if name in missing else there)
    assert late.backend() == os.environ["KERAS_BACKEND"] == first  # which Keras reads


@pytest.mark.parametrize("value", ["x", "", "0", "-1", "1.5", "9" * 5000 + "x"])
def test_a_limit_that_keras_cannot_read_is_refused(value, monkeypatch):
    monkeypatch.setenv("KERAS_MAX_EPOCHS", value)
    with pytest.raises(CourseError, match=r"^KERAS_MAX_EPOCHS is .*, but must be a whole number, at least 1; unset it"):
        late.backend()


def test_a_script_with_an_unknown_backend_ends_in_a_sentence_but_shows_its_help(checkout):
    answer = checkout.run("mlp.py", KERAS_BACKEND="theano")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "KERAS_BACKEND is theano, but must be tensorflow or jax or torch; change it or unset it.\n"
    assert not (checkout.folder / "runs").exists()
    assert checkout.run("mlp.py", "--help", KERAS_BACKEND="theano").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["check.py", "convolution.py", "report.py", "sweep.py", "fashion.py", "best.py"])
def test_every_script_says_the_same(tool, checkout):
    answer = checkout.run("-X", "importtime", tool, KERAS_BACKEND="Tensorflow")
    said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    assert answer.returncode == 2
    assert said == ["KERAS_BACKEND is Tensorflow, but must be tensorflow or jax or torch; change it or unset it."]
    assert "| tensorflow\n" not in answer.stderr


def test_a_script_that_uses_keras_before_its_command_line_says_so_too(checkout):
    (checkout.folder / "mine.py").write_text("import course\nfrom keras import layers\n")
    answer = checkout.run("mine.py", KERAS_BACKEND="theano")
    assert answer.returncode == 2
    assert answer.stderr == "KERAS_BACKEND is theano, but must be tensorflow or jax or torch; change it or unset it.\n"


@pytest.mark.skipif(
    None in (importlib.util.find_spec("jax"), importlib.util.find_spec("tensorflow")), reason="needs both backends"
)
def test_tensorflow_does_not_load_jax_and_a_script_still_can(checkout):
    lines = ("import course, keras, sys", "keras.layers", "assert 'jax' not in sys.modules", "import jax.numpy")
    assert checkout.run("-c", "\n".join(lines), KERAS_BACKEND="tensorflow").returncode == 0


def test_pyplot_is_loaded_when_a_script_uses_it_and_not_with_keras(checkout):
    lines = (
        "import course, keras, sys",
        "keras.layers",
        "assert 'matplotlib.backend_bases' not in sys.modules",
        "import matplotlib.pyplot as plt",
        "assert plt.figure() is not None and sys.modules['matplotlib.pyplot'] is plt",
        "keras.visualization.plot_image_gallery(keras.ops.zeros((1, 8, 8, 1)), path='gallery.png')",
    )
    answer = checkout.run("-c", "\n".join(lines), MPLBACKEND="agg")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert (checkout.folder / "gallery.png").is_file()


def test_scikit_learn_is_loaded_with_its_wrappers_and_not_with_keras(checkout):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    lines = (
        "import course, keras, sys",
        "keras.layers",
        "assert 'sklearn' not in sys.modules",
        "from keras.wrappers import SKLearnClassifier",
        "assert keras.wrappers.SKLearnClassifier is SKLearnClassifier",
        "from sklearn.base import is_classifier",
        "network = keras.Sequential([keras.layers.Dense(2, activation='softmax')])",
        "network.compile(loss='categorical_crossentropy')",
        "network = SKLearnClassifier(network).fit(keras.ops.eye(2), ['left', 'right'], verbose=0)",
        "assert is_classifier(network) and set(network.classes_) == {'left', 'right'}",
    )
    answer = checkout.run("-c", "\n".join(lines))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_keras_is_loaded_where_matplotlib_cannot_be(checkout, tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise ImportError('broken')\n")
    answer = checkout.run("-c", "import course, keras\nkeras.layers", PYTHONPATH=str(tmp_path))
    assert (answer.returncode, answer.stderr) == (0, "")
