"""Builds the pages of docs/ as a site that opens from disk, without a network: `python -m docs.build`.

docs/README.md says which pages there are, in their order. A figure is drawn in the colours of the page, light or dark;
some have something to try beneath them, or give way to it. A file of the repository that a page links to becomes a
page, too.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

import convolution
from course.convolution.figures import striking_part
from course.convolution.kernels import read_kernel
from course.convolution.pictures import read_picture
from course.convolution.workbench import SCRIPTS, as_steps, workbench_data
from course.report.page import render
from course.report.style import address_of, svg
from course.report.try_it import SCRIPTS as COURSE_SCRIPTS
from course.report.try_it import joined
from course.system.errors import CourseError
from course.system.files import shown, write_text
from docs.curves import LONG, curves_data
from docs.draw import FIGURES

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
SITE = DOCS / "site"
CONTENTS = DOCS / "README.md"
TEMPLATES = DOCS / "templates"
SLIDERS = (DOCS / "live" / "sliders.js", DOCS / "live" / "drawing.js")
ELEMENTS = (COURSE_SCRIPTS / "network.js", COURSE_SCRIPTS / "elements.js")  # which all others use


class Live(NamedTuple):
    """Something to try: a template, and the scripts that fill it."""

    template: str
    scripts: tuple[Path, ...]
    values: Mapping[str, object] = {}  # of the template
    data: Callable[[], Mapping[str, object]] | None = None  # for the scripts, as JSON; one for each page
    instead: bool = False  # of the still figure, because it shows all of that; else beneath it


def bench_data() -> dict[str, object]:
    """Returns what convolution.py's page needs, and "part", the 8x8 pixels whose border its figure on padding shows."""
    config = convolution.Config()
    data = workbench_data(config)
    grey = read_picture(config.image).mean(axis=-1, keepdims=True)
    part = striking_part(grey, convolution.convolve(grey, read_kernel(config.kernel)), 8)
    pictures = dict[str, object](data["pictures"])  # type: ignore[call-overload]
    return data | {"pictures": pictures | {"part": as_steps(part[..., 0])}}


def bench(name: str, title: str, words: str, *parts: str, instead: bool = True, **values: object) -> Live:
    """Returns a part of convolution.py's page; `parts` are the controls that it has."""
    scripts = tuple(COURSE_SCRIPTS / f"{script}.js" for script in SCRIPTS)
    told = {"id": f"{name}-bench", "title": title, "words": words, "parts": parts, "opened": True} | values
    return Live("bench.html", scripts, told, bench_data, instead)


LIVE = {  # by the name of the figure, or of the comment in its place
    "convolution-1-kernel": bench(
        "kernel",
        "Move the kernel",
        "Move over the feature map, by pointer or keyboard: the frame in the picture shows on which nine pixels the "
        "kernel lies, and below are their products.",
        "picture",
    ),
    "convolution-2-kernels": bench(
        "weights",
        "Change the weights",
        "Take one of the six kernels, or drag its nine weights, and see what they find.",
        "picture",
        "kernel",
        instead=False,
    ),
    "convolution-4-stride": bench(
        "stride",
        "Change the stride",
        "A green dot is the middle of each stop of the kernel. What happens to the number of stops, and to the value "
        "at a stop that remains?",
        "picture",
        "stride",
    ),
    "convolution-5-padding": bench(
        "padding",
        "Change the padding",
        "Eight by eight pixels of the digit. What do the zeros around them do at the border of the feature map?",
        "stride",
        "padding",
        picture="part",
        zeros=True,
    ),
    "convolution-6-pooling": bench(
        "pooling",
        "Change the pooling",
        "Move over what pooling leaves: the frame in the feature map shows which values become one.",
        "picture",
        "pooling",
    ),
    "perceptron-sums": Live("softmax.html", (*SLIDERS, DOCS / "live" / "softmax.js")),
    "hidden-layer": Live("line.html", (*SLIDERS, DOCS / "live" / "line.js")),
    "curves": Live("curves.html", (*SLIDERS, DOCS / "live" / "curves.js"), {"epochs": LONG}, curves_data),
}


