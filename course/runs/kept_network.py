"""A network that a run has kept, loaded without trusting its file."""

import json
import zipfile
from pathlib import Path

import keras

from course import muon

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
        config = json.loads(archive.read("config.json"))
    with keras.StatelessScope(initialize_variables=False):  # without memory for its parameters
        parameters = keras.saving.deserialize_keras_object(
            config | {"compile_config": None}, custom_objects=known, safe_mode=True
        ).count_params()
    if parameters > unfolded:  # each has at least a byte
        raise ValueError(f"it has {parameters:,} parameters, but its file holds only {unfolded:,} bytes")
    return keras.models.load_model(file, custom_objects=known, compile=False, safe_mode=True)
