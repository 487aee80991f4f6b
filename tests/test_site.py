"""The site that `python -m docs.build` makes of the pages, as a reader opens it from disk."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browsing import look_at

from convolution import convolve
from course.convolution.kernels import read_kernel
from course.system.errors import CourseError
from docs import build
from docs.lesson_figures import overfitting, overfitting_images

PADDED = """Live.workbenches["padding-bench"].layers.outputs.map(({shape, values}) => [shape, Array.from(values)])"""
COURSE = ["data", "perceptron", "multilayer-perceptron", "convolutions", "convolutional-network"]


ENDLESS = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}  # elements without an end
LEFT_OPEN = {"option"}  # elements that the next one of their kind ends
PHRASES = {"p", "h1", "h2", "h3", "h4", "span", "summary", "label", "a"}  # hold words, and none of these:
BLOCKS = {"p", "h1", "h2", "h3", "h4", "div", "section", "table", "ul", "ol", "pre", "details", "noscript", "nav"}


class Found(HTMLParser):
    """What a page links to, loads, and can be linked to; its elements end where they must, and hold what they may."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.open = page.name, list[str]()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))
        assert self.open == [], page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not (tag in BLOCKS and PHRASES & set(self.open)), f"{self.page}: {tag} in {self.open}"
        assert len(attrs) == len(dict(attrs)), f"{self.page}: an attribute of {tag} is there twice"
        if tag not in ENDLESS | LEFT_OPEN:
            self.open.append(tag)
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(values["href"])
        if values.get("src"):
            self.loaded.append(values["src"])
        if "id" in values:
            assert values["id"] not in self.places, values["id"]
            self.places.add(values["id"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ENDLESS | LEFT_OPEN:
            assert self.open.pop() == tag, f"{self.page}: {self.getpos()}"


@pytest.fixture(scope="module")
def site(tmp_path_factory, request) -> Path:
    """The site; but for the slow tests its figures are the files in docs/figures, which are there already."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        if not (request.config.getoption("--slow") or request.config.getoption("--thorough")):
            patch.setattr(build, "FIGURES", {})
        assert len(build.build(folder)) > 20
    return folder


def test_every_link_leads_somewhere_and_nothing_is_loaded(site):
    pages = {page.resolve(): Found(page) for page in site.rglob("*.html")}
    for page, found in pages.items():
        for link in found.links:
            address, _, place = link.partition("#")
            if ":" not in address:
                target = (page.parent / address).resolve() if address else page
                assert target in pages, f"{page.name}: {link}"
                assert not place or place in pages[target].places, f"{page.name}: {link}"
            else:
                assert link.startswith("https://"), link
        assert all(address.startswith("data:image/") for address in found.loaded)


def luminance(colour: str) -> float:
    """Returns the relative luminance of a colour such as #d9d9d9 or #444, as WCAG defines it."""
    parts = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    light = [int(parts[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in light)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_words_can_be_read_on_light_and_dark_paper(site):
    page = (site / "overfitting.html").read_text(encoding="utf-8")
    schemes = re.findall(r":root \{(?: color-scheme: light dark;)? (--paper.*?) \}", page)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"(--\w+): (#\w+);", scheme))
        for name in ("--ink", "--soft", "--bar", "--other"):
            one, other = sorted((luminance(colours["--paper"]), luminance(colours[name])))
            assert (other + 0.05) / (one + 0.05) >= 4.5, name
    figure = build.svg(overfitting(), "a", "b") + build.svg(overfitting_images(), "c", "d")
    words = set(re.findall(r"<text [^>]*fill: ([^;\"]+)", figure))
    assert words <= {
        "var(--soft)",
        "var(--bar)",
        "var(--other)",
        "#ffffff",
        "#010101",
    }  # last: in coloured cells


def test_one_way_leads_through_the_course(site):
    page, seen = site / "data.html", []
    while page.name not in seen:
        seen.append(page.name)
        after = [line for line in page.read_text(encoding="utf-8").splitlines() if 'rel="next"' in line]
        if after:
            page = page.parent / after[0].partition('href="')[2].partition('"')[0]
    assert seen[:5] == [f"{name}.html" for name in COURSE]
    assert len(seen) == len(build.chapters())


def test_a_link_to_nothing_is_refused(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n[nothing](nowhere.md)\n", encoding="utf-8")
    about = build.PageToWrite(page, Path("page.html"), {}, [])
    with pytest.raises(CourseError, match=r"links to .*nowhere\.md, which is not there"):
        build.page(about, [])


def test_a_site_that_cannot_be_built_leaves_the_one_before(tmp_path, monkeypatch):
    def fail(*given: object) -> str:
        raise CourseError("a dead link")

    (tmp_path / "index.html").touch()
    monkeypatch.setattr(build, "page", fail)
    with pytest.raises(CourseError):
        build.build(tmp_path)
    assert (tmp_path / "index.html").exists()


def test_a_page_has_live_figures_of_one_kind(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n<!-- live: curves -->\n\n<!-- live: convolution-1-kernel -->\n", encoding="utf-8")
    with pytest.raises(CourseError, match="different data"):
        build.page(build.PageToWrite(page, Path("page.html"), {}, []), [])


@pytest.mark.slow
def test_the_pages_in_a_browser(site, browser, thorough):
    """Nothing is asked of a network, nothing is said on the console, nothing is too wide, everybody can read it."""
    pages = sorted(site.rglob("*.html")) if thorough else [site / f"{name}.html" for name in ("index", *COURSE[1:4:2])]
    for page_file in pages:
        for width, scheme in ((390, "dark"), (1280, "light")):
            look_at(browser, page_file, width, scheme, pictured=False)


@pytest.mark.slow
def test_figures_answer(site, browser):
    page = browser.new_page()
    page.goto((site / "perceptron.html").as_uri())
    sums = page.locator("#softmax-sums input")
    assert "The answer is 0, with 70.5%." in page.inner_text("#softmax-says")
    sums.nth(1).focus()
    for _ in range(30):  # by keyboard: 1 becomes 4
        page.keyboard.press("ArrowRight")
    assert "The powers add up to 62.36" in page.inner_text("#softmax-says")  # e^2 + e^4 + e^-1
    assert "The answer is 1, with 87.6%." in page.inner_text("#softmax-says")

    page.goto((site / "multilayer-perceptron.html").as_uri())
    assert "2 of 4 points" in page.inner_text("#line-says")
    across, up, bias = (page.locator("#line-weights input").nth(number) for number in range(3))
    for slider, value in ((across, 1), (up, 1), (bias, -1.5)):
        slider.fill(str(value))
    assert "All four points" in page.inner_text("#line-says")
    page.select_option("#line-points", "opposite corners")
    assert "All four points" not in page.inner_text("#line-says")

    page.goto((site / "overfitting.html").as_uri())
    said = page.inner_text("#curves-says")
    assert "At the end the validation loss is 0.2" in said
    for slider, end in ((0, "0.6"), (1, "55,000")):
        page.locator("#curves-choice input").nth(slider).press("End")
        assert page.locator("#curves-choice output").nth(slider).inner_text() == end
        assert said != (said := page.inner_text("#curves-says"))
    assert "At the end the training loss, with dropout on, is" in said
    assert page.locator("#curves-drawing svg polyline").count() == 2

    page.goto((site / "convolutions.html").as_uri())
    assert "products" in page.inner_text("#kernel-bench-value")  # of a value that is opened at once
    page.locator("#kernel-bench-layers .maps canvas").nth(1).hover(position={"x": 20, "y": 20})
    assert "row 1, column 1: 0" in page.inner_text("#kernel-bench-value")
    page.select_option("#stride-bench-stride", "2")
    assert "(28 − 3) / 2 + 1 = 13.5, rounded down: 13 stops" in page.inner_text("#stride-bench-says")
    assert "676" in page.inner_text("#pooling-bench-says")
    page.select_option("#padding-bench-padding", "same")
    assert "8 / 1 = 8 stops. Zeros: 1 before and 1 after" in page.inner_text("#padding-bench-says")
    assert page.locator("#padding-bench-layers .maps canvas").count() == 3  # also with zeros
    page.select_option("#padding-bench-stride", "2")
    assert "8 / 2 = 4 stops. Zeros: 0 before and 1 after" in page.inner_text("#padding-bench-says")
    found = [np.reshape(np.float32(values), shape) for shape, values in page.evaluate(PADDED)]
    np.testing.assert_allclose(found[-1], convolve(found[0], read_kernel("vertical_edges"), 2, "same"), atol=1e-5)
    page.close()
