"""The repository itself: what it needs is declared, CI runs what it promises, and its code keeps to its own rules."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY

from course.runs import folder as run_folder
from course.system import installed

COURSE = REPOSITORY / "course"
WORKFLOW = REPOSITORY / ".github" / "workflows" / "tests.yml"
LESSONS = ("mlp", "cnn", "fast", "best", "fashion", "convolution")
REQUIREMENTS = ("requirements.txt", "requirements-jax.txt", "requirements-sweep.txt", "requirements-dev.txt")
IMPORTED_AS = {
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "axe-playwright-python": "axe_playwright_python",
    "markdown-it-py": "markdown_it",
    "pytest-xdist": "xdist",
}
# Words that everybody else has other ones for (CONTRIBUTING.md): in code, pages and messages.
FOREIGN = (
    r"\bcorrections? (of|to|between)\b",
    r"\bby heart\b",
    r"\btaken for\b",
    r"\bgo(es)? on with\b",
    r"(?<!here )\bis no (?!longer\b|lower\b|better\b)\w",
    r"\bare none\b",
    r"\bmakes? .{0,40}\banew\b",
    r'"""Has \w',
)
WRITTEN_SO = {"docs/overfitting.md": r"by heart"}  # once: there it is a picture, and explained


def packages(file: str) -> set[str]:
    """Returns the lines of a requirements file that name packages, without comments."""
    lines = {line.split("#")[0].strip() for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines()}
    return {line for line in lines if line and not line.startswith("-r ")}


def required(file: str) -> set[str]:
    """Returns the packages that a requirements file names, as they are imported."""
    names = {re.split(r"[\[<>=]", line)[0] for line in packages(file)}
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def modules() -> dict[str, ast.Module]:
    """Returns the syntax trees of course/ by path."""
    files = sorted(COURSE.rglob("*.py"))
    return {str(file.relative_to(REPOSITORY)): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def test_programs_import_nothing_but_the_standard_library_and_the_requirements():
    scripts = {file.stem for file in REPOSITORY.glob("*.py")}
    running = required("requirements.txt") | {"course", "jax"}  # jax where it is Keras' backend
    sweeping = running | required("requirements-sweep.txt")
    developing = sweeping | required("requirements-dev.txt")
    measuring = developing | scripts | {"benchmarks", "data", "docs", "torch"}  # torch if it is there
    allowed = {"course": running, "data": running, "solutions": running, "benchmarks": measuring, "docs": measuring}
    for folder, names in allowed.items():
        for file in (REPOSITORY / folder).rglob("*.py"):
            assert imported(file) <= (sweeping if file.is_relative_to(COURSE / "sweep") else names), file
    for file in REPOSITORY.glob("*.py"):
        assert imported(file) <= (developing if file.name == "noxfile.py" else running), file


def test_imports_run_downwards():
    answer = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("file", REQUIREMENTS)
def test_every_requirement_has_a_lower_and_an_upper_bound(file):
    for line in packages(file):
        assert re.fullmatch(r"[\w-]+(\[\w+\])?>=[\d.]+,<[\d.]+(; python_version (<|>=) '[\d.]+')?", line), line


def test_the_requirements_files_are_those_of_the_project():
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    groups = declared["dependency-groups"]
    assert packages("requirements.txt") == set(declared["project"]["dependencies"])
    assert packages("requirements-sweep.txt") == set(groups["sweep"])
    assert packages("requirements-dev.txt") == {line for line in groups["dev"] if isinstance(line, str)}


def test_the_light_way_differs_in_the_backend_alone():
    light = packages("requirements-jax.txt")
    whole = {line.partition(";")[0] for line in packages("requirements.txt") if "python_version >=" not in line}
    assert {line.partition(">=")[0] for line in light ^ whole} == {"jax", "tensorflow"}
    assert light - whole == {line for line in packages("requirements-dev.txt") if line.startswith("jax>=")}


def test_ci_runs_the_readmes_test_command_and_then_the_slow_tests():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^pip install -r requirements-dev.txt && .*$", readme, re.M)
    lines = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert command == "pip install -r requirements-dev.txt && python -m pytest"
    assert lines[-2:] == [command, "python -m pytest --slow -m slow"]


def test_the_workflow_tests_every_system_and_python_that_is_promised():
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    lesson, quick = workflow["jobs"]["lesson"]["strategy"]["matrix"], workflow["jobs"]["quick"]["strategy"]["matrix"]
    assert lesson["system"] == quick["system"] == ["ubuntu-latest", "windows-latest", "macos-latest"]
    oldest, newest = installed.OLDEST[1], installed.NEWEST[1]
    assert lesson["python"] == [f"3.{minor}" for minor in range(oldest, newest + 1)]
    assert quick["python"] == [f"3.{oldest}", f"3.{newest}"]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {step["run"] for step in steps if "run" in step} >= {
        'pip install -r "$REQUIREMENTS"', "pip install -r requirements-dev.txt", "python -m pytest",
    }  # fmt: skip
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)


