"""Whether this Python can run the course and has its packages; if not, one sentence says what to type.

Pythons that are too old for the course read this file, too: write nothing in it that is newer than Python 3.6, and
types that are newer in quotes.
"""

import os
import sys

OLDEST, NEWEST = (3, 11), (3, 14)  # of the Pythons that were tried
BACKENDS = ("tensorflow", "jax", "torch")  # with which Keras can train; their packages are called the same
PACKAGES = {  # of requirements.txt, by the name under which they are imported
    "keras": "keras", "numpy": "numpy", "wandb": "wandb", "PIL": "pillow", "jinja2": "jinja2",
    "matplotlib": "matplotlib", "scipy": "scipy", "pydantic": "pydantic", "tyro": "tyro", "rich": "rich",
    "watchfiles": "watchfiles", "yaml": "pyyaml", "markdown_it": "markdown-it-py", "pygments": "pygments",
}  # fmt: skip
GIGABYTES = 3  # of disk, while the packages are unpacked
FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSTALLED_IN = ("site-packages", "dist-packages")  # folders, Debian's too
FOREIGN = "architecture", "ELF class", "ELF header", "not a valid Win32"  # in what systems say of another's libraries


def check_python() -> None:
    """Ends the program with exit code 2, and a sentence, if this Python is older than the course."""
    if sys.version_info[:2] < OLDEST:
        needed = f"{_version(OLDEST)} to 3.{NEWEST[1]}"
        _end(
            f"{_version(sys.version_info[:2])} is too old for the course, which needs {needed}; install one of these,"
            f" then make an environment with it: `{_make(NEWEST[1] - 1)}` (docs/install.md)."
        )


def check_packages() -> None:
    """Ends the program with exit code 2, and a sentence, if a package of requirements.txt or every backend is missing.

    Nothing is loaded for that.
    """
    missing = [package for name, package in PACKAGES.items() if not is_installed(name)]
    if not any(map(is_installed, BACKENDS)):
        missing.append(BACKENDS[0])
    if missing:
        _end(_missing(missing))


def is_installed(name: str) -> bool:
    """Returns whether a package is there, without loading it; not if only its folder is left, without code."""
    from importlib.util import find_spec  # late: a file beside the script may have its name

    spec = find_spec(name)
    return spec is not None and spec.origin is not None


def broken_package(error: BaseException) -> "str | None":
    """Returns a sentence that says how to mend an installed package whose own code cannot be loaded.

    None if `error` is something else, such as a name that the learner's script imports and that does not exist.
    """
    import traceback

    if not isinstance(error, Exception) or isinstance(error, MemoryError):  # Ctrl-C, while it was loaded
        return None
    root: BaseException = error
    while isinstance(root.__cause__ or root.__context__, ImportError):
        root = root.__cause__ or root.__context__  # type: ignore[assignment]
    files = [
        (frame.f_code.co_filename, frame.f_code.co_name) for frame, _ in traceback.walk_tb(error.__traceback__)
        if "importlib" not in frame.f_code.co_filename
    ]  # fmt: skip
    if isinstance(root, SyntaxError) and root.filename:
        files.append((root.filename, "<module>"))
    in_packages = [(_package(file), code) for file, code in files if _package(file)]
    asked = (getattr(root, "name", None) or "").partition(".")[0] if isinstance(root, ImportError) else ""
    if in_packages:
        package = in_packages[-1][0]
        if in_packages[0][1] != "<module>":  # not while it is loaded
            return None
    elif asked in PACKAGES and files and files[-1][0].startswith(os.path.join(FOLDER, "course", "")):
        package = asked  # a part of it is gone
    else:
        return None
    if isinstance(root, ModuleNotFoundError) and asked != package:
        return f"{asked}, which {package} needs, is not installed; {install_command()} installs it."
    said = next((line.strip() for line in str(root).splitlines() if line.strip()), type(root).__name__)
    reason = said[:200].rstrip(".")
    if any(word in str(root) for word in FOREIGN):
        reason = "it is made for another processor"
    return (
        f"{package} is installed, but cannot be loaded: {reason}; {install_command(package=package)}"
        " installs it again (docs/install.md says what else may help)."
    )


