"""Where a program runs: versions, system and processor, as reports and benchmarks name them."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path

import keras

from course.system.settings import settings


def processor() -> str:
    """Returns the name of the processor, that of its kind if the system does not tell."""
    if Path("/proc/cpuinfo").exists():
        named = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if named:
            return named[1]
    return platform.processor() or platform.machine()


def describe_environment(command: str) -> dict[str, str]:
    """Returns by name what may change a run's numbers or its seconds, and the command that repeats it; loads Keras."""
    backend = keras.backend.backend()
    packages = {"Keras": "keras", "backend": backend, "NumPy": "numpy", "Weights & Biases": "wandb"}
    versions = {name: importlib.metadata.version(package) for name, package in packages.items()}
    return {
        "command": command,
        "Python": platform.python_version(),
        **versions,
        "backend": f"{backend} {versions['backend']}",
        "system": platform.platform(),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        **({"settings": found} if (found := settings()) else {}),
    }
