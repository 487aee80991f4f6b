"""One thing to try after a run, and what it should change: in the terminal and in the report the same."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from course.runs.verdict import Verdict

MOST_EPOCHS = 100


class NextStep(NamedTuple):
    """A command, and what to expect of it."""

    command: str
    expected: str


A_SECOND_CONVOLUTION = NextStep(
    "python cnn.py --more_conv_layers 64", "a second convolution: more than a third of the mistakes should go"
)
LESSONS = {  # in their order, after a run with the values that a script was shipped with
    "python mlp.py": NextStep("python cnn.py", "a convolution: about a third of the mistakes should go"),
    "python cnn.py": A_SECOND_CONVOLUTION,
    A_SECOND_CONVOLUTION.command: NextStep("python fast.py", "99% after a single epoch"),
    "python fast.py": NextStep("python best.py", "the most that one network reaches in minutes"),
    "python best.py": NextStep("python check.py", "the challenge: clothes instead of digits, and a poor network"),
    "python fashion.py": NextStep("python check.py", "which level it reaches, and what to improve first"),
}


def next_step(command: str, config: Mapping[str, object], verdict: Verdict) -> NextStep | None:
    """Returns what to try after a finished run, None if there is nothing that its history suggests.

    Args:
        command: that made the run, with all values that are not the script's own.
        config: its values by name.
        verdict: what its epochs show.
    """
    if following := LESSONS.get(re.sub(r" --(seed|name|project) \S+", "", command)):
        return following
    epochs, dropout = config.get("epochs"), config.get("dropout")
    if verdict.kind == "overfitting" and isinstance(dropout, int | float) and dropout < 0.5:
        expected = "more dropout: training accuracy falls, and validation loss should rise less"
        return NextStep(_with(command, "dropout", "0.5"), expected)
    if verdict.kind == "still learning" and isinstance(epochs, int) and 2 * epochs <= MOST_EPOCHS:
        return NextStep(_with(command, "epochs", str(2 * epochs)), "twice the epochs: validation loss should end lower")
    if command.startswith("python mlp.py"):
        return LESSONS["python mlp.py"]
    if command.startswith("python cnn.py") and not config.get("more_conv_layers"):
        return A_SECOND_CONVOLUTION._replace(command=_with(command, "more_conv_layers", "64"))
    return None


def _with(command: str, name: str, value: str) -> str:
    """Returns a command with another value of an option."""
    before, option, after = command.partition(f" --{name} ")
    rest = after.partition(" --")
    return f"{before}{f' --{rest[2]}' if option and rest[2] else ''} --{name} {value}"
