"""Files beside a script that have the name of a module which something else needs, such as random.py or numpy.py.

Python looks for every module in the folder of the script first. So the file would be executed in the place of that
module, and end in an error far away from its cause.
"""

import os
import sys
from _frozen_importlib_external import PathFinder  # not importlib, of which there may be a namesake, too
from collections.abc import Sequence
from types import ModuleType


class Namesakes:
    """A finder of modules that finds nothing, but ends the program in a sentence where another module is meant.

    A script and the files beside it may import one another, whatever they are called: it is they who ask.
    """

    def __init__(self, folder: str, names: set[str]) -> None:
        """Takes the folder of the script, and the names of files in it that modules elsewhere have, too."""
        self.folder, self.names = folder, names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Returns None, for others to find the module; ends the program with exit code 2 if they would be wrong."""
        if path is None and name in self.names and (asks := self._asks()) is not None:
            print(self.sentence(name, f", which {asks} needs"), file=sys.stderr)
            raise SystemExit(2)

    def sentence(self, name: str, cause: str) -> str:
        """Returns what is said of a namesake, and that it is the cause."""
        file = name if os.path.isdir(os.path.join(self.folder, name)) else f"{name}.py"
        return f"{file} next to your script hides the module {name}{cause}; rename {file}."

    def loaded(self) -> list[str]:
        """Returns a sentence for each namesake that the script has imported itself, and others have got, too."""
        found = sorted(name for name in self.names if name in sys.modules and self._is_here(sys.modules[name]))
        return [self.sentence(name, ", which may be the cause") for name in found]

    def _asks(self) -> str | None:
        """Returns the name of the package that imports something, None if it is the script or a file beside it."""
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in LOADERS:
            frame = frame.f_back
        package, file = frame.f_globals.get("__name__", "Python").partition(".")[0], frame.f_code.co_filename
        beside = os.path.dirname(os.path.abspath(file)) == self.folder and not file.startswith("<frozen")
        return None if beside or package == "__main__" else package

    def _is_here(self, module: ModuleType) -> bool:
        file = os.path.abspath(getattr(module, "__file__", None) or "")
        return self.folder in (os.path.dirname(file), os.path.dirname(os.path.dirname(file)))


LOADERS = ("importlib", "_frozen_importlib", "_frozen_importlib_external", "runpy", "pkgutil")


def watch_for_namesakes() -> None:
    """Looks beside the script for namesakes, and if there are some, makes the program end where one is needed."""
    folder = os.path.abspath(sys.path[0])
    if sys.flags.safe_path or folder == os.path.dirname(os.path.abspath(os.__file__)):
        return
    try:
        entries = os.listdir(folder)
    except OSError:
        return
    stems = {name.removesuffix(".py") for name in entries if name.endswith(".py")}
    stems |= {name for name in entries if os.path.isfile(os.path.join(folder, name, "__init__.py"))}
    others = [place for place in sys.path[1:] if os.path.abspath(place) != folder]
    hidden = {name for name in stems if name in sys.stdlib_module_names or _is_module(name, others)}
    if hidden:
        sys.meta_path.insert(0, Namesakes(folder, hidden))


def loaded_namesakes() -> list[str]:
    """Returns a sentence for each namesake that may have caused an error."""
    return [sentence for finder in sys.meta_path if isinstance(finder, Namesakes) for sentence in finder.loaded()]


def _is_module(name: str, places: list[str]) -> bool:
    """Returns whether one of these folders has a module of this name; a folder without code is not one."""
    spec = PathFinder.find_spec(name, places)
    return spec is not None and spec.loader is not None and spec.has_location
