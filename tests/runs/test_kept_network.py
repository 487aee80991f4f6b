"""A network from a stranger: what is small on disk and large in memory is refused before the memory is taken."""

import json
import resource
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from course.runs.kept_network import load_network


@pytest.fixture
def network() -> keras.Model:
    layers = [keras.layers.RandomFlip(), keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(10)])


def changed(file: Path, name: str, content: bytes) -> Path:
    """Returns the file after something in it was replaced or added, compressed."""
    with zipfile.ZipFile(file) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, kept in (parts | {name: content}).items():
            archive.writestr(part, kept)
    return file


def peak() -> int:
    """Returns the most memory that this process has had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_kept_network_gives_the_same_answers(network, tmp_path):
    network.compile("adam", "mse")
    network.save(tmp_path / "model.keras")
    images = np.random.default_rng(1).random((3, 28, 28, 1), dtype="float32")
    loaded = load_network(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), network.predict(images, verbose=0))


def test_a_file_that_unfolds_to_gigabytes_is_refused(network, tmp_path):
    network.save(tmp_path / "model.keras")
    file = changed(tmp_path / "model.keras", "model.weights.h5", bytes(2**26))
    assert file.stat().st_size < 200_000
    before = peak()
    with pytest.raises(ValueError, match=r"its file of 0.1 MiB unfolds to 64 MiB"):
        load_network(file)
    assert peak() - before < 2**15


def test_a_network_with_more_parameters_than_its_file_has_bytes_is_refused(network, tmp_path):
    network.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    dense = config["config"]["layers"][-1]
    del dense["build_config"]
    dense["config"]["units"] = 10**6
    file = changed(tmp_path / "model.keras", "config.json", json.dumps(config).encode())
    before = peak()
    with pytest.raises(ValueError, match=r"it has 1,353,000,028 parameters, but its file holds only .* bytes"):
        load_network(file)
    assert peak() - before < 2**18
