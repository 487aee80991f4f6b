"""What a lesson does to its images is told from the first ones, or not at all."""

import numpy as np
import pytest

import cnn
import fast
import mlp
from course.report.preparation import Preparation

IMAGES = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)
LESSONS = {
    "mlp": mlp.prepare,
    "cnn": lambda images: cnn.prepare(images, cnn.Config()),
    "fast": lambda images: fast.prepare(images, fast.Config()),
}
OTHERS = {
    "standardised": lambda images: ((images - 72.9) / 90.0).astype("float32"),
    "from -1 to 1, flat": lambda images: images.reshape(len(images), 784) / 127.5 - 1,
    "inverted": lambda images: 255 - images,
    "16 bits": lambda images: (images / 255).astype("float16"),
}
UNKNOWN = {
    "a root": lambda images: np.sqrt(images / 255),
    "turned": lambda images: np.rot90(images, axes=(1, 2)),
    "smaller": lambda images: images[:, ::2, ::2] / 255,
    "nothing left": lambda images: images * 0.0,
}


@pytest.mark.parametrize("prepare", {**LESSONS, **OTHERS}.values(), ids=[*LESSONS, *OTHERS])
@pytest.mark.parametrize("examples", [1, 5, 20])  # a run of the challenge keeps more than are asked for
def test_other_images_are_prepared_like_the_lessons_own(prepare, examples):
    prepared = prepare(IMAGES)
    found = Preparation.derived(IMAGES[:10], prepared[:examples]).apply(IMAGES)
    assert (found.shape, found.dtype) == (prepared.shape, prepared.dtype)
    np.testing.assert_allclose(found.astype(float), prepared.astype(float), atol=1e-3)


@pytest.mark.parametrize("prepare", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told_is_not_guessed(prepare):
    assert Preparation.derived(IMAGES, prepare(IMAGES)[:2]) is None


def test_an_image_of_one_grey_tells_nothing():
    assert Preparation.derived(np.full((3, 4, 4), 7, np.uint8), np.ones((1, 4, 4))) is None
