"""Lessons in a notebook: those cut from the scripts, and the scripts themselves in one process, again and again."""

import ast
import os

import pytest
from checkout import REPOSITORY

from docs import notebooks

nbclient = pytest.importorskip("nbclient", reason="`pip install -r requirements-dev.txt` brings it")
nbformat = pytest.importorskip("nbformat")

FEW = {"convolution": ""}  # of images and epochs; convolution.py trains nothing
SAME = [
    "%run mlp.py --limit 300 --epochs 1",
    "import mlp\nmlp.main(mlp.Config(limit=300, epochs=1))",
    "mlp.main(mlp.Config(limit=300, epochs=1))",
    "%run mlp.py --epochs 0",
    "print('still here')",
]


def executed(checkout, cells, monkeypatch) -> list[dict]:
    """Returns the outputs of cells that a kernel of Jupyter's executes in a checkout."""
    for name in [name for name in os.environ if name not in checkout.environment()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(checkout.home))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(checkout.home))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(checkout.folder)}})
    client.execute()
    return [output for cell in book.cells for output in cell.outputs]


@pytest.mark.parametrize("lesson", notebooks.LESSONS)
def test_a_notebook_has_all_the_code_of_its_lesson(lesson):
    text = notebooks.notebook(REPOSITORY / f"{lesson}.py", "https://HOST/course.git")
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    code = [cell.source for cell in book.cells if cell.cell_type == "code"]
    assert "git clone --quiet --depth 1 https://HOST/course.git" in code[0]
    script = ast.parse((REPOSITORY / f"{lesson}.py").read_text(encoding="utf-8"))
    assert ast.dump(ast.parse("\n".join(code[1:-1]))) == ast.dump(ast.Module(script.body[1:-1], []))


@pytest.mark.slow
@pytest.mark.parametrize("lesson", notebooks.LESSONS)
def test_a_notebook_runs_from_its_first_cell_to_its_last(lesson, checkout, monkeypatch):
    (checkout.folder / "notebooks").mkdir()
    few = FEW.get(lesson, "limit=300, epochs=1")
    parts = notebooks.cells(checkout.folder / f"{lesson}.py", "nowhere")
    cells = [text.replace("Config()", f"Config({few})") for kind, text in parts if kind == "code"]
    outputs = executed(checkout, ["%cd notebooks", *cells], monkeypatch)
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    assert list((checkout.folder / "runs").glob("*/2*/report.html"))
    assert not (checkout.folder / "notebooks" / "runs").exists()


@pytest.mark.slow
def test_in_a_notebook_a_script_leaves_what_a_command_leaves(checkout, monkeypatch):
    assert checkout.run("mlp.py", "--limit", "300", "--epochs", "1", WANDB_MODE="disabled").returncode == 0
    outputs = executed(checkout, SAME, monkeypatch)
    assert outputs[-1].text == "still here\n"
    assert "epochs is 0, but must be a whole number, at least 1" in str(outputs)
    runs = sorted((checkout.folder / "runs" / "mlp").glob("*-run*"))
    assert len(runs) == 4
    assert len({(run / "history.csv").read_bytes() for run in runs}) == 1
    assert len({frozenset(file.name for file in run.iterdir()) for run in runs}) == 1
