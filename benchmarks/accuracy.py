"""Measures the test accuracy of the scripts as shipped: `python -m benchmarks.accuracy`.

Runs each command in a process of its own, once for each seed, and takes the accuracy from the metrics.json that the
run leaves. Writes accuracy.json and accuracy.md next to this file after every seed; README.md shows the table.
`python -m benchmarks.accuracy solutions` does the same for the reference answers to the challenge, in solutions.json
and solutions.md, which docs/challenge.md shows, and `python -m benchmarks.accuracy quick` after a training with few
images, as `check.py --quick` does. With --only, the other commands keep the figures that they have
there; with --add, all do, and only seeds that are missing are measured.
"""

import argparse
import datetime
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NotRequired, TypedDict

from course.challenge.levels import QUICK_IMAGES
from course.runs import folder as run_folder
from course.runs.record import read_history
from course.system import program
from course.system.environment import processor
from course.system.files import write_json, write_text

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).parent
TABLES = {  # name of the files → commands, and the number of seeds of each
    "accuracy": {
        "mlp.py": 5,
        "cnn.py": 5,
        "cnn.py --more_conv_layers 64": 5,
        "fast.py": 5,
        "best.py": 5,
        "best.py --data fashion_mnist --flip --rotation 0 --views_shift 1 --epochs 11": 3,
        "fashion.py": 5,
    },
    "solutions": {f"-m solutions.level_{level}": 10 for level in range(2, 7)},
    "quick": {f"-m solutions.level_{level} --limit {QUICK_IMAGES}": 5 for level in range(2, 7)},
}
SCRIPTS = ("mlp.py", "cnn.py", "fast.py", "best.py", "fashion.py")  # a run quotes figures of these as they are only
PARTS = {"accuracy": ["test"], "solutions": ["test", "validation"], "quick": ["validation"]}  # of images, per table

Results = dict[str, list[dict[str, float]]]  # of each command, one entry per seed; see `measure`


class Kept(TypedDict):
    """What the JSON file of a table contains."""

    measured: str  # when and where; several if seeds were added
    scripts: NotRequired[dict[str, str]]  # fingerprints of those that were measured
    results: Results


def run(command: str, seed: int) -> Path:
    """Runs one command to its end; returns the folder that its run left."""
    finished = subprocess.run(
        [sys.executable, *command.split(), "--seed", str(seed), "--name", "accuracy"],
        cwd=REPOSITORY,
        env=os.environ | {"WANDB_MODE": "offline", "COLUMNS": "200", "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    kept = re.search(r"^Kept in:     (\S+)", finished.stdout, re.MULTILINE)
    assert kept  # a script that ended well says so
    return REPOSITORY / kept[1]


def measure(command: str, seed: int) -> dict[str, float]:
    """Runs one command; returns its seed, test_accuracy (0 to 1), test_loss, seconds from its start to its test, and of
    its history the last epoch's accuracy in training and in validation and the epoch with the lowest val_loss.
    """
    folder = run(command, seed)
    metrics = json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
    history = read_history(folder)
    return {
        "seed": seed,
        "test_accuracy": metrics["test_accuracy"],
        "test_loss": metrics.get("test_loss"),
        "seconds": round(metrics["seconds"], 1),
        "accuracy": history[-1]["accuracy"],
        "val_accuracy": history[-1]["val_accuracy"],
        "best_epoch": min(history, key=lambda row: row["val_loss"] or math.inf)["epoch"],
    }


def mean_and_deviation(accuracies: list[float]) -> str:
    """Returns accuracies from 0 to 1 as in 98.50% ± 0.50: their mean, and from two on their standard deviation."""
    spread = f" ± {100 * statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
    return f"{statistics.mean(accuracies):.2%}{spread}"


def table(results: Results, part: str = "test") -> str:
    """Returns the results as a Markdown table, one line per command; `part` is test or validation."""
    lines = [
        f"| command | {part} accuracy, mean ± standard deviation | lowest to highest | seeds | seconds, median |",
        "|---|---|---|---|---|",
    ]
    for command, runs in results.items():
        accuracies = [run["test_accuracy" if part == "test" else "val_accuracy"] for run in runs]
        numbers = [int(run["seed"]) for run in runs]
        in_a_row = len(numbers) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        seeds = f"{numbers[0]} to {numbers[-1]}" if in_a_row else ", ".join(map(str, numbers))
        lines.append(
            f"| `python {command}` | {mean_and_deviation(accuracies)}"
            f" | {100 * min(accuracies):.2f} to {100 * max(accuracies):.2f} | {seeds}"
            f" | {statistics.median(run['seconds'] for run in runs):.0f} |"
        )
    return "\n".join(lines) + "\n"


def measured_on() -> str:
    """Returns date, processor, cores, system and Python's version in one line."""
    date, python = datetime.date.today().isoformat(), platform.python_version()
    return f"{date}, {processor()}, {os.cpu_count()} cores, {platform.system()}, Python {python}."


def read_kept(file: Path) -> Kept:
    """Returns what a table has measured; nothing yet if there is no such file."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"measured": "", "results": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", choices=TABLES, default="accuracy", help="what to measure")
    parser.add_argument("--seeds", type=int, help="how many, from 1 up (default: as many as the table wants)")
    parser.add_argument("--only", action="append", help="measure only this command; may be repeated")
    parser.add_argument("--add", action="store_true", help="measure only the seeds that are missing")
    options = parser.parse_args()
    commands, file = TABLES[options.table], FOLDER / f"{options.table}.json"
    wanted = options.only or list(commands)
    if unknown := set(wanted) - set(commands):
        parser.error(f"there is no {unknown.pop()!r} in this table; there are: {', '.join(commands)}")

    kept = read_kept(file)
    results = kept["results"] | {command: [] for command in wanted if command not in kept["results"] or not options.add}
    results = {command: results[command] for command in commands if command in results}
    scripts, now = kept.get("scripts", {}), {name: program.fingerprint(REPOSITORY / name) for name in SCRIPTS}
    for name in {command.split()[0] for command in wanted if results[command]} & {*SCRIPTS}:
        if scripts.get(name) != now[name]:
            parser.error(f"{name} has changed since it was measured; measure it without --add")
    on = dict.fromkeys(kept["measured"].rstrip(".").split("; ") if any(results.values()) else [])
    for seed in range(1, 1 + (options.seeds or max(commands.values()))):
        for command in wanted:  # in turn, so that a busy machine hits all alike
            runs = results[command]
            if seed > (options.seeds or commands[command]) or seed in [run["seed"] for run in runs]:
                continue
            runs.append(measure(command, seed))
            print(f"{command}, seed {seed}: {runs[-1]['test_accuracy']:.2%} in {runs[-1]['seconds']:.0f} s", flush=True)
            measured = {command: runs for command, runs in results.items() if runs}
            on |= {measured_on().rstrip("."): None}
            when_and_where = f"{'; '.join(on)}."
            if (name := command.split()[0]) in now:
                scripts[name] = now[name]
            write_json(file, {"measured": when_and_where, "scripts": scripts, "results": measured})
            tables = [table(measured, part) for part in PARTS[options.table]]
            write_text(file.with_suffix(".md"), "\n".join([*tables, f"{when_and_where}\n"]))
    print(f"\n{file.with_suffix('.md').read_text(encoding='utf-8')}")


if __name__ == "__main__":
    main()
