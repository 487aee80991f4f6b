"""What contributors run: `nox` for all but the slow tests, `nox -s full` for these too.

pip install -r requirements-dev.txt brings everything that these sessions call; `jax` and `versions` make environments
of their own, of 2 to 4 GB each, and need the network for it.
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "none"  # TensorFlow is too large to install once per session
nox.options.sessions = ["style", "types", "imports", "quick"]


@nox.session
def quick(session: nox.Session) -> None:
    """The tests that one runs before every commit."""
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def full(session: nox.Session) -> None:
    """All tests, the slow ones too."""
    session.run("python", "-m", "pytest", "--slow", *session.posargs)


@nox.session
def style(session: nox.Session) -> None:
    """Ruff's rules and its layout."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy over the course and its scripts."""
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """Imports run downwards between the wings of the course."""
    session.run("lint-imports", "--no-cache")  # its cache misses changes


def needed(*files: str) -> list[str]:
    """Returns the packages that requirements files name themselves, without those of the files that they include."""
    lines = [line.partition("#")[0].strip() for file in files for line in Path(file).read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("-r ")]


@nox.session(venv_backend="uv")
def jax(session: nox.Session) -> None:
    """The quick tests on JAX, where there is no TensorFlow."""
    session.install(
        "--compile-bytecode", *needed("requirements-jax.txt", "requirements-sweep.txt", "requirements-dev.txt")
    )
    session.run("python", "-m", "pytest", *session.posargs, env={"KERAS_BACKEND": None})


@nox.session(venv_backend="uv")
@nox.parametrize("resolution", ["lowest-direct", "highest"], ids=["lowest", "highest"])
def versions(session: nox.Session, resolution: str) -> None:
    """The quick tests with the oldest, and with the newest version that each requirement allows."""
    session.install("--compile-bytecode", "--resolution", resolution, "-r", "requirements-dev.txt")
    session.run("python", "-m", "pytest", *session.posargs)
