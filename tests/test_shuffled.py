"""data/shuffled.py: all images are shuffled in the same way, and nothing else is changed."""

import numpy as np
import pytest

from data import shuffled


def shuffle(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["shuffled.py", *map(str, words)])
    shuffled.main()


def test_the_pixels_of_all_images_are_moved_alike(tmp_path, monkeypatch):
    images = np.arange(5 * 784).reshape(5, 28, 28)  # each pixel another number
    arrays = {"x_train": images[:3], "y_train": np.arange(3), "x_test": images[3:], "y_test": np.arange(2)}
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setattr(shuffled, "MNIST", tmp_path / "mnist.npz")
    shuffle(monkeypatch, tmp_path / "new" / "file.npz")
    with np.load(tmp_path / "new" / "file.npz") as file:
        written = dict(file)
    order = written["x_train"][0].reshape(-1)
    assert sorted(order) == list(range(784))
    assert (np.diff(order) == 1).mean() < 0.01  # hardly any two neighbours are left
    for part, count in (("train", 3), ("test", 2)):
        assert (written[f"y_{part}"] == arrays[f"y_{part}"]).all()
        assert (written[f"x_{part}"] == arrays[f"x_{part}"].reshape(count, 784)[:, order].reshape(count, 28, 28)).all()


@pytest.mark.parametrize("name", ["there.npz", "file.zip"])
def test_a_file_that_is_there_or_has_another_ending_is_refused(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "there.npz").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        shuffle(monkeypatch, tmp_path / name)
    assert ended.value.code == 2
    assert "name a new file" in capsys.readouterr().err or name == "file.zip"
    assert [file.name for file in tmp_path.iterdir()] == ["there.npz"]
    assert (tmp_path / "there.npz").read_text() == "mine"
