"""What sweep.py costs and saves, and what more nodes bring.

python -m benchmarks.sweeps 2 1 commands    two at a time, one at a time, then the same ones as plain commands
python -m benchmarks.sweeps nodes           trials that only wait, on 1, 2 and 4 nodes of a cluster on this machine
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

from course.runs.folder import RUNS

FILE = RUNS / "benchmark-sweep.yaml"
TRIALS = 8
SWEEP = f"""
program: cnn.py
method: random
run_cap: {TRIALS}
metric: {{name: val_accuracy, goal: maximize}}
parameters:
  dropout: {{min: 0.0, max: 0.8}}
  limit: {{value: 2000}}
  epochs: {{value: 2}}
"""
WAITING = """
program: tests/stand_in.py
method: random
run_cap: 12
metric: {name: val_accuracy, goal: maximize}
parameters:
  dropout: {min: 0.0, max: 0.8}
  epochs: {value: 3}
  pause: {value: 2.0}
"""


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    FILE.write_text(SWEEP, encoding="utf-8")
    for way in sys.argv[1:]:
        if way == "nodes":
            on_nodes()
            continue
        seconds, memory = plain() if way == "commands" else sweep("--parallel", way)
        an_hour = 3600 * TRIALS / seconds
        print(f"{way}: {seconds:.0f} s, {an_hour:.0f} trials an hour, {memory:.0f} MiB besides", flush=True)


def on_nodes() -> None:
    """Shows the seconds of sweeps on clusters of 1, 2 and 4 nodes, whose trials wait and hardly compute."""
    # Loopback; without this, trials would be less urgent than all else.
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(RUNS.parent)}
    from ray.cluster_utils import Cluster  # late: it reads what is set above

    FILE.write_text(WAITING, encoding="utf-8")
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    for nodes in (1, 2, 4):
        while len(cluster.list_all_nodes()) < nodes:
            cluster.add_node(**node)
        seconds, _ = sweep("--ray-address", cluster.address)
        trials = [json.loads(file.read_text()) for file in (RUNS / "sweeps" / "latest" / "trials").glob("*.json")]
        alone = sum(trial["seconds"] for trial in trials) / len(trials)
        print(f"{nodes} nodes: {seconds:.0f} s for {len(trials)} trials of {alone:.1f} s", flush=True)
    cluster.shutdown()


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


def sweep(*options: str) -> tuple[float, float]:
    """Returns the seconds of a sweep, and the most memory, in MiB, that it took besides its trials."""
    started = time.monotonic()
    words = [sys.executable, "sweep.py", str(FILE), *options]
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
