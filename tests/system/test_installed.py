"""A Python or an install that cannot run the course ends every script in a sentence that says what to type."""

import ast
import importlib
import importlib.metadata
import importlib.util
import itertools
import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec

import pytest
from checkout import REPOSITORY

from course.system import installed

SCRIPTS = sorted(
    [file.name for file in REPOSITORY.glob("*.py") if file.name != "noxfile.py"]
    + [f"solutions/{file.name}" for file in (REPOSITORY / "solutions").glob("*.py")]
)
INSTALL = "`python -m pip install -r requirements.txt`"
IS_OF_UV = importlib.util.find_spec("pip") is None  # the environment in which these tests run
COMMAND = "`uv sync`" if IS_OF_UV else INSTALL  # of that environment
HIDE = """
import os
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *places: None if name == os.environ.get("HIDDEN") else find(name, *places)
"""


@pytest.fixture(scope="module")
def copy(new_checkout):
    """A checkout for all of these tests: nothing is written into it."""
    return new_checkout()


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """What importlib finds of some packages instead of what is there: nothing, or a folder without code."""
    found, find = {"pip": ModuleSpec("pip", None, origin="there")}, importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found[name] if name in found else find(name))
    monkeypatch.setattr(installed, "FOLDER", str(tmp_path))  # nobody's .venv
    monkeypatch.setattr(sys, "executable", "/somewhere/python")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return found


def said(capsys, action=installed.check_packages) -> str:
    with pytest.raises(SystemExit) as ended:
        action()
    assert ended.value.code == 2
    return capsys.readouterr().err.removesuffix("\n")


def test_the_packages_are_those_of_the_requirements():
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = {re.split("[>=<; ]", line)[0] for line in lines if not line.startswith("#")}
    assert named - set(installed.BACKENDS) == set(installed.PACKAGES.values())
    assert named & set(installed.BACKENDS)


@pytest.mark.parametrize("rest", [None, ModuleSpec("it", None, is_package=True)])
@pytest.mark.parametrize("name", installed.PACKAGES)
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, rest, packages, capsys):
    packages[name] = rest  # nothing, or the folder that an interrupted install has left
    assert said(capsys) == f"{installed.PACKAGES[name]} is not installed; {INSTALL} installs it."


def test_one_backend_is_enough(packages, capsys):
    packages.update({"tensorflow": None, "torch": None})
    installed.check_packages()
    packages["jax"] = None
    assert said(capsys) == f"tensorflow is not installed; {INSTALL} installs it."


def test_many_missing_packages_are_not_listed(packages, capsys):
    packages.update({"rich": None, "PIL": None, "yaml": None})
    assert said(capsys).startswith("pillow, rich and pyyaml are not installed; `python -m pip")
    packages.update(dict.fromkeys(installed.PACKAGES))
    assert said(capsys) == f"The packages of the course are not installed; {INSTALL} installs them."


def test_the_command_is_that_of_the_running_python(packages, capsys, monkeypatch, tmp_path):
    packages["rich"] = None
    for executable, command in [("C:/Python313/python.exe", "python"), ("/usr/bin/python3", "python3")]:
        monkeypatch.setattr(sys, "executable", executable)
        assert f"; `{command} -m pip install -r requirements.txt` installs" in said(capsys)
    monkeypatch.chdir("/")
    assert f'pip install -r "{tmp_path / "requirements.txt"}"` installs it.' in said(capsys)


def test_an_environment_without_pip_is_made_again(packages, capsys, tmp_path):
    packages.update({"rich": None, "pip": None})
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.9.1\n")
    assert said(capsys) == "rich is not installed; `uv sync` installs it."
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")  # of a Python that a newer one has replaced
    assert f"; `python3 -m venv --clear {tmp_path.name}` and then `python -m pip install" in said(capsys)


def test_a_python_that_is_the_systems_gets_an_environment(packages, capsys, monkeypatch, tmp_path):
    packages["rich"] = None
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    command = "`python -m venv .venv` and then `.venv/bin/python -m pip install -r requirements.txt`"
    assert said(capsys) == f"rich is not installed; {command} installs it."


def test_an_environment_that_is_not_active_is_named(packages, capsys, monkeypatch, tmp_path):
    packages["rich"] = None
    python = tmp_path / ".venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(sys, "argv", ["/somewhere/cnn.py", "--epochs", "1"])
    assert f"; type `{python.relative_to(tmp_path)} cnn.py`: the environment in .venv may have" in said(capsys)


def test_a_full_disk_and_a_python_without_packages_are_named(packages, capsys, monkeypatch):
    packages["rich"] = None
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("", (), {"free": 1.26e9}))
    assert said(capsys).endswith(" installs it. That takes up to 3 GB of disk, of which 1.3 are free.")
    monkeypatch.setattr(sys, "version_info", (3, 19, 0))
    assert "not installed, and this Python 3.19 is newer than some packages; make an environment" in said(capsys)
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert "this Python 3.13 is a 32-bit one, too small for some packages; make an environment with" in said(capsys)


