"""Builds mnist.npz and fashion_mnist.npz from the original IDX files: `python data/build.py FOLDER`.

FOLDER holds `mnist/` and `fashion-mnist/` with the four gzipped IDX files each. The files in the repository
were made by this script; it is kept so that anybody can check where every byte comes from.
"""

import argparse
import gzip
import hashlib
import os
import sys
import zlib
from pathlib import Path

import numpy as np

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
# MD5 sums of the uncompressed files, in the order of IDX_FILES.
IDX_MD5 = {
    "mnist": (
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    "fashion_mnist": (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
}


def read_idx(path: Path, md5: str) -> np.ndarray:
    """Returns the uint8 array in a gzipped IDX file: a magic number, the sides as big-endian int32, the bytes."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        sys.exit(f"{path} cannot be read ({error}); get the original file again.")
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        sys.exit(f"{path} is not the original file: its MD5 sum is not {md5}; get it again.")
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where mnist/ and fashion-mnist/ with the IDX files are")
    folder = parser.parse_args().folder
    for name, sums in IDX_MD5.items():
        source = folder / name.replace("_", "-")
        arrays = {
            array: read_idx(source / file, md5) for (array, file), md5 in zip(IDX_FILES.items(), sums, strict=True)
        }
        target = Path(__file__).with_name(f"{name}.npz")
        unfinished = target.with_suffix(".unfinished.npz")
        np.savez_compressed(
            unfinished, allow_pickle=False, **arrays
        )  # numpy dates every entry 1980: same input, same bytes
        os.replace(unfinished, target)
        print(f"{target.name}  SHA-256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
