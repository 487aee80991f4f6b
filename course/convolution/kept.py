"""Where the figures and the page of convolution.py are kept."""

from __future__ import annotations

import contextlib
import re
import webbrowser
from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure

from course.convolution.chosen import Chosen
from course.convolution.workbench import workbench
from course.report.style import png
from course.runs import folder as run_folder
from course.system.files import replacing, shown, write_json, write_text


def keep_figures(figures: Iterable[tuple[str, Figure]], config: Chosen) -> None:
    """Writes figures, each with its name, and a page to change them to a new folder in runs/convolution, and says so.

    Opens the page if `config.open` is set; raises CourseError if something cannot be written.
    """
    folder = run_folder.new_folder("convolution", re.sub(r"[^\w. -]+", "-", Path(config.image).stem)[:40])
    write_json(folder / run_folder.CONFIG, config.values())
    run_folder.point_latest_to(folder)
    for name, figure in figures:
        file = folder / f"{name}.png"
        with replacing(file) as unfinished:
            unfinished.write_bytes(png(figure))
        print(f"{shown(file)}  {figure.texts[0].get_text()}")  # its title
    page = folder / run_folder.REPORT
    write_text(page, workbench(config))
    print(f"{shown(page)}  A page in which to change all of it")
    if config.open:
        with contextlib.suppress(webbrowser.Error, OSError):  # where nothing can show it, the file is there
            webbrowser.open(page.as_uri())
