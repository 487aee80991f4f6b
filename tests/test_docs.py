"""The pages: every figure that they quote is computed here or was measured, every picture is current."""

import base64
import io
import json
import math
import re
import shlex
import statistics
from pathlib import Path
from xml.etree import ElementTree

import keras
import matplotlib
import numpy as np
import pytest
from PIL import Image

import cnn
import convolution
import fast
import mlp
from benchmarks import claims, photos, speed, verdicts
from benchmarks.accuracy import TABLES, mean_and_deviation
from course import late
from course.convolution.kernels import KERNELS, read_kernel
from course.convolution.pictures import read_picture
from course.data import hold_out, load_data_set
from course.report.votes import read_votes
from course.system.arrays import read_arrays
from docs import curves, draw, measure, shifts
from docs.lesson_figures import (
    MEASURED,
    history,
    layers_of_cnn,
    mistakes,
    outputs_of_cnn,
    perceptron,
    results,
    ten_sums,
)

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LESSONS = ("perceptron", "multilayer-perceptron", "convolutional-network", "overfitting", "faster-and-further")
RUNS = results("claims") | results("accuracy")  # of each command


def page(name: str) -> str:
    """Returns the text of a page, its lines joined and its links as plain words."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).split())


def tries(name: str) -> dict[str, list[str]]:
    """Returns the cells after each command in the table below "## Try"."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8").split("\n## Try\n")[1]
    rows = re.findall(r"^\| `python (.+?)` \| (.+) \|$", text, re.MULTILINE)
    return {command: cells.split(" | ") for command, cells in rows}


def of_last_epoch(command: str, metric: str) -> str:
    return mean_and_deviation([run[metric] for run in RUNS[command]])


def accuracy(command: str) -> str:
    """Returns the mean test accuracy of a command as the pages quote it in a sentence."""
    return of_last_epoch(command, "test_accuracy").split(" ")[0]


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_page_suggests_to_try_was_measured(name):
    found = tries(name)
    assert 3 <= len(found) <= 8
    for command, cells in found.items():
        assert cells[0] == of_last_epoch(command, "test_accuracy"), command


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_page_suggests_takes_as_long_as_it_says(name):
    seconds = sum(statistics.median(run["seconds"] for run in RUNS[command]) for command in tries(name))
    said = int(re.search(r"Running: (\d+) minutes", page(name))[1])
    assert seconds / 60 <= said <= seconds / 60 + 5


def test_the_table_of_photos_is_what_was_measured():
    measured = (DOCS.parent / "benchmarks" / "photos.md").read_text(encoding="utf-8")
    rows = [line for line in measured.splitlines() if line.startswith("|")]
    assert "\n".join(rows) in (DOCS / "your-own-pictures.md").read_text(encoding="utf-8")
    kinds = json.loads((DOCS.parent / "benchmarks" / "photos.json").read_text(encoding="utf-8"))
    assert all(kinds["originals"] - kinds[kind]["right"] <= 0.02 for kind in photos.KINDS)


def test_colour_helps_as_much_as_the_page_says():
    grey, colour = (100 * np.array([run["test_accuracy"] for run in RUNS[command]]) for command in (
        claims.IN_GREY, f"{claims.IN_GREY} --channels 3",
    ))  # fmt: skip
    figures = [f"{each.mean():.1f}% ± {each.std(ddof=1):.1f}" for each in (colour, grey)]
    assert f"{figures[0]} in colour, {figures[1]} in grey" in page("your-own-pictures")
    assert [run["best_epoch"] for run in RUNS[claims.IN_GREY]].count(12) == 4  # "in four of five trainings"


def test_what_runs_say_of_themselves_is_what_a_bootstrap_says():
    measured = results("verdicts")
    for command, seeds in verdicts.SEEDS.items():
        assert len(measured[command]) == seeds
        assert all(run["said"] == run["again"] for run in measured[command]), command
    said = [run["said"] for command in verdicts.OVERFIT for run in measured[command]]
    assert said.count("overfitting") == 5  # as docs/overfitting.md counts them
    assert not any(run["said"] == "overfitting" for command in verdicts.DEFAULTS for run in measured[command])


