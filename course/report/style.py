"""How every picture of the course looks, and how it becomes a PNG."""

import contextlib
import io
from collections.abc import Iterator

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure  # without pyplot, which would look for a screen

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"  # told apart by the colour-blind: Okabe, Ito
GREY = "#595959"
# Of weights and of other values with a sign: blue is below 0, white is 0, orange is above.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0, "#004a75"), (0.2, BLUE), (0.5, "white"), (0.8, ORANGE), (1, "#a34700")]
)
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
