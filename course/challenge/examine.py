"""Measures the network of one attempt on the test images: `python -m course.challenge.examine FOLDER ANSWER`.

Runs in a process of its own, because it loads the learner's file: their `prepare` turns the test images into what their
network takes. Writes a MeasuredNetwork to the file ANSWER, as JSON; whatever is wrong with the learner's file ends in a
traceback.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import keras
import numpy as np

from course.challenge.levels import DATA
from course.challenge.observed import MeasuredNetwork, ObservedArray
from course.data import load_data_set
from course.runs import folder as run_folder
from course.runs.record import read_config
from course.system.files import write_json

IMAGES_AT_A_TIME = 500


def main(folder: Path, answer: Path) -> None:
    """Measures the network in a run's folder; raises whatever the learner's file does."""
    config = read_config(folder)
    learners = _learners_module(folder / run_folder.SCRIPT)
    _, (images, labels) = load_data_set(DATA, (config.get("img_height", 28), config.get("img_width", 28)))
    prepared = np.atleast_1d(keras.ops.convert_to_numpy(learners.prepare(images)))
    found = MeasuredNetwork(images=ObservedArray.of(prepared))
    write_json(answer, found.model_dump())  # worth knowing, even if the network cannot take them
    own_layers = {
        name: value
        for name, value in vars(learners).items()
        if isinstance(value, type) and issubclass(value, keras.Layer)
    }
    model = keras.models.load_model(folder / run_folder.MODEL, own_layers, compile=False, safe_mode=True)
    predictions = model.predict(prepared, batch_size=IMAGES_AT_A_TIME, verbose=0)
    if predictions.shape != (len(labels), 10):
        raise ValueError(f"the network answers with {predictions.shape} for {len(labels)} images of ten classes")
    found.accuracy = float((predictions.argmax(axis=1) == labels).mean())
    write_json(answer, found.model_dump())


def _learners_module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("learners", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["learners"] = module  # where pydantic looks for what annotations name
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
