"""Measures what the lessons claim: `python -m benchmarks.claims`.

Each claim compares two commands that anybody can type, some of them after changing one line of a script. Every command
is run once for each seed, in a process of its own; the two are compared seed by seed. Writes claims.json and claims.md
next to this file after every run; the pages in docs/ quote them. With --add, only seeds that are missing are measured.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from scipy import stats

from benchmarks.accuracy import FOLDER, REPOSITORY, Results, mean_and_deviation, measure, measured_on, read_kept
from course.system.files import write_json, write_text

SEEDS = 5
ALIKE = 0.003  # difference of two accuracies, from 0 to 1: two that are nearer count as alike
MEANING = f"""\
Open: the interval has both signs. No difference: what the page says, which holds if the whole interval is within
{100 * ALIKE:g} points of 0. The intervals (Student's t) are over seeds, all tested on the same
10,000 images: another set of test images would bring more spread. Of a hundred such intervals, five miss the truth.
"""
RESULTS = FOLDER / "claims.json"
EDITED = REPOSITORY / "runs" / "edited"  # scripts of which a line was changed

EDITS = {  # after "#" in a command: what is done, by which replacements, each in the first place
    "without MaxPooling2D": [("    model.add(keras.layers.MaxPooling2D((2, 2)))\n", "")],
    "strides=2 instead of MaxPooling2D": [
        ("    model.add(keras.layers.MaxPooling2D((2, 2)))\n", ""),
        ('kernel_size, activation="relu"', 'kernel_size, strides=2, activation="relu"'),
    ],
    'padding="same"': [('kernel_size, activation="relu"', 'kernel_size, padding="same", activation="relu"')],
    "AveragePooling2D instead of MaxPooling2D": [("layers.MaxPooling2D((2, 2)))", "layers.AveragePooling2D((2, 2)))")],
}


class Claim(NamedTuple):
    """Something that a page says about two commands: how the second differs from the first."""

    page: str  # in docs/
    sentence: str
    first: str  # a command without "python"
    second: str
    expected: Literal["higher", "lower", "alike"]
    figure: Literal["test_accuracy", "test_loss"] = "test_accuracy"
    seeds: int = SEEDS  # at least so many of each command


NETWORK, OVERFITTING, PERCEPTRON, MULTILAYER, FASTER, OWN = (
    "convolutional-network", "overfitting", "perceptron", "multilayer-perceptron", "faster-and-further",
    "your-own-pictures",
)  # fmt: skip
MADE = {"runs/fruit": "data/fruit.py", "runs/shuffled.npz": "data/shuffled.py"}  # data, and the script that makes it
IN_GREY = "cnn.py --data runs/fruit --epochs 12 --batch_size 32"
SHUFFLED = "--data runs/shuffled.npz"
SHORT = "--limit 10000 --epochs 6"
FEW = "cnn.py --limit 1000 --epochs 40"
MANY = "cnn.py --epochs 12"
CLOTHES = "cnn.py --data fashion_mnist"
CLAIMS = (
    Claim(OWN, "Colour tells apart what has the same shape", IN_GREY, f"{IN_GREY} --channels 3", "higher"),
    Claim(NETWORK, "A convolution reads digits better than a hidden layer", "mlp.py", "cnn.py", "higher"),
    Claim(NETWORK, "A hidden layer learns shuffled pixels just as well", "mlp.py", f"mlp.py {SHUFFLED}", "alike"),
    Claim(NETWORK, "A convolutional network does not", "cnn.py", f"cnn.py {SHUFFLED}", "lower"),
    Claim(
        NETWORK,
        "With shuffled pixels a hidden layer reads more than a convolution",
        f"cnn.py {SHUFFLED}", f"mlp.py {SHUFFLED}", "higher",
    ),
    Claim(NETWORK, "A second convolution reads more", "cnn.py", "cnn.py --more_conv_layers 64", "higher"),
    Claim(
        NETWORK,
        "A third one at least as much",
        "cnn.py --more_conv_layers 64", "cnn.py --more_conv_layers 64 64", "alike",
    ),
    Claim(
        NETWORK,
        "A fourth one at least as much",
        "cnn.py --more_conv_layers 64 64", "cnn.py --more_conv_layers 64 64 64", "alike",
    ),
    Claim(
        NETWORK,
        "More epochs make three convolutions almost perfect",
        "cnn.py --more_conv_layers 64 64",
        "cnn.py --first_layer_convs 16 --more_conv_layers 64 64 --epochs 12", "higher",
    ),
    Claim(NETWORK, "Two kernels find too little", "cnn.py", "cnn.py --first_layer_convs 2", "lower"),
    Claim(NETWORK, "Ten units are a narrow passage", "cnn.py", "cnn.py --dense_layer_size 10", "lower"),
    Claim(
        NETWORK,
        "Kernels of a single pixel see no neighbours",
        "cnn.py", "cnn.py --first_layer_conv_width 1 --first_layer_conv_height 1", "lower",
    ),
    Claim(
        NETWORK,
        "Pooling drops three of four values, and reads more",
        f"cnn.py {SHORT}  # without MaxPooling2D", f"cnn.py {SHORT}", "higher",
    ),
    Claim(
        NETWORK,
        "The average of four reads a little less than the largest",
        f"cnn.py {SHORT}", f"cnn.py {SHORT}  # AveragePooling2D instead of MaxPooling2D", "lower",
    ),
    Claim(
        NETWORK,
        "A stride makes the output as small, and finds less",
        f"cnn.py {SHORT}", f"cnn.py {SHORT}  # strides=2 instead of MaxPooling2D", "lower",
    ),
    Claim(
        NETWORK,
        "Padding makes no difference to digits, whose border is empty",
        f"cnn.py {SHORT}", f'cnn.py {SHORT}  # padding="same"', "alike",
    ),
    Claim(
        NETWORK,
        "Each optimizer needs a learning rate of its own",
        "cnn.py --optimizer sgd", "cnn.py --optimizer sgd --learning_rate 0.3", "higher",
    ),
    Claim(OVERFITTING, "With few images dropout reads more", f"{FEW} --dropout 0", FEW, "higher"),
    Claim(
        OVERFITTING,
        "With more images it still does, by less",
        "cnn.py --limit 5000 --epochs 20 --dropout 0", "cnn.py --limit 5000 --epochs 20", "higher",
    ),
    Claim(OVERFITTING, "With all images and few epochs it costs a little", "cnn.py --dropout 0", "cnn.py", "lower"),
    Claim(OVERFITTING, "After three times the epochs it costs nothing", f"{MANY} --dropout 0", MANY, "alike", seeds=3),
    Claim(
        OVERFITTING,
        "There it pays in the loss",
        f"{MANY} --dropout 0", MANY, "lower", "test_loss", seeds=3,
    ),
    Claim(OVERFITTING, "More images help", FEW, "cnn.py --limit 5000 --epochs 20", "higher"),
    Claim(
        OVERFITTING,
        "Ten times the images help most of all",
        "mlp.py --limit 500 --epochs 40 --dropout 0", "mlp.py --limit 5000 --epochs 40 --dropout 0", "higher",
    ),
    Claim(
        OVERFITTING,
        "Dropout helps a multilayer perceptron",
        "mlp.py --limit 5000 --epochs 40 --dropout 0", "mlp.py --limit 5000 --epochs 40 --dropout 0.5", "higher",
    ),
    Claim(
        OVERFITTING,
        "Four times the images help more",
        "mlp.py --limit 5000 --epochs 40 --dropout 0.5", "mlp.py --limit 20000 --epochs 40 --dropout 0", "higher",
    ),
    Claim(FASTER, "Three epochs read more than one", "fast.py", "fast.py --epochs 3", "higher"),
    Claim(FASTER, "Ten times the rate makes no difference", "fast.py", "fast.py --learning_rate 0.15", "alike"),
    Claim(FASTER, "With clothes a second convolution helps", CLOTHES, f"{CLOTHES} --more_conv_layers 64", "higher"),
    Claim(MULTILAYER, "One hidden unit is not enough", "mlp.py", "mlp.py --hidden_nodes 1", "lower"),
    Claim(PERCEPTRON, "Updates can be too small", "mlp.py", "mlp.py --learning_rate 0.00002", "lower"),
    Claim(PERCEPTRON, "Updates can be too large", "mlp.py", "mlp.py --learning_rate 0.2", "lower"),
    Claim(PERCEPTRON, "Adam beats plain steps", "mlp.py --optimizer sgd --learning_rate 0.1", "mlp.py", "higher"),
    Claim(MULTILAYER, "Ten hidden units learn less", "mlp.py", "mlp.py --hidden_nodes 10", "lower"),
    Claim(
        MULTILAYER,
        "Ten units have none to spare for dropout",
        "mlp.py --hidden_nodes 10", "mlp.py --hidden_nodes 10 --dropout 0", "higher",
    ),
    Claim(MULTILAYER, "A thousand hidden units learn more", "mlp.py", "mlp.py --hidden_nodes 1000", "higher"),
    Claim(MULTILAYER, "One epoch is not enough", "mlp.py", "mlp.py --epochs 1", "lower"),
    Claim(MULTILAYER, "Large batches make too few updates", "mlp.py", "mlp.py --batch_size 1000", "lower"),
)  # fmt: skip
COMMANDS = tuple(dict.fromkeys(command for claim in CLAIMS for command in (claim.first, claim.second)))


class Difference(NamedTuple):
    """How a figure of the second command of a claim differs from that of the first."""

    mean: float
    low: float  # of its 95% interval (Student's t, over the seeds)
    high: float

    def supports(self, expected: str) -> bool:
        """Returns whether the whole interval is where the claim expects the difference."""
        if expected == "alike":
            return self.low >= -ALIKE and self.high <= ALIKE
        return self.low > 0 if expected == "higher" else self.high < 0

    def contradicts(self, expected: str) -> bool:
        """Returns whether the whole interval is where the claim does not expect the difference."""
        if expected == "alike":
            return self.low > ALIKE or self.high < -ALIKE
        return self.high < 0 if expected == "higher" else self.low > 0

    def in_points(self) -> str:
        """Returns a difference of accuracies, from 0 to 1, with its interval in percentage points."""
        return f"{100 * self.mean:+.2f} ({100 * self.low:+.2f} to {100 * self.high:+.2f}) points"


def paired(pairs: Sequence[tuple[float, float]]) -> Difference:
    """Returns by how much the first figures of at least two pairs, each of one seed, are above the second ones."""
    differences = [after - before for after, before in pairs]
    if len(set(differences)) == 1:
        return Difference(differences[0], differences[0], differences[0])
    interval = stats.ttest_rel(*zip(*pairs, strict=True)).confidence_interval(0.95)
    return Difference(statistics.mean(differences), float(interval.low), float(interval.high))


def difference(claim: Claim, results: Results) -> Difference:
    """Compares the two commands of a claim over the seeds that both were run with; there must be two at least."""
    first, second = ({run["seed"]: run[claim.figure] for run in results[command]} for command in claim[2:4])
    return paired([(second[seed], first[seed]) for seed in first if seed in second])


def table(results: Results) -> str:
    """Returns the claims whose commands were run as a Markdown table, one line per claim."""
    lines = [
        "| claim | command, and what it is compared with | figure | difference, 95% interval | |",
        "|---|---|---|---|---|",
    ]
    for claim in CLAIMS:
        if any(len(results.get(command, [])) < 2 for command in (claim.first, claim.second)):
            continue
        found = difference(claim, results)
        verdict = "holds" if found.supports(claim.expected) else "open"
        if found.contradicts(claim.expected):
            verdict = "contradicted"
        if claim.expected == "alike":
            verdict = f"no difference: {verdict}"
        values = [[run[claim.figure] for run in results[command]] for command in (claim.second, claim.first)]
        if claim.figure == "test_loss":
            figures = " : ".join(f"{statistics.mean(of):.4f}" for of in values)
            numbers = f"{found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
        else:
            figures = " : ".join(map(mean_and_deviation, values))
            numbers = found.in_points()
        what = claim.figure.removeprefix("test_")
        commands = f"`{claim.second}` : `{claim.first}`"
        lines.append(f"| {claim.sentence} | {commands} | {what} {figures} | {numbers} | {verdict} |")
    return "\n".join(lines) + "\n"


def page(results: Results, measured: str) -> str:
    """Returns the file claims.md: the table, what its words mean, and when and where it was measured."""
    return f"{table(results)}\n{MEANING}\n{measured}\n"


def edited(command: str) -> str:
    """Writes a copy of the script of a command with the change after its "#"; returns the command that runs it."""
    words, _, edit = command.partition("  # ")
    if not edit:
        return words
    script, _, options = words.partition(" ")
    changed = (REPOSITORY / script).read_text(encoding="utf-8")
    for line, replacement in EDITS[edit]:
        assert line in changed, f"{script} has no line for: {edit}"
        changed = changed.replace(line, replacement, 1)
    EDITED.mkdir(parents=True, exist_ok=True)
    copy = EDITED / script
    write_text(copy, changed)
    return f"{copy.relative_to(REPOSITORY)} {options}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--add", action="store_true", help="measure only the seeds that are missing")
    parser.add_argument("--only", action="append", help="measure only commands that contain this; may be repeated")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 1 up (default: %(default)s)")
    options = parser.parse_args()
    kept = read_kept(RESULTS)
    wanted = [command for command in COMMANDS if not options.only or any(part in command for part in options.only)]
    results = {command: kept["results"].get(command, []) for command in COMMANDS}
    results |= {command: [] for command in wanted if not options.add}
    for data, script in MADE.items():
        if any(f"--data {data}" in command for command in wanted) and not (REPOSITORY / data).exists():
            subprocess.run([sys.executable, script, data], cwd=REPOSITORY, check=True)
    on = dict.fromkeys(filter(None, kept["measured"].rstrip(".").split("; ")))
    for seed in range(1, options.seeds + 1):
        for command in wanted:  # in turn, so that a busy machine hits all alike
            if seed in [run["seed"] for run in results[command]]:
                continue
            results[command].append(measure(edited(command), seed))
            print(f"{command}, seed {seed}: {results[command][-1]['test_accuracy']:.2%}", flush=True)
            on |= {measured_on().rstrip("."): None}
            measured = {command: runs for command, runs in results.items() if runs}
            write_json(RESULTS, {"measured": f"{'; '.join(on)}.", "results": measured})
            write_text(RESULTS.with_suffix(".md"), page(measured, f"{'; '.join(on)}."))
    print(f"\n{Path(RESULTS).with_suffix('.md').read_text(encoding='utf-8')}")


if __name__ == "__main__":
    main()