def test_every_claim_was_measured_with_all_its_seeds_and_is_not_contradicted():
    measured = results("claims")
    for claim in claims.CLAIMS:
        for command in (claim.first, claim.second):
            seeds = [run["seed"] for run in measured[command]]
            assert seeds == list(range(1, max(claim.seeds, len(seeds)) + 1)), command
    kept = json.loads(claims.RESULTS.read_text(encoding="utf-8"))["measured"]
    assert claims.RESULTS.with_suffix(".md").read_text(encoding="utf-8") == claims.page(measured, kept)
    for claim in claims.CLAIMS:
        assert (DOCS / f"{claim.page}.md").exists()
        assert not claims.difference(claim, measured).contradicts(claim.expected), claim.sentence


def test_what_a_page_suggests_to_try_is_compared_with_something_in_a_claim():
    suggested = {command for name in LESSONS for command in tries(name)}
    assert suggested - set(TABLES["accuracy"]) <= set(claims.COMMANDS)


def test_differences_are_those_of_scipy():
    runs = {"a": [0.90, 0.92, 0.91, 0.93, 0.92], "b": [0.93, 0.93, 0.94, 0.95, 0.93]}
    found = claims.difference(
        claims.Claim("", "", "a", "b", "higher"),
        {
            name: [{"seed": seed, "test_accuracy": value} for seed, value in enumerate(values)]
            for name, values in runs.items()
        },
    )
    differences = np.subtract(runs["b"], runs["a"])
    half = 2.7764 * differences.std(ddof=1) / math.sqrt(5)  # Student's t for 4 degrees of freedom, from a table
    assert found.mean == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=1e-5)
    assert found.supports("higher")
    assert found.contradicts("lower")
    assert not found.supports("alike")


def test_the_page_on_overfitting_shows_the_last_epoch_and_the_best():
    for command, cells in tries("overfitting").items():
        best = [run["best_epoch"] for run in RUNS[command]]
        epochs = f"{min(best)} to {max(best)}" if min(best) < max(best) else str(best[0])
        assert cells[1:] == [*(of_last_epoch(command, of) for of in ("accuracy", "val_accuracy")), epochs], command


def test_the_pictures_are_those_that_the_pages_show_and_have_a_text_for_those_who_cannot_see_them():
    pages = "\n".join(file.read_text(encoding="utf-8") for file in PAGES)
    shown = dict(re.findall(r"!\[(.*?)\]\(figures/(.*?)\.svg\)", pages, re.DOTALL))
    assert sorted(set(shown.values())) == sorted(draw.FIGURES) == sorted(file.stem for file in draw.FOLDER.iterdir())
    assert all(len(text.split()) >= 5 for text in shown)


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def parts(figure: str) -> tuple[list[str], list[str], list[np.ndarray]]:
    """Returns what is written on an SVG file, what is drawn, and its pictures, float32 (rows, columns, 3)."""
    pictures = []
    for encoded in re.findall(r'"data:image/png;base64,([^"]+)"', figure):
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
            pictures.append(np.asarray(picture.convert("RGB"), dtype="float32"))
    elements = list(ElementTree.fromstring(figure).iter())
    written = [element.text or "" for element in elements if element.tag.endswith("}text")]
    drawn = [
        f"{element.tag} {element.get('transform')} {element.get('x')} {element.get('y')} {element.get('d')}"
        for element in elements
    ]
    return written, drawn, pictures


