"""Modules that are loaded when they are first used, so that a mistake on the command line is answered at once."""

import contextlib
import importlib.util
import json
import os
import sys
import types
from pathlib import Path

from course.system.errors import CourseError, end_in_a_sentence
from course.system.quiet import quiet

# What Keras and its backend read from the environment when they are loaded.
COURSE = Path(__file__).resolve().parent
os.environ.setdefault("KERAS_HOME", str(COURSE))  # keras.json is there: nobody's home is read or written
os.environ.setdefault("MPLCONFIGDIR", str(COURSE.parent / "runs" / "matplotlib"))  # Keras loads matplotlib, too
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only, no remarks about CUDA or the processor
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # fast kernels; TensorFlow has them, but off on many processors
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")  # they give memory back when they no longer need it
BACKENDS = ("tensorflow", "jax", "torch")  # with which Keras can train; their packages are called the same


def backend() -> str:
    """Returns the name of Keras' backend, without loading Keras; raises CourseError if it cannot be used."""
    named, instead = "KERAS_BACKEND", "unset it"
    name = os.environ.get(named)
    if not name:
        file, name = Path(os.environ["KERAS_HOME"], "keras.json").expanduser(), "tensorflow"
        named, instead = f"backend in {file}", "leave it out"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # as Keras does
            name = json.loads(file.read_text(encoding="utf-8"))["backend"]
    if name not in BACKENDS:
        raise CourseError(f"{named} is {name}, but must be {' or '.join(BACKENDS)}; change it or {instead}.")
    if importlib.util.find_spec(name) is None:
        raise CourseError(
            f"{named} is {name}, which is not installed; `pip install {name}` installs it, or use another backend."
        )
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
            with quiet():  # TensorFlow remarks on missing drivers, whatever its log level is
                spec.loader.exec_module(self)
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

    Raises:
        CourseError: there is no such module.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise CourseError(f"{name} is not installed; `pip install -r requirements.txt` installs it.")
    module = importlib.util.module_from_spec(spec)
    if hasattr(module, "__path__"):
        del module.__path__  # a submodule asks for it, and so loads the module first
    module.__class__ = LateModule
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
