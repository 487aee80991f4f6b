"""Shuffles the pixels of MNIST's images, all in the same way: `python data/shuffled.py FILE.npz`.

No pixel is changed, only moved: what was next to each other no longer is. `python cnn.py --data FILE.npz` trains on it.
"""

import argparse
from pathlib import Path

import numpy as np

MNIST = Path(__file__).parent / "mnist.npz"


def order() -> np.ndarray:
    """Returns where each of 28 x 28 pixels comes from, (784,): the same for all images."""
    return np.random.default_rng(0).permutation(28 * 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="where to, such as runs/shuffled.npz; it must be new")
    file = parser.parse_args().file
    if file.exists() or file.suffix != ".npz":
        parser.error(f"{file} exists; name a new file." if file.exists() else f"{file} must end in .npz.")
    with np.load(MNIST, allow_pickle=False) as kept:
        arrays = dict(kept)
    places = order()
    for name in ("x_train", "x_test"):
        arrays[name] = arrays[name].reshape(-1, 28 * 28)[:, places].reshape(-1, 28, 28)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **arrays)


if __name__ == "__main__":
    main()
