"""The site that `python -m docs.build` makes of the pages, as a reader opens it from disk."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsing import look_at

from course.system.errors import CourseError
from docs import build

COURSE = ["data", "perceptron", "multilayer-perceptron", "convolutions", "convolutional-network"]


class Found(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(values["href"])
        if values.get("src"):
            self.loaded.append(values["src"])
        if "id" in values:
            assert values["id"] not in self.places, values["id"]
            self.places.add(values["id"])


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


@pytest.mark.slow
def test_the_pages_in_a_browser(site, browser, thorough):
    """Nothing is asked of a network, nothing is said on the console, nothing is too wide, everybody can read it."""
    pages = sorted(site.rglob("*.html")) if thorough else [site / f"{name}.html" for name in ("index", *COURSE[1:4])]
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
    page.select_option("#line-points", "corners, crosswise")
    assert "All four points" not in page.inner_text("#line-says")

    page.goto((site / "convolutions.html").as_uri())
    maps = page.locator("#live-layers .maps canvas")
    assert maps.count() == 3  # the picture, the feature map, and what pooling leaves of it
    maps.nth(1).hover()
    page.wait_for_timeout(100)
    assert "sum" in page.inner_text("#live-value")
    page.close()