def watch_for_broken_packages() -> None:
    """Makes an exception that comes of a broken package end the program in a sentence, until something else does."""
    before = sys.excepthook

    def report(kind, error, where) -> None:  # type: ignore[no-untyped-def]
        sentence = None if "--traceback" in sys.argv else broken_package(error)
        if sentence is None:
            before(kind, error, where)
        else:
            _end(sentence)

    if not hasattr(sys, "ps1"):  # a notebook shows exceptions in its own way
        sys.excepthook = report


def _end(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(2)


def _version(version: "tuple[int, ...]") -> str:
    return f"Python {version[0]}.{version[1]}"


def _make(minor: int) -> str:
    """Returns the command that makes a virtual environment with another Python 3."""
    return f"py -3.{minor} -m venv .venv" if os.name == "nt" else f"python3.{minor} -m venv .venv"


def _missing(packages: "list[str]") -> str:
    """Returns what to type where these packages are missing."""
    import shutil

    *others, last = packages
    few = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    what = few if len(packages) <= 3 else "The packages of the course are"
    own = os.path.join(".venv", "Scripts", "python.exe") if os.name == "nt" else os.path.join(".venv", "bin", "python")
    is_own = os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(FOLDER, ".venv"))
    if os.path.exists(os.path.join(FOLDER, own)) and not is_own:
        typed = f"{_here(own)} {os.path.basename(sys.argv[0])}"
        return f"{what} not installed for this Python; type `{typed}`: the environment in .venv may have what it needs."
    if sys.version_info[:2] > NEWEST or sys.maxsize < 2**32:
        kind = "newer than" if sys.maxsize > 2**32 else "a 32-bit one, too small for"
        why = f"this {_version(sys.version_info[:2])} is {kind} some packages"
        other = f"make an environment with another Python: `{_make(NEWEST[1] - 1)}` (docs/install.md)"
        return f"{what} not installed, and {why}; {other}."
    free = shutil.disk_usage(sys.prefix).free / 1e9
    full = f" That takes up to {GIGABYTES} GB of disk, of which {free:.1f} are free." if free < GIGABYTES else ""
    return f"{what} not installed; {install_command()} installs {'them' if others else 'it'}.{full}"


def install_command(file: str = "requirements.txt", package: str = "") -> str:
    """Returns, in backticks, what installs the packages of a file for the running Python, or one package again."""
    import sysconfig
    from importlib.util import find_spec

    python = os.path.basename(sys.executable or "python")
    python = python[:-4] if python.lower().endswith(".exe") else python
    again = package and _distribution(package)
    install = f"-m pip install {f'--force-reinstall --no-deps {again}' if again else f'-r {_here(file)}'}"
    if sys.prefix == sys.base_prefix:
        if os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")):
            return f"`{python} -m venv .venv` and then `.venv/bin/python {install}`"
    elif find_spec("pip") is None:  # uv's environment, or one whose Python was replaced by a newer one
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as settings:
            if any(line.startswith("uv ") for line in settings):
                name = again.partition("==")[0]
                return f"`uv sync --reinstall-package {name}`" if again else "`uv sync`"
        return f"`python3 -m venv --clear {os.path.basename(sys.prefix)}` and then `{python} {install}`"
    return f"`{python} {install}`"


def _here(file: str) -> str:
    """Returns the path of a file of the course as it can be typed in the current folder."""
    whole = os.path.join(FOLDER, file)
    return file if os.path.realpath(os.getcwd()) == os.path.realpath(FOLDER) else f'"{whole}"'


def _package(file: str) -> str:
    """Returns the name of the installed package that a file of code belongs to, nothing if it belongs to none."""
    parts = file.replace("\\", "/").split("/")
    places = [number for number, part in enumerate(parts) if part in INSTALLED_IN]
    return parts[places[-1] + 1].partition(".")[0] if places and places[-1] + 1 < len(parts) else ""


def _distribution(package: str) -> str:
    """Returns the name and the installed version of a package as pip has them; nothing if pip does not know it."""
    from importlib.metadata import PackageNotFoundError, version

    name = PACKAGES.get(package, package)
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:  # of half an install, or called otherwise than its folder
        return ""
