"""The network at work in the page of a run: what is drawn, dropped or chosen, and all that is shown of it."""

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browsing import look_at
from PIL import Image, ImageDraw

from benchmarks.photos import KINDS, photo
from course.convolution import workbench
from course.data import load_data_set
from course.own_pictures.preparing import prepared
from course.report import alive, try_it
from course.report.asked import outputs_for
from course.report.run_to_show import RunToShow
from course.runs import folder as run_folder
from course.runs.record import read_run

HOSTILE = "<img src=x onerror=document.title='run'>"
STROKES = {  # of the mouse, as fractions of the pad
    "1": [[(0.52, 0.15), (0.48, 0.85)]],
    "7": [[(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]],
    "0": [[(0.5, 0.15), (0.3, 0.3), (0.27, 0.55), (0.35, 0.8), (0.5, 0.86), (0.66, 0.78), (0.73, 0.5), (0.5, 0.15)]],
}
SAYS = "document.getElementById('live-says').textContent"


@pytest.fixture(scope="module")
def run(train_cnn) -> Path:
    """The folder of a run of cnn.py on 10,000 images, which reads most digits."""
    return train_cnn(limit=10_000, epochs=2)


PAPER, PEN, BARS = 246, 9, (20, 28)  # a folder of bars, dark on light: brightness, and height and width


@pytest.fixture(scope="module")
def run_on_bars(train_cnn, tmp_path_factory) -> Path:
    """The folder of a run of cnn.py on a folder of pictures of upright and of lying bars, wider than high."""
    random, pictures = np.random.default_rng(7), tmp_path_factory.mktemp("pictures")
    for name in ("lying", "upright"):
        (pictures / name).mkdir()
        for number in range(120):
            image = np.full(BARS, PAPER, np.uint8)
            thick, length = random.integers(2, 5), random.integers(8, 16)
            down, across = (length, thick) if name == "upright" else (thick, length)
            top, left = random.integers(1, np.subtract(BARS, (down, across)))
            image[top : top + down, left : left + across] = PEN + random.integers(0, 20)
            Image.fromarray(image).save(pictures / name / f"{number}.png")
    height, width = BARS
    sizes = {"img_height": height, "img_width": width, "first_layer_convs": 8, "dense_layer_size": 32}
    return train_cnn(data=str(pictures), **sizes, batch_size=8, epochs=8, dropout=0.2)


@pytest.fixture
def page(run, browser):
    """The report in a browser without a network; every message, error and request of it fails the test."""
    yield from opened(run, browser)


@pytest.fixture
def page_of_bars(run_on_bars, browser):
    """The same of a run on a folder of pictures."""
    yield from opened(run_on_bars, browser)


def opened(run, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((run / run_folder.REPORT).as_uri())
    until(page, f"{SAYS}.startsWith('It says')")
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [(run / run_folder.REPORT).as_uri()]


def draw(page, strokes) -> None:
    page.click("#live-clear")
    page.locator("#live-pad").scroll_into_view_if_needed()
    box = page.locator("#live-pad").bounding_box()
    for stroke in strokes:
        for number, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3 if number else 1)
            if not number:
                page.mouse.down()
        page.mouse.up()
    settle(page)


def until(page, condition: str) -> None:
    """Waits for a condition; Playwright's own way would need eval, which the page forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def settle(page) -> None:
    """Waits until the page has answered, and drawn all layers."""
    frame = "new Promise(requestAnimationFrame)"
    page.evaluate(f"async () => {{ await {frame}; await {frame}; await new Promise(done => setTimeout(done)); }}")


def picture(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def choose(page, name: str, content: bytes) -> None:
    page.set_input_files("#live-file", {"name": name, "mimeType": "image/png", "buffer": content})
    until(page, f"document.getElementById('live-source').textContent.includes({json.dumps(name)})")
    settle(page)


def test_the_scripts_are_all_files_of_their_folder_and_allowed_by_their_hash_alone():
    assert sorted({*try_it.ORDER, *workbench.SCRIPTS}) == sorted(file.stem for file in try_it.SCRIPTS.glob("*.js"))
    text, named = try_it.page_script()
    assert named == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert "</script" not in text
    for file in try_it.SCRIPTS.iterdir():
        assert re.match(r"// [A-Z].*\.\n", file.read_text(encoding="utf-8")), file


@pytest.mark.slow
def test_a_page_holds_the_run_and_allows_nothing_but_its_script(run):
    page = (run / run_folder.REPORT).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {try_it.page_script()[1]}"
    )
    data = json.loads(re.search(r'<script type="application/json" id="live-data">([^<]*)</script>', page)[1])
    predictions = read_run(run).predictions
    for example in data["examples"]:
        assert predictions.labels[example["number"]] == example["truth"]
        assert predictions.classes[example["number"]] == example["answer"]
    assert sum(example["truth"] == example["answer"] for example in data["examples"]) == 20
    _, (images, _) = load_data_set("mnist")
    shown = np.frombuffer(base64.b64decode(data["images"]), np.uint8).reshape(-1, 28, 28)
    assert np.array_equal(shown, images[[example["number"] for example in data["examples"]]])


@pytest.mark.slow
def test_a_page_says_whether_its_images_are_light_and_what_their_paper_is(run, run_on_bars):
    given = {file: try_it.what_can_be_tried(RunToShow(read_run(file))).data for file in (run, run_on_bars)}
    assert (given[run]["light"], given[run]["paper"]) == (False, 0)
    assert (given[run_on_bars]["light"], given[run_on_bars]["paper"]) == (True, PAPER)


@pytest.mark.slow
def test_a_network_that_is_not_alive_is_said_in_its_sentence(run, monkeypatch, tmp_path):
    def refuses(model):
        raise alive.NotAlive("it has <b>branches</b>")

    monkeypatch.setattr(alive, "description", refuses)
    found = try_it.what_can_be_tried(RunToShow(read_run(run)))
    assert found == try_it.LivePage(problem="This network cannot be computed in the page: it has <b>branches</b>.")


@pytest.mark.slow
def test_digits_drawn_with_the_mouse_are_read_and_all_layers_filled(page):
    for digit, strokes in STROKES.items():
        draw(page, strokes)
        assert page.evaluate(SAYS).startswith(f"It says {digit}, ")
        assert page.locator("#live-bars .best th").inner_text() == digit
        filled = page.evaluate(
            """[...document.querySelectorAll('#live-layers .maps canvas')].map(canvas => {
                const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
                [copy.canvas.width, copy.canvas.height] = [canvas.width, canvas.height];
                copy.drawImage(canvas, 0, 0);
                const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
                return new Set(new Uint32Array(pixels.buffer)).size > 2;
            })"""
        )
        assert filled == [True] * 6  # image, convolution, pooling, flatten, two dense layers
    page.click("#live-undo")
    settle(page)
    assert page.evaluate(SAYS) == "Draw something, or choose a test image."


@pytest.mark.slow
def test_test_images_are_answered_as_the_run_kept_them(page, run):
    predictions = read_run(run).predictions
    buttons = page.locator(".example")
    for number in range(0, buttons.count(), 7):
        buttons.nth(number).click()
        settle(page)
        image = int(
            re.match(r"Test image ([\d,]+),", buttons.nth(number).get_attribute("aria-label"))[1].replace(",", "")
        )
        answer = page.evaluate("Array.from(Live.page.layers.outputs.at(-1).values)")
        np.testing.assert_allclose(answer, predictions.outputs[image], atol=1e-4)
        assert page.locator("#live-bars .best th").inner_text() == str(predictions.classes[image])


@pytest.mark.slow
def test_everything_can_be_done_with_the_keyboard(page):
    page.click("#live-clear")
    page.focus("#live-pad")
    for key in ["ArrowUp"] * 6 + [" "] + ["ArrowDown"] * 12 + [" "]:
        page.keyboard.press(key)
    settle(page)
    assert page.evaluate(SAYS).startswith("It says 1, ")
    page.locator("#live-layers .maps canvas").nth(1).focus()
    for key in ["PageDown", "ArrowRight", "ArrowRight", "ArrowDown"]:
        page.keyboard.press(key)
    heading = page.inner_text("#live-value h3")
    value = page.evaluate("Live.page.layers.outputs[1].values[(26 + 2) * 32 + 1]")
    name = heading.partition(",")[0]  # Keras counts its layers
    assert heading == f"{name}, map 1, row 1, column 2: {page.evaluate('Live.inDigits', value)}"
    assert [table.inner_text() for table in page.locator("#live-value caption").all()] == [
        "values",
        "weights",
        "products",
    ]
    until(page, "document.getElementById('live-spoken').textContent.includes(', map 1')")
    for entry, words in [
        (2, "The largest of these 4 values"),
        (3, "unchanged"),
        (4, "The other 5,398 products"),
        (5, "Softmax"),
    ]:
        page.locator("#live-layers .maps canvas").nth(entry).focus()
        assert words in page.inner_text("#live-value")


@pytest.mark.slow
def test_what_if_shows_the_answer_before_and_after(page):
    draw(page, STROKES["7"])
    before = page.evaluate(SAYS)
    for _ in range(9):
        page.click("#live-down")
    settle(page)
    assert page.inner_text("#live-before") == f"Before the change: {before}"
    page.click("#live-reset")
    page.check("#live-cover")
    page.locator("#live-seen canvas").focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.evaluate("Live.page.whatIf.square") == [9, 10]
    shown = "Math.max(...Live.page.whatIf.covered.map(place => {}[place]))"
    assert page.evaluate(shown.format("Live.page.pixels")) > 200
    assert page.evaluate(shown.format("Live.page.seen.values")) == 0
    page.click("#live-reset")
    settle(page)
    assert (page.evaluate(SAYS), page.inner_text("#live-before")) == (before, "")


@pytest.mark.slow
def test_pictures_from_disk_are_read_or_refused_in_a_sentence(page):
    _, (images, labels) = load_data_set("mnist")
    paper = 190 - 0.6 * np.pad(np.kron(images[0], np.ones((8, 8))), ((20, 80), (120, 10))) - np.arange(354) / 6
    choose(page, f"{HOSTILE}.png", picture(np.clip(paper, 0, 255).astype(np.uint8)))
    assert page.evaluate(SAYS).startswith(f"It says {labels[0]}, ")
    assert page.inner_text("#live-source") == f"{HOSTILE}.png, as the network sees it."
    choose(page, "notes.png", b"not a picture")
    assert "notes.png is not a picture that this browser can read; choose" in page.inner_text("#live-source")
    choose(page, "grey.png", picture(np.full((50, 50), 128, np.uint8)))
    assert page.inner_text("#live-source").startswith("Nothing stands out in grey.png; choose")
    assert page.title() != "run"


@pytest.mark.slow
def test_clothes_are_treated_by_fashion_mnists_own_steps(page):
    shop = np.full((200, 120), 255)  # white, with a grey piece of clothing that is twice as tall as wide
    shop[20:132, 30:86] = 100
    made = page.evaluate(
        "([values, width, height]) => Array.from("
        "Live.ofPhoto({values: Float32Array.from(values), width, height}, 'clothes', 28, 28).values)",
        [shop.ravel().tolist(), shop.shape[1], shop.shape[0]],
    )
    seen = np.array(made).reshape(28, 28)
    assert np.flatnonzero(seen.max(axis=1)).tolist() == list(range(28))  # the longest side
    assert np.flatnonzero(seen.max(axis=0)).tolist() == list(range(7, 21))  # in the middle
    assert np.all(seen[3:25, 10:18] == 155)  # negated


@pytest.mark.slow
@pytest.mark.parametrize(("data", "kind"), [("mnist", "digits"), ("fashion_mnist", "clothes"), ("own", "own")])
def test_page_and_predict_see_the_same_pixels(page, data, kind, thorough):
    _, (images, _) = load_data_set("mnist")
    random = np.random.default_rng(3)
    for number, image in enumerate(images[: 200 if thorough else 30]):
        taken = photo(image, KINDS[number % len(KINDS)], random)
        made = page.evaluate(
            """([text, width, height, kind]) => {
                const bytes = Uint8ClampedArray.from(atob(text), character => character.charCodeAt(0));
                return Array.from(Live.ofPhoto(Live.grey({data: bytes, width, height}), kind, 28, 28).values);
            }""",
            [
                base64.b64encode(np.array(Image.fromarray(taken).convert("RGBA")).tobytes()).decode(),
                taken.shape[1],
                taken.shape[0],
                kind,
            ],
        )
        seen = prepared(Image.fromarray(taken).convert("RGB"), data, (28, 28), 1).image
        assert np.abs(np.array(made).reshape(28, 28) - seen).max() <= 2, number


def seen_by(page) -> np.ndarray:
    """Returns the pixels that the network of bars sees, before they are shifted or covered."""
    return np.reshape(page.evaluate("Array.from(Live.page.pixels)"), BARS)


@pytest.mark.slow
def test_pictures_that_are_wider_than_high_keep_their_sides(page_of_bars):
    sheet = np.full((200, 400), PAPER, np.uint8)
    sheet[80:120, 50:350] = PEN
    choose(page_of_bars, "bar.png", picture(sheet))
    expected = prepared(Image.fromarray(sheet).convert("RGB"), "own", BARS, 1).image
    assert np.abs(seen_by(page_of_bars) - expected).max() <= 2
    draw(page_of_bars, [[(0.2, 0.5), (0.8, 0.5)]])
    bar = np.argwhere(seen_by(page_of_bars) != seen_by(page_of_bars)[0, 0])
    assert np.ptp(bar, axis=0).tolist() == pytest.approx([0.1 * BARS[0], 0.7 * BARS[1]], abs=2)


def corners(page) -> list[int]:
    """Returns how bright the corner is: of what the network sees, of the image before its layers, and of an example."""
    return page.evaluate(
        """['#live-seen canvas', '#live-layers .maps canvas', '.example canvas'].map(name => {
            const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            copy.drawImage(document.querySelector(name), 0, 0);
            const edge = name.startsWith('.') ? 0 : 4; // of its frame
            return copy.getImageData(edge, edge, 1, 1).data[0];
        })"""
    )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_a_folder_are_drawn_light_where_they_are_light(page_of_bars, scheme):
    page_of_bars.emulate_media(color_scheme=scheme)
    settle(page_of_bars)
    assert corners(page_of_bars) == [PAPER] * 3
    page_of_bars.click("#live-clear")
    settle(page_of_bars)
    assert corners(page_of_bars)[0] == PAPER


@pytest.mark.slow
def test_a_bar_is_drawn_dark_on_paper_like_that_of_the_folder(page_of_bars, run_on_bars):
    for name, ends in {"upright": ((0.4, 0.2), (0.4, 0.8)), "lying": ((0.2, 0.6), (0.8, 0.6))}.items():
        draw(page_of_bars, [ends])
        sheet = Image.new("L", (280, 280), PAPER)
        ImageDraw.Draw(sheet).line([(280 * x, 280 * y) for x, y in ends], fill=0, width=28)
        expected = np.array(sheet.resize(BARS[::-1], Image.Resampling.BILINEAR))
        seen = seen_by(page_of_bars)
        assert np.abs(seen - expected).mean() < 5  # the pen is round, this line is not
        shown = page_of_bars.evaluate("Array.from(Live.page.layers.outputs.at(-1).values)")
        record = read_run(run_on_bars)
        np.testing.assert_allclose(shown, outputs_for(seen[None].astype(np.uint8), record)[0], atol=1e-4)
        np.testing.assert_allclose(shown, outputs_for(expected[None], record)[0], atol=0.1)
        assert page_of_bars.evaluate(SAYS).startswith(f"It says {name}, ")


@pytest.mark.slow
def test_paper_comes_where_a_picture_of_a_folder_is_covered_or_shifted(page_of_bars):
    draw(page_of_bars, [((0.5, 0.0), (0.5, 1.0))])
    assert seen_by(page_of_bars)[[0, BARS[0] // 2], BARS[1] // 2].max() < 30
    page_of_bars.check("#live-cover")
    page_of_bars.click("#live-down")
    settle(page_of_bars)
    changed = np.array(page_of_bars.evaluate("Array.from(Live.page.seen.values)"))
    assert set(changed[page_of_bars.evaluate("Live.page.whatIf.covered")]) == {PAPER}
    assert set(changed[: BARS[1]]) == {PAPER}


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "stroke"), [(246, 0), (20, 255), (0, 255)])
def test_a_drawing_stands_out_from_its_paper(page, paper, stroke):
    made = page.evaluate(
        """paper => {
            const ink = {values: Float32Array.of(0, 255), width: 2, height: 1};
            return Array.from(Live.ofDrawing(ink, 'own', 2, 1, paper).values);
        }""",
        paper,
    )
    assert made == [paper, stroke]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_live_page_of_a_folder_is_as_a_reader_needs_it(run_on_bars, browser, scheme):
    assert "a drawing is on paper like theirs" in look_at(browser, run_on_bars / run_folder.REPORT, 390, scheme)


@pytest.mark.slow
def test_a_live_page_is_as_a_reader_needs_it(run, browser):
    text = look_at(browser, run / run_folder.REPORT, 1920, "dark")
    assert "What it answers" in text
    assert "What each layer makes of it" in text


def redrawn(image: np.ndarray, how: str, random: np.random.Generator) -> np.ndarray:
    """Returns a test image as a picture of 280 x 280 or 320 x 320 pixels, uint8."""
    if how == "inverted":
        return 255 - np.array(Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC))
    side = {"shrunk": random.integers(84, 180), "in a corner": 140, "on grey paper": random.integers(140, 260)}[how]
    ink = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    size = 320 if how == "on grey paper" else 280
    where = {
        "shrunk": np.full(2, (size - side) // 2),
        "in a corner": random.integers(0, 2, 2) * (size - side),
        "on grey paper": random.integers(0, size - side, 2),
    }[how]
    sheet = Image.new("L", (size, size))
    sheet.paste(ink, tuple(where.tolist()))
    if how != "on grey paper":
        return np.array(sheet)
    down, across = np.mgrid[:size, :size] / size - 0.5
    angle, place = random.uniform(0, 2 * np.pi), random.uniform(-0.2, 0.2)
    shadow = 1 / (1 + np.exp(-12 * (across * np.cos(angle) + down * np.sin(angle) + place)))
    paper = (190 - 90 * shadow) * (1 - 0.75 * np.array(sheet) / 255) + random.normal(0, 4, (size, size))
    return np.clip(paper, 0, 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["shrunk", "in a corner", "inverted", "on grey paper"])
def test_test_images_that_are_drawn_again_are_read_as_well(page, how, thorough):
    _, (images, labels) = load_data_set("mnist")
    random, right = np.random.default_rng(0), {"original": 0, "redrawn": 0}
    count = 1000 if thorough else 25
    for image, label in zip(images[:count], labels, strict=False):
        new = redrawn(image, how, random)
        found = page.evaluate(
            """([text, side, drawn, original]) => {
                const decoded = text => Float32Array.from(atob(text), character => character.charCodeAt(0));
                const picture = {values: decoded(text), width: side, height: side};
                const seen = (drawn ? Live.ofDrawing : Live.ofPhoto)(picture, "digits", 28, 28);
                const answer = pixels => {
                    const values = Live.page.network.answer(Live.page.prepared(pixels));
                    return values.indexOf(Math.max(...values));
                };
                return [answer(decoded(original)), seen ? answer(seen.values) : -1];
            }""",
            [
                base64.b64encode(new.tobytes()).decode(),
                len(new),
                how in ("shrunk", "in a corner"),
                base64.b64encode(image.tobytes()).decode(),
            ],
        )
        right["original"] += found[0] == label
        right["redrawn"] += found[1] == label
    print(f"{how}: {right} of {count}")
    assert right["redrawn"] >= right["original"] - max(0.015 * count, 2)


@pytest.mark.slow
def test_an_answer_comes_while_one_draws(page):
    """Of the page's own thread, the processor's time alone counts: a machine that does other things is slower."""
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = browser.send("Performance.getMetrics")["metrics"]
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    page.click("#live-clear")
    before, answers = busy(), set()
    for number in range(20):
        page.evaluate(
            """i => {
                const pad = document.getElementById("live-pad"), box = pad.getBoundingClientRect();
                pad.setPointerCapture = undefined;
                pad.dispatchEvent(new PointerEvent(i ? "pointermove" : "pointerdown", {
                    pointerId: 1, buttons: 1, clientX: box.left + 100 + i, clientY: box.top + 40 + 8 * i}));
            }""",
            number,
        )
        settle(page)
        answers.add(page.evaluate(SAYS))
    took = (busy() - before) / 20
    print(f"stroke to answer, and all layers drawn: {took:.1f} ms")
    assert len(answers) > 5
    assert took <= 50
