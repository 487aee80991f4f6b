"""Modules that are loaded when they are first used, so that a mistake on the command line is answered at once."""

import contextlib
import importlib.util
import os
import sys
import types
from pathlib import Path

from course.system.errors import CourseError, end_in_a_sentence
from course.system.installed import BACKENDS, is_installed
from course.system.left_out import left_out
from course.system.quiet import quiet
from course.system.settings import DEFAULTS

# What Keras and its backend read from the environment when they are loaded.
COURSE = Path(__file__).resolve().parent
HOME = os.environ.get("KERAS_HOME", str(COURSE))  # a learner's own, which is not read
os.environ["KERAS_HOME"] = str(COURSE)  # keras.json is there: no other one changes numbers, nobody's home is written
os.environ.setdefault("MPLCONFIGDIR", str(COURSE.parent / "runs" / "matplotlib"))  # Keras loads matplotlib, too
for setting in DEFAULTS.items():
    os.environ.setdefault(*setting)
LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")  # which Keras reads as whole numbers


def backend() -> str:
    """Returns the name of Keras' backend, without loading Keras: what KERAS_BACKEND says, else the first installed.

    Raises CourseError if Keras cannot be loaded with it, or with a limit that the environment sets.
    """
    if not os.environ.get("KERAS_BACKEND"):  # which Keras reads; course/__init__.py has looked that there is one
        os.environ["KERAS_BACKEND"] = next(filter(is_installed, BACKENDS))
    name = os.environ["KERAS_BACKEND"]
    if name not in BACKENDS:
        raise CourseError(f"KERAS_BACKEND is {name}, but must be {' or '.join(BACKENDS)}; change it or unset it.")
    if not is_installed(name):
        raise CourseError(
            f"KERAS_BACKEND is {name}, which is not installed; `pip install {name}` installs it,"
            " or use another backend."
        )
    for limit in LIMITS:
        value = os.environ.get(limit, "1")
        if not value.isascii() or not value.isdecimal() or int(value[:9]) < 1:
            raise CourseError(f"{limit} is {value or 'empty'}, but must be a whole number, at least 1; unset it.")
    return name


class LateModule(types.ModuleType):
    """A module whose code runs when something in it is first asked for."""

    def __getattr__(self, name: str) -> object:
        spec = self.__spec__
        assert spec is not None
        if spec.name == "keras":
            _check_backend()
        assert spec.loader is not None
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        if spec.submodule_search_locations is not None:
            self.__path__ = spec.submodule_search_locations
        try:
            with contextlib.ExitStack() as loading:
                loading.enter_context(quiet())  # TensorFlow remarks on missing drivers, whatever its log level is
                if spec.name == "keras":
                    with contextlib.suppress(ImportError):  # Keras does without, if it cannot be loaded
                        load_when_used("matplotlib.pyplot")  # with which it shows galleries, if asked for one
                    loading.enter_context(left_out("sklearn"))  # a second, for the few who use Keras' wrappers
                    if backend() == "tensorflow":
                        loading.enter_context(left_out("jax"))  # which TensorFlow loads, only to convert from it
                spec.loader.exec_module(self)
            if spec.name == "keras":
                for part in [part for part in sys.modules if part.startswith(("keras.wrappers", "keras.src.wrappers"))]:
                    del sys.modules[part]
                load_when_used("keras.wrappers")  # with scikit-learn, where it is installed
        except BaseException:
            del sys.modules[spec.name]
            raise
        return getattr(self, name)


def _check_backend() -> None:
    try:
        backend()
    except CourseError:
        end_in_a_sentence()  # a script that uses Keras before its command line is read has not asked for it yet
        raise


def load_when_used(name: str) -> None:
    """Makes `import <name>` give a module that is loaded when something in it is first used; see LateModule.

    The standard library's LazyLoader does not do: `import` itself asks such a module for its __spec__, and loads it.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    assert spec is not None  # course/__init__.py has looked for it
    module = importlib.util.module_from_spec(spec)
    if hasattr(module, "__path__"):
        del module.__path__  # a submodule asks for it, and so loads the module first
    module.__class__ = LateModule
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
