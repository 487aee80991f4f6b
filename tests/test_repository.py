"""The repository itself: what it needs is declared, what it promises is what CI runs, its style is ruff's."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
IMPORTED_AS = {
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "axe-playwright-python": "axe_playwright_python",
    "pytest-xdist": "xdist",
}
# What only runs where requirements-sweep.txt is installed.
SWEEPING = ("scoreboard.py", "sweep.py", "sweep_file.py", "sweep_report.py", "sweeps.py", "trial.py", "tuning.py")


def required(file: str) -> set[str]:
    """Returns the packages that a requirements file names, as they are imported."""
    names = re.findall(r"^([A-Za-z0-9_-]+)(?:\[\w+\])?[<>=]", (REPOSITORY / file).read_text(), re.MULTILINE)
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def test_programs_import_nothing_but_the_standard_library_and_the_requirements():
    running = required("requirements.txt") | {"course", "jax"}  # jax where it is Keras' backend
    scripts = {file.stem for file in REPOSITORY.glob("*.py")}
    sweeping = running | required("requirements-sweep.txt")
    developing = sweeping | required("requirements-dev.txt")
    measuring = developing | scripts | {"benchmarks", "docs", "torch"}  # torch if it is there
    for allowed, folder in (
        *((running, folder) for folder in ("", "course", "data", "solutions")),
        *((measuring, folder) for folder in ("benchmarks", "benchmarks/contestants", "docs")),
    ):
        for file in (REPOSITORY / folder).glob("*.py"):
            assert imported(file) <= (sweeping if file.name in SWEEPING else allowed), file


def test_the_course_package_imports_no_script():
    scripts = {file.stem for file in REPOSITORY.glob("*.py")}
    for file in (REPOSITORY / "course").glob("*.py"):
        assert not imported(file) & scripts, file


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-sweep.txt", "requirements-dev.txt"])
def test_every_requirement_has_a_lower_and_an_upper_bound(file):
    lines = [line.split("#")[0].strip() for line in (REPOSITORY / file).read_text().splitlines()]
    for line in filter(None, lines):
        assert line.startswith("-r ") or re.fullmatch(r"[\w-]+(\[\w+\])?>=[\d.]+,<[\d.]+", line), line


def test_ci_runs_the_readmes_test_command():
    (command,) = re.findall(
        r"^pip install -r requirements-dev.txt && .*$", (REPOSITORY / "README.md").read_text(), re.M
    )
    assert command in (REPOSITORY / ".ci" / "run").read_text().splitlines()
    assert "pytest" in command


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_ruff_is_content(check):
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", *check, REPOSITORY], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout
