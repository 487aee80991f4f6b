"""What a sweep leaves on disk, so that one can look at it, and resume it after whatever stopped it."""

import contextlib
import csv
import errno
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ValidationError

from course.runs import folder as run_folder
from course.runs.certainty import BY_CHANCE, by_chance
from course.runs.record import Predictions, read_predictions, read_run
from course.sweep.file import Content, SweepFile, Value, read_sweep_file
from course.system import program
from course.system.errors import CourseError
from course.system.files import quoted, shown, write_json, write_text
from course.system.plain_text import printable
from course.system.problems import first_problem

SWEEPS = "sweeps"  # in runs/
FILE, TRIALS, TABLE = "sweep.yaml", "trials", "trials.csv"
DISK_IS_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))  # as errors say it


class Trial(BaseModel, extra="forbid", frozen=True):
    """One choice of values, and its result."""

    number: int  # from 1
    values: dict[str, Value]
    state: Literal["open", "finished", "stopped", "failed"] = "open"  # stopped: early, because others were better
    score: float | None = None  # the metric after its last epoch
    epochs: int = 0
    seconds: float = 0
    folder: str | None = None  # of its run, from runs/
    node: str | None = None  # of the cluster, by its number in Ray
    problem: Annotated[str, AfterValidator(printable)] | None = None  # a sentence, if it failed

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.state != "open" and not self.lacked_room

    @property
    def lacked_room(self) -> bool:
        """Whether it failed because a disk was full, which says nothing about its values: it is trained again."""
        return self.problem is not None and any(words in self.problem for words in DISK_IS_FULL)

    @property
    def score_text(self) -> str:
        """Its metric as tables show it."""
        return "-" if self.score is None else f"{self.score:.4f}"

    def test_accuracy(self) -> float | None:
        """Returns that of its run, 0 to 1, None if it has none; raises CourseError if the run is damaged or deleted."""
        return None if self.folder is None else read_run(run_folder.RUNS / self.folder).metrics.get("test_accuracy")


class TrialProgress(NamedTuple):
    """How far a trial is: what its worker says after each epoch, and at its end."""

    number: int  # of the trial
    epoch: int
    epochs: int | None  # of the whole trial, where its config says so
    score: float  # the metric after this epoch, NaN where it was not a finite number
    folder: str | None  # of its run, from runs/
    node: str
    complete: bool = False  # trained to its end
    problem: str | None = None  # a sentence, if it failed


class SweepSettings(BaseModel, extra="forbid", frozen=True):
    """What a sweep was started with, besides its file."""

    trials: int
    seed: int
    group: str  # what the names of its runs begin with, and its group in Weights & Biases
    working_directory: str  # where relative paths begin
    file: str  # which was copied; its script may be next to it
    content: Content  # of that file: what was `decisive` in it
    source: str  # the fingerprint of its script's code

    @property
    def place(self) -> Path:
        """The folder in which its file was."""
        return Path(self.file).parent


