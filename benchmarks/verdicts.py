"""Compares what runs say of themselves with a bootstrap over their validation images: `python -m benchmarks.verdicts`.

Each command is run in a process of its own, once for each seed, and the losses of all validation images after every
epoch are noted. Whether the loss rose since its lowest epoch, or still fell in the last one, is then decided again: by
drawing the images 4,000 times with replacement. Writes verdicts.json and verdicts.md next to this file.
"""

import json
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.accuracy import FOLDER, REPOSITORY, measured_on
from course.runs import folder as run_folder
from course.runs.record import read_history
from course.runs.verdict import ERRONEOUSLY, judge, read_changes
from course.system.files import write_json, write_text

DEFAULTS = ("mlp.py", "cnn.py", "cnn.py --more_conv_layers 64", "fast.py")
OVERFIT = (  # docs/overfitting.md says so of them
    "mlp.py --limit 500 --epochs 40 --dropout 0",
    "mlp.py --limit 5000 --epochs 40 --dropout 0",
    "cnn.py --limit 1000 --epochs 40 --dropout 0",
    "cnn.py --limit 5000 --epochs 20 --dropout 0",
)
SEEDS = {command: 5 for command in DEFAULTS} | {command: 2 for command in OVERFIT}
DRAWS = 4_000


def main() -> None:
    file = FOLDER / "verdicts.json"
    found: dict[str, list[dict[str, object]]] = {}
    for command, seeds in SEEDS.items():
        found[command] = []
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as place:
                words = ["-m", "benchmarks.verdicts", place, *command.split(), "--seed", str(seed)]
                subprocess.run([sys.executable, *words], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
                found[command].append({"seed": seed} | json.loads((Path(place) / "found.json").read_text()))
            print(command, found[command][-1], flush=True)
            write_json(file, {"measured": measured_on(), "results": found})
    lines = ["| command | seeds | the run says | the bootstrap says | alike |", "|---|---|---|---|---|"]
    for command, runs in found.items():
        said, again = (", ".join(dict.fromkeys(str(run[name]) for run in runs)) for name in ("said", "again"))
        alike = sum(run["said"] == run["again"] for run in runs)
        lines.append(f"| `python {command}` | {len(runs)} | {said} | {again} | {alike} of {len(runs)} |")
    write_text(file.with_suffix(".md"), "\n".join([*lines, "", f"{measured_on()}\n"]))


def note(place: Path, words: list[str]) -> None:
    """Runs one command in this process; writes to found.json what the run says of itself, and the bootstrap."""
    from course.training.validation import ValidationLosses  # late: it loads Keras

    losses: list[np.ndarray] = []
    original = ValidationLosses._losses

    def noted(callback: ValidationLosses) -> np.ndarray | None:
        found = original(callback)
        if found is not None:
            losses.append(found)
        return found

    ValidationLosses._losses = noted  # type: ignore[method-assign, assignment]
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
    folder = (run_folder.RUNS / Path(words[0]).stem / run_folder.LATEST).resolve()
    said = judge(read_history(folder), read_changes(folder))
    training = [loss for row in read_history(folder) if (loss := row["loss"]) is not None]
    write_json(place / "found.json", {"said": said.kind, "since": said.since, "again": bootstrap(losses, training)})


def bootstrap(losses: list[np.ndarray], training: list[float]) -> str:
    """Returns what a history shows, given the losses of the same images after each epoch, and the training losses."""
    if len(losses) < 2:
        return "cannot tell"
    best = int(np.argmin([loss.mean() for loss in losses[:-1]]))
    rose, fell = (_drawn(losses[-1] - losses[before]) for before in (best, -2))
    if np.quantile(rose, ERRONEOUSLY / (len(losses) - 1)) > 0 and training[-1] < training[best]:
        return "overfitting"
    return "still learning" if np.quantile(fell, 0.975) < 0 else "unchanged"


def _drawn(differences: np.ndarray) -> np.ndarray:
    """Returns the means of so many samples of the differences, drawn with replacement."""
    generator = np.random.default_rng(0)
    images = len(differences)
    return np.array([differences[generator.integers(0, images, images)].mean() for _ in range(DRAWS)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        note(Path(sys.argv[1]), sys.argv[2:])
    else:
        main()
