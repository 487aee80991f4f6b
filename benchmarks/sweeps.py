"""What sweep.py costs and saves: eight trials as plain commands, one at a time under sweep.py, and two at a time.

python -m benchmarks.sweeps                all three, one after the other
python -m benchmarks.sweeps commands 2     of them: the plain commands, two at a time
"""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

from course.runs import RUNS

WAYS = ("commands", "1", "2")
FILE = RUNS / "benchmark-sweep.yaml"
TRIALS = 8
SWEEP = f"""
program: cnn.py
method: random
run_cap: {TRIALS}
metric: {{name: val_accuracy, goal: maximize}}
parameters:
  dropout: {{min: 0.0, max: 0.8}}
  limit: {{value: 5000}}
  epochs: {{value: 3}}
"""


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    FILE.write_text(SWEEP, encoding="utf-8")
    for way in sys.argv[1:] or WAYS:
        seconds, memory = plain() if way == "commands" else sweep(int(way))
        print(
            f"{way}: {seconds:.0f} s, {3600 * TRIALS / seconds:.0f} trials an hour, {memory:.0f} MiB besides",
            flush=True,
        )


def plain() -> tuple[float, float]:
    """Returns the seconds that the trials of the newest sweep take as plain commands, one after the other."""
    trials = [json.loads(file.read_text()) for file in sorted((RUNS / "sweeps" / "latest" / "trials").glob("*.json"))]
    started = time.monotonic()
    for trial in trials[:TRIALS]:
        words = [f"--{name}={value}" for name, value in trial["values"].items()]
        subprocess.run(
            [sys.executable, "cnn.py", *words],
            env=os.environ | {"WANDB_MODE": "offline"},
            check=True,
            capture_output=True,
        )
    return time.monotonic() - started, 0


def sweep(parallel: int) -> tuple[float, float]:
    """Returns the seconds of a sweep, and the most memory, in MiB, that it took besides its trials."""
    started = time.monotonic()
    words = [sys.executable, "sweep.py", str(FILE), "--parallel", str(parallel)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    most = [0.0]

    def watch() -> None:
        while process.poll() is None:
            most[0] = max(most[0], sum(share(each) for each in descendants(process.pid)))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    if process.wait() != 0:
        sys.exit(f"{shlex.join(words)} ended with exit code {process.returncode}.")
    watcher.join()
    return time.monotonic() - started, most[0]


def descendants(process: int) -> list[int]:
    """Returns a process and all that it started, but not the scripts that train."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each and not trains(child)]
    return found


def trains(process: int) -> bool:
    try:
        return b"\0cnn.py\0" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def share(process: int) -> float:
    """Returns the memory of a process in MiB; what several share is divided among them."""
    try:
        return int(re.search(r"Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text())[1]) / 1024
    except (OSError, TypeError):
        return 0


if __name__ == "__main__":
    main()
