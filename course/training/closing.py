"""What a run says in the terminal, besides its epochs: what is about to happen, and what came out."""

import json
import os
import statistics
import sys
import webbrowser
from pathlib import Path

from rich.console import Console
from rich.text import Text

from course import late
from course.config import LessonConfig, script_file
from course.data import training_images
from course.runs import folder as run_folder
from course.runs.certainty import interval
from course.runs.next_step import next_step
from course.runs.record import Predictions, Row, read_history
from course.runs.verdict import Verdict, judge, read_changes
from course.system import program, signals
from course.system.errors import CourseError
from course.system.files import shown, typed
from course.system.settings import settings

MEASURED = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "accuracy.json"
NO_EPOCHS = "epochs are kept and shown where fit is given callbacks=run.callbacks."
SHORTLY = {
    "overfitting": "It overfits: from epoch {since} on it memorises its training images.",
    "still learning": "It was still learning: more epochs may help.",
    "unchanged": "Its last epoch changed nothing measurable: more epochs may or may not help.",
    "not fitting": "It does not even fit its training images.",
}


def opening_line(config: LessonConfig) -> str:
    """Returns what is about to happen, and how long it may take where README knows."""
    values = config.values()
    images = config.limit or training_images(config.data, config.image_size, config.image_channels)
    known = _measured(config)
    long = f", about {statistics.median(run['seconds'] for run in known):.0f} s on two cores" if known else ""
    epochs = values.get("epochs")
    passes = f"{images:,} training images"
    if isinstance(epochs, int):
        passes = f"{epochs} epoch{'' if epochs == 1 else 's'} with {passes}"
    file = script_file(config)
    lines = [f"{file.name if file else 'notebook'}: {passes}{long}."]
    if found := settings():
        lines.append(f"Your environment sets {found}, which may change numbers; {run_folder.ENVIRONMENT} keeps it.")
    if os.environ["KERAS_HOME"] != late.HOME:
        lines.append("KERAS_HOME and its keras.json are not read; KERAS_BACKEND chooses the backend.")
    return "\n".join([*lines, "Loading Keras ..."])


def say_result(result: tuple[str, Predictions | None], metrics: Row, folder: Path, config: LessonConfig) -> Verdict:
    """Says how good the network is, how sure that is, what README expects, and what the epochs show; returns that.

    Args:
        result: which images it is about, and what the network says to them.
        metrics: as metrics.json has them.
        folder: of the run.
        config: with which it was started.
    """
    part, answers = result
    loss = metrics.get("test_loss")
    print()
    if answers is not None and answers.accuracy is not None:
        low, high = interval(answers.accuracy, len(answers.labels))
        _set_off(f"{part} accuracy {answers.accuracy:.2%}, 95% interval {low:.2%} to {high:.2%}")
    elif metrics.get("test_accuracy") is not None:
        _set_off(f"Test accuracy {metrics['test_accuracy']:.2%}")
    about = [f"{len(answers.labels):,} images"] if answers is not None else []
    if part == "Test" and loss is not None:
        about.append(f"loss {loss:.4f}")
    print(", ".join([*about, f"{metrics['parameters']:,} parameters", f"{metrics['seconds']:.0f} s."]))
    if "test_loss" in metrics and loss is None:
        print("The loss is no longer a number: training diverged. A smaller learning_rate may help.")
    if part == "Test" and (known := _measured(config)):
        accuracies = [run["test_accuracy"] for run in known]
        spread = f"{statistics.mean(accuracies):.2%} ± {100 * statistics.stdev(accuracies):.2f}"
        print(f"README: {spread} on average, over {len(known)} seeds.")
    verdict = judge(read_history(folder), read_changes(folder))
    if verdict.kind in SHORTLY:
        print(SHORTLY[verdict.kind].format(since=verdict.since))
    print()
    return verdict


def say_where_it_is(folder: Path, directions: list[str], config: LessonConfig, verdict: Verdict) -> None:
    """Says where the run and its report are, what to try next, and how to upload it; opens the report if asked to."""
    if (folder / run_folder.REPORT).exists():
        _say_link("Report:      ", folder / run_folder.REPORT)
    print(f"Kept in:     {shown(folder)}")
    if following := next_step(config.command(), config.values(), verdict):
        print(f"Try next:    {following.command}")
    for direction in directions:
        print(direction)
    if config.open and (folder / run_folder.REPORT).exists():
        webbrowser.open((folder / run_folder.REPORT).resolve().as_uri())


def _measured(config: LessonConfig) -> list[dict[str, float]]:
    """Returns the runs in README's table of this script, unchanged, with the same values; none if it has none."""
    command, file = config.command(repeatable=False).removeprefix("python "), script_file(config)
    try:
        kept = json.loads(MEASURED.read_text(encoding="utf-8"))
        unchanged = file is not None and kept["scripts"].get(file.name) == program.fingerprint(file)
        return kept["results"].get(command, []) if unchanged else []
    except (OSError, ValueError, LookupError, AttributeError):
        return []


def _set_off(line: str) -> None:
    Console(highlight=False, markup=False).print(line, style="bold", soft_wrap=True)


def _say_link(label: str, file: Path) -> None:
    """Prints the path of a file, which a terminal opens when it is clicked."""
    if not sys.stdout.isatty():
        print(f"{label}{shown(file)}")
        return
    link = Text(shown(file), style=f"link {file.resolve().as_uri()}")
    Console(highlight=False).print(Text(label) + link, soft_wrap=True)


def finished_epochs(number: int, config: LessonConfig) -> str:
    """Returns how many epochs are finished, such as "2 of 4 epochs are finished", as a part of a sentence."""
    planned = config.values().get("epochs")
    if isinstance(planned, int) and planned >= number:  # else fit got another number, or was called several times
        return f"{number} of {planned} epochs are finished"
    return f"{number} epoch{' is' if number == 1 else 's are'} finished"


def say_how_to_resume(
    error: BaseException, stopped: tuple[str, int] | None, kept: tuple[Path, int | None], config: LessonConfig
) -> None:
    """Says what is kept of a run that ends in an error, and how to resume it; nothing about a CourseError.

    Args:
        error: that ends it.
        stopped: the signal, if that is the reason, as `signals.described` returns it.
        kept: its folder, and the number of its finished epochs, None if all of it is finished.
        config: with which it was started.
    """
    folder, epochs = kept
    finished = f"{finished_epochs(epochs or 0, config)} and kept in {shown(folder)}"
    if stopped is not None and epochs is None:
        signals.say(f"Stopped by {stopped[0]}: the run is finished and kept in {shown(folder)}.")
    elif stopped is not None:
        signals.say(f"Stopped by {stopped[0]}: {finished}; resume it with `{typed('--resume', shown(folder))}`.")
    elif epochs and isinstance(error, Exception) and not isinstance(error, CourseError):  # a mistake in the script
        again = typed("--resume", shown(folder), "--resume_anyway")
        print(f"\n{finished}; once the mistake is fixed, resume it with `{again}`.\n", file=sys.stderr)
