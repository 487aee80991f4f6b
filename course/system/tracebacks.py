"""An exception in the learner's file, as far as it is theirs, with the remedy where it is a well-known one."""

import re

LINES = 6  # of a message; Keras goes on to list every argument
MENDED = (  # what the message says → what to do; the first one that fits
    (
        r"expected (min_)?ndim=4, found ndim=3",
        "A convolution takes images with a channel each, (height, width, channels): `prepare` must give them a last"
        " axis of length 1, and keras.Input must announce it.",
    ),
    (
        r"expected (min_|max_)?ndim=\d, found ndim=\d",
        "A layer got an array with too many or too few axes: compare the shape that `prepare` returns with the one"
        " that keras.Input announces, and think of Flatten between images and dense layers.",
    ),
    (
        r"arget.* and .*output.* must have the same (shape|rank)|ndim\) `target.ndim|same first dimension"
        r"|Arguments `target` and `output`|Argument `output` must have",
        "Targets and loss do not belong together: one-hot rows go with categorical cross-entropy, plain labels with"
        " the sparse one; and the network needs one output for each of the ten classes.",
    ),
    (
        r"Data cardinality is ambiguous|same number of samples|Found input variables with inconsistent",
        "There must be exactly one target for each image: split and shorten both in the same way.",
    ),
    (
        r"egative dimension|would result in a non-positive|Computed output size would be|zero or negative"
        r"|must be positive.*output|Invalid output shape",
        "Nothing is left of the image: each convolution without padding and each pooling makes it smaller.",
    ),
    (
        r"is incompatible with the layer|expected shape=|Invalid input shape|Dimensions must be equal"
        r"|axis -1 of input shape",
        "What `prepare` returns and what the network takes have different shapes: keras.Input announces one image,"
        " without the number of images.",
    ),
    (
        r"np_utils",
        "np_utils is gone from Keras; keras.utils has to_categorical itself.",
    ),
    (r"fit_generator|evaluate_generator", "fit_generator is gone from Keras; fit takes generators too."),
    (
        r"predict_classes|predict_proba",
        "predict_classes and predict_proba are gone from Keras; predict returns ten values for each image, and argmax"
        " tells the largest.",
    ),
    (r"nb_epoch", "nb_epoch is called epochs today."),
    (r"argument.*['\"`]lr['\"`]|['\"`]lr['\"`].*(argument|recognized)", "lr is called learning_rate today."),
    (r"border_mode", "border_mode is called padding today."),
    (
        r"keras\.(layers\.(core|convolutional|normalization|pooling|advanced_activations)|preprocessing\.image"
        r"|wrappers|engine|optimizers\.legacy)",
        "This part of Keras was moved or dropped; keras.layers and keras.utils have today's names.",
    ),
    (
        r"wandb\.keras|WandbCallback",
        "WandbCallback is gone from Weights & Biases; run.after_each_epoch() tracks the run.",
    ),
    (
        r"'Config' object has no attribute",
        "class Config has no such field: write one there, with its default and description, or spell it as it is"
        " spelt there.",
    ),
    (
        r"(name|attribute) '(prepare|build_model|main|Config)'",
        "The grader and main need Config, prepare(images), build_model(config) and main(config) under these names.",
    ),
    (r"Lambda", "A Lambda layer cannot be kept and loaded safely; layers of Keras, or a layer class, can."),
    (r"Could not locate class|Unknown layer", "A layer of your own must be a class in your file that Keras can load."),
    (r"(?i)out of memory|MemoryError|ResourceExhausted|OOM", "Memory is full: a smaller batch_size needs less."),
    (r"No module named", "This package is not installed; the challenge needs none but those of requirements.txt."),
)


def shorten(errors: str, script: str) -> str:
    """Returns what a program wrote to standard error, its traceback shortened to the frames in the file `script`.

    Where the exception is a well-known one, a line with the remedy follows. Without a traceback the text is as it was.
    """
    last = errors.rpartition("Traceback (most recent call last):")[2]
    frames = list(re.finditer(r'^ +File "(.+?)", line (\d+)(.*)\n((?:    .*\n)*)', last, re.MULTILINE))
    if not frames:
        return errors.strip()
    theirs = [frame for frame in frames if frame[1].replace("\\", "/").endswith(f"/{script}")]
    shown = [f"  {script}, line {frame[2]}{frame[3]}\n{frame[4]}".rstrip() for frame in theirs]
    message = re.sub(r"\n\n?Arguments received by[\s\S]*", "", last[frames[-1].end() :].strip())
    lines = message.splitlines()
    shown += lines[:LINES] + ["..."] * (len(lines) > LINES)
    remedy = next((sentence for pattern, sentence in MENDED if re.search(pattern, message)), None)
    return "\n".join([*shown, *([f"\n{remedy}"] if remedy else [])])
