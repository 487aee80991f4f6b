"""Measures how fast the scripts reach an accuracy, compared with other recipes: `python -m benchmarks.speed`.

Each contestant trains in a process of its own, all of them in turn for each seed, so that a busy machine hits all
alike. Writes speed.json, speed.md and speed.png next to this file after every seed. Each kind of processor has its own
figures there, and those of the others stay; with --only, so do those of the other contestants.
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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, cast

import numpy as np
from rich.progress import Progress

from benchmarks.accuracy import REPOSITORY, mean_and_deviation, measured_on
from benchmarks.stopwatch import Report
from course.system.environment import processor
from course.system.files import replacing, write_json, write_text

FOLDER = Path(__file__).parent


class Training(Report):
    """One training of a contestant, as the stopwatch saw it."""

    seed: int
    seconds: float  # of the whole command, tests of the epochs left out


class Figures(TypedDict):
    """The medians of a contestant's trainings."""

    seconds: float
    images_per_second: float
    operations: float  # of training on one image
    first_batch_seconds: float
    memory_mib: float
    seconds_to_98: float | None  # None: not reached
    seconds_to_99: float | None


Figure = Literal["images_per_second", "memory_mib", "first_batch_seconds", "seconds_to_98", "seconds_to_99"]
Results = dict[str, list[Training]]  # of each contestant, one entry per seed


class Measured(TypedDict):
    """What speed.json contains for each kind of processor."""

    measured: str  # when and where; several if contestants were measured separately
    operations_per_second: dict[str, float]  # the fastest matrix product while a contestant was measured
    answers: dict[str, list[float]]  # seconds of each command of ANSWERS
    results: Results


@dataclass(frozen=True)
class Contestant:
    """A recipe: the words after `python`, with {} for the seed, and what it needs."""

    command: str
    backend: str = "tensorflow"
    package: str = "tensorflow"
    settings: Mapping[str, str] = field(default_factory=dict)  # environment variables


WATCHED = "-m benchmarks.stopwatch"
OTHERS = f"{WATCHED} benchmarks/contestants"
TORCH = "-m benchmarks.contestants.network_torch {}"
FAST_KERNELS = {"TF_ENABLE_ONEDNN_OPTS": "1"}  # TensorFlow's own default on some processors, ours on all
CONTESTANTS = {
    "cnn.py": Contestant(f"{WATCHED} cnn.py --name speed --seed {{}}"),
    "cnn.py --more_conv_layers 64": Contestant(f"{WATCHED} cnn.py --more_conv_layers 64 --name speed --seed {{}}"),
    "fast.py": Contestant(f"{WATCHED} fast.py --name speed --seed {{}}"),
    "cnn.py's network, plain Keras": Contestant(f"{OTHERS}/network.py {{}}", settings=FAST_KERNELS),
    "cnn.py's network, PyTorch": Contestant(TORCH, package="torch"),
    "cnn.py's network, PyTorch, channels last": Contestant(f"{TORCH} channels-last", package="torch"),
    "cnn.py's network, PyTorch, compiled": Contestant(f"{TORCH} compiled", package="torch"),
    "original": Contestant(f"{OTHERS}/original.py {{}}"),
    "original, fast kernels": Contestant(f"{OTHERS}/original.py {{}}", settings=FAST_KERNELS),
    "original on JAX": Contestant(f"{OTHERS}/original.py {{}}", backend="jax", package="jax"),
    "keras.io": Contestant(f"{OTHERS}/keras_io.py {{}}"),
    "keras.io, fast kernels": Contestant(f"{OTHERS}/keras_io.py {{}}", settings=FAST_KERNELS),
}

