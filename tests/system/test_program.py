"""Whose sys.argv it is: a script's, also in a notebook's %run, but not what is typed into a cell."""

import importlib.machinery
import sys
import types
from pathlib import Path

import pytest

import mlp
from course.system import files, program

KERNEL = ["/somewhere/ipykernel_launcher.py", "-f", "/tmp/kernel.json"]


@pytest.mark.parametrize(
    ("interactive", "file", "argv", "name", "arguments"),
    [
        (False, "/course/cnn.py", ["cnn.py", "--epochs", "1"], "cnn.py", ["--epochs", "1"]),
        (False, "/lib/cProfile.py", ["cnn.py", "--epochs", "1"], "cnn.py", ["--epochs", "1"]),
        (False, None, ["-c", "--epochs"], "-c", ["--epochs"]),
        (True, "cnn.py", ["cnn.py", "--epochs", "1"], "cnn.py", ["--epochs", "1"]),  # IPython's %run
        (True, None, KERNEL, "notebook", []),
        (True, "/course/cnn.py", KERNEL, "notebook", []),  # an editor may give a cell the name of its file
        (True, None, [""], "notebook", []),  # Python's own prompt
    ],
)
def test_options_are_read_only_if_a_script_was_started_with_them(interactive, file, argv, name, arguments, monkeypatch):
    main = types.ModuleType("__main__")
    if file is not None:
        main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", argv)
    if interactive:
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert program.name() == name
    assert program.arguments() == arguments
    assert program.script() == (None if name == "notebook" else Path(argv[0]))


def test_how_to_start_again_is_said_for_a_script_of_run_and_for_a_cell(monkeypatch):
    main = types.ModuleType("__main__")
    main.__file__ = "cnn.py"
    del main.__spec__  # as %run of IPython
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr(sys, "argv", ["cnn.py"])
    assert files.typed("--resume", "runs/a") == "python cnn.py --resume runs/a"
    monkeypatch.setattr(sys, "argv", KERNEL)
    assert files.typed("--resume", "runs/a") == "main(Config.from_command_line(['--resume', 'runs/a']))"


def test_a_module_is_started_again_as_one(monkeypatch):
    main = types.ModuleType("__main__")
    main.__file__, main.__spec__ = "my/cnn.py", importlib.machinery.ModuleSpec("my.cnn", None)
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", ["/here/my/cnn.py"])
    assert program.module() == "my.cnn"
    monkeypatch.setattr("course.config.script_file", lambda config: Path("/here/my/cnn.py"))
    assert mlp.Config(epochs=2, name="-x").command() == "python -m my.cnn --epochs 2 --name=-x"
    main.__spec__ = None
    assert program.module() is None


def test_a_script_is_known_by_its_code_alone(tmp_path):
    scripts = {
        "as it was": "'''Trains.'''\nepochs = 4  # passes\nfit(epochs)\n",
        "with a remark": "# mine\n'''Learns.'''\nepochs = 4\n\nfit( epochs )\n",
        "changed": "epochs = 5\nfit(epochs)\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    found = {name: program.fingerprint(tmp_path / name) for name in scripts}
    assert found["as it was"] == found["with a remark"] != found["changed"]


@pytest.mark.parametrize("edited", ["epochs = (4\n", "if epochs:\n        fit()\n    stop()\n"])
def test_a_script_that_is_being_edited_has_a_fingerprint_too(edited, tmp_path):
    script = tmp_path / "cnn.py"
    script.write_text(edited)
    before = program.fingerprint(script)
    script.write_text(edited + "\n")
    assert program.fingerprint(script) != before
