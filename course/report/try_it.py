"""What a report needs so that its network answers in the page: the network, images to try, and the scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course.report import alive
from course.report.run_to_show import RunToShow
from course.report.tested_images import are_ink, paper_of
from course.report.trust import SURE
from course.runs import folder as run_folder
from course.runs.record import Predictions
from course.system.errors import first_line

SCRIPTS = Path(__file__).parent / "live"
ORDER = (  # each uses what those before it define
    "network", "layers", "arithmetic", "picture", "elements", "maps", "numbers", "answer", "pad", "whatif", "inside",
    "start",
)  # fmt: skip
KINDS = {"mnist": "digits", "fashion_mnist": "clothes"}  # how a drawing or photo becomes such a picture
OF_EACH_CLASS, MOST_MISTAKES = 2, 24  # test images to choose from


class LivePage(NamedTuple):
    """What live.html shows; `problem` says why there is nothing else."""

    problem: str = ""
    data: dict[str, object] | None = None  # for the scripts, as JSON
    script: str = ""
    hash: str = ""  # of the script, as a Content-Security-Policy names it
    kind: str = ""  # "digits", "clothes" or "own"
    sure: int = 0  # mistakes of which the network was sure
    wrong: int = 0  # mistakes


def what_can_be_tried(run: RunToShow) -> LivePage | None:
    """Returns what live.html shows of a run, None if it was not tested."""
    if run.predictions is None or not (run.record.folder / run_folder.MODEL).exists():
        return None
    if run.record.image_channels != 1:
        return LivePage(problem="One cannot draw in colour here; python predict.py asks this network about a picture.")
    try:
        return _live_page(run, run.predictions)
    except alive.NotAlive as reason:
        return LivePage(problem=str(reason))
    except Exception as error:  # a learner's network may be anything, and its images may be gone
        return LivePage(problem=f"This network cannot be tried in the page ({first_line(error)}).")


def page_script(names: tuple[str, ...] = ORDER) -> tuple[str, str]:
    """Returns scripts of live/ as one, and its hash, as a Content-Security-Policy names it."""
    return joined(SCRIPTS / f"{name}.js" for name in names)


def joined(scripts: Iterable[Path]) -> tuple[str, str]:
    """Returns scripts as one, and its hash, as a Content-Security-Policy names it."""
    text = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    digest = hashlib.sha256(text.encode()).digest()
    return text, f"'sha256-{base64.b64encode(digest).decode()}'"


def _live_page(run: RunToShow, predictions: Predictions) -> LivePage:
    described, preparation = alive.description(run.network.whole), run.preparation
    kind = KINDS.get(run.record.data, "own")
    confidence, wrong = predictions.outputs.max(axis=1), predictions.classes != predictions.labels
    chosen = _chosen(predictions, confidence, wrong)
    text, named = page_script()
    return LivePage(
        data={
            "network": described,
            "classes": run.names,
            "kind": kind,
            "light": not are_ink(run.record.data),  # 255 is white, not ink
            "paper": paper_of(run.images, run.record.data),
            "size": run.record.image_size,
            "probabilities": predictions.are_probabilities,
            "preparation": {
                "scale": float(preparation.scale),
                "offset": float(preparation.offset),
                "rounded": preparation.dtype.kind in "ui",
            },
            "images": base64.b64encode(run.images[chosen].tobytes()).decode(),
            "examples": [
                {"number": number, "truth": int(predictions.labels[number]), "answer": int(predictions.classes[number])}
                for number in chosen
            ],
        },
        script=text,
        hash=named,
        kind=kind,
        sure=int(np.sum(confidence[wrong] >= SURE)) if predictions.are_probabilities else 0,
        wrong=int(wrong.sum()),
    )


def _chosen(predictions: Predictions, confidence: np.ndarray, wrong: np.ndarray) -> list[int]:
    """Returns the numbers of test images: the first of each class that were right, and the most confident mistakes."""
    right = [
        number
        for label in range(predictions.outputs.shape[1])
        for number in np.flatnonzero(~wrong & (predictions.labels == label))[:OF_EACH_CLASS].tolist()
    ]
    mistakes = np.flatnonzero(wrong)
    return right + mistakes[np.argsort(-confidence[mistakes], kind="stable")][:MOST_MISTAKES].tolist()
