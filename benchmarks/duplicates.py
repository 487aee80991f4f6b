"""Finds images that are in a data set twice: `python -m benchmarks.duplicates`, in about a minute.

Prints Markdown for both data sets, which data/README.md shows: identical images and whether their labels agree, then
for each test image the nearest training image, by the differences of their pixels.
"""

from collections import defaultdict

import numpy as np

from course.data import DATA_SETS, load_data_set

NEAR = 0.1  # differences up to this fraction of the image's own pixels, both as root of the sum of squares
AT_A_TIME = 2_000  # training images
LISTED = 5


def identical(images: np.ndarray) -> list[list[int]]:
    """Returns the numbers of images (n, height, width) that are the same to the last bit, one list per group."""
    groups = defaultdict(list)
    for number, image in enumerate(images):
        groups[image.tobytes()].append(number)
    return [group for group in groups.values() if len(group) > 1]


def nearest(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of the training image that is nearest to each test image, and its relative distance.

    Images are uint8 (n, height, width). The search multiplies in float32, which decides between pairs whose distances
    agree to about four digits; the distance of the pair that it finds is exact.
    """
    left, right = (images.reshape(len(images), -1).astype(np.float32) / 255 for images in (train, test))
    number, least = np.zeros(len(right), int), np.full(len(right), np.inf, np.float32)
    for first in range(0, len(left), AT_A_TIME):
        part = left[first : first + AT_A_TIME]
        distances = (
            np.sum(part**2, axis=1)[:, np.newaxis] - 2 * part @ right.T
        )  # the test image's own square is left out
        best = distances.argmin(axis=0)
        found = distances[best, np.arange(len(right))]
        closer = found < least
        number[closer], least[closer] = best[closer] + first, found[closer]
    apart, strength = (
        np.sum(squares.reshape(len(test), -1), axis=1)
        for squares in ((train[number].astype(int) - test) ** 2, test.astype(int) ** 2)
    )
    return number, np.sqrt(apart / np.maximum(strength, 1))


def report(name: str) -> str:
    """Returns what was found in a data set, as Markdown."""
    (x_train, y_train), (x_test, y_test) = load_data_set(name)
    labels = np.concatenate([y_train, y_test])
    groups = identical(np.concatenate([x_train, x_test]))
    differing = sum(len(set(labels[group])) > 1 for group in groups)
    number, distance = nearest(x_train, x_test)
    near, other = distance <= NEAR, y_train[number] != y_test
    closest = [
        f"{test} and {number[test]} ({distance[test]:.1%})" for test in np.argsort(distance, kind="stable")[:LISTED]
    ]
    return "\n".join(
        [
            f"| {name} | images |",
            "|---|---|",
            f"| identical to another one | {sum(map(len, groups)):,} |",
            f"| groups of identical images with different labels | {differing:,} |",
            f"| test images that differ from a training image by at most {NEAR:.0%} | {near.sum():,} |",
            f"| of these, with another label than the training image | {np.sum(near & other):,} |",
            f"| test images with the label of the nearest training image | {np.mean(~other):.2%} |",
            "",
            f"Nearest pairs, test and training image: {', '.join(closest)}.",
        ]
    )


def main() -> None:
    print("\n\n".join(map(report, DATA_SETS)))


if __name__ == "__main__":
    main()