COMPARED: list[tuple[str, Figure, str, str]] = [  # what, of which contestant, to which
    ("seconds to 99%", "seconds_to_99", "fast.py", "keras.io"),
    ("seconds to 99%", "seconds_to_99", "fast.py", "keras.io, fast kernels"),
    ("seconds to 99%", "seconds_to_99", "fast.py", "cnn.py --more_conv_layers 64"),
    ("seconds to 98%", "seconds_to_98", "cnn.py", "original"),
    ("seconds to 98%", "seconds_to_98", "cnn.py", "original, fast kernels"),
    *(("images per second", "images_per_second", "cnn.py", name) for name in CONTESTANTS if "network" in name),
    *(("images per second", "images_per_second", "cnn.py", name) for name in CONTESTANTS if "original" in name),
    ("seconds to the first batch", "first_batch_seconds", "cnn.py", "cnn.py's network, plain Keras"),
    ("memory", "memory_mib", "cnn.py", "original"),
]
OURS = ("cnn.py", "cnn.py --more_conv_layers 64", "fast.py")
FASTEST = ("cnn.py's network, PyTorch, channels last", "original, fast kernels", "keras.io, fast kernels")  # of others
VECTORS = {"amx_bf16": "AMX", "avx512f": "AVX-512", "avx2": "AVX2"}  # what a processor computes with, the best first
ANSWERS = {
    "import keras": ("-c", "import keras"),
    "cnn.py --help": ("cnn.py", "--help"),
    "cnn.py --epochs 0": ("cnn.py", "--epochs", "0"),
}


