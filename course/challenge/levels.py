"""The challenge: its data, and its levels with what each is about, its pass mark and its hints."""

from typing import NamedTuple

DATA = "fashion_mnist"
QUICK_IMAGES = 10_000  # that `check.py --quick` trains on
SCRIPT_NAME = "fashion"  # of the learner's script without .py; runs of reference answers are kept under it too


class Level(NamedTuple):
    """One step from the shipped fashion.py to a good classifier of clothes."""

    idea: str
    mark: float  # fraction of the test images, 0 to 1, that a network must get right
    validation: float  # of the validation images
    quick: float  # of the validation images, after a training with QUICK_IMAGES
    hints: tuple[str, ...]  # each stronger than the one before; the last is about values, and none gives the answer


LEVELS = (
    Level(
        "it runs, and learns something",
        0.11,
        0.11,
        0.11,  # chance is 10%; of 10,000 images, three standard deviations are 0.9%
        (
            "The file as it was shipped reaches this level. What have you changed since? `python check.py --reset`"
            " restores it and keeps yours next to it.",
            "Run `python fashion.py` and look at val_accuracy: it should leave 0.10 within the first epoch. If it does"
            " not, images and labels may be out of step, or updates so large that nothing can settle.",
            "Undo your changes one by one, newest first, and run `python fashion.py --limit 5000 --epochs 1` after"
            " each: a few seconds show which one it was.",
        ),
    ),
    Level(
        "scaled pixels, softmax, cross-entropy",
        0.80,
        0.81,
        0.84,
        (
            "Compare `fashion.py` with `mlp.py`. Which numbers does each of them feed its network? Weights start near 0"
            " and are updated in small steps; inputs in the hundreds throw them about.",
            "Besides the pixels, two more things differ. What does the last layer of `mlp.py` do to its ten sums, so"
            " that they can be read as probabilities? And how does its loss punish a network that was sure and wrong?",
            "Three places: `prepare` brings pixels into the range from 0 to 1; the last Dense layer gets the activation"
            " that makes ten numbers positive with sum 1; compile gets the loss for one-hot targets from the lesson.",
        ),
    ),
    Level(
        "hidden layer, dropout",
        0.87,
        0.872,
        0.87,
        (
            "One dense layer can only say: this pixel is evidence for a coat, that one against it. What comes between"
            " the pixels and the answer in `mlp.py`?",
            "Put another dense layer after Flatten, of a few hundred units, with an activation: without one, two dense"
            " layers can do no more than a single one. After it, a layer that drops a fraction of its values during"
            " training keeps it from memorising images.",
            "512 units with relu and a dropout of 0.2 have enough room. The first updates are too large for such a"
            " network now: try a learning rate of 0.002, and twice as many epochs. All of them are config values.",
        ),
    ),
    Level(
        "reshape to 28x28x1, convolution, pooling",
        0.90,
        0.905,
        0.884,
        (
            "Flatten tears the image apart: the network no longer knows which pixels are neighbours. What does `cnn.py`"
            " do before it flattens?",
            "A convolution needs height, width and channels, and a grey image has one channel. So `prepare` has to"
            " add an axis of length 1 at the end, and the network's input must announce it.",
            "The convolution and the pooling of `cnn.py` come before Flatten, with its numbers. Clothes are harder than"
            " digits: give them more epochs than its 4, and a smaller learning rate than its 0.006.",
        ),
    ),
    Level(
        "several convolutions",
        0.925,
        0.929,
        0.905,
        (
            "The first convolution finds edges. What could a second one find if it looked at where these edges are?"
            " `python cnn.py --more_conv_layers 64` shows what that is worth.",
            "Pooling halves height and width, so there is room for twice as many kernels after it, and for two"
            " convolutions in a row. Zeros around the image (padding) keep a convolution from shrinking it.",
            "Let the number of kernels grow from one convolution to the next, and pool after some of them only: three"
            " poolings leave 3x3 of 28x28. So many weights memorise images: drop a few values after a pooling too, and"
            " give the network more than twice the epochs of level 4.",
        ),
    ),
    Level(
        "augmentation, normalisation, mirror images",
        0.935,
        0.938,
        0.907,
        (
            "In the end your network has memorised its training images: compare accuracy with val_accuracy. What if it"
            " never saw the same picture twice? A shirt is a shirt in the mirror, or a pixel further left.",
            "Keras has layers that mirror and shift images at random, during training only: they come first in the"
            " network. Others bring what a convolution finds to mean 0 and deviation 1 over a batch: they come before"
            " the activation, and allow much larger updates.",
            "`fast.py` and `best.py` show them at work. Mirror left and right only, shift by a pixel at most, and halve"
            " the dropout: what never repeats is hard to memorise.",
        ),
    ),
)
