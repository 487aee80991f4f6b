"""Measures the network of one attempt on the test images: `python -m course.challenge.examine FOLDER ANSWER`.

Runs in a process of its own, because it loads the learner's file: their `prepare` makes of the test images what their
network takes. Writes to the file ANSWER, as JSON, the share of the test images that the network gets right and what
`prepare` made of them; whatever is wrong with the learner's file ends in a traceback.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from course.challenge.attempt import SCRIPT, described
from course.challenge.rules import DATA
from course.data import load_data_set
from course.system.files import write_json
from course.system.quiet import quiet

IMAGES_AT_A_TIME = 500


def main(folder: Path, answer: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    learners = _learners_module(folder / SCRIPT)
    with quiet():
        import keras

    _, (images, labels) = load_data_set(DATA, (config.get("img_height", 28), config.get("img_width", 28)))
    prepared = keras.ops.convert_to_numpy(learners.prepare(images))
    found = {"images": described(prepared)}
    write_json(answer, found)  # worth knowing, even if the network cannot take them
    own_layers = {
        name: value
        for name, value in vars(learners).items()
        if isinstance(value, type) and issubclass(value, keras.Layer)
    }
    model = keras.models.load_model(folder / "model.keras", own_layers, compile=False, safe_mode=True)
    predictions = model.predict(prepared, batch_size=IMAGES_AT_A_TIME, verbose=0)
    if predictions.shape != (len(labels), 10):
        raise ValueError(f"the network answers with {predictions.shape} for {len(labels)} images of ten classes")
    write_json(answer, found | {"accuracy": float((predictions.argmax(axis=1) == labels).mean())})


def _learners_module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("learners", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["learners"] = module  # where pydantic looks for what annotations name
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