def test_the_workflow_is_valid():
    pytest.importorskip("check_jsonschema", reason="`pip install -r requirements-dev.txt` brings it")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_ruff_is_content(check):
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", *check, REPOSITORY], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_few_modules_are_directly_in_the_course():
    assert len([file for file in COURSE.glob("*.py") if file.name != "__init__.py"]) <= 12


@pytest.mark.parametrize(("kind", "longest"), [(ast.ClassDef, 120), ((ast.FunctionDef, ast.AsyncFunctionDef), 50)])
def test_classes_and_functions_are_short(kind, longest):
    long = {
        f"{path}: {node.name}": node.end_lineno - node.lineno + 1
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, kind) and node.end_lineno - node.lineno >= longest
    }
    assert long == {}


def test_names_of_classes_and_public_functions_occur_once():
    places = {}
    for path, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_types_are_real():
    places = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "Any"
    ]
    assert len(places) <= 40, places


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_a_page(lesson):
    lines = (REPOSITORY / f"{lesson}.py").read_text(encoding="utf-8").count("\n")
    assert lines <= 90


def test_names_of_a_runs_files_are_written_once():
    names = {value for value in vars(run_folder).values() if isinstance(value, str) and re.search(r"\.\w+$", value)}
    names -= {run_folder.__name__, run_folder.__file__, run_folder.SCRIPT}  # a script of the learner's, too
    places = [
        f"{path}:{node.lineno} {node.value}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and str(node.value).split("/")[-1] in names
        and path != "course/runs/folder.py"
    ]
    assert places == []


def texts() -> Iterator[Path]:
    """Yields what learners and contributors read: code, pages, messages and templates."""
    for folder in ("course", "solutions", "benchmarks", "docs", "data"):
        for kind in ("py", "md", "html"):
            found = (REPOSITORY / folder).rglob(f"*.{kind}")
            yield from (file for file in found if "site" not in file.parts)  # which is built of the others
    for kind in ("py", "md", "yaml", "txt", "toml"):
        yield from REPOSITORY.glob(f"*.{kind}")


@pytest.mark.parametrize("pattern", FOREIGN)
def test_words_are_those_of_the_field(pattern):
    places = []
    for file in texts():
        path, text = file.relative_to(REPOSITORY).as_posix(), file.read_text(encoding="utf-8")
        for found in re.finditer(pattern, text):
            if not re.fullmatch(WRITTEN_SO.get(path, "(?!)"), found[0]):
                places.append(f"{path}:{text.count(chr(10), 0, found.start()) + 1} {found[0]}")
    assert places == []


def test_the_picture_of_learning_by_heart_is_used_once():
    text = (REPOSITORY / "docs" / "overfitting.md").read_text(encoding="utf-8")
    assert text.count("by heart") <= 1


def test_the_lock_is_that_of_the_requirements():
    lock = (REPOSITORY / "uv.lock").read_text(encoding="utf-8")
    packages_of_lock = tomllib.loads(lock)["package"]
    (own,) = [package for package in packages_of_lock if package["source"] == {"virtual": "."}]
    declared = own["metadata"]["requires-dist"]
    for groups in own["metadata"]["requires-dev"].values():
        declared += groups
    needed = set().union(*(packages(file) for file in REQUIREMENTS))
    named = {re.match(r"[\w-]+", line)[0]: re.search(r">=[\d.]+,<[\d.]+", line)[0] for line in needed}
    assert {one["name"]: set(one["specifier"].split(",")) for one in declared} == {
        name: set(bounds.split(",")) for name, bounds in named.items()
    }
    assert {package["source"]["registry"] for package in packages_of_lock if package != own} == {
        "https://pypi.org/simple"
    }
    assert set(re.findall(r'url = "(https?://[^/]+/)', lock)) == {"https://files.pythonhosted.org/"}
