"""A network that a run has kept, loaded without trusting its file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras

from course import muon
from course.runs import folder as run_folder

UNFOLDED = 20  # times the size of its file; Keras compresses nothing
AND_ALSO = 2**24  # bytes


def load_network(file: Path) -> keras.Model:
    """Returns the network in a .keras file, not compiled; no code from it is run.

    Raises ValueError, before the memory is taken, if the file is small and what is in it is large; what Keras raises if
    it cannot read it.
    """
    known = {"Muon": muon.Muon}  # a network inside another one keeps its optimizer's name, compiled or not
    with zipfile.ZipFile(file) as archive:
        size, unfolded = file.stat().st_size, sum(part.file_size for part in archive.infolist())
        if unfolded > UNFOLDED * size + AND_ALSO:
            raise ValueError(f"its file of {size / 2**20:,.1f} MiB unfolds to {unfolded / 2**20:,.0f} MiB")
        config = json.loads(archive.read(run_folder.CONFIG), object_hook=_without_optimizer)  # Keras calls it so, too
    with keras.StatelessScope(initialize_variables=False):  # without memory for its parameters
        network = keras.saving.deserialize_keras_object(config, custom_objects=known, safe_mode=True)
    parameters = network.count_params()
    if parameters > unfolded:  # each has at least a byte
        raise ValueError(f"it has {parameters:,} parameters, but its file holds only {unfolded:,} bytes")
    return keras.models.load_model(file, custom_objects=known, compile=False, safe_mode=True)


def _without_optimizer(config: dict[str, object]) -> dict[str, object]:
    """Returns a network's configuration, or a part of it, without what `compile` was given."""
    return {name: value for name, value in config.items() if name != "compile_config"}