class Chapter(NamedTuple):
    """A page that the contents name."""

    file: Path
    title: str
    part: str  # the heading of the contents under which it is


class PageToWrite(NamedTuple):
    """What the page that is being written needs besides its text."""

    source: Path
    target: Path  # relative to the site
    linked: dict[Path, Path]  # files that become pages, too, with what they become
    live: list[Live]  # what the page holds


def parser() -> MarkdownIt:
    """Returns what turns Markdown into HTML, as a code host does: tables, anchors at headings, coloured code."""
    return MarkdownIt("commonmark", {"highlight": coloured}, renderer_cls=Renderer).enable("table")


def coloured(code: str, language: str, _: str = "") -> str:
    """Returns a block of code as HTML, its words coloured if the language is known, else escaped."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return escape(code)
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


class Renderer(RendererHTML):
    """Writes figures into the page, lets wide tables and code scroll, and leads links to built pages."""

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        about: PageToWrite = env["about"]
        words = self.renderInlineAsText(tokens[index].children or [], options, env)
        file = (about.source.parent / str(tokens[index].attrs["src"])).resolve()
        if file.parent == DOCS / "figures" and file.stem in FIGURES:
            drawn = svg(FIGURES[file.stem](), file.stem, words)
        else:
            drawn = f'<img src="{address_of(file.read_bytes(), file.suffix[1:])}" alt="{escape(words)}">'
        return self.with_live(figure(drawn), file.stem, about)

    def with_live(self, still: str, name: str, about: PageToWrite) -> str:
        """Returns a figure, or nothing, with what there is to try of that name, if there is."""
        live = LIVE.get(name)
        if live is None:
            return still
        about.live.append(live)
        tried = render(live.template, TEMPLATES, **live.values)
        return f"<noscript>{still}</noscript>{tried}" if live.instead else still + tried

    def html_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        comment = re.fullmatch(r"<!-- live: (\S+) -->\s*", tokens[index].content)  # where there is no still figure
        return (
            self.with_live("", comment[1], env["about"]) if comment else super().html_block(tokens, index, options, env)
        )

    def paragraph_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "" if is_figure(tokens[index + 1]) else self.renderToken(tokens, index, options, env)

    def paragraph_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "" if is_figure(tokens[index - 1]) else self.renderToken(tokens, index, options, env)

    def heading_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        words = re.sub(r"[^\w\- ]", "", tokens[index + 1].content.lower())
        tokens[index].attrs["id"] = words.replace(" ", "-")  # as code hosts call it
        return self.renderToken(tokens, index, options, env)

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        about: PageToWrite = env["about"]
        address, mark, place = str(tokens[index].attrs["href"]).partition("#")
        if address and ":" not in address:
            tokens[index].attrs["href"] = way_to((about.source.parent / address).resolve(), about) + mark + place
        return self.renderToken(tokens, index, options, env)

    def code_inline(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        code = super().code_inline(tokens, index, options, env)
        return re.sub(
            r"(?<![^\s>])--?[\w-]+", r'<span class="option">\g<0></span>', code
        )  # never broken behind its dashes

    def table_open(self, *_: object) -> str:
        return '<div class="wide" tabindex="0" role="group" aria-label="table"><table>'

    def th_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        if not tokens[index + 1].content:  # a cell above a column without a name heads nothing
            tokens[index].tag = tokens[index + 2].tag = "td"
        return self.renderToken(tokens, index, options, env)

    def table_close(self, *_: object) -> str:
        return "</table></div>"

    def fence(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return reachable(super().fence(tokens, index, options, env))

    def code_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return reachable(super().code_block(tokens, index, options, env))


def is_figure(inline: Token) -> bool:
    """Returns whether a paragraph is just an image, which becomes more than a paragraph may hold."""
    return [child.type for child in inline.children or []] == ["image"]


def reachable(code: str) -> str:
    """Returns a block of code that scrolls by keyboard, too."""
    return code.replace("<pre>", '<pre tabindex="0">', 1)


def figure(drawn: str) -> str:
    """Returns a figure that scrolls in itself where it would be too small to read."""
    return f'<div class="figure" tabindex="0" role="group" aria-label="figure">{drawn}</div>'


def way_to(file: Path, about: PageToWrite) -> str:
    """Returns where a file of the repository is on the site, seen from a page; it is going to be written, too.

    Raises CourseError if there is no such file.
    """
    file = file / "README.md" if file.is_dir() else file
    if not file.is_file():
        raise CourseError(f"{shown(about.source)} links to {shown(file)}, which is not there.")
    if file not in about.linked:
        is_page = file.is_relative_to(DOCS) and file.suffix == ".md"
        about.linked[file] = (
            file.relative_to(DOCS).with_suffix(".html")
            if is_page
            else Path("files") / f"{file.relative_to(REPOSITORY)}.html"
        )
    return Path(os.path.relpath(about.linked[file], about.target.parent)).as_posix()


def chapters() -> list[Chapter]:
    """Returns the pages that docs/README.md lists, in its order."""
    found: list[Chapter] = []
    part = ""
    tokens = parser().parse(CONTENTS.read_text(encoding="utf-8"))
    for token, content in itertools.pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            part = content.content
        elif content.type == "inline" and part and content.level > 1:
            first, text, *_ = content.children or []
            found.append(Chapter((DOCS / str(first.attrs["href"])).resolve(), text.content, part))
    return found


def page(about: PageToWrite, listed: Sequence[Chapter]) -> str:
    """Returns a file of the repository as a page of the site, with ways to the pages before and after it."""
    text = about.source.read_text(encoding="utf-8")
    if about.source.suffix == ".md":
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), "")
        body = parser().render(text, {"about": about})
    else:
        title, body = "", f'<pre tabindex="0"><code>{coloured(text, about.source.suffix[1:])}</code></pre>'
    if not title:  # of a script, or of a table that a benchmark wrote
        title = about.source.relative_to(REPOSITORY).as_posix()
        body = f"<h1>{escape(title)}</h1>\n{body}"
    part, before, after = "", None, None
    for previous, chapter, following in zip([None, *listed], listed, [*listed[1:], None], strict=False):
        if chapter.file == about.source:
            part, before, after = chapter.part, previous, following
    data = {live.data for live in about.live if live.data}
    if len(data) > 1:
        raise CourseError(f"{shown(about.source)} has live figures with different data; a page can hold one kind.")
    script, script_hash = joined(dict.fromkeys(file for each in about.live for file in (*ELEMENTS, *each.scripts)))
    return render(
        "lesson.html",
        TEMPLATES,
        title=title,
        body=body,
        part=part,
        home=way_to(CONTENTS, about),
        before=before and (way_to(before.file, about), before.title),
        after=after and (way_to(after.file, about), after.title),
        script=script,
        hash=script_hash,
        data=data.pop()() if data else None,
        colours=colours(),
    )


@functools.cache
def colours() -> str:
    """Returns the style of coloured code, light and dark."""
    light, dark = (HtmlFormatter(style=style).get_style_defs("code") for style in ("xcode", "one-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"


def build(site: Path) -> list[Path]:
    """Writes the site into a folder, which is emptied before; returns its files.

    Raises CourseError for a dead link, and leaves the folder as it was.
    """
    listed = chapters()
    linked = {CONTENTS: Path("index.html")}
    pages: dict[Path, str] = {}  # by the file that each is made of
    while waiting := [file for file in linked if file not in pages]:
        for file in waiting:
            pages[file] = page(PageToWrite(file, linked[file], linked, []), listed)
    shutil.rmtree(site, ignore_errors=True)
    for file, text in pages.items():
        (site / linked[file]).parent.mkdir(parents=True, exist_ok=True)
        write_text(site / linked[file], text)
    return [site / linked[file] for file in pages]


if __name__ == "__main__":
    print(f"{len(build(SITE))} pages; open {shown(SITE / 'index.html')}")