def environment(backend: str = "tensorflow") -> dict[str, str]:
    """Returns the environment as a learner has it, without what the import of `course` has settled in this process."""
    settled = ("TF_", "KERAS", "WANDB", "MPLCONFIGDIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(settled)}
    return kept | {"KERAS_BACKEND": backend, "WANDB_MODE": "offline"}


def train(contestant: Contestant, seed: int) -> Training:
    """Trains once; returns the stopwatch's report and the seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        report_file, errors = Path(folder) / "report.json", Path(folder) / "errors.txt"
        started = time.time()
        with errors.open("w") as stderr:
            status = subprocess.run(
                [sys.executable, *contestant.command.format(seed).split()],
                cwd=REPOSITORY,
                env=environment(contestant.backend)
                | dict(contestant.settings)
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
    return cast(Training, {"seed": seed} | {name: _rounded(value) for name, value in report.items()})


def largest_product() -> float:
    """Returns the floating-point operations per second of the fastest of several matrix products, float32."""
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


def seconds_to(accuracy: float, runs: list[Training]) -> float | None:
    """Returns when the first epoch ended after which the mean test accuracy of all runs is at least `accuracy`.

    Median over the runs, in seconds from the command; None if there is no such epoch.
    """
    for epoch, accuracies in enumerate(zip(*(run["test_accuracies"] for run in runs), strict=True)):
        if statistics.mean(accuracies) >= accuracy:
            return statistics.median(run["epoch_seconds"][epoch] for run in runs)
    return None


def figures(runs: list[Training]) -> Figures:
    """Returns the figures of one contestant."""
    return {
        "seconds": statistics.median(run["seconds"] for run in runs),
        "images_per_second": statistics.median(run["images_per_second"] for run in runs),
        "operations": statistics.median(run["operations"] for run in runs),
        "first_batch_seconds": statistics.median(run["first_batch_seconds"] for run in runs),
        "memory_mib": statistics.median(run["memory_mib"] for run in runs),
        "seconds_to_98": seconds_to(0.98, runs),
        "seconds_to_99": seconds_to(0.99, runs),
    }


def table(results: Results, peaks: dict[str, float]) -> str:
    """Returns the results as a Markdown table, one row per contestant.

    `peaks` are in operations per second: the fastest matrix product where and when each contestant was measured.
    """
    lines = [
        "| contestant | test accuracy, mean ± standard deviation | seconds to 98% | to 99% | in total"
        " | images per second | % of peak (GEMM) | to the first batch, s | memory, MiB |",
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
            f"{of['images_per_second'] * of['operations'] / peaks[name]:.0%}",
            f"{of['first_batch_seconds']:.1f}",
            f"{of['memory_mib']:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


class Ratio(NamedTuple):
    """How many times as much of something a contestant of ours takes, or does, as another."""

    what: str
    ours: str
    theirs: str
    above: float
    below: float
    more_is_better: bool

    @property
    def figure(self) -> float:
        return self.above / self.below

    @property
    def cells(self) -> str:
        """What was compared, both figures and their ratio, as the middle of a row of a Markdown table."""
        both = [f"{name}: {_in_digits(value)}" for name, value in ((self.ours, self.above), (self.theirs, self.below))]
        return " | ".join([self.what, *both, f"{self.figure:.3g}"])


def ratios(results: Results) -> list[Ratio]:
    """Returns how those contestants that were measured compare, as far as they reach what is compared."""
    of = {name: figures(runs) for name, runs in results.items()}
    found = []
    for what, figure, ours, theirs in COMPARED:
        if {ours, theirs} <= set(of) and (above := of[ours][figure]) and (below := of[theirs][figure]):
            found.append(Ratio(what, ours, theirs, above, below, figure == "images_per_second"))
    return found


def ratio_table(results: Results) -> str:
    """Returns how contestants compare as a Markdown table."""
    lines = ["| what | of the course | beside it | ratio |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {ratio.cells} |" for ratio in ratios(results)]) + "\n"


def cost_table(results: Results, answers: dict[str, list[float]]) -> str:
    """Returns what the course itself takes as a Markdown table."""
    lines = ["| what the course takes | figure |", "|---|---|"]
    for name, runs in results.items():
        if "callback_seconds" in runs[0]:
            fractions = [run["callback_seconds"] / (run["fit_seconds"] - run["callback_seconds"]) for run in runs]
            lines.append(
                f"| seconds in {name}'s callbacks : in the rest of `fit` | {statistics.median(fractions):.3g} |"
            )
            seconds = statistics.median(
                run["callback_seconds"] + run["run_seconds"] - run.get("prediction_seconds", 0.0) for run in runs
            )
            lines.append(f"| seconds of {name} for its folder, tracking and pictures | {seconds:.3g} s |")
    whole = statistics.median(answers["import keras"])
    for name in list(ANSWERS)[1:]:
        lines.append(f"| seconds, `{name}` : `import keras` | {statistics.median(answers[name]) / whole:.3g} |")
    return "\n".join(lines) + "\n"


def quoted(machines: dict[str, Measured]) -> str:
    """Returns each ratio where it is least favourable to the course, as a Markdown table."""
    lines = ["| what | of the course | beside it | ratio | measured on |", "|---|---|---|---|---|"]
    found = [(ratio, machine) for machine, report in machines.items() for ratio in ratios(report["results"])]
    for compared in dict.fromkeys(ratio[:3] for ratio, _ in found):
        alike = [(ratio, machine) for ratio, machine in found if ratio[:3] == compared]
        least_favourable = min if alike[0][0].more_is_better else max
        ratio, machine = least_favourable(alike, key=lambda measured: measured[0].figure)
        lines.append(f"| {ratio.cells} | {machine} |")
    return "\n".join(lines) + "\n"


def plot(results: Results, file: Path) -> None:
    """Draws mean test accuracy over the seconds since the command; of other recipes the fastest way."""
    import matplotlib as mpl  # late, because the tests of tables need no pictures

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, runs in results.items():
        if name not in (*OURS, *FASTEST):  # twelve lines would fill the picture
            continue
        seconds = [statistics.median(times) for times in zip(*(run["epoch_seconds"] for run in runs), strict=True)]
        accuracies = [statistics.mean(epoch) for epoch in zip(*(run["test_accuracies"] for run in runs), strict=True)]
        line = "solid" if name in OURS else "dashed"
        points = [100 * accuracy for accuracy in accuracies]
        axes.plot(seconds, points, marker="o", markersize=4, label=name, linestyle=line)
    axes.axhline(99, color="gray", linewidth=0.8, linestyle="dotted")
    axes.set(
        xscale="log", xlabel="seconds since the command", ylabel="test accuracy after each epoch, %", ylim=(97, 99.5)
    )
    axes.set_xticks([10, 20, 30, 50, 100, 200, 300], labels=["10", "20", "30", "50", "100", "200", "300"])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    with replacing(file) as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")
    plt.close(figure)


def _in_digits(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(element) for element in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def machine() -> str:
    """Returns the processor of this machine, its cores, and the largest vectors with which they compute."""
    file = Path("/proc/cpuinfo")
    known = file.read_text(encoding="utf-8").split() if file.exists() else []
    vectors = next((f", {name}" for flag, name in VECTORS.items() if flag in known), "")
    return f"{processor()}, {os.cpu_count()} cores{vectors}"


def kept() -> dict[str, Measured]:
    """Returns what speed.json contains, by the machine; nothing yet if there is none."""
    file = FOLDER / "speed.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def installed(names: list[str]) -> list[str]:
    """Returns those contestants whose library is installed; says which are left out."""
    found = [name for name in names if importlib.util.find_spec(CONTESTANTS[name].package)]
    for name in set(names) - set(found):
        print(f"{name} is left out: {CONTESTANTS[name].package} is not installed.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 up (default: 5)")
    parser.add_argument("--only", choices=CONTESTANTS, action="append", help="only this contestant; may be repeated")
    parser.add_argument("--add", action="store_true", help="measure only the seeds that are missing")
    options = parser.parse_args()

    wanted = installed(options.only or list(CONTESTANTS))
    machines, here = kept(), machine()
    before = machines.get(here, {"measured": "", "operations_per_second": {}, "answers": {}, "results": {}})
    results = before["results"] | {name: [] for name in wanted if not (options.add and before["results"].get(name))}
    results = {name: results[name] for name in CONTESTANTS if name in results}
    peaks = before["operations_per_second"]
    answers: dict[str, list[float]] = {name: [] for name in ANSWERS}
    on = dict.fromkeys(filter(None, before["measured"].rstrip(".").split("; ")) if options.only or options.add else [])
    peak = 0.0
    with Progress(disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("training", total=options.seeds * len(wanted))
        for seed in range(1, options.seeds + 1):
            peak = max(peak, largest_product())
            for answer, words in ANSWERS.items():
                answers[answer].append(answer_seconds(*words))
            for name in wanted:
                if all(run["seed"] != seed for run in results[name]):
                    run = train(CONTESTANTS[name], seed)
                    results[name].append(run)
                    peaks[name] = peak
                    sentence = f"{name}, seed {seed}: {run['test_accuracies'][-1]:.2%} in {run['seconds']:.0f} s"
                    progress.console.print(sentence, highlight=False, soft_wrap=True)
                progress.advance(task)
            on |= {measured_on().rstrip("."): None}
            machines[here] = {
                "measured": f"{'; '.join(on)}.",
                "operations_per_second": peaks,
                "answers": answers,
                "results": {name: runs for name, runs in results.items() if runs},
            }
            write(machines)
    print(f"\n{(FOLDER / 'speed.md').read_text(encoding='utf-8')}")


def write(machines: dict[str, Measured]) -> None:
    """Writes what has been measured so far, on this machine and on others."""
    write_json(FOLDER / "speed.json", machines)
    parts = [f"Where it is least favourable to the course:\n\n{quoted(machines)}"]
    for name, report in machines.items():
        results, peaks = report["results"], report["operations_per_second"]
        products = " to ".join(dict.fromkeys(f"{of(peaks.values()) / 1e9:.0f}" for of in (min, max)))
        parts += [f"{name}:\n\n{table(results, peaks)}", ratio_table(results)]
        parts += [cost_table(results, report["answers"])]
        parts += [f"Largest matrix product {products} GFLOP/s; {report['measured']}\n"]
    write_text(FOLDER / "speed.md", "\n".join(parts))
    plot(next(reversed(machines.values()))["results"], FOLDER / "speed.png")


if __name__ == "__main__":
    main()
