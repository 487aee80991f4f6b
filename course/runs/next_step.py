"""One thing to try after a run, and what it should change."""

from typing import NamedTuple

from course.runs.record import Record
from course.runs.verdict import Verdict

MOST_EPOCHS = 100


class NextStep(NamedTuple):
    """A command, and what to expect of it."""

    command: str
    expected: str


def next_step(record: Record, verdict: Verdict) -> NextStep | None:
    """Returns what to try after a finished run, None if there is nothing that its history suggests."""
    command, config = record.environment.get("command", f"python {record.script}.py"), record.config
    epochs, dropout = config.get("epochs"), config.get("dropout")
    if not record.metrics or verdict.kind == "cannot tell":
        return None
    if verdict.kind == "overfitting" and isinstance(dropout, int | float) and dropout < 0.5:
        expected = "more dropout: training accuracy falls, and validation loss should rise less"
        return NextStep(_with(command, "dropout", "0.5"), expected)
    if verdict.kind == "still learning" and isinstance(epochs, int) and 2 * epochs <= MOST_EPOCHS:
        return NextStep(_with(command, "epochs", str(2 * epochs)), "twice the epochs: validation loss should end lower")
    if record.script == "mlp":
        return NextStep("python cnn.py", "a convolution: about a third of the mistakes should go")
    if record.script == "cnn" and not config.get("more_conv_layers"):
        expected = "a second convolution: about half of the mistakes should go"
        return NextStep(_with(command, "more_conv_layers", "64"), expected)
    return None


def _with(command: str, name: str, value: str) -> str:
    """Returns a command with another value of an option."""
    before, option, after = command.partition(f" --{name} ")
    rest = after.partition(" --")
    return f"{before}{f' --{rest[2]}' if option and rest[2] else ''} --{name} {value}"
