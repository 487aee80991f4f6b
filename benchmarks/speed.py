"""Measures how fast the scripts reach an accuracy, beside other recipes: `python -m benchmarks.speed`.

Each contestant trains in a process of its own, all of them in turn for each seed, so that a busy machine hits all
alike. Writes speed.json, speed.md and speed.png beside this file after every seed; with --only, the others keep the
figures that they have there.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks.accuracy import REPOSITORY, mean_and_deviation, measured_on
from course.system.files import replacing, write_json, write_text

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Contestant:
    """A recipe: what is behind `python`, where {} stands for the seed, and what it needs."""

    command: str
    backend: str = "tensorflow"
    package: str = "tensorflow"


WATCHED = "-m benchmarks.stopwatch"
ORIGINAL = f"{WATCHED} benchmarks/contestants/original.py {{}}"
CONTESTANTS = {
    "cnn.py": Contestant(f"{WATCHED} cnn.py --name speed --seed {{}}"),
    "cnn.py --more_conv_layers 64": Contestant(f"{WATCHED} cnn.py --more_conv_layers 64 --name speed --seed {{}}"),
    "fast.py": Contestant(f"{WATCHED} fast.py --name speed --seed {{}}"),
    "original": Contestant(ORIGINAL),
    "original on JAX": Contestant(ORIGINAL, backend="jax", package="jax"),
    "original in PyTorch": Contestant("-m benchmarks.contestants.original_torch {}", package="torch"),
    "keras.io": Contestant(f"{WATCHED} benchmarks/contestants/keras_io.py {{}}"),
}

ANSWERS = {
    "import keras": ("-c", "import keras"),
    "cnn.py --help": ("cnn.py", "--help"),
    "cnn.py --epochs 0": ("cnn.py", "--epochs", "0"),
}


def environment(backend: str = "tensorflow") -> dict[str, str]:
    """Returns the environment as a learner has it, without what the import of `course` has settled in this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS", "WANDB"))}
    return kept | {"KERAS_BACKEND": backend, "WANDB_MODE": "offline"}


def train(contestant: Contestant, seed: int) -> dict[str, Any]:
    """Trains once; returns the stopwatch's report and the seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        report_file, errors = Path(folder) / "report.json", Path(folder) / "errors.txt"
        started = time.time()
        with errors.open("w") as stderr:
            status = subprocess.run(
                [sys.executable, *contestant.command.format(seed).split()],
                cwd=REPOSITORY,
                env=environment(contestant.backend)
                | {"STOPWATCH_FILE": str(report_file), "STOPWATCH_STARTED": str(started)},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                check=False,
            ).returncode
        seconds = time.time() - started
        if status:
            sys.exit(f"`{contestant.command.format(seed)}` failed:\n{errors.read_text(encoding='utf-8')}")
        report = json.loads(report_file.read_text(encoding="utf-8"))
    report["seconds"] = seconds - report.pop("testing_seconds")
    return {"seed": seed} | {name: _rounded(value) for name, value in report.items()}


def largest_product() -> float:
    """Returns the floating-point operations a second of the fastest of several matrix products, float32."""
    rates = []
    generator = np.random.default_rng(1)
    for size in (1024, 2048, 4096):
        a, b = (generator.standard_normal((size, size), dtype=np.float32) for _ in range(2))
        for _ in range(5):
            started = time.perf_counter()
            a @ b
            rates.append(2 * size**3 / (time.perf_counter() - started))
    return max(rates)


def answer_seconds(*words: str) -> float:
    """Returns the seconds that `python <words>` takes, whatever it answers."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=REPOSITORY, env=environment(), capture_output=True, check=False)
    return time.perf_counter() - started


def seconds_to(accuracy: float, runs: list[dict[str, Any]]) -> float | None:
    """Returns when the first epoch ended after which the mean test accuracy of all runs is at least `accuracy`.

    Median over the runs, in seconds from the command; None if there is no such epoch.
    """
    for epoch, accuracies in enumerate(zip(*(run["test_accuracies"] for run in runs), strict=True)):
        if statistics.mean(accuracies) >= accuracy:
            return statistics.median(run["epoch_seconds"][epoch] for run in runs)
    return None


def figures(runs: list[dict[str, Any]]) -> dict[str, float | None]:
    """Returns what one contestant's runs come to: medians of seconds, rates and memory."""
    return {
        name: statistics.median(run[name] for run in runs)
        for name in ("seconds", "images_per_second", "operations", "start_up_seconds", "memory_mib")
    } | {
        "seconds_to_98": seconds_to(0.98, runs),
        "seconds_to_99": seconds_to(0.99, runs),
    }