class Sweep(NamedTuple):
    """A sweep and its folder, runs/sweeps/<time>-<group>: its file, its settings and its trials."""

    folder: Path
    file: SweepFile
    settings: SweepSettings

    @classmethod
    def new(cls, file: Path, at_most: int | None, seed: int) -> Self:
        """Makes the folder; raises CourseError if that cannot be done or something is wrong with the file."""
        content = read_sweep_file(file, at_most)
        name = re.sub(r"[^\w.-]+", "-", content.name or file.stem)[:20]
        group = f"{name}-{secrets.token_hex(2)}"  # the letters tell its runs from those of every other sweep
        settings = SweepSettings(
            trials=content.trial_count(at_most),
            seed=seed,
            group=group,
            working_directory=str(Path.cwd()),
            file=str(file.resolve()),
            content=content.decisive,
            source=program.fingerprint(Path(content.program)),
        )
        folder = run_folder.new_folder(SWEEPS, group)
        try:
            (folder / TRIALS).mkdir()
            shutil.copyfile(file, folder / FILE)
        except OSError as error:
            raise CourseError(f"{shown(folder)} cannot be written ({error.strerror}).") from None
        write_json(folder / run_folder.CONFIG, settings.model_dump())
        run_folder.point_latest_to(folder)
        return cls(folder, content, settings)

    @classmethod
    def old(cls, folder: Path, at_most: int | None = None) -> Self:
        """Returns the sweep in a folder, with `at_most` trials from now on, unless that is None.

        Raises CourseError if there is none, it is damaged, or its file or script is not what it began with.
        """
        settings = read_settings(folder)
        if Path.cwd() != Path(settings.working_directory):
            raise CourseError(f"This sweep was started in {settings.working_directory}; go there first.")
        content = read_sweep_file(folder / FILE, at_most or settings.trials, settings.place, settings.content)
        if at_most is not None:
            settings = settings.model_copy(update={"trials": content.trial_count(at_most)})
            write_json(folder / run_folder.CONFIG, settings.model_dump())
        return cls(folder.resolve(), content, settings)

    def lock(self) -> BinaryIO:
        """Returns what keeps other programs from running this sweep until it is closed; raises CourseError."""
        try:
            return run_folder.lock(self.folder)
        except BlockingIOError:
            raise CourseError(f"{shown(self.folder)} is still running; wait for its end, or stop it first.") from None

    def trials(self) -> list[Trial]:
        """Returns all trials that were chosen so far, by number; raises CourseError if one is damaged."""
        return [read_trial(file, self.file.parameters) for file in sorted((self.folder / TRIALS).glob("[0-9]*.json"))]

    def trial(self, number: int) -> Trial:
        """Returns one trial; raises CourseError if it is damaged."""
        return read_trial(self._file(number), self.file.parameters)

    def keep(self, trial: Trial) -> None:
        """Writes what is known of a trial, at once or not at all."""
        write_json(self._file(trial.number), trial.model_dump())

    def log(self, number: int) -> Path:
        """Returns the file for what the script of a trial writes to its terminal."""
        return self._file(number).with_suffix(".txt")

    def run_name(self, number: int) -> str:
        """Returns the name of a trial's run."""
        return f"{self.settings.group}-{number:03}"

    def run_folders(self, number: int) -> list[Path]:
        """Returns the folders of a trial's run, oldest first; there are several if it had to be started again."""
        found = run_folder.RUNS.glob(f"*/*-{self.run_name(number)}")
        return sorted((folder for folder in found if folder.parent.name != SWEEPS), key=lambda folder: folder.name)

    def ranked(self) -> list[Trial]:
        """Returns the trials that finished an epoch, best first by the metric in validation, failed ones left out."""
        scored = [trial for trial in self.trials() if trial.state != "failed" and trial.score is not None]
        return sorted(scored, key=lambda trial: trial.score or 0, reverse=self.file.metric.goal == "maximize")

    def best(self) -> Trial | None:
        """Returns the best of the trials that were trained to their end."""
        return next((trial for trial in self.ranked() if trial.state == "finished"), None)

    def like_the_best(self) -> list[int]:
        """Returns the finished trials whose answers to the validation images differ from the best's by mere chance."""
        finished = [trial for trial in self.ranked() if trial.state == "finished"]
        answers = {trial.number: _validated(trial) for trial in finished}
        best = answers.get(finished[0].number) if finished else None
        return [
            number
            for number, others in list(answers.items())[1:]
            if best and others and (chance := by_chance(best, others)) is not None and chance >= BY_CHANCE
        ]

    def words(self, trial: Trial) -> list[str]:
        """Returns the options that give a script the values of a trial, as an agent of Weights & Biases writes them."""
        project = {} if self.file.project is None else {"project": self.file.project}
        return [f"--{name}={value}" for name, value in (project | trial.values).items() if value is not None]

    def repeat(self, trial: Trial) -> str:
        """Returns the command that trains a trial again."""
        return " ".join(map(quoted, ["python", self.file.program, *self.words(trial)]))

    def write_table(self) -> None:
        """Writes trials.csv, one row per trial; raises CourseError."""
        text, names, metric = io.StringIO(), list(self.file.parameters), self.file.metric.name
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "state", *names, metric, "epochs_trained", "seconds", "node", "folder", "problem"])
        for trial in self.trials():
            rest = [trial.score, trial.epochs, round(trial.seconds, 1), trial.node, trial.folder, trial.problem]
            writer.writerow([trial.number, trial.state, *map(trial.values.get, names), *rest])
        write_text(self.folder / TABLE, text.getvalue())

    def _file(self, number: int) -> Path:
        return self.folder / TRIALS / f"{number:05}.json"


def _validated(trial: Trial) -> Predictions | None:
    """Returns what the network of a trial says of the validation images, None if that was not kept."""
    with contextlib.suppress(CourseError):
        return read_predictions(run_folder.RUNS / trial.folder / run_folder.VALIDATION) if trial.folder else None
    return None


def read_settings(folder: Path) -> SweepSettings:
    """Returns what the sweep in a folder was started with; raises CourseError if there is none, or it is damaged."""
    file = folder / run_folder.CONFIG
    if not (file.is_file() and (folder / TRIALS).is_dir()):
        sweeps = shown(run_folder.RUNS / SWEEPS)
        raise CourseError(f"{shown(folder)} is not a sweep; name a folder in {sweeps}.")
    try:
        return SweepSettings.model_validate_json(file.read_bytes())
    except ValidationError as error:
        problem = first_problem(error)
    what = f"{problem.place} {problem.requirement}".strip()
    raise CourseError(
        f"{shown(file)} was changed, or an earlier version of the course wrote it ({what}); start a new sweep."
    )


def read_trial(file: Path, parameters: Iterable[str] | None = None) -> Trial:
    """Returns what a file says of a trial; raises CourseError if it is damaged, or has other parameters."""
    try:
        trial = Trial.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        raise CourseError(f"{shown(file)} is damaged; delete it, and its trial is trained again.") from None
    if parameters is not None and trial.values.keys() != {*parameters}:
        raise CourseError(
            f"{shown(file)} has the values {', '.join(trial.values)}, but the parameters of this sweep are"
            f" {', '.join(parameters)}; delete it, and its trial is trained again."
        )
    return trial