def alike(first: str, second: str, tolerance: float) -> bool:
    """Says whether two texts are the same but for numbers, and these differ by little."""
    return NUMBER.sub("#", first) == NUMBER.sub("#", second) and np.allclose(
        *([float(number) for number in NUMBER.findall(text)] for text in (first, second)), rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("name", draw.FIGURES)
def test_a_figure_is_current(name):
    if late.backend() != "tensorflow":
        pytest.skip("TensorFlow drew it; of equal values, another backend's last digits choose another")
    release = matplotlib.__version__.rpartition(".")[0]
    if f'name = "matplotlib"\nversion = "{release}.' not in (DOCS.parent / "uv.lock").read_text(encoding="utf-8"):
        pytest.skip("another matplotlib drew it, whose letters have other places")
    kept = draw.FOLDER / f"{name}.svg"
    assert kept.stat().st_size <= 150_000
    before, after = parts(kept.read_text(encoding="utf-8")), parts(draw.still(name, draw.FIGURES[name]()))
    for number, tolerance in ((0, 0.011), (1, 0.6)):
        for first, second in zip(before[number], after[number], strict=True):
            assert alike(first, second, tolerance), "run: python -m docs.draw"
    for first, second in zip(before[2], after[2], strict=True):
        assert np.abs(first - second).max() < 5, "run: python -m docs.draw"


def test_the_layers_of_cnn_are_drawn_on_one_scale():
    figure = draw.FIGURES["cnn-layers"]()
    above, below = figure.axes
    outputs = outputs_of_cnn()
    layers = layers_of_cnn()
    assert [output.shape for output in outputs[1:]] == [shape for _, shape, _ in layers]
    assert outputs[-1].sum() == pytest.approx(1)
    for image in above.images:
        left, right, *_ = image.get_extent()
        assert right - left == image.get_array().shape[1]  # a value is as wide everywhere
    assert sum(image.get_array().size for image in above.images) == 784 + 5 * 26**2 + 5 * 13**2 + 5408 + 100 + 10
    parameters = [count for _, _, count in layers if count]
    np.testing.assert_allclose(
        [bar.get_width() / below.patches[1].get_width() for bar in below.patches],
        np.divide(parameters, max(parameters)),
    )


def test_what_cnn_found_is_what_keras_computes():
    picture, found, pooled, *_ = outputs_of_cnn()
    kept = read_arrays(MEASURED / "cnn.npz")
    model = keras.Sequential(cnn.build_model(cnn.Config(), 10).layers[:2])
    model.set_weights([kept["kernels"][:, :, np.newaxis], kept["biases"]])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model.layers[0](picture[np.newaxis]))[0], found, atol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(picture[np.newaxis]))[0], pooled, atol=1e-5)


@pytest.mark.parametrize("name", ["order", "hidden-nodes"])
def test_the_same_figure_gives_the_same_bytes(name):
    assert draw.still(name, draw.FIGURES[name]()) == draw.still(name, draw.FIGURES[name]())


@pytest.mark.parametrize("file", sorted(draw.FOLDER.iterdir()), ids=lambda file: file.stem)
def test_a_figure_needs_nothing_but_itself_and_is_light_or_dark(file):
    figure = file.read_text(encoding="utf-8")
    assert "<script" not in figure
    assert all(re.match(r"#|data:image/png;", link) for link in re.findall(r'href="([^"]*)"', figure))
    assert figure.count("prefers-color-scheme: dark") == 1
    named = set(re.findall(r"var\(--([a-z]+)\)", figure))
    assert {"paper", "ink"} <= named
    for scheme in figure.split("@media")[:2]:
        assert named <= set(re.findall(r"--([a-z]+):", scheme))


