"""What contributors run: `nox` for all but the slow tests, `nox -s full` for these too.

pip install -r requirements-dev.txt brings everything that these sessions call.
"""

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
