"""The Weights & Biases run of a training: online with credentials, offline without, never in training's way."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from course import agent
from course.runs.record import Predictions, Row
from course.system.errors import CourseError, first_line
from course.system.files import shown
from course.system.left_out import left_out

if TYPE_CHECKING:
    import wandb

os.environ.setdefault("WANDB_SILENT", "true")  # this module says what there is to say
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no telemetry
MODES = ("online", "offline", "disabled")
OTHER_NAMES = {"run": "online", "dryrun": "offline"}  # with which wandb means these
PREDICTIONS_TRACKED = 16  # images
START_SECONDS = 10  # what a dead server may cost before the run continues offline
FINISH_SECONDS = 15  # what it may cost at the end, when the last metrics are on their way
STUCK_SECONDS = 20  # after which wandb's own process, which answers in milliseconds, is stuck


def asked_mode() -> str | None:
    """Returns the mode that WANDB_MODE or WANDB_DISABLED asks for, None if neither does; raises CourseError."""
    asked = os.environ.get("WANDB_MODE")
    if not asked:  # wandb itself has forgotten the other one, people have not
        return "disabled" if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1") else None
    asked = OTHER_NAMES.get(asked, asked)
    if asked not in MODES:
        raise CourseError(f"WANDB_MODE is {asked}, but must be {' or '.join(MODES)}; change it or unset it.")
    return asked


def chosen_mode() -> str:
    """Returns the mode that is asked for, else that of `wandb offline` or `wandb disabled`, else online."""
    asked = asked_mode()
    if asked is not None:
        return asked
    import wandb  # late: it takes a second

    settings = wandb.Settings()  # not wandb.setup(): it starts a process, which writes to the home
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    settings.settings_system = str(Path(folder).expanduser() / "settings")
    settings.update_from_system_settings()
    mode = settings.mode
    return OTHER_NAMES.get(mode, mode)


class Tracking:
    """One run in Weights & Biases. Whatever goes wrong with it ends in a sentence, not in the end of the training."""

    def __init__(self, name: str, project: str, config: dict[str, Any], folder: Path, identity: str) -> None:
        """Starts the run, or continues the one that has this identity; its files go to `folder`/wandb.

        The mode is that of `chosen_mode` if it is offline or disabled; otherwise online if there is an API key and a
        server that answers, else offline. Nothing is asked.
        """
        os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "wandb" / "cache"))  # its logs, too, stay out of the home
        os.environ.pop(agent.VARIABLE, None)  # wandb would put a sweep's values, unchecked, in the place of `config`'s
        import wandb  # late: it takes a second

        self.wandb = wandb
        self.failed = False
        hook = sys.excepthook
        with left_out("wandb.sdk.launch"):  # half a second, for jobs that a lesson never is
            self.run = _start(wandb, name=name, project=project, config=config, dir=folder, id=identity)
        sys.excepthook = hook  # wandb's would show the traceback of an error that ends in a sentence

    def log(self, values: Row, step: int) -> None:
        """Logs the metrics of one epoch; `step` counts epochs from 1. A server ignores a step that it already has."""
        with self._guard():
            self.run.log(values, step=step, commit=True)

    def log_predictions(
        self, images: np.ndarray, predictions: Predictions, names: tuple[str, ...], image_size: tuple[int, int]
    ) -> None:
        """Logs the first test images, each with what it is and what it is predicted as, in the `names` of classes.

        The images are as the network takes them, (n, ...), whatever their scale; image_size is (height, width).
        """
        with self._guard():
            first = np.asarray(images[:PREDICTIONS_TRACKED], "float32")
            first = first.reshape(len(first), *image_size, -1)  # with their channels
            darkest, brightest = first.min(), first.max()
            pixels = np.rint((first - darkest) * (255 / max(brightest - darkest, 1e-9))).astype(np.uint8)
            pictures = []
            for image, label, scores in zip(pixels, predictions.labels, predictions.outputs, strict=False):
                sure = f" ({scores.max():.0%})" if predictions.are_probabilities else ""
                predicted = names[scores.argmax()] if len(scores) > 1 else f"{scores[0]:.2f}"
                caption = f"{names[label]}, predicted as {predicted}{sure}"
                pictures.append(self.wandb.Image(image.squeeze(-1) if image.shape[-1] == 1 else image, caption=caption))
            self.run.log({"predictions": pictures})

    def log_pictures(self, pictures: Iterable[tuple[str, str, bytes, str]]) -> None:
        """Logs pictures: of each its name, under which there may be several, its words, its PNG and more."""
        with self._guard():
            images = defaultdict(list)
            for name, words, png, _ in pictures:
                images[name].append(self.wandb.Image(Image.open(io.BytesIO(png)), caption=words))
            self.run.log(images)

    def summarize(self, values: Row) -> None:
        """Writes the run's final values, which its table in Weights & Biases shows."""
        with self._guard():
            self.run.summary.update(values)

    def finish(self, exit_code: int = 0) -> None:
        """Ends the run; waits at most FINISH_SECONDS for the server."""
        with self._guard():
            self.run.finish(exit_code=exit_code)
            if not (exit_code or self.run.disabled or self._is_kept()):  # removed meanwhile, which Linux tells nobody
                raise FileNotFoundError(f"{shown(self._folder())} is gone")
        with self._guard():  # here, because at the end of the program Python would wait for its process without a bound
            self.wandb.teardown()
        if self.run.offline and not self.failed:
            with self._guard():  # `wandb sync` is to skip earlier parts of a resumed run: its last one has all of it
                name = f"run-{self.run.id}.wandb"
                for part in self._folder().parent.glob(f"offline-run-*-{self.run.id}"):
                    if part != self._folder() and (part / name).exists():
                        (part / f"{name}.synced").touch()  # the mark that wandb itself leaves on what it has uploaded

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Encloses what a training must not fail or wait for; its failure is said once, in a sentence."""
        try:
            with _at_most(STUCK_SECONDS, self.wandb):
                yield
        except Exception as error:  # for example a full disk, or a server that died
            if not self.failed:
                _say(f"Tracking failed ({first_line(error)}); the run itself is not affected")
            self.failed = True

    def directions(self) -> list[str]:
        """Returns lines that say how to look at the run and how to upload it."""
        if self.run.disabled or not self._is_kept():
            return []
        folder = shown(self._folder())
        if not (self.run.offline or self.failed):  # a server that refuses in the middle of a run is not reported
            again = f"wandb sync --include-online {folder}"
            return [f"Look at it:  {self.run.url}", f"If something is missing there:  {again}"]
        sync = "wandb sync" if self.run.offline else "wandb sync --include-online"
        return [f"Upload it:   {sync} {folder}"]

    def _folder(self) -> Path:
        return Path(self.run.settings.sync_dir)

    def _is_kept(self) -> bool:
        return Path(self.run.settings.sync_file).exists()


def _start(module: ModuleType, **options: object) -> wandb.Run:
    """Starts a run, offline if a server refuses, untracked if the disk does; `module` is wandb."""
    settings = module.Settings(
        init_timeout=START_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
        x_transaction_log_flush_interval=1,  # what kill -9 may cost, in seconds
        console="off",  # else each print waits for wandb's process
    )
    init = functools.partial(module.init, settings=settings, **options)
    mode = chosen_mode()
    try:
        if mode == "online" and not module.login(prompt=False, verify=False):
            mode = "offline"
    except Exception as error:  # for example a key that is not one
        _say(f"Weights & Biases cannot use its API key ({first_line(error)}); this run is tracked offline")
        mode = "offline"
    if mode == "online":
        try:
            with _at_most(STUCK_SECONDS, module):
                return init(mode="online", resume="allow")
        except Exception as error:  # a server can refuse in many ways, and none may end the lesson
            _say(f"Weights & Biases refused or did not answer ({first_line(error)}); this run is tracked offline")
            mode = "offline"
            with contextlib.suppress(Exception), _at_most(STUCK_SECONDS / 4, module):
                module.teardown()  # its process would say that the id is in use
    try:
        with _at_most(1.5 * STUCK_SECONDS, module):  # the last try; a busy machine is slow to start a process
            return init(mode=mode)
    except Exception as error:  # for example a full disk
        _say(f"This run is not tracked ({first_line(error)})")
        return module.init(mode="disabled")


@contextlib.contextmanager
def _at_most(seconds: float, module: ModuleType) -> Iterator[None]:
    """Kills wandb's own process if the block takes longer, so that whatever waits for it fails; `module` is wandb.

    Raises TimeoutError then, ChildProcessError if the process was ended by somebody else.
    """
    process, killed = _process_of(module), threading.Event()

    def kill() -> None:
        stuck = process or _process_of(module)
        if stuck is not None:
            killed.set()
            stuck.kill()

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (Exception, SystemExit) as error:  # teardown exits as the process does
        if unborn := re.search(r"wandb-core PID=(\d+)", str(error)):  # it never said how to reach it
            with contextlib.suppress(OSError):
                os.kill(int(unborn[1]), getattr(signal, "SIGKILL", signal.SIGTERM))
        if not killed.is_set():
            if isinstance(error, SystemExit) or (process is not None and process.poll() is not None):
                raise ChildProcessError("Weights & Biases' own process was ended") from None
            raise
    finally:
        timer.cancel()
    if killed.is_set():
        raise TimeoutError(f"Weights & Biases' own process did not answer for {seconds:.0f} seconds")


def _process_of(module: ModuleType) -> subprocess.Popen[bytes] | None:
    """Returns the process to which wandb hands over what it tracks, None if there is none yet."""
    connection = getattr(module.sdk.wandb_setup._singleton, "_connection", None)
    return getattr(getattr(connection, "_proc", None), "_process", None)


def _say(sentence: str) -> None:
    print(f"{sentence}.", file=sys.stderr)