def test_an_old_python_is_named_before_anything_that_it_cannot_read(capsys, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 6, "final", 0))
    sentence = said(capsys, installed.check_python)
    assert sentence.startswith("Python 3.9 is too old for the course, which needs Python 3.11 to 3.14; install one of")
    assert "\n" not in sentence
    read = [*SCRIPTS, "course/__init__.py", "course/system/__init__.py", "course/system/installed.py"]
    for file in read:
        code = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"), file, feature_version=(3, 6))
        assert "__future__" not in [node.module for node in code.body if isinstance(node, ast.ImportFrom)]


def test_python_versions_are_those_of_the_project():
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (oldest, newest) = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)[0]
    assert ((3, int(oldest)), (3, int(newest) - 1)) == (installed.OLDEST, installed.NEWEST)


@pytest.mark.parametrize(("script", "name"), list(zip(SCRIPTS, itertools.cycle(installed.PACKAGES))))
def test_every_script_says_so_and_leaves_nothing(script, name, copy):
    (copy.home / "sitecustomize.py").write_text(HIDE)
    place = {"PYTHONPATH": f"{copy.home}{os.pathsep}{copy.folder}", "HIDDEN": name}
    answer = copy.run("-X", "importtime", script, **place)
    sentences = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
    assert (answer.returncode, answer.stdout) == (2, "")
    assert sentences == [f"{installed.PACKAGES[name]} is not installed; {COMMAND} installs it."]
    assert not re.search(r"\| (keras|numpy|pydantic)$", answer.stderr, re.M)  # which takes a moment
    assert not (copy.folder / "runs").exists()


def test_a_script_on_an_old_python_says_so(copy):
    old = "import runpy, sys; sys.version_info = (3, 10, 2, 'final', 0); runpy.run_path('cnn.py', run_name='__main__')"
    answer = copy.run("-S", "-c", old)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert re.fullmatch(r"Python 3\.10 is too old for the course, .*\n", answer.stderr)


BROKEN = {
    "a part is missing": ("from broken_one import gone", "cannot import name 'gone' from "),
    "a file is cut off": ("print((", "'(' was never closed"),
    "no native library": ("import broken_one.native", ""),
    "another architecture": ("raise ImportError('x.so: wrong ELF class: 32')", "it is made for another processor;"),
    "its own words": ("raise ImportError('\\n\\nDLL load failed.\\nand a page')", "DLL load failed;"),
    "its system library": ("raise OSError('libgomp.so.1: no such file')", "libgomp.so.1: no such file;"),
    "a function": ("def check():\n    raise RuntimeError('versions differ')\ncheck()", "versions differ;"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_package_that_cannot_be_loaded_is_named_with_the_cause(kind, packages, tmp_path, monkeypatch):
    code, reason = BROKEN[kind]
    broken = tmp_path / "site-packages" / "broken_one"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(code)
    (broken / f"native{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library at all, however long it may be" * 100)
    monkeypatch.syspath_prepend(str(broken.parent))
    with pytest.raises(Exception) as error:  # noqa: PT011
        importlib.import_module("broken_one")
    sentence = installed.broken_package(error.value)
    assert sentence.startswith(f"broken_one is installed, but cannot be loaded: {reason}")
    assert sentence.endswith(f"; {INSTALL} installs it again (docs/install.md says what else may help).")
    assert "\n" not in sentence


def test_ctrl_c_while_a_package_is_loaded_is_not_its_fault(tmp_path, monkeypatch):
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "slow_one.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    with pytest.raises(KeyboardInterrupt) as error:
        importlib.import_module("slow_one")
    assert installed.broken_package(error.value) is None


def test_a_script_names_a_broken_package_and_what_replaces_it(copy, tmp_path):
    broken = tmp_path / "site-packages" / "rich"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("from . import gone")
    answer = copy.run("check.py", "--list", PYTHONPATH=str(broken.parent))
    assert (answer.returncode, answer.stdout) == (2, "")
    version = importlib.metadata.version("rich")
    pip = f"`python -m pip install --force-reinstall --no-deps rich=={version}`"
    command = "`uv sync --reinstall-package rich`" if IS_OF_UV else pip
    assert f"; {command} installs it again" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "Traceback" in copy.run("check.py", "--list", "--traceback", PYTHONPATH=str(broken.parent)).stderr


def test_a_backend_that_cannot_be_loaded_is_named(copy, tmp_path):
    broken = tmp_path / "site-packages" / "tensorflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("try:\n    import gone\nexcept ImportError:\n    raise ImportError('a page')")
    answer = copy.run(
        "mlp.py", "--limit", "300", KERAS_BACKEND="tensorflow", PYTHONPATH=str(broken.parent), WANDB_MODE="disabled"
    )
    assert answer.returncode == 2
    assert answer.stderr == f"gone, which tensorflow needs, is not installed; {COMMAND} installs it.\n"


@pytest.mark.parametrize("code", ["import torchlight", "from rich.text import Texts"])
def test_a_mistake_in_the_learners_own_imports_is_not_called_a_broken_package(code):
    with pytest.raises(ImportError) as error:
        exec(code)
    assert installed.broken_package(error.value) is None
