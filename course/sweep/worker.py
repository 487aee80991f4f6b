"""One trial of a sweep: an ordinary run of a script in a process of its own, followed by Ray Tune epoch by epoch."""

import contextlib
import json
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
from course.runs import record
from course.sweep.trials import Sweep
from course.system import process, signals
from course.system.errors import CourseError

SECONDS_BETWEEN_LOOKS = 0.1
# Exit codes of a run that something else ended.
STOPPED = [128 + getattr(signal, name) for name in signals.NAMES if hasattr(signal, name)]


class Running(tune.Trainable):
    """Starts a trial, reports a row of its history.csv in each step, and ends it when it is no longer wanted.

    A trial that has ended before is not trained again: what it left is reported instead. A script that refuses its
    values, or fails, is a trial that failed; one that is killed raises RuntimeError, so that Ray starts it again.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Takes the sweep's folder, the trial's number, and the environment that its script is to have."""
        os.chdir(config["working_directory"])
        self.node = os.getppid()  # Ray's process for all trials of this node
        self.sweep = Sweep.old(Path(config["sweep"]))
        self.trial = self.sweep.trial(config["number"])
        self.reported = 0
        self.program = None
        self.folder = None
        earlier = self.sweep.run_folders(self.trial.number)
        if self.trial.ended:
            self.folder = None if self.trial.folder is None else run_folder.RUNS / self.trial.folder
        elif finished := [folder for folder in earlier if (folder / "metrics.json").exists()]:
            self.folder = finished[-1]
        else:
            self.earlier = set(earlier)
            self._start(config["environment"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Goes on with another trial in the same process, which saves the seconds that a new one takes."""
        self.cleanup()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Returns the next epoch's row, as soon as it is there, with the metric that trials are ranked by."""
        while True:
            if os.getppid() != self.node:  # which is gone, and Ray makes this trial on another one
                self._leave()
            ended = self.program is None or self.program.poll() is not None  # before looking, so that nothing is missed
            rows = self._rows()
            if len(rows) > self.reported:
                self.reported += 1
                return self._result(rows[: self.reported])
            if ended:
                return self._end_result(rows)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def cleanup(self) -> None:
        if self.program is not None:
            process.end(self.program)

    def _leave(self) -> None:
        if self.program is not None:
            self.program.kill()
        os._exit(1)

    def _start(self, environment: dict[str, str]) -> None:
        words = [
            self.sweep.file.program,
            *self.sweep.words(self.trial),
            f"--name={self.sweep.run_name(self.trial.number)}",
        ]
        with self.sweep.log(self.trial.number).open("wb") as log:
            self.program = subprocess.Popen(  # in the process group of its parent, which Ray ends as a whole
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            )

    def _rows(self) -> list[dict[str, float | None]]:
        if self.folder is None and self.program is not None:
            new = set(self.sweep.run_folders(self.trial.number)) - self.earlier
            self.folder = max(new, default=None)
        with contextlib.suppress(CourseError):  # damaged since
            return [] if self.folder is None else record.read_history(self.folder)
        return []

    def _result(self, rows: list[dict[str, float | None]]) -> dict[str, Any]:
        row, metric = rows[-1], self.sweep.file.metric.name
        if metric not in row:
            return self._failed(f"{metric} is not among what it logs: {', '.join(row)}.")
        last = int(row["epoch"]) == self._epochs()
        if last and self.program is not None and self.program.wait() != 0:  # it is tested, and its report is drawn
            return self._end_result(rows)
        if self.program is None:
            last = len(rows) == len(self._rows())
        return self._described(row) | {"done": last, "ended": last}

    def _end_result(self, rows: list[dict[str, float | None]]) -> dict[str, Any]:
        """Returns the last result of a trial whose process has ended, or that had ended before."""
        code = 0 if self.program is None else self.program.returncode
        if code < 0 or code in STOPPED:
            raise RuntimeError(f"Its process was ended by signal {-code if code < 0 else code - 128}.")
        if self.trial.problem is not None:
            return self._failed(self.trial.problem)
        if code > 0:
            return self._failed(self._last_words(code))
        if rows:
            return self._described(rows[-1]) | {"done": True, "ended": True}
        if self.trial.ended:  # and its folder was deleted since
            row = {"epoch": self.trial.epochs, self.sweep.file.metric.name: self.trial.score}
            return self._described(row) | {"done": True, "ended": True}
        return self._failed("It ended without an epoch.")

    def _described(self, row: dict[str, float | None]) -> dict[str, Any]:
        numbers = {name: math.nan if value is None else value for name, value in row.items()}
        known = {"number": self.trial.number, "folder": self._folder_in_runs(), "epochs": self._epochs()}
        return numbers | known | {"node": ray.get_runtime_context().get_node_id()[:8]}

    def _failed(self, problem: str) -> dict[str, Any]:
        row = {"epoch": self.reported, self.sweep.file.metric.name: None}
        return self._described(row) | {"problem": problem, "done": True, "ended": True}

    def _last_words(self, code: int) -> str:
        lines = self.sweep.log(self.trial.number).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"It ended with exit code {code} and no word."

    def _epochs(self) -> int | None:
        with contextlib.suppress(TypeError, OSError, ValueError):
            return json.loads((self.folder / "config.json").read_bytes()).get("epochs")
        return None

    def _folder_in_runs(self) -> str | None:
        return None if self.folder is None else self.folder.relative_to(run_folder.RUNS).as_posix()
