"""A learner's file with the name of a module that something else needs is named as the cause."""

import pytest

TRACE = "open('executed', 'w').close()\n"
TOOLS = ("check.py", "convolution.py", "report.py", "sweep.py")


@pytest.mark.parametrize(
    ("script", "name", "asks"),
    [
        ("mlp.py", "random", "tempfile"),
        ("mlp.py", "keras", "course"),
        ("mlp.py", "numpy", "course"),
        ("check.py", "signal", "course"),
        ("sweep.py", "contextlib", "course"),
        ("report.py", "random", "tempfile"),
        ("convolution.py", "copy", "dataclasses"),
    ],
)
def test_a_file_that_hides_a_module_is_named_and_not_executed(script, name, asks, checkout):
    (checkout.folder / f"{name}.py").write_text(TRACE)
    answer = checkout.run(script)
    assert (answer.returncode, answer.stdout) == (2, "")
    hides = f"{name}.py next to your script hides the module {name}, which {asks} needs; rename {name}.py.\n"
    assert answer.stderr == hides
    assert not (checkout.folder / "executed").exists()
    assert not (checkout.folder / "runs").exists()


def test_a_folder_hides_a_module_as_a_file_does(checkout):
    (checkout.folder / "yaml").mkdir()
    (checkout.folder / "yaml" / "__init__.py").write_text(TRACE)
    answer = checkout.run("sweep.py")
    assert answer.returncode == 2
    assert answer.stderr == "yaml next to your script hides the module yaml, which course needs; rename yaml.\n"


def test_what_nothing_needs_is_not_complained_about(checkout):
    for name in ("code", "antigravity", "mine"):  # notes of the learner's
        (checkout.folder / f"{name}.py").write_text(TRACE)
    (checkout.folder / "own.py").write_text("import course\nimport code\nimport mine\nprint(code.__file__)\n")
    assert checkout.run("mlp.py", "--epochs", "0").stderr.startswith("epochs is 0, but must be")
    answer = checkout.run("own.py")
    assert (answer.returncode, answer.stdout) == (0, f"{checkout.folder / 'code.py'}\n")


def test_a_folder_without_code_is_not_a_module_that_could_be_hidden(checkout):
    (checkout.home / "mine").mkdir()
    (checkout.folder / "mine.py").write_text("")
    (checkout.home / "theirs.py").write_text("import mine\n")
    (checkout.folder / "own.py").write_text("import course\nimport theirs\n")
    answer = checkout.run("own.py", PYTHONPATH=str(checkout.home))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_what_a_script_itself_imports_is_named_when_something_breaks(checkout):
    (checkout.folder / "code.py").write_text("")
    own = "import course\nfrom course.system.errors import end_in_a_sentence\nend_in_a_sentence()\nimport code\n"
    (checkout.folder / "own.py").write_text(own + "code.interact()\n")
    answer = checkout.run("own.py")
    assert answer.returncode == 1
    assert (
        "code.py next to your script hides the module code, which may be the cause; rename code.py.\n" in answer.stderr
    )
    (checkout.folder / "own.py").write_text(own + "1 / 0\n")
    (checkout.folder / "code.py").unlink()
    assert "hides" not in checkout.run("own.py").stderr