def table(results: dict[str, list[dict[str, Any]]], peak: float) -> str:
    """Returns the results as a Markdown table, a line a contestant; `peak` in operations a second."""
    lines = [
        "| contestant | test accuracy, mean ± standard deviation | seconds to 98% | to 99% | in all | images a second"
        " | share of the largest matrix product | seconds to start | memory, MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        of = figures(runs)
        reached = [of["seconds_to_98"], of["seconds_to_99"]]
        cells = [
            name,
            mean_and_deviation([run["test_accuracies"][-1] for run in runs]),
            *("not reached" if seconds is None else f"{seconds:.0f}" for seconds in reached),
            f"{of['seconds']:.0f}",
            f"{of['images_per_second']:,.0f}",
            f"{of['images_per_second'] * of['operations'] / peak:.0%}",
            f"{of['start_up_seconds']:.1f}",
            f"{of['memory_mib']:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ratios(results: dict[str, list[dict[str, Any]]], answers: dict[str, list[float]]) -> str:
    """Returns as a Markdown table how those contestants that were measured compare."""
    of = {name: figures(runs) for name, runs in results.items()}
    compared = [("seconds to 99%", "fast.py", "seconds_to_99", name, "seconds_to_99") for name in of]
    compared += [
        ("seconds to 98%, of cnn.py : of the whole run of original", "cnn.py", "seconds_to_98", "original", "seconds"),
        ("seconds to 98%", "cnn.py", "seconds_to_98", "original", "seconds_to_98"),
        *(("images a second", "cnn.py", "images_per_second", name, "images_per_second") for name in of),
        ("memory", "cnn.py", "memory_mib", "original", "memory_mib"),
    ]
    lines = ["| what | figure |", "|---|---|"]
    for what, ours, our_figure, theirs, their_figure in compared:
        if ours == theirs or not {ours, theirs} <= set(of) or not of[ours][our_figure] or not of[theirs][their_figure]:
            continue
        contestants = "" if our_figure != their_figure else f", {ours} : {theirs}"
        lines.append(f"| {what}{contestants} | {of[ours][our_figure] / of[theirs][their_figure]:.3g} |")
    for name, runs in results.items():
        if "callback_seconds" in runs[0]:
            shares = [run["callback_seconds"] / (run["fit_seconds"] - run["callback_seconds"]) for run in runs]
            lines.append(f"| seconds in {name}'s callbacks : in the rest of `fit` | {statistics.median(shares):.3g} |")
            seconds = statistics.median(run["callback_seconds"] + run["run_seconds"] for run in runs)
            lines.append(f"| seconds of {name} for its folder, tracking and pictures | {seconds:.3g} s |")
    whole = statistics.median(answers["import keras"])
    for name in list(ANSWERS)[1:]:
        lines.append(f"| seconds, `{name}` : `import keras` | {statistics.median(answers[name]) / whole:.3g} |")
    return "\n".join(lines) + "\n"


def plot(results: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """Draws mean test accuracy over the seconds since the command, a line a contestant."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, runs in results.items():
        seconds = [statistics.median(times) for times in zip(*(run["epoch_seconds"] for run in runs), strict=True)]
        accuracies = [statistics.mean(epoch) for epoch in zip(*(run["test_accuracies"] for run in runs), strict=True)]
        axes.plot(seconds, [100 * accuracy for accuracy in accuracies], marker="o", markersize=4, label=name)
    axes.axhline(99, color="gray", linewidth=0.8, linestyle="dotted")
    axes.set(
        xscale="log", xlabel="seconds since the command", ylabel="test accuracy after each epoch, %", ylim=(97, 99.5)
    )
    axes.set_xticks([10, 20, 30, 50, 100, 200, 300], labels=["10", "20", "30", "50", "100", "200", "300"])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with replacing(file) as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")
    plt.close(figure)


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(element) for element in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 up (default: 5)")
    parser.add_argument("--only", choices=CONTESTANTS, action="append", help="only this contestant; may be repeated")
    options = parser.parse_args()

    measured: dict[str, list[dict[str, Any]]] = {}
    for name in options.only or CONTESTANTS:
        if importlib.util.find_spec(CONTESTANTS[name].package):
            measured[name] = []
        else:
            print(f"{name} is left out: {CONTESTANTS[name].package} is not installed.")
    answers: dict[str, list[float]] = {name: [] for name in ANSWERS}
    file = FOLDER / "speed.json"
    before = json.loads(file.read_text(encoding="utf-8")) if options.only and file.exists() else {}
    peak = before.get("operations_per_second", 0.0)
    both = before.get("results", {}) | measured
    results = {name: both[name] for name in CONTESTANTS if name in both}
    with Progress(disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("training", total=options.seeds * len(measured))
        for seed in range(1, options.seeds + 1):
            peak = max(peak, largest_product())
            for name, words in ANSWERS.items():
                answers[name].append(answer_seconds(*words))
            for name, runs in measured.items():
                runs.append(train(CONTESTANTS[name], seed))
                accuracy, seconds = runs[-1]["test_accuracies"][-1], runs[-1]["seconds"]
                sentence = f"{name}, seed {seed}: {accuracy:.2%} in {seconds:.0f} s"
                progress.console.print(sentence, highlight=False, soft_wrap=True)
                progress.advance(task)
            write(results, answers, peak)
    print(f"\n{(FOLDER / 'speed.md').read_text(encoding='utf-8')}")


def write(results: dict[str, list[dict[str, Any]]], answers: dict[str, list[float]], peak: float) -> None:
    """Writes what has been measured so far."""
    report = {"measured": measured_on(), "operations_per_second": peak, "answers": answers, "results": results}
    write_json(FOLDER / "speed.json", report)
    tables = f"{table(results, peak)}\n{ratios(results, answers)}"
    write_text(FOLDER / "speed.md", f"{tables}\nLargest matrix product {peak / 1e9:.0f} GFLOP/s; {measured_on()}\n")
    plot(results, FOLDER / "speed.png")


if __name__ == "__main__":
    main()
