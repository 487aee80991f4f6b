"""Asks a trained network about pictures of your own.

python predict.py digit.jpg photos/*.png               the newest finished run says what it sees
python predict.py digit.jpg --run runs/cnn/latest      this one does
python predict.py photos/                              a folder; with a subfolder for each class, how many are right
python predict.py digit.jpg --open                     opens the page that shows what the network saw
"""

import course  # noqa: F401 - first of all: it names a file beside this one that hides a module
import sys
import webbrowser
from pathlib import Path

import tyro

from course.command_line import CommandLine
from course.runs import folder as run_folder
from course.system.errors import CourseError
from course.system.files import matching, shown
from course.system.plain_text import printable


class Options(CommandLine):
    """Asks a trained network about pictures of your own."""

    pictures: tyro.conf.Positional[tuple[str, ...]] = ()  # PNG, JPEG, WebP or BMP files, or folders of them
    run: str | None = None  # the folder of a finished run; the newest if it is not given
    open: bool = False  # open the page with all answers in the browser


def main(options: Options) -> int:
    """Answers what can be answered; returns 2 if there was a picture that could not be, else 0."""
    if not options.pictures:
        raise CourseError("Name at least one picture, such as `python predict.py digit.jpg`.")
    from course.report import asked, asked_page  # late: what reads pictures takes a moment to load

    record = asked.tested_run(run_folder.newest_for_latest(Path(options.run)) if options.run else newest())
    places = [place for name in options.pictures for place in matching(name)]
    found, failed = asked.questions(asked.find_pictures(places, record), record)
    for sentence in failed:
        print(printable(sentence), file=sys.stderr)
    if found:
        answers = asked.answers(found, record)
        for line in asked_page.in_lines(answers, record):
            print(line)
        page = run_folder.RUNS / "predictions.html"
        asked_page.write_page(answers, record, page)
        print(f"Page:        {shown(page)}")
        if options.open:
            webbrowser.open(page.resolve().as_uri())
    return 2 if failed else 0


def newest() -> Path:
    """Returns the folder of the newest finished run; raises CourseError if there is none."""
    return run_folder.newest_with(run_folder.METRICS, "No run is finished yet; train a network with `python cnn.py`.")


if __name__ == "__main__":
    sys.exit(main(Options.from_command_line()))
