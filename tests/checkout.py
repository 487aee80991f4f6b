"""A checkout of the course in which a test can run its scripts as a learner does, and break things."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course.data import load_data_set

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = ("mlp", "cnn", "fast", "best", "fashion")


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
        """Runs `python <words>` in the checkout, after the command `before` if there is one; returns how it ended."""
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


def part_of_mnist(file: Path, first: int) -> Path:
    (x_train, y_train), (x_test, y_test) = load_data_set("mnist")
    train, test = slice(first, first + 1200), slice(500)
    np.savez_compressed(file, x_train=x_train[train], y_train=y_train[train], x_test=x_test[test], y_test=y_test[test])
    return file
