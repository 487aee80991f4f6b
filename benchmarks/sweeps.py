"""What sweep.py costs and saves, and what more nodes bring.

python -m benchmarks.sweeps 2 1 commands    two at a time, one at a time, then the same ones as plain commands
python -m benchmarks.sweeps nodes           trials that only wait, on 1, 2 and 4 nodes of a cluster on this machine
"""

import os
import shlex
import subprocess
import sys
import threading
import time

import psutil

from course.runs import folder as run_folder
from course.sweep.trials import SWEEPS, Sweep

FILE = run_folder.RUNS / "benchmark-sweep.yaml"
RUN_CAP = 8
SWEEP = f"""
program: cnn.py
method: random
run_cap: {RUN_CAP}
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
    run_folder.RUNS.mkdir(exist_ok=True)
    FILE.write_text(SWEEP, encoding="utf-8")
    for way in sys.argv[1:]:
        if way == "nodes":
            on_nodes()
            continue
        seconds, memory = plain() if way == "commands" else sweep("--parallel", way)
        per_hour = 3600 * RUN_CAP / seconds
        print(f"{way}: {seconds:.0f} s, {per_hour:.0f} trials per hour, {memory:.0f} MiB besides", flush=True)


def on_nodes() -> None:
    """Shows the seconds of sweeps on clusters of 1, 2 and 4 nodes, whose trials wait and hardly compute."""
    # Loopback; without this, trials would be less urgent than all else.
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(run_folder.RUNS.parent)}
    from ray.cluster_utils import Cluster  # late: it reads what is set above

    FILE.write_text(WAITING, encoding="utf-8")
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    for nodes in (1, 2, 4):
        while len(cluster.list_all_nodes()) < nodes:
            cluster.add_node(num_cpus=1, object_store_memory=node["object_store_memory"])
        seconds, _ = sweep("--ray-address", cluster.address)
        trials = newest_sweep().trials()
        alone = sum(trial.seconds for trial in trials) / len(trials)
        print(f"{nodes} nodes: {seconds:.0f} s for {len(trials)} trials of {alone:.1f} s", flush=True)
    cluster.shutdown()


def newest_sweep() -> Sweep:
    return Sweep.old(run_folder.RUNS / SWEEPS / run_folder.LATEST)


def plain() -> tuple[float, float]:
    """Returns the seconds that the trials of the newest sweep take as plain commands, one after the other."""
    newest = newest_sweep()
    started = time.monotonic()
    for trial in newest.trials()[:RUN_CAP]:
        subprocess.run(
            [sys.executable, "cnn.py", *newest.words(trial)],
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
    watched, most = psutil.Process(process.pid), [0.0]

    def watch() -> None:
        while process.poll() is None:
            most[0] = max(most[0], memory_besides_trials(watched))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    if process.wait() != 0:
        sys.exit(f"{shlex.join(words)} ended with exit code {process.returncode}.")
    watcher.join()
    return time.monotonic() - started, most[0]


def memory_besides_trials(process: psutil.Process) -> float:
    """Returns the memory, in MiB, of a process and all that it started but the scripts that train.

    What several processes share is divided among them.
    """
    try:
        if "cnn.py" in process.cmdline():
            return 0
        own = process.memory_full_info().pss / 2**20
        return own + sum(map(memory_besides_trials, process.children()))
    except psutil.Error:  # it has ended meanwhile
        return 0


if __name__ == "__main__":
    main()
