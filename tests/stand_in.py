"""Trains nothing, but takes its values and leaves its run like a script that does; slowly, so that one can kill it."""

import os
import sys
import time
from pathlib import Path

from course import Count, Fraction, Images, LessonConfig
from course.runs import folder as run_folder
from course.system.files import write_json, write_text


class Config(LessonConfig):
    """Trains nothing."""

    batch_size: Images = 1  # no effect
    epochs: Count = 3  # rows in history.csv
    dropout: Fraction = 0.5  # the nearer to 0.3, the better
    pause: float = 0.7  # seconds per epoch
    ends: str = "well"  # well, badly, diverged, or without room until there is a file called room


def main(config):
    folder = run_folder.new_folder("stand_in", config.name)
    write_json(folder / run_folder.CONFIG, config.values())
    (folder / "process").write_text(str(os.getpid()))
    rows = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n"
    if config.ends == "without room" and not Path("room").exists():
        sys.exit("\x1b]0;a title\x07\x1b[31mIt cannot be written (No space left on device).\x1b[0m")
    for epoch in range(1, config.epochs + 1):
        time.sleep(config.pause)
        accuracy = 0.9 - abs(config.dropout - 0.3) - 0.1 / epoch
        rows += f"{epoch},0.1,{accuracy:.6g},{'' if config.ends == 'diverged' else 0.1},{accuracy:.6g},0.001\n"
        write_text(folder / run_folder.HISTORY, rows)
        if config.ends == "badly" and epoch == 2:
            sys.exit("Out of luck.")
    metrics = {"test_accuracy": accuracy, "test_loss": 0.1, "parameters": 1, "seconds": 1.0}
    write_json(folder / run_folder.METRICS, metrics)


if __name__ == "__main__":
    main(Config.from_command_line())