def test_the_commands_to_try_with_convolutions_are_possible():
    text = (DOCS / "convolutions.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python convolution.py (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        assert convolution.Config.from_command_line(shlex.split(command)) != convolution.Config()


def test_what_to_see_of_convolutions_is_computed():
    text = (DOCS / "convolutions.md").read_text(encoding="utf-8")

    def found(*command: str) -> tuple[np.ndarray, convolution.Config]:
        config = convolution.Config.from_command_line(command)
        grey = read_picture(config.image).mean(axis=-1, keepdims=True)
        values = convolution.convolve(grey, read_kernel(config.kernel), config.stride, config.padding)
        return np.maximum(values, 0), config

    rows = []
    for command in ((), ("--stride", "2", "--padding", "same")):
        values, config = found(*command)
        rows.append(len(KERNELS) * convolution.pool(values, config.pool_size, config.pooling).size)
    assert f"has {rows[1]:,} numbers in its row instead of {rows[0]:,}" in text
    values, _ = found("--pool_size", "4", "--pooling", "average")
    blocks = np.stack([convolution.pool(values, 4, pooling)[..., 0] for pooling in ("max", "average")], axis=-1)
    assert [2.9, 0.8] in blocks.astype(float).round(1).reshape(-1, 2).tolist()
    assert "2.9 and 0.8 in the first one" in text


@pytest.mark.parametrize(
    "file", [DOCS.parent / "README.md", *PAGES], ids=lambda file: str(file.relative_to(DOCS.parent))
)
def test_links_lead_somewhere(file):
    for link in re.findall(r"\]\(([^)]+)\)", file.read_text(encoding="utf-8")):
        path, _, section = link.partition("#")
        if link.startswith("https://"):
            continue
        assert (file.parent / path).exists(), link
        assert not section or section in sections(file.parent / path), link


def sections(file: Path) -> set[str]:
    """Returns the anchors that code hosts give the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_contents_list_every_page_once():
    contents = (DOCS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[[^]]+\]\((\S+\.md)\)", contents, re.MULTILINE)
    assert re.findall(r"^## (.+)$", contents, re.MULTILINE) == ["The course", "Engineering"]
    pages = {file.relative_to(DOCS).as_posix() for file in PAGES if file.name != "README.md"}
    assert sorted(listed) == sorted(pages)


def test_the_numbers_of_the_page_on_the_perceptron():
    kept = json.loads((MEASURED / "perceptron.json").read_text())["results"]
    found = [run["test_accuracy"] for run in kept]
    weights, biases = perceptron()
    (x_train, y_train), _ = load_data_set("mnist")
    (images, _), _ = hold_out(x_train, y_train)
    pixels = images.reshape(-1, 784) / 255
    blank = pixels.max(axis=0) == 0
    drawn_from = math.sqrt(6 / (784 + 10))  # Keras' initial weights: uniform between minus and plus this
    deviation = math.sqrt((pixels**2).sum(axis=1).mean() * drawn_from**2 / 3)
    three = np.exp([2, 1, -1])
    probabilities = three / three.sum()
    gradient = probabilities - [1, 0, 0]
    unsure, label, sums, all_ten = ten_sums()
    assert {run["parameters"] for run in kept} == {measure.build_perceptron(mlp.Config(), 10).count_params()} == {7850}
    assert weights.size + biases.size == 7850
    assert np.abs(weights[blank]).max() <= drawn_from < np.abs(weights).max()
    assert (unsure.shape, label, sums.argmax()) == ((28, 28), 2, 2)
    assert np.argsort(all_ten)[-2:].tolist() == [4, 2]

    text = page("perceptron")
    for number in (
        f"{mean_and_deviation(found)} of the test images (three seeds)",
        "{:.2%}, {:.2%} and {:.2%}".format(*found),
        f"{blank.sum()} pixels are blank in all {len(images):,} training images",
        f"between -{drawn_from:.3f} and {drawn_from:.3f}",
        f"(their standard deviation is {deviation:.2f})",
        f"by about {round(255 * deviation, -1):.0f}",
        f"their total, {three.sum():.2f}",
        *(f"| {each:.2f} | {part:.1%} |" for each, part in zip(three, probabilities, strict=True)),
        *(f"| {part:.1%} | {-math.log(part):.2f} |" for part in probabilities),
        f"e = {math.e:.2f} times as probable, a lead of 3 already {math.e**3:.0f} times",
        f"the loss is {-math.log(all_ten[label]):.2f}",
        f"who knows nothing, costs {math.log(10):.2f}",
        f"{probabilities[0]:.3f} - 1 = {gradient[0]:.3f}, and {gradient[1]:.3f} and {gradient[2]:.3f} for the others",
        "by {:+.4f}, {:+.4f} and {:+.4f}".format(*(-0.1 * gradient)),
        f"With its defaults it reads {accuracy('mlp.py')}",
    ):
        assert number in text, number


def test_the_numbers_of_the_page_on_the_multilayer_perceptron():
    layers = mlp.build_model(mlp.Config(), 10).layers
    flat, hidden, _, last = [layer.count_params() for layer in layers]
    batches = math.ceil(55_000 / 64)
    kept = json.loads((MEASURED / "perceptron.json").read_text())["results"]
    without = mean_and_deviation([run["test_accuracy"] for run in kept]).split(" ")[0]
    text = page("multilayer-perceptron")
    for number in (
        f"from {without} to {accuracy('mlp.py')}",
        f"`Flatten` | 784 | {flat} |",
        f"`Dense(200, relu)` | 200 | {hidden:,} |",
        f"`Dense(10, softmax)` | 10 | {last:,} |",
        f"| all | | {hidden + last:,} |",
        f"{batches} batches, the last one with the {55_000 - 64 * (batches - 1)} images",
        f"**{5 * batches:,} updates**",
        f"{5 * 55} updates instead of {5 * batches:,}",
        f"typically differ by {100 * math.sqrt(0.98 * 0.02 / 10_000):.2f} points, the root of 0.98 x 0.02 / 10,000",
        f"({accuracy('mlp.py --hidden_nodes 10 --dropout 0')} without dropout)",
        *(f"{mlp.build_model(mlp.Config(hidden_nodes=units), 10).count_params():,}" for units in (10, 1000)),
        f"with its defaults reads {accuracy('mlp.py')}",
    ):
        assert number in text, number


def test_the_numbers_of_the_page_on_the_convolutional_network():
    model = cnn.build_model(cnn.Config(), 10)
    parameters = [layer.count_params() for layer in model.layers]
    two, three, four = (cnn.build_model(cnn.Config(more_conv_layers=(64,) * more), 10) for more in (1, 2, 3))
    outputs = math.prod(model.layers[0].output.shape[1:])
    places = outputs // 32
    second = next(layer for layer in two.layers[1:] if layer.name.startswith("conv2d"))
    values = next(layer for layer in two.layers if layer.name.startswith("flatten")).output.shape[1]
    second_work = math.prod(second.output.shape[1:]) * 9 * 32
    work = outputs * 9 + 5408 * 100 + 100 * 10
    assert round(second_work / work) == 4
    assert round(two.count_params() / model.count_params(), 1) == 0.6
    text = page("convolutional-network")
    almost = "cnn.py --first_layer_convs 16 --more_conv_layers 64 64 --epochs 12"
    for number in (
        *(f"{' x '.join(f'{size:,}' for size in layer.output.shape[1:])} | {layer.count_params():,} |"
          for layer in model.layers),
        f"| all | | {model.count_params():,} |",
        f"{parameters[0]} parameters for {outputs:,} outputs",
        f"at all {places} places",
        f"would need {784 * outputs + outputs:,} parameters",
        f"Of {model.count_params():,} parameters, {max(parameters):,} are in the first dense layer: "
        f"{max(parameters) / model.count_params():.1%}",
        f"has {parameters[0] / model.count_params():.2%}",
        f"multiplies {outputs * 9:,} times for an image, {places} times for each of its {9 * 32} weights",
        f"its {5408 * 100:,} weights once each",
        f"{second.count_params():,} parameters in all",
        f"7 x 7 x 64, or {values:,} values",
        f"{two.count_params():,} parameters, three fifths",
        f"multiplies {second_work:,} times",
        f"{accuracy('cnn.py')} becomes {accuracy('cnn.py --more_conv_layers 64')}",
        f"{three.count_params():,} and {four.count_params():,} parameters",
        f"{cnn.build_model(cnn.Config(first_layer_convs=2), 10).count_params():,} parameters",
        f"with its defaults reads {accuracy('cnn.py')}",
        f"| `python {almost}` | {of_last_epoch(almost, 'test_accuracy')} | almost perfect, in "
        f"{statistics.median(run['seconds'] for run in RUNS[almost]):.0f} s",
    ):  # fmt: skip
        assert number in text, number


SHORT = f"cnn.py {claims.SHORT}"


def test_what_changes_in_the_data_and_in_lines_of_the_network_do_was_measured():
    text = page("convolutional-network")
    for images, data in (("as they are", ""), ("pixels shuffled", f" {claims.SHUFFLED}")):
        both = (of_last_epoch(f"{script}{data}", "test_accuracy") for script in ("mlp.py", "cnn.py"))
        assert f"| {images} | {' | '.join(both)} |" in text
    plain, fifty = (
        of_last_epoch(f"cnn.py --optimizer sgd{rate}", "test_accuracy") for rate in ("", " --learning_rate 0.3")
    )
    assert f"{plain} and {fifty}: each optimizer needs a learning rate of its own" in text
    assert f"Of the clothes, {of_last_epoch(claims.CLOTHES, 'test_accuracy')}." in text
    perceptron_minds, network_minds = (
        claims.difference(claim, RUNS)
        for claim in claims.CLAIMS
        if claim.first in ("mlp.py", "cnn.py") and claim.second.endswith(claims.SHUFFLED)
    )
    interval = f"{100 * perceptron_minds.low:+.2f} to {100 * perceptron_minds.high:+.2f} points"
    assert f"Only luck can differ ({interval}, the 95% interval)" in text
    assert perceptron_minds.low < 0 < perceptron_minds.high
    fewer = [-100 * each for each in (network_minds.mean, network_minds.high, network_minds.low)]
    assert "reads {:.2f} points fewer ({:.2f} to {:.2f})".format(*fewer) in text
    for change, edit in (
        ("none", ""),
        ("zeros around the image", '  # padding="same"'),
        ("average pooling", "  # AveragePooling2D instead of MaxPooling2D"),
        ("no pooling", "  # without MaxPooling2D"),
        ("stride instead of pooling", "  # strides=2 instead of MaxPooling2D"),
    ):
        assert f"| {change} | {of_last_epoch(SHORT + edit, 'test_accuracy')} |" in text


def test_the_numbers_of_the_page_on_convolutions():
    text = page("convolutions")
    assert f"{accuracy(SHORT)} against {accuracy(f'{SHORT}  # without MaxPooling2D')} without it" in text
    for four in ((2, -1, 0.4, -3), (-2, -1, -0.4, -3), (1, 1, 1, 1)):
        after = np.maximum(four, 0)
        values = (", ".join(f"{value:g}" for value in row) for row in (four, after))
        assert f"| {' | '.join(values)} | {after.max():g} | {after.mean():g} |" in text


def test_the_numbers_of_the_page_on_what_is_faster_and_further():
    model = fast.build_model(fast.Config(), 10)
    flat = next(layer for layer in model.layers if layer.name.startswith("flatten"))
    best = RUNS["best.py"]
    seconds = statistics.median(run["seconds"] for run in best)
    text = page("faster-and-further")
    for number in (
        f"`cnn.py` with its defaults reads {accuracy('cnn.py')}",
        f"once, and reads {accuracy('fast.py')}. It has {model.count_params():,} parameters; `cnn.py` has "
        f"{cnn.build_model(cnn.Config(), 10).count_params():,}",
        f"{' x '.join(map(str, flat.input.shape[1:]))} = {flat.output.shape[1]} values",
        f"{sum(math.prod(each.shape) for each in model.non_trainable_weights if 'moving' in each.path)} of the",
        f"`python best.py` reads {accuracy('best.py')}, in {seconds:.0f} seconds",
        f"`python {claims.CLOTHES}` reads {accuracy(claims.CLOTHES)}",
        f"{accuracy(f'{claims.CLOTHES} --more_conv_layers 64')} instead of {accuracy(claims.CLOTHES)}: one mistake in",
    ):
        assert number in text, number
    assert round(1e4 * (1 - statistics.mean(run["test_accuracy"] for run in best)), -1) == 30  # "misses about thirty"
    one, two = (
        statistics.mean(1 - run["test_accuracy"] for run in RUNS[claims.CLOTHES + more])
        for more in ("", " --more_conv_layers 64")
    )
    assert round(one / (one - two)) == 25  # "one mistake in 25 is gone"


def test_the_last_mistakes_of_best_are_test_images_that_it_read_wrongly():
    _, (_, labels) = load_data_set("mnist")
    found = mistakes()
    assert all(labels[each["image"]] == each["label"] != each["predicted"] for each in found)
    assert sorted({each["image"] for each in found}) == [each["image"] for each in found]
    accuracies = [run["test_accuracy"] for run in RUNS["best.py"]]
    assert 1 - len(found) / 10_000 == pytest.approx(statistics.mean(accuracies), abs=0.001)
    nines = [each for each in found if each["label"] == 9 and each["predicted"] in (4, 5, 7)]
    text = page("faster-and-further")
    assert f"the {len(found)} that one training of" in text
    assert len(nines) == 10  # "Ten of them are a 9"
    votes = read_votes("mnist")
    asked = [votes[each["image"]] for each in found if each["image"] in votes]
    assert f"a hundred doubtful test images, {len(asked)} of them among these" in text.replace("\n", " ")
    assert len(votes) == 100
    assert sum(each.against_label for each in asked) == 6  # "six times"


def test_the_page_says_what_a_shift_of_the_test_images_costs():
    assert shifts.table() in (DOCS / "convolutional-network.md").read_text(encoding="utf-8")
    images = np.arange(1, 25).reshape(2, 3, 4)
    np.testing.assert_array_equal(shifts.shifted(images, 1, 1)[0], [[0] * 4, [1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(shifts.shifted(images, -3, 2)[1], [[16, 0, 0, 0], [20, 0, 0, 0], [24, 0, 0, 0]])


def test_the_seconds_that_teachers_are_told_are_those_that_were_measured():
    for command in ("mlp.py", "cnn.py", "cnn.py --more_conv_layers 64"):
        seconds = statistics.median(run["seconds"] for run in results("accuracy")[command])
        assert f"`python {command}`, {seconds:.0f} seconds" in page("teaching")
    (machine,) = speed.kept().values()  # on both cores
    both = (speed.figures(machine["results"][name])["seconds"] for name in ("cnn.py", "cnn.py --more_conv_layers 64"))
    assert "on both it takes {:.0f} and {:.0f};".format(*both) in page("teaching")


def test_the_table_of_dropout_is_what_was_measured():
    assert curves.table_of_dropout() in (DOCS / "overfitting.md").read_text(encoding="utf-8")
    usual, much = ([accuracy for accuracy, _ in curves.tested(curves.LONG, dropout)] for dropout in ("0.4", "0.6"))
    assert max(much) < min(usual)  # "each of its seeds reads fewer test images than each of those with 0.4"
    short = [[accuracy for accuracy, _ in curves.tested(curves.SHORT, dropout)] for dropout in ("0.2", "0.4", "0.6")]
    assert sorted(map(statistics.mean, short), reverse=True) == [*map(statistics.mean, short)]  # "more costs more"


def test_the_curves_are_those_of_the_commands_that_the_page_names():
    shown = curves.curves_data()
    assert shown["images"] == [1000, 10_000, 55_000]
    seen = {(run["dropout"], run["images"]) for run in shown["trainings"]}
    assert seen == {(dropout, images) for dropout in shown["dropouts"] for images in shown["images"]}
    for training in curves.trainings():
        assert training["command"] in curves.COMMANDS
        assert training["seed"] in measure.SEEDS
        epochs = int(curves.value(training["command"], "--epochs"))
        for column in ("loss", "val_loss", "accuracy", "val_accuracy"):
            assert len(training[column]) == epochs


def test_the_numbers_of_the_page_on_overfitting():
    text = page("overfitting")
    columns = history("no-dropout")
    val_loss = columns["val_loss"]
    assert val_loss.argmin() == 14 - 1
    assert (np.diff(val_loss[13:]) > 0).all()  # "every epoch after that makes it worse"
    for epoch in (1, 5, 14, 40):
        losses = " | ".join(f"{columns[name][epoch - 1]:.3f}" for name in ("loss", "val_loss"))
        accuracies = " | ".join(f"{columns[name][epoch - 1]:.1%}" for name in ("accuracy", "val_accuracy"))
        assert f"| {epoch} | {losses} | {accuracies} |" in text
    ends = [history(name)["val_loss"][-1] for name in ("dropout", "no-dropout")]
    assert "Validation ends at {:.3f} instead of {:.3f}".format(*ends) in text
    runs = RUNS["cnn.py --dense_layer_size 10"]
    narrow = [statistics.mean(run[of] for run in runs) for of in ("accuracy", "val_accuracy")]
    assert f"get {narrow[0]:.1%} of the training images right" in text
    assert f"{narrow[1]:.1%} of the validation images" in text
    ten_units = [accuracy(f"mlp.py --hidden_nodes 10{words}") for words in (" --dropout 0", "")]
    assert "reads {} of the test images without dropout and {} with its default, 0.2".format(*ten_units) in text
    assert f"even without dropout it reads {accuracy('cnn.py --dropout 0')} of the test images" in text
    for words, options in (
        ("5,000, 20", " --limit 5000 --epochs 20"),
        ("1,000, 40", " --limit 1000 --epochs 40"),
    ):
        both = [f"cnn.py{options} --dropout 0", f"cnn.py{options}"]
        cells = [of_last_epoch(command, "test_accuracy") for command in both]
        cells += [f"{statistics.mean(run['test_loss'] for run in RUNS[command]):.3f}" for command in both]
        assert f"| {words} | {' | '.join(cells)} |" in text
    assert {run["accuracy"] for run in RUNS["cnn.py --epochs 12 --dropout 0"]} == {1}
    right = statistics.mean(run["accuracy"] for run in RUNS["cnn.py --dropout 0"])
    assert f"all but {1 - right:.1%} of the training images are right after four epochs" in " ".join(text.split())
    for limit in (500, 5000, 20_000):
        assert {run["accuracy"] for run in RUNS[f"mlp.py --limit {limit} --epochs 40 --dropout 0"]} == {1}
