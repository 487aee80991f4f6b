"""Shows runs: the report of one, or several side by side.

python report.py                          the newest run's report, made anew from what is on disk
python report.py runs/cnn/latest          that of this run
python report.py runs/cnn/A runs/cnn/B    what differs in their configs, and what came of it
"""

import webbrowser
from pathlib import Path

import tyro
from pydantic import Field

from course.config import CommandLine
from course.runs import folder as run_folder
from course.runs.record import check_is_run
from course.system.errors import CourseError
from course.system.files import shown


class Options(CommandLine):
    """Makes the report of a run anew, or lays several runs side by side."""

    runs: tyro.conf.Positional[tuple[str, ...]] = Field((), description="folders of runs; none means the newest run")
    show: bool = Field(False, description="open the page in the browser")


def main(options: Options) -> None:
    folders = [Path(run) for run in options.runs] or [newest()]
    for folder in folders:
        check_is_run(folder)
    from course.report.page import REPORT, write_comparison, write_report  # late: it loads what draws

    if len(folders) == 1:
        page = folders[0] / REPORT
        write_report(folders[0])
    else:
        page = run_folder.RUNS / "comparison.html"
        write_comparison(folders, page)
    print(f"Report:      {shown(page)}")
    if options.show:
        webbrowser.open(page.resolve().as_uri())


def newest() -> Path:
    """Returns the folder of the newest run that finished an epoch; raises CourseError if there is none."""
    folders = [
        file.parent for file in run_folder.RUNS.glob(f"*/*/{run_folder.HISTORY}") if file.parent.name != "latest"
    ]
    if not folders:
        raise CourseError("No run has finished an epoch yet; `python cnn.py` makes one.")
    return max(folders, key=lambda folder: folder.name)


if __name__ == "__main__":
    main(Options.from_command_line())
