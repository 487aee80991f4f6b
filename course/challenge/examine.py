"""Compares the kept network of one attempt with its answers: `python -m course.challenge.examine FOLDER ANSWER`.

Runs in a process of its own, which can be stopped. Nothing of the learner's is executed: a network with layers of their
own cannot be read here, which ends in a traceback. Writes to the file ANSWER, as JSON, how many of the first test
images the kept network answers otherwise.
"""

import sys
from pathlib import Path

import numpy as np

from course.runs import folder as run_folder
from course.runs.kept_network import load_network
from course.runs.record import read_predictions
from course.system.files import write_json


def main(folder: Path, answer: Path) -> None:
    """Compares what the network in a run's folder says now with what was kept; raises what `load_network` does."""
    kept = read_predictions(folder / run_folder.PREDICTIONS)
    assert kept is not None
    model = load_network(folder / run_folder.MODEL)
    answers = np.asarray(model.predict(kept.example, verbose=0))
    others = int(np.sum(answers.argmax(axis=1) != kept.classes[: len(answers)]))
    write_json(answer, {"others": others, "images": len(answers)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
