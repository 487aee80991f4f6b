"""Trains one script with many configs, and says which is best.

python sweep.py                        the sweep that sweep.yaml describes
python sweep.py sweep-mlp.yaml         another one
python sweep.py --resume               goes on with the newest sweep that was interrupted
python sweep.py --ray-address HOST:PORT    on a Ray cluster (docs/scaling.md)
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import tyro
from pydantic import Field

from course.config import CommandLine
from course.runs import folder as run_folder
from course.system import signals
from course.system.errors import CourseError
from course.system.files import shown
from course.training import tracking

FILE = "sweep.yaml"
NEEDED = ("ray", "optuna", "rich")


class Options(CommandLine):
    """Trains one script with many configs, and says which is best."""

    file: tyro.conf.Positional[str] = Field(
        FILE, description="what to try, in the format of Weights & Biases; with --resume, a sweep's folder"
    )
    runs: int | None = Field(None, ge=1, le=10_000, description="how many trials, instead of the file's run_cap")
    parallel: int | None = Field(
        None, ge=1, le=10_000, description="how many trials at a time; if it is not given, one for each core"
    )
    ray_address: str | None = Field(
        None,
        pattern=r"^[^:\s]+:\d{1,5}$",
        json_schema_extra={"allowed": "HOST:PORT, such as 192.168.0.2:6379"},
        description="HOST:PORT of a Ray cluster; without it, this machine alone",
    )
    resume: bool = Field(False, description="go on with an interrupted sweep, the newest if no folder is given")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="fixes which values are drawn; a resumed sweep keeps its own")


def main(options: Options) -> int:
    """Runs a sweep, or what is left of one; returns the exit code: 1 if no trial was finished, else 0."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise CourseError(f"sweep.py needs {', '.join(missing)}; `pip install -r requirements-sweep.txt` installs it.")
    signals.stop_in_order()
    run_folder.check_writable()
    tracking.asked_mode()
    from course.sweep.trials import Sweep, newest_interrupted  # late, because it needs what may not be installed

    if options.resume:
        folder = newest_interrupted() if options.file == FILE else Path(options.file)
        sweep = Sweep.old(folder, options.runs)
    else:
        sweep = Sweep.new(Path(options.file), options.runs, options.seed)
    try:
        with sweep.lock():
            return run(sweep, options)
    except KeyboardInterrupt as error:
        how, exit_code = signals.described(error)
        sweep.write_table()
        ended = sum(trial.ended for trial in sweep.trials())
        kept = f"{ended} of {sweep.settings.trials} trials are kept in {shown(sweep.folder)}"
        signals.say(f"Stopped by {how}: {kept}; `python sweep.py --resume` goes on.")
        return exit_code


def run(sweep: Any, options: Options) -> int:
    """Runs the trials of a course.sweeps.Sweep that have not ended, and shows what came of all; see `main`."""
    if options.ray_address is None:  # Ray is to listen to this machine alone, and reads this when it is loaded
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    from course.sweep import search  # late: it loads Ray
    from course.sweep.page import REPORT, write_report
    from course.sweep.terminal import Scoreboard

    scoreboard = Scoreboard(sweep)
    with scoreboard:
        search.run(sweep, scoreboard, options.parallel, options.ray_address)
    sweep.write_table()
    scoreboard.show_results()
    write_report(sweep)
    print(f"Table:       {shown(sweep.folder / 'trials.csv')}")
    print(f"Report:      {shown(sweep.folder / REPORT)}")
    return 0 if sweep.best() else 1


if __name__ == "__main__":
    sys.exit(main(Options.from_command_line()))
