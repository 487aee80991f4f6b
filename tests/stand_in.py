"""Trains nothing, but takes its values and leaves its run like a script that does; slowly, so that one can kill it."""

import os
import sys
import time

from pydantic import Field

from course.config import LessonConfig
from course.system.files import write_json, write_text
from course.training.run import new_folder


class Config(LessonConfig):
    """Trains nothing."""

    batch_size: int = Field(1, ge=1, description="no effect")
    epochs: int = Field(3, ge=1, description="rows in history.csv")
    dropout: float = Field(0.5, ge=0, lt=1, description="the nearer to 0.3, the better")
    pause: float = Field(0.7, ge=0, description="seconds an epoch")
    ends: str = Field("well", description="well, badly, or diverged")


config = Config.from_command_line()
folder = new_folder("stand_in", config.name)
write_json(folder / "config.json", config.values())
(folder / "process").write_text(str(os.getpid()))
rows = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n"
for epoch in range(1, config.epochs + 1):
    time.sleep(config.pause)
    accuracy = 0.9 - abs(config.dropout - 0.3) - 0.1 / epoch
    rows += f"{epoch},0.1,{accuracy:.6g},{'' if config.ends == 'diverged' else 0.1},{accuracy:.6g},0.001\n"
    write_text(folder / "history.csv", rows)
    if config.ends == "badly" and epoch == 2:
        sys.exit("Out of luck.")
write_json(folder / "metrics.json", {"test_accuracy": accuracy, "test_loss": 0.1, "parameters": 1, "seconds": 1.0})
