"""Shows runs: the report of one, or several side by side.

python report.py                          the newest run's report, rebuilt from what is on disk
python report.py runs/cnn/latest          the report of this run
python report.py runs/cnn/A runs/cnn/B    what differs in their configs, and their results
python report.py --open                   opens the page in the browser
"""

from course.command_line import CommandLine
from course.runs import folder as run_folder
from course.runs.record import check_is_run
from course.system.files import matching, shown

import webbrowser
from pathlib import Path

import tyro


class Options(CommandLine):
    """Rebuilds the report of a run, or shows several runs side by side."""

    runs: tyro.conf.Positional[tuple[str, ...]] = ()  # folders of runs; none means the newest run
    open: bool = False  # open the page in the browser


def main(options: Options) -> None:
    named: dict[Path, Path] = {}  # each run once, as it was named first
    for folder in (run_folder.newest_for_latest(path) for run in options.runs for path in matching(run)):
        named.setdefault(folder.resolve(), folder)
    folders = list(named.values()) or [newest()]
    for folder in folders:
        check_is_run(folder)
    from course.report.page import (
        compared_in_words,
        write_comparison,
        write_report,
    )  # late: what draws takes half a second to load

    if len(folders) == 1:
        page = folders[0] / run_folder.REPORT
        write_report(folders[0])
    else:
        page = run_folder.RUNS / "comparison.html"
        write_comparison(folders, page)
        for sentence in compared_in_words(folders):
            print(f"{sentence[0].upper()}{sentence[1:]}")
    print(f"Report:      {shown(page)}")
    if options.open:
        webbrowser.open(page.resolve().as_uri())


def newest() -> Path:
    """Returns the folder of the newest run with a finished epoch; raises CourseError if there is none."""
    return run_folder.newest_with(
        run_folder.HISTORY, "No run has finished an epoch yet; start one with `python cnn.py`."
    )


if __name__ == "__main__":
    main(Options.from_command_line())
