"""What a sweep leaves on disk, so that it can be looked at, and gone on with after whatever stopped it."""

import contextlib
import csv
import io
import json
import re
import secrets
import shutil
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from course.runs import folder as run_folder
from course.sweep import file as sweep_file
from course.sweep.file import SweepFile
from course.system.errors import CourseError
from course.system.files import shown, write_json, write_text

FOLDER = "sweeps"  # in runs/
FILE, SETTINGS, TRIALS, TABLE = "sweep.yaml", "config.json", "trials", "trials.csv"
ENDED = ("finished", "stopped", "failed")


class Trial(BaseModel):
    """One choice of values, and what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int  # from 1
    values: dict[str, Any]
    state: Literal["open", "finished", "stopped", "failed"] = "open"  # stopped: early, because others were better
    score: float | None = None  # the metric after its last epoch
    epochs: int = 0
    seconds: float = 0
    folder: str | None = None  # of its run, from runs/
    node: str | None = None  # of the cluster, by its number in Ray
    problem: str | None = None  # a sentence, if it failed

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Settings(BaseModel):
    """What a sweep was started with, besides its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int
    seed: int
    working_directory: str  # where its script was found, and relative paths begin


class Sweep(NamedTuple):
    """A sweep and its folder, runs/sweeps/<time>-<name>-<four letters>: its file, its settings and its trials."""

    folder: Path
    file: SweepFile
    settings: Settings

    @classmethod
    def new(cls, file: Path, at_most: int | None, seed: int) -> Self:
        """Makes the folder; raises CourseError if that cannot be done or the file is not as it should be."""
        content = sweep_file.read(file, at_most)
        name = re.sub(r"[^\w.-]+", "-", content.name or file.stem)[:20]
        # The letters tell its runs from those of every other sweep.
        folder = run_folder.new_folder(FOLDER, f"{name}-{secrets.token_hex(2)}")
        settings = Settings(trials=content.trials(at_most), seed=seed, working_directory=str(Path.cwd()))
        try:
            (folder / TRIALS).mkdir()
            shutil.copyfile(file, folder / FILE)
        except OSError as error:
            raise CourseError(f"{shown(folder)} cannot be written ({error.strerror}).") from None
        write_json(folder / SETTINGS, settings.model_dump())
        run_folder.point_latest_to(folder)
        return cls(folder, content, settings)

    @classmethod
    def old(cls, folder: Path, at_most: int | None = None) -> Self:
        """Returns the sweep in a folder, with as many trials as it had, or `at_most` from now on.

        Raises:
            CourseError: there is none, or its script no longer fits.
        """
        try:
            settings = Settings.model_validate_json((folder / SETTINGS).read_bytes())
        except (OSError, ValidationError):
            sweeps = shown(run_folder.RUNS / FOLDER)
            raise CourseError(f"{shown(folder)} holds no sweep; give a folder in {sweeps}.") from None
        if Path.cwd() != Path(settings.working_directory):
            raise CourseError(f"This sweep began in {settings.working_directory}; go there first.")
        content = sweep_file.read(folder / FILE, at_most or settings.trials)
        if at_most is not None:
            settings = settings.model_copy(update={"trials": content.trials(at_most)})
            write_json(folder / SETTINGS, settings.model_dump())
        return cls(folder.resolve(), content, settings)

    def lock(self) -> Any:
        """Returns what keeps other programs from running this sweep until it is closed; raises CourseError."""
        try:
            return run_folder.lock(self.folder)
        except BlockingIOError:
            raise CourseError(f"{shown(self.folder)} is still running; wait for its end, or stop it first.") from None

    @property
    def group(self) -> str:
        """What its trials have in common in Weights & Biases, and what the names of their runs begin with."""
        return self.folder.name.split("_", 1)[1].split("-", 3)[3]

    def trials(self) -> list[Trial]:
        """Returns all trials that were chosen so far, by number; raises CourseError if one is damaged."""
        return [self._read(file) for file in sorted((self.folder / TRIALS).glob("[0-9]*.json"))]

    def trial(self, number: int) -> Trial:
        return self._read(self._file(number))

    def keep(self, trial: Trial) -> None:
        """Writes what is known of a trial, at once or not at all."""
        write_json(self._file(trial.number), trial.model_dump())

    def log(self, number: int) -> Path:
        """Returns the file for what the script of a trial says."""
        return self._file(number).with_suffix(".txt")

    def run_name(self, number: int) -> str:
        """Returns the name of a trial's run."""
        return f"{self.group}-{number:03}"

    def run_folders(self, number: int) -> list[Path]:
        """Returns the folders of a trial's run, oldest first; there are several if it had to be started again."""
        found = run_folder.RUNS.glob(f"*/*-{self.run_name(number)}")
        return sorted((folder for folder in found if folder.parent.name != FOLDER), key=lambda folder: folder.name)

    def ranked(self) -> list[Trial]:
        """Returns the trials that came to an epoch, best first by the metric in validation, failed ones left out."""
        sign = -1 if self.file.metric.goal == "maximize" else 1
        scored = [trial for trial in self.trials() if trial.state != "failed" and trial.score is not None]
        return sorted(scored, key=lambda trial: (sign * trial.score, trial.number))

    def best(self) -> Trial | None:
        """Returns the best of the trials that were trained to their end."""
        return next((trial for trial in self.ranked() if trial.state == "finished"), None)

    def words(self, trial: Trial) -> list[str]:
        """Returns the options that give a script the values of a trial, as an agent of Weights & Biases writes them."""
        project = {} if self.file.project is None else {"project": self.file.project}
        return [f"--{name}={value}" for name, value in (project | trial.values).items() if value is not None]

    def write_table(self) -> None:
        """Writes trials.csv, a row a trial; raises CourseError."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = list(self.file.parameters)
        measured = [self.file.metric.name, "epochs_trained", "seconds", "node", "folder", "problem"]
        writer.writerow(["trial", "state", *names, *measured])
        for trial in self.trials():
            values = [trial.values.get(name) for name in names]
            rest = [trial.score, trial.epochs, round(trial.seconds, 1), trial.node, trial.folder, trial.problem]
            writer.writerow([trial.number, trial.state, *values, *rest])
        write_text(self.folder / TABLE, text.getvalue())

    def _file(self, number: int) -> Path:
        return self.folder / TRIALS / f"{number:05}.json"

    def _read(self, file: Path) -> Trial:
        try:
            return Trial.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            raise CourseError(f"{shown(file)} is damaged; delete it, and its trial is made again.") from None


def newest_interrupted() -> Path:
    """Returns the folder of the newest sweep of which some trials have not ended; raises CourseError if none is."""
    for settings in sorted((run_folder.RUNS / FOLDER).glob(f"2*/{SETTINGS}"), reverse=True):
        with contextlib.suppress(OSError, ValueError):  # a damaged one cannot be gone on with
            trials = [json.loads(file.read_bytes())["state"] for file in (settings.parent / TRIALS).glob("[0-9]*.json")]
            if sum(state in ENDED for state in trials) < json.loads(settings.read_bytes())["trials"]:
                return settings.parent
    raise CourseError("No sweep was interrupted; `python sweep.py` begins one.")
