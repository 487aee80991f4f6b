"""Checkouts of the course in which a test can run its scripts as a learner does, and break things."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from course.data import load_data_set

# No deadlines, because machines are busy; the same examples each time where a failure would stop others.
busy = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "course", deadline=None, derandomize="CI" in os.environ, suppress_health_check=busy
)
hypothesis.settings.load_profile("course")

# A shell has its background jobs, such as these tests, ignore Ctrl-C, and so would all programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = ("mlp", "cnn", "fast", "best", "fashion")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="break things as often as docs/reliability.md says")


@pytest.fixture(scope="session")
def thorough(request) -> bool:
    """Whether there is time for all that was tried; CI tries a sample of it."""
    return request.config.getoption("--thorough")


@dataclass
class Checkout:
    """A copy of the course, in a folder with spaces in its name, with an empty home directory."""

    folder: Path
    home: Path

    def environment(self, **changes: str) -> dict[str, str]:
        """Returns a learner's environment: no account, no settings, nobody's home."""
        foreign = ("WANDB", "KERAS", "TF_", "XLA", "PYTEST", "COLUMNS", "XDG")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {"HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"} | changes

    def run(self, *words: str, before: tuple[str, ...] = (), timeout: float = 600, **environment: str):
        """Runs `python <words>` in the checkout, behind the command `before` if there is one; returns what came out."""
        return subprocess.run(
            [*before, sys.executable, *words],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        """Starts `python <words>` in the checkout, in a session of its own, as a terminal does."""
        return subprocess.Popen(
            [sys.executable, "-u", *words],
            cwd=self.folder,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def numbers(self, folder: Path) -> tuple[bytes, dict[str, float]]:
        """Returns all that a finished run's folder says of its numbers: history.csv, and metrics.json but its time."""
        metrics = json.loads((folder / "metrics.json").read_text())
        return (folder / "history.csv").read_bytes(), metrics | {"seconds": None}

    def refuses(self, *words: str, before_loading: set[str]) -> str:
        """Runs `python <words>`, which must end in a sentence before these packages are loaded; returns it."""
        answer = self.run("-X", "importtime", *words)
        said = [line for line in answer.stderr.splitlines() if not line.startswith("import time:")]
        imported = {line.split("|")[-1].strip().split(".")[0] for line in answer.stderr.splitlines() if "|" in line}
        assert answer.returncode == 2
        assert len(said) == 1
        assert said[0].endswith(".")
        assert answer.stdout == ""
        assert "pydantic" in imported
        assert not imported & before_loading
        assert not (self.folder / "runs").exists()
        return said[0]

    def latest(self, script: str) -> Path:
        """Returns the folder of the newest run of a script."""
        return (self.folder / "runs" / script / "latest").resolve()


@pytest.fixture(scope="session")
def new_checkout(tmp_path_factory) -> Callable[[], Checkout]:
    """Makes a checkout; for fixtures that live longer than one test."""

    def copy() -> Checkout:
        folder = tmp_path_factory.mktemp("somewhere")
        checkout = Checkout(folder / "a course in a box", folder / "home")
        checkout.folder.mkdir()
        checkout.home.mkdir()
        for file in REPOSITORY.glob("*.py"):
            shutil.copy(file, checkout.folder)
        for part in ("course", "data", "benchmarks", "solutions"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / part, checkout.folder / part, ignore=ignored)
        return checkout

    return copy


@pytest.fixture
def checkout(new_checkout) -> Checkout:
    return new_checkout()


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """The first 1,200 training and 500 test images of MNIST as a learner's own file: a run takes seconds."""
    return part_of_mnist(tmp_path_factory.mktemp("small data") / "small.npz", 0)


@pytest.fixture(scope="session")
def other_small_data(tmp_path_factory) -> Path:
    """As many other images."""
    return part_of_mnist(tmp_path_factory.mktemp("small data") / "other.npz", 1200)


def part_of_mnist(file: Path, first: int) -> Path:
    (x_train, y_train), (x_test, y_test) = load_data_set("mnist")
    train, test = slice(first, first + 1200), slice(500)
    np.savez_compressed(file, x_train=x_train[train], y_train=y_train[train], x_test=x_test[test], y_test=y_test[test])
    return file


@pytest.fixture(scope="session")
def tracked() -> Callable[[Path], dict]:
    """Returns what Weights & Biases' own tool reads from the folder of an offline run: project, config, summary."""

    def read(folder: Path) -> dict:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(folder)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return read


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser without a window: Playwright's Chromium, or that of the system."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = own if Path(own).exists() else shutil.which("chromium") or shutil.which("google-chrome")
        if found is None:
            pytest.skip("there is no Chromium; `playwright install chromium` brings one")
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


def look_at(browser, page_file: Path, width: int, scheme: str = "light") -> str:
    """Opens a page as a reader would; returns its text."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.resolve().as_uri())
    assert said == []
    assert [address for address in asked if not address.startswith("data:image/png;")] == [page_file.resolve().as_uri()]
    pictures = page.evaluate(
        "[...document.images].map(image => [image.complete && image.naturalWidth > 0, image.alt.length > 10])"
    )
    assert pictures
    assert all(loaded and described for loaded, described in pictures)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    text = page.inner_text("body")
    context.close()
    return text


def listeners(process: int) -> set[str]:
    """Returns the addresses that listen in the network that a process has for itself, as Linux writes them in /proc.

    None, as long as it has not come to its own network, and once it has ended.
    """
    found = set()
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{process}/ns/net") != os.readlink("/proc/self/ns/net"):
            for table in ("tcp", "tcp6"):
                rows = map(str.split, Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:])
                found |= {row[1].split(":")[0] for row in rows if row[3] == "0A"}  # it listens
    return found


@pytest.fixture(params=SCRIPTS)
def script(request) -> str:
    """The name of each script in turn."""
    return request.param


@pytest.fixture(scope="session")
def no_network() -> tuple[str, ...]:
    """A command in front of a command that leaves it the loopback interface and nothing else."""
    for unshare in (("unshare", "--net"), ("unshare", "--map-root-user", "--net")):
        command = (*unshare, "sh", "-c", 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$@"', "sh")
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    pytest.skip("this system cannot run a program without a network (Linux can, with unshare)")


@pytest.fixture
def tried(record_property) -> Callable[[str, Counter], None]:
    """Notes what was tried, and how often what came out, for the table in docs/reliability.md."""

    def note(what: str, outcomes: Counter) -> None:
        record_property("tried", [what, dict(outcomes)])

    return note


def pytest_terminal_summary(terminalreporter) -> None:
    tried = defaultdict(Counter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in report.user_properties:
                if name == "tried":
                    tried[value[0]].update(value[1])
    if tried:
        terminalreporter.write_sep("-", "what was tried, and what came out")
    for what, outcomes in sorted(tried.items()):
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        terminalreporter.write_line(f"| {what} | {outcomes.total():,} | {counts} |")
