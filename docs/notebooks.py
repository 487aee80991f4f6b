"""Writes a notebook for each lesson, cut from its script: python -m docs.notebooks https://HOST/course.git

The notebooks go to notebooks/, which is not in the repository: each would be a second copy of its lesson, and its first
cell needs the address from which a hosted service clones the course, which only those know who publish it.
"""

import ast
import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LESSONS = ("mlp", "convolution", "cnn", "fast", "best", "fashion")
SET_UP = """\
# A hosted notebook gets the course and its packages here, once; in the folder of the course this does nothing.
import os
if os.path.isdir("../course"):
    os.chdir("..")
if not os.path.isdir("course"):
    !git clone --quiet --depth 1 {address} course-in-a-box
    %cd course-in-a-box
    %pip install --quiet -r requirements.txt"""
TRAIN = """\
config = Config()  # other values than those above: Config(epochs=1, limit=5000)
main(config)"""


def cells(script: Path, address: str) -> list[tuple[str, str]]:
    """Returns the kind ("markdown" or "code") and the text of each cell of a lesson's notebook.

    `address` is from where git clones the course.
    """
    source = script.read_text(encoding="utf-8")
    lines, tree = source.splitlines(), ast.parse(source)
    title, _, rest = (ast.get_docstring(tree) or "").partition("\n")
    about = f"# {title}\n\n```text\n{rest.strip()}\n```\n\nHere, values are given in the last cell."
    parts = [("markdown", about), ("code", SET_UP.format(address=address))]
    end = tree.body[0].end_lineno or 0
    for number, node in enumerate(tree.body[1:], 1):
        if isinstance(node, ast.If):  # __name__ == "__main__"
            break
        kind = type(node)
        start, end = end, node.end_lineno or end
        text = "\n".join(lines[start:end]).strip("\n")
        if number > 1 and kind in {ast.Import, ast.ImportFrom, ast.Assign} and parts[-1][0] == "code":
            parts[-1] = ("code", f"{parts[-1][1]}\n{text}")  # small things share a cell
        else:
            parts.append(("code", text))
    return [*parts, ("code", TRAIN)]


def notebook(script: Path, address: str) -> str:
    """Returns a lesson as a notebook of format 4.5, without outputs."""
    found: list[dict[str, object]] = [
        {"cell_type": kind, "id": f"{script.stem}-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        | ({"execution_count": None, "outputs": []} if kind == "code" else {})
        for number, (kind, text) in enumerate(cells(script, address))
    ]
    python = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": found, "metadata": python, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def main(address: str) -> None:
    """Writes all notebooks."""
    folder = REPOSITORY / "notebooks"
    folder.mkdir(exist_ok=True)
    for lesson in LESSONS:
        text = notebook(REPOSITORY / f"{lesson}.py", address)
        (folder / f"{lesson}.ipynb").write_text(text, encoding="utf-8")
        print(f"notebooks/{lesson}.ipynb")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say from where git clones the course, such as `python -m docs.notebooks https://HOST/course.git`.")
    main(sys.argv[1])
