"""Trains one script with many configs, and says which is best.

python sweep.py                        the sweep that sweep.yaml describes
python sweep.py sweep-mlp.yaml         another one
python sweep.py --resume               continues the newest sweep that was interrupted, --resume FOLDER another one
python sweep.py --ray-address HOST:PORT    on a Ray cluster (docs/engineering/scaling.md)
"""

from course.command_line import CommandLine
from course.runs import folder as run_folder
from course.sweep.interrupted import changed_since, named_sweep
from course.sweep.trials import TABLE, Sweep
from course.system import signals
from course.system.errors import CourseError
from course.system.files import shown, typed
from course.system.installed import install_command, is_installed
from course.training import tracking
from course.values import Count, Seed

import os
import sys
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

FILE = "sweep.yaml"
NEEDED, EXTRA = ("ray", "optuna"), "requirements-sweep.txt"

Address = Annotated[
    str | None,
    Field(pattern=r"^[^:\s]+:\d{1,5}$", json_schema_extra={"allowed": "HOST:PORT, such as 192.168.0.2:6379"}),
]


class Options(CommandLine):
    """Trains one script with many configs, and says which is best."""

    file: tyro.conf.Positional[str] = FILE  # a sweep in the format of Weights & Biases
    runs: Count | None = None  # number of trials, instead of the file's run_cap
    parallel: Count | None = None  # trials at a time; one per core if it is not given
    ray_address: Address = None  # HOST:PORT of a Ray cluster; without it, this machine alone
    resume: str | None = None  # an interrupted sweep: the newest, or this folder of runs/sweeps/
    seed: Seed = 1  # makes the drawn values repeatable; a resumed sweep keeps its own


def main(options: Options) -> int:
    """Runs a sweep, or what is left of one; returns the exit code: 1 if no trial was finished, else 0."""
    missing = [name for name in NEEDED if not is_installed(name)]
    if missing:
        raise CourseError(f"sweep.py needs {', '.join(missing)}; {install_command(EXTRA)} installs it.")
    signals.stop_in_order()
    run_folder.check_writable()
    tracking.asked_mode()
    if options.resume is not None:
        if options.file != FILE:
            raise CourseError(
                f"--resume takes the folder of a sweep, and no file; leave out {shown(Path(options.file))}."
            )
        sweep = Sweep.old(named_sweep(options.resume), options.runs)
        for sentence in changed_since(sweep):
            print(sentence, file=sys.stderr)
    else:
        here, in_course = Path(options.file), run_folder.COURSE / options.file
        file = in_course if os.path.exists(in_course) and not os.path.exists(here) else here
        sweep = Sweep.new(file, options.runs, options.seed)
    try:
        with sweep.lock():
            return run(sweep, options)
    except KeyboardInterrupt as error:
        stopped = signals.described(error)
        assert stopped is not None
        sweep.write_table()
        ended = sum(trial.ended for trial in sweep.trials())
        kept = f"{ended} of {sweep.settings.trials} trials are kept in {shown(sweep.folder)}"
        signals.say(f"Stopped by {stopped[0]}: {kept}; resume it with `{typed('--resume', shown(sweep.folder))}`.")
        return stopped[1]


def run(sweep: Sweep, options: Options) -> int:
    """Runs the trials of a sweep that have not ended, and shows the results of all; see `main`."""
    if options.ray_address is None:  # Ray is to listen to this machine alone, and reads this when it is loaded
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    from course.sweep.page import write_sweep_report  # late: it loads Optuna, as the next one loads Ray
    from course.sweep.search import run_trials
    from course.sweep.terminal import Scoreboard

    scoreboard = Scoreboard(sweep)
    with scoreboard:
        run_trials(sweep, scoreboard, options.parallel, options.ray_address)
    sweep.write_table()
    scoreboard.show_results()
    write_sweep_report(sweep)
    print(f"Table:       {shown(sweep.folder / TABLE)}")
    print(f"Report:      {shown(sweep.folder / run_folder.REPORT)}")
    return 0 if sweep.best() else 1


if __name__ == "__main__":
    sys.exit(main(Options.from_command_line()))
