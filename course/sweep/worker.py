"""One trial of a sweep: an ordinary run of a script in a process of its own, followed by Ray Tune epoch by epoch."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune

from course.runs import folder as run_folder
from course.runs.record import Row, read_config, read_history
from course.sweep.trials import Sweep, TrialProgress
from course.system import process, signals
from course.system.errors import CourseError
from course.system.plain_text import printable

SECONDS_BETWEEN_LOOKS = 0.1
STOPPED = [128 + getattr(signal, name) for name in signals.NAMES if hasattr(signal, name)]  # exit codes

RayValues = dict[str, Any]  # what Ray passes between its processes


class Worker(tune.Trainable):
    """Starts a trial, reports a row of its history.csv in each step, and ends it when it is no longer wanted.

    A trial that has ended before is not trained again, but reported. A script that fails is a trial that failed; one
    that is killed raises RuntimeError, so that Ray starts it again.
    """

    def setup(self, config: RayValues) -> None:
        """Takes the sweep's folder, the trial's number, and the environment that its script is to have."""
        os.chdir(config["working_directory"])
        self.node = os.getppid()  # Ray's process for all trials of this node
        self.sweep = Sweep.old(Path(config["sweep"]))
        self.trial = self.sweep.trial(config["number"])
        self.reported = 0
        self.program: subprocess.Popen | None = None
        self.folder: Path | None = None
        self.earlier = self.sweep.run_folders(self.trial.number)
        if self.trial.ended:
            self.folder = None if self.trial.folder is None else run_folder.RUNS / self.trial.folder
        elif finished := [folder for folder in self.earlier if (folder / run_folder.METRICS).exists()]:
            self.folder = finished[-1]
        else:
            name = f"--name={self.sweep.run_name(self.trial.number)}"
            with self.sweep.log(self.trial.number).open("wb") as log:
                self.program = subprocess.Popen(  # in the process group of its parent, which Ray ends as a whole
                    [sys.executable, self.sweep.file.program, *self.sweep.words(self.trial), name],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"} | config["environment"],
                )

    def reset_config(self, new_config: RayValues) -> bool:
        """Continues with another trial in the same process, which saves the seconds that a new one takes."""
        self.cleanup()
        self.setup(new_config)
        return True

    def step(self) -> RayValues:
        """Returns the progress after the next epoch, as soon as it is finished, with the metric to rank trials by."""
        while True:
            if os.getppid() != self.node:  # which is gone, and Ray starts this trial on another one
                if self.program is not None:
                    self.program.kill()
                os._exit(1)
            ended = self.program is None or self.program.poll() is not None  # before looking, so that nothing is missed
            rows = self._rows()
            if len(rows) > self.reported:
                self.reported += 1
                return self._after_epoch(rows[: self.reported])
            if ended:
                return self._at_the_end(rows)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def cleanup(self) -> None:
        """Ends the script."""
        if self.program is not None:
            process.end(self.program)

    def _rows(self) -> list[Row]:
        if self.folder is None and self.program is not None:
            self.folder = max({*self.sweep.run_folders(self.trial.number)} - {*self.earlier}, default=None)
        with contextlib.suppress(CourseError):  # damaged since
            return [] if self.folder is None else read_history(self.folder)
        return []

    def _after_epoch(self, rows: list[Row]) -> RayValues:
        row, metric = rows[-1], self.sweep.file.metric.name
        if metric not in row:
            return self._failed(f"{metric} is not among what it logs: {', '.join(row)}.")
        if self.program is None:
            return self._report(row, complete=len(rows) == len(self._rows()))
        last = row["epoch"] == self._epochs()
        if last and self.program.wait() != 0:  # it is tested, and its report is drawn
            return self._at_the_end(rows)
        return self._report((self._rows() or rows)[-1] if last else row, complete=last)  # other calls of fit may follow

    def _at_the_end(self, rows: list[Row]) -> RayValues:
        """Returns the last report of a trial whose process has ended, or that had ended before."""
        code = 0 if self.program is None else self.program.returncode
        if code < 0 or code in STOPPED:
            raise RuntimeError(f"Its process was ended by signal {-code if code < 0 else code - 128}.")
        if self.trial.ended and self.trial.problem is not None:
            return self._failed(self.trial.problem)
        if code > 0:
            lines = self.sweep.log(self.trial.number).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = printable(lines[-1])[:300] if lines else ""
            return self._failed(last or f"It ended with exit code {code} and no message.")
        if not rows and self.trial.ended:  # and its folder was deleted since
            rows = [{"epoch": self.trial.epochs, self.sweep.file.metric.name: self.trial.score}]
        return self._report(rows[-1], complete=True) if rows else self._failed("It ended without an epoch.")

    def _failed(self, problem: str) -> RayValues:
        return self._report({"epoch": self.reported}, problem=problem)

    def _report(self, row: Row, complete: bool = False, problem: str | None = None) -> RayValues:
        """Returns what Ray is told: when to stop, and what schedulers and searches look at."""
        metric = self.sweep.file.metric.name
        score = row.get(metric)
        progress = TrialProgress(
            number=self.trial.number,
            epoch=int(row["epoch"] or 0),
            epochs=self._epochs(),
            score=math.nan if score is None else score,
            folder=None if self.folder is None else self.folder.relative_to(run_folder.RUNS).as_posix(),
            node=ray.get_runtime_context().get_node_id()[:8],
            complete=complete,
            problem=problem,
        )
        done = complete or problem is not None
        return {"epoch": progress.epoch, metric: progress.score, "done": done, "progress": progress}

    def _epochs(self) -> int | None:
        """Returns how many epochs the run is to have, None where its config does not say so."""
        with contextlib.suppress(CourseError):
            return None if self.folder is None else read_config(self.folder).get("epochs")
        return None
