"""An exception in the learner's script: the lines of that script, and the remedy where it is a well-known one."""

import re

from course.system.plain_text import COLOUR

HEADER = "Traceback (most recent call last):"
FRAME = re.compile(r'^ +File "(.+?)", line (\d+)(.*)\n((?:    .*\n)*)', re.MULTILINE)
SYNTAX_ERROR = re.compile(  # the only exception without the header
    r'^ +File "[^"\n]+", line \d+\n(?:    .*\n)*(?=(Syntax|Indentation|Tab)Error: )', re.MULTILINE
)
LINES = 6  # of a message; Keras lists every argument after them
LONGEST = 2_000  # characters of a message that are looked at
END = 10_000  # characters of errors at whose end a syntax error is looked for: each line may begin one
OUT_OF_MEMORY = "Out of memory. Try a smaller batch_size, fewer or smaller images, or a smaller network."
REMEDIES = {  # by a pattern in the message; the first one that fits
    r"expected (min_)?ndim=4, found ndim=3": "A convolution takes images with a channel each, (height, width,"
    " channels): `prepare` must give them a last axis of length 1, and keras.Input must announce it.",
    r"expected (min_|max_)?ndim=\d, found ndim=\d": "A layer got an array with too many or too few axes: compare the"
    " shape that `prepare` returns with the one that keras.Input announces, and think of Flatten between images and"
    " dense layers.",
    r"output\.shape=\(None, \d+, \d+": "The last layer gives a table of answers for each image instead of one row: put"
    " keras.layers.Flatten() before the dense layers.",
    r"arget.{1,80} and .{1,80}output.{1,80} must have the same (shape|rank)|ndim\) `target.ndim"
    r"|same first dimension|Arguments `target` and `output`|Argument `output` must have": "Targets and loss do not"
    " belong together: one-hot rows go with categorical cross-entropy, plain labels with the sparse one; and the"
    " network needs one output for each class.",
    r"Data cardinality is ambiguous|same number of samples|Found input variables with inconsistent": "There must be"
    " exactly one target for each image: split and shorten both in the same way.",
    r"egative dimension|would result in a non-positive|Computed output size would be|zero or negative"
    r"|must be positive.{0,80}output|Invalid output shape": "Nothing is left of the image: each convolution without"
    ' padding and each pooling makes it smaller. Use smaller kernels, fewer of these layers, or padding="same".',
    r"is incompatible with the layer|expected shape=|Invalid input shape|Dimensions must be equal"
    r"|axis -1 of input shape": "What `prepare` returns and what the network takes have different shapes: keras.Input"
    " announces one image, without the number of images.",
    r"np_utils": "np_utils is gone from Keras; keras.utils has to_categorical itself.",
    r"fit_generator|evaluate_generator": "fit_generator is gone from Keras; fit takes generators too.",
    r"predict_classes|predict_proba": "predict_classes and predict_proba are gone from Keras; predict returns one"
    " value per class for each image, and argmax finds the largest.",
    r"nb_epoch": "nb_epoch is called epochs today.",
    r"rgument.{0,80}['\"`]lr['\"`]|['\"`]lr['\"`].{0,80}(argument|recognized)": "lr is called learning_rate today.",
    r"border_mode": "border_mode is called padding today.",
    r"keras\.(layers\.(core|convolutional|normalization|pooling|advanced_activations)|preprocessing\.image"
    r"|wrappers|engine|optimizers\.legacy)": "This part of Keras was moved or removed; keras.layers and keras.utils"
    " have today's names.",
    r"wandb\.keras|WandbCallback": "WandbCallback is gone from Weights & Biases; callbacks=run.callbacks tracks the"
    " run.",
    r"'Config' object has no attribute": "class Config has no such field: add it, with its kind and its default, such"
    " as `dropout: Fraction = 0.4`, or correct the spelling.",
    r"(name|attribute) '(prepare|build_model|main|Config)'": "Config, prepare, build_model and main must keep these"
    " names: the rest of the script and check.py look for them.",
    r"\bLambda\b": "A Lambda layer cannot be saved and loaded safely; layers of Keras, or a layer class of your own,"
    " can.",
    r"Could not locate class|Unknown layer": "A layer of your own must be a class in your file that Keras can load.",
    r"(?i)out of memory|MemoryError|Resource_?Exhausted|\bOOM\b": OUT_OF_MEMORY,
    r"No module named": "This package is not installed; the lessons and the challenge need only those of"
    " requirements.txt.",
}


def shorten(errors: str, script: str) -> str:
    """Returns an exception as Python writes it, shortened to the frames in a script, its message and a remedy.

    `errors` is what a program wrote to standard error, `script` a file name such as "cnn.py". A text without a
    traceback, such as one that is already shortened, is returned as it is, without empty lines around it.
    """
    traceback = errors.rpartition(HEADER)[2] if HEADER in errors or SYNTAX_ERROR.search(errors[-END:]) else ""
    frames = list(FRAME.finditer(traceback))
    if not frames:
        return errors.lstrip("\n").rstrip()
    shown = [
        f"  {script}, line {number}{function}\n{source}".rstrip()
        for file, number, function, source in (frame.groups() for frame in frames)
        if re.split(r"[\\/]", file)[-1] == script
    ]
    message = COLOUR.sub("", traceback[frames[-1].end() :].strip())
    message = re.split(r"\n\n?Arguments received by", message, maxsplit=1)[0]
    lines = message[:LONGEST].splitlines()
    shown += lines[:LINES] + ["..."] * (len(lines) > LINES or len(message) > LONGEST)
    remedies = [f"\n{remedy}" for pattern, remedy in REMEDIES.items() if re.search(pattern, message[:LONGEST])]
    return "\n".join([*shown, *remedies[:1]])
