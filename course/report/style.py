"""How every picture of the course looks, and how it becomes a PNG file, or vectors in a page."""

import base64
import contextlib
import io
import re
from collections.abc import Iterator
from html import escape

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure  # without pyplot, which would look for a screen

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"  # told apart by the colour-blind: Okabe, Ito
GREY = "#595959"
# Of weights and of other values with a sign: blue is below 0, white is 0, orange is above.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0, "#004a75"), (0.2, BLUE), (0.5, "white"), (0.8, ORANGE), (1, "#a34700")]
)
INK = "Greys"  # of images whose pixels say how much ink there is: on dark paper it is light
DOTS_PER_INCH = 144
STYLE = mpl.RcParams(
    {
        "axes.edgecolor": GREY,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",  # comes with matplotlib, so that pictures are the same everywhere
        "font.size": 11,
        "image.interpolation": "nearest",
        "legend.frameon": False,
        "lines.linewidth": 2,
        "text.parse_math": False,  # a class may be called $
        "svg.fonttype": "none",  # text is text, in the type of the page
        "svg.hashsalt": "course",  # the same figure always gives the same bytes
    }
)


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Gives axes, texts and images that are made inside of it the course's style."""
    with mpl.rc_context(STYLE):
        yield


@styled()
def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of so many inches in the course's style; 7 inches fill a page."""
    return Figure((width, height), dpi=DOTS_PER_INCH)


def png(figure: Figure) -> bytes:
    """Returns the figure as a PNG file; the same figure always gives the same bytes."""
    file = io.BytesIO()
    with styled():
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def address_of(file: bytes, kind: str = "png") -> str:
    """Returns a picture's file as an address, so that a page needs no other files."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def svg(figure: Figure, name: str, words: str) -> str:
    """Returns the figure as an <svg> element in the colours and the type of the page it is put into.

    Args:
        figure: what is drawn black, grey or blue follows the page, light or dark.
        name: begins all ids, of which a page must have each once.
        words: what it shows, for those who cannot see it.
    """
    file = io.StringIO()
    for number, axes in enumerate(figure.axes):
        if any(image.get_cmap().name == INK for image in axes.images):
            axes.set_gid(f"{INK}-{number}")  # so that colours.css finds them
        for image in axes.images:
            image.set_interpolation("none")  # pixels stay pixels, however large the page shows them
    with styled():
        figure.savefig(
            file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), transparent=True
        )
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", drawn, flags=re.DOTALL)  # it would style the whole page
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'(<image [^>]*?)\bid="[^"]*"', r"\1", drawn)  # alike for equal images
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    drawn = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", drawn)
    drawn = re.sub(r"; font-family: [^;\"]*", "", drawn)
    variables = {"#000000": "ink", GREY: "soft", "#dddddd": "line", BLUE: "bar"}
    for colour, variable in variables.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    drawn = re.sub(rf"(<text [^>]*fill: ){ORANGE}", r"\1var(--other)", drawn)  # of words, to be read on dark paper too
    drawn = re.sub(
        r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-label="{escape(words)}">', drawn, count=1
    )
    return drawn
