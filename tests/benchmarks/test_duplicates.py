"""Images that are in a data set twice are found, and no others."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from benchmarks import duplicates
from course.data import DATA_SETS


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 4), np.uint8)


def test_identical_images_are_grouped():
    images = noise(6, seed=1)
    images[[4, 5, 3]] = images[[0, 0, 2]]
    assert duplicates.identical(images) == [[0, 4, 5], [2, 3]]


def test_the_nearest_training_image_is_found(monkeypatch):
    monkeypatch.setattr(duplicates, "AT_A_TIME", 7)  # in several parts, the last one smaller
    train, test = noise(40, seed=2), noise(15, seed=3)
    test[3] = train[33]
    flat_train, flat_test = (images.reshape(len(images), -1).astype(float) for images in (train, test))
    distances, numbers = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat_train).kneighbors(flat_test)
    number, distance = duplicates.nearest(train, test)
    assert number.tolist() == numbers[:, 0].tolist()
    assert distance == pytest.approx(distances[:, 0] / np.linalg.norm(flat_test, axis=1), abs=1e-6)
    assert distance[3] == 0


def test_an_image_without_ink_has_a_neighbour():
    empty = np.zeros((1, 5, 4), np.uint8)
    assert duplicates.nearest(np.concatenate([noise(3, seed=4), empty]), empty) == (np.array([3]), np.array([0.0]))


def test_what_a_data_set_has_twice_is_reported(monkeypatch):
    train, test = noise(20, seed=5), noise(10, seed=6)
    train[1], test[2], test[3] = train[0], train[5], train[6]
    test[3, 0, 0] ^= 1  # hardly another image
    labels = np.arange(20, dtype=np.uint8) % 7, np.array([0, 0, 5, 0, 0, 0, 0, 0, 0, 0], np.uint8)
    monkeypatch.setattr(duplicates, "load_data_set", lambda name: ((train, labels[0]), (test, labels[1])))
    rows = dict(line.strip("| ").split(" | ") for line in duplicates.report("mine").splitlines() if "| " in line)
    assert rows["identical to another one"] == "4"
    assert rows["groups of identical images with different labels"] == "1"
    assert rows["test images that differ from a training image by at most 10%"] == "2"
    assert rows["of these, with another label than the training image"] == "1"


@pytest.mark.slow
def test_the_readme_shows_what_is_found(request, thorough):
    if not thorough:
        pytest.skip("searching all pairs of images takes half a minute")
    readme = (request.config.rootpath / "data" / "README.md").read_text(encoding="utf-8")
    for name in DATA_SETS:
        assert duplicates.report(name).partition("\n\n")[0] in readme
