"""Several runs in one process, as in a notebook: %run twice, then the script pasted into a cell twice."""

import pytest

NOTEBOOK = """
import runpy, sys, types
from pathlib import Path

sys.ps1 = "In : "  # as IPython does
source = Path("mlp.py").read_text(encoding="utf-8").replace('["accuracy"]', '["accuracy", keras.metrics.AUC()]')
at_top = "keras.config.set_dtype_policy('mixed_bfloat16')\\n"


def run(source, file, argv):
    main, notebook = types.ModuleType("__main__"), sys.modules["__main__"]
    if file is not None:
        main.__file__ = file
    del main.__spec__
    sys.modules["__main__"], sys.argv = main, argv
    exec(compile(source, file or "<cell>", "exec"), vars(main))
    sys.modules["__main__"] = notebook


script = source.replace("\\n\\nclass Config", f"{at_top}\\n\\nclass Config", 1)
assert script != source
for _ in range(2):
    run(script, "mlp.py", ["mlp.py", "--limit", "300", "--epochs", "1"])
kernel = ["ipykernel_launcher.py", "-f", "kernel.json"]
for _ in range(2):
    run(source.replace("Config.from_command_line()", "Config(limit=300, epochs=1)"), None, kernel)
cell = source.replace("epochs: Count = 5", "epochs: Count = 1").replace("main(Config", "config = (Config")
run(cell + '    print(config.epochs)\\n', None, kernel)
"""


@pytest.mark.slow
def test_every_run_of_a_process_is_as_its_first_was(checkout):
    (checkout.folder / "notebook.py").write_text(NOTEBOOK)
    answer = checkout.run("notebook.py", WANDB_MODE="offline")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.endswith("\n1\n")  # what a cell reads of the options of its kernel: nothing
    for script in ("mlp", "notebook"):
        first, second = sorted(folder for folder in (checkout.folder / "runs" / script).glob("*-run*"))
        assert (first / "history.csv").read_bytes() == (second / "history.csv").read_bytes()
        assert "auc,val_auc\n" in (first / "history.csv").read_text()
        assert (first / "report.html").is_file()
    histories = {(checkout.latest(name) / "history.csv").read_bytes() for name in ("mlp", "notebook")}
    assert len(histories) == 2  # the script's mixed precision ended with it
    assert len(list((checkout.folder / "runs" / "wandb").glob("offline-run-*"))) == 4
