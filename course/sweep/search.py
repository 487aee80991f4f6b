"""Runs the trials of a sweep on Ray Tune, on this machine or on a cluster."""

import contextlib
import json
import logging
import math
import os
import secrets
import shutil
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ |= {  # read when Ray is loaded, or by the processes that it starts
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a graphics card stays visible to trials
    "RAY_AIR_NEW_OUTPUT": "0",  # the newer one cannot be silenced
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_enable_worker_prestart": "0",  # unused processes take memory
    "RAY_prestart_worker_first_driver": "0",
    "RAY_worker_niceness": "0",  # a trial is as urgent as the same script on its own
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trials log for themselves
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # course/sweep/trials.py keeps what a sweep needs to be resumed
}

import numpy as np
import optuna
import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from course.sweep.file import Parameter, Value
from course.sweep.terminal import Scoreboard
from course.sweep.trials import Sweep, Trial, TrialProgress
from course.sweep.worker import RayValues, Worker
from course.system import signals
from course.system.errors import CourseError, first_line
from course.training import tracking

RAY = "ray"  # the folder that Ray needs while it runs
RETRIES = 3  # of a trial that is killed, or whose node is
OBJECT_STORE = 80 * 2**20  # bytes, about the least that Ray takes; trials pass on numbers only
MEMORY_OF_A_TRIAL = 2 * 2**30  # bytes
SECONDS_TO_ANSWER = 10  # of a cluster
DIGITS = 6  # of a number that is drawn


def run_trials(sweep: Sweep, scoreboard: Scoreboard, parallel: int | None, address: str | None) -> None:
    """Runs all trials of a sweep that have not ended yet, and keeps their results in its folder.

    `parallel` trials train at a time, by default as many as there are cores, and memory. `address`, <host>:<port>, is
    that of a running Ray cluster; without it, one on this machine is started, and ended. Raises CourseError if there is
    no such cluster, or it is too small.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna|ray")
    for name in ("ray", "ray.tune", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _cluster(address, parallel) as cores:
        most = sum(cores)
        if address is None and hasattr(os, "sysconf"):  # this machine may have less memory
            most = min(most, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_OF_A_TRIAL)
        at_a_time = parallel or max(1, most)
        keeper = _Keeper(sweep, scoreboard)
        tuner = _tuner(sweep, keeper, at_a_time, _cores_per_trial(cores, at_a_time))
        try:
            tuner.fit()
        except Exception:
            if keeper.problem is not None:  # of which Ray passes on the text only
                raise keeper.problem from None
            raise
        finally:
            shutil.rmtree(sweep.folder / RAY, ignore_errors=True)


def _tuner(sweep: Sweep, keeper: tune.Callback, at_a_time: int, cores: int) -> tune.Tuner:
    """Returns what trains `at_a_time` trials side by side, on so many cores each."""
    search, numbers = _search(sweep)
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    space = {
        "sweep": str(sweep.folder),
        "working_directory": sweep.settings.working_directory,
        "environment": dict.fromkeys(threads, str(cores))
        | {"WANDB_MODE": mode_of_trials(), "WANDB_RUN_GROUP": sweep.settings.group},
    }
    early = sweep.file.early_terminate
    return tune.Tuner(
        tune.with_resources(Worker, {"cpu": cores}),
        param_space=space | numbers,
        tune_config=tune.TuneConfig(
            metric=sweep.file.metric.name,
            mode=sweep.file.metric.goal[:3],
            search_alg=search,
            scheduler=None
            if early is None
            else ASHAScheduler(
                "epoch", max_t=1_000_000, grace_period=early.first, reduction_factor=early.eta, stop_last_trials=False
            ),
            num_samples=1 if search is None else sweep.settings.trials,
            max_concurrent_trials=at_a_time,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=RAY,
            storage_path=str(sweep.folder),
            verbose=0,
            callbacks=[keeper],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def mode_of_trials() -> str:
    """Returns the mode in which trials are tracked: offline, unless WANDB_MODE or `wandb disabled` asks for another."""
    return tracking.asked_mode() or ("disabled" if tracking.chosen_mode() == "disabled" else "offline")


class _Keeper(tune.Callback):
    """Writes the result of a trial as soon as it ends."""

    def __init__(self, sweep: Sweep, scoreboard: Scoreboard) -> None:
        self.sweep, self.scoreboard = sweep, scoreboard
        self.next_table = 0.0
        self.problem: CourseError | None = None  # that ended the sweep

    def __getstate__(self) -> dict[str, object]:
        return {}  # Ray copies everything that it is given, and a terminal cannot be copied

    def on_trial_result(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: RayValues, **info: object
    ) -> None:
        if result["progress"].problem is None:
            self.scoreboard.epoch(result["progress"])

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: object) -> None:
        progress: TrialProgress = trial.last_result["progress"]
        self._keep(
            progress.number,
            state="failed" if progress.problem else "finished" if progress.complete else "stopped",
            score=None if math.isnan(progress.score) else progress.score,
            epochs=progress.epoch,
            seconds=trial.last_result["time_total_s"],
            folder=progress.folder,
            node=progress.node,
            problem=progress.problem,
        )

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: object) -> None:
        if trial.status == RayTrial.ERROR and trial.error_file:  # and is not to be tried again
            error = Path(trial.error_file).read_text(encoding="utf-8").strip().splitlines()[-1]
            problem = f"It was started {RETRIES + 1} times and never finished ({error[:200]})."
            self._keep(trial.config["number"], state="failed", problem=problem)

    def _keep(self, number: int, **values: object) -> None:
        try:
            before = self.sweep.trial(number)
            if not before.ended:
                ended = Trial.model_validate(before.model_dump() | values)
                self.sweep.keep(ended)
                self.scoreboard.end(ended)
                self._write_table()
        except CourseError as error:
            self.problem = error
            raise

    def _write_table(self) -> None:
        started = time.monotonic()
        if started >= self.next_table:
            self.sweep.write_table()
            self.next_table = time.monotonic() + 20 * (time.monotonic() - started)  # however long it has become


class _Suggestions(OptunaSearch):
    """Optuna's suggestions, each kept under its number before it is tried.

    Those that were kept by an interrupted sweep come first, so that Optuna learns their results.
    """

    def __init__(self, sweep: Sweep) -> None:
        known, varied = sweep.trials(), sweep.file.varied
        self.sweep = sweep
        self.taken = [trial.number for trial in known]
        self.next = iter(self.taken + [n for n in range(1, sweep.settings.trials + 1) if n not in self.taken])
        super().__init__(
            {name: distribution(parameter) for name, parameter in varied.items()},
            metric=sweep.file.metric.name,
            mode=sweep.file.metric.goal[:3],
            points_to_evaluate=[
                {name: _as_suggestion(parameter, trial.values[name]) for name, parameter in varied.items()}
                for trial in known
            ],
            seed=sweep.settings.seed + len(known),
        )

    def suggest(self, trial_id: str) -> dict[str, int]:
        suggested = super().suggest(trial_id)
        assert suggested is not None
        number = next(self.next)
        if number not in self.taken:
            varied = self.sweep.file.varied
            values = {name: _from_suggestion(parameter, suggested[name]) for name, parameter in varied.items()}
            self.sweep.keep(Trial(number=number, values=self.sweep.file.constants | values))
        return {"number": number}

    def on_trial_result(self, trial_id: str, result: RayValues) -> None:
        pass  # early stopping is the scheduler's

    def on_trial_complete(self, trial_id: str, result: RayValues | None = None, error: bool = False) -> None:
        without_score = result is None or math.isnan(result.get(self.metric, math.nan))
        super().on_trial_complete(trial_id, None if without_score else result, error or without_score)


def _search(sweep: Sweep) -> tuple[OptunaSearch | None, dict[str, object]]:
    """Returns Ray's search algorithm, None for a list, and what it adds to the space; keeps the trials of a list."""
    file, total = sweep.file, sweep.settings.trials
    if file.method == "bayes":
        return _Suggestions(sweep), {}
    known = {trial.number for trial in sweep.trials()}
    randomness = np.random.default_rng(sweep.settings.seed)
    for number in range(1, total + 1):
        values = file.combination(number) if file.method == "grid" else draw(file.parameters, randomness)
        if number not in known:
            sweep.keep(Trial(number=number, values=values))
    return None, {"number": tune.grid_search(list(range(1, total + 1)))}


def draw(parameters: dict[str, Parameter], randomness: np.random.Generator) -> dict[str, Value]:
    """Returns a value of each parameter, drawn from its distribution."""
    values: dict[str, Value] = {}
    for name, parameter in parameters.items():
        if parameter.kind in ("constant", "categorical"):
            choices = parameter.all_values()
            values[name] = choices[randomness.choice(len(choices), p=parameter.probabilities or None)]
            continue
        if "normal" in parameter.kind:
            domain = tune.randn(parameter.mu, parameter.sigma)
        elif parameter.kind == "int_uniform":
            domain = tune.randint(int(parameter.min), int(parameter.max) + 1)
        else:
            domain = (tune.loguniform if "log" in parameter.kind else tune.uniform)(*parameter.bounds)
        values[name] = _rounded(parameter, domain.sample(random_state=randomness))
    return values


def distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    """Returns Optuna's distribution of a parameter that bayes can search, and that has more than one value."""
    if parameter.kind == "categorical":
        return optuna.distributions.CategoricalDistribution([json.dumps(value) for value in parameter.values])
    if parameter.kind == "int_uniform":
        return optuna.distributions.IntDistribution(int(parameter.min), int(parameter.max))
    if parameter.kind == "q_uniform":
        return optuna.distributions.IntDistribution(*parameter.steps)
    return optuna.distributions.FloatDistribution(*parameter.bounds, log="log" in parameter.kind)


def _as_suggestion(parameter: Parameter, value: Value) -> Value:
    """Returns a value as Optuna has it, whose choices are texts and whose multiples of q are steps."""
    if parameter.kind == "categorical":
        return json.dumps(value)
    return round(value / parameter.q) if parameter.kind == "q_uniform" and isinstance(value, int | float) else value


def _from_suggestion(parameter: Parameter, suggested: str | int | float) -> Value:
    """Returns the value that Optuna means; see `_as_suggestion`."""
    if isinstance(suggested, str):
        return json.loads(suggested)
    return _rounded(parameter, suggested * parameter.q if parameter.kind == "q_uniform" else suggested)


def _rounded(parameter: Parameter, value: float) -> int | float:
    """Returns a number that was drawn as one would write it, inside its bounds."""
    in_steps = parameter.kind.startswith("q_")
    value = parameter.quantized(float(value)) if in_steps else value
    if isinstance(parameter.q, int) if in_steps else parameter.kind == "int_uniform":
        return int(value)
    low, high = parameter.bounds
    return min(max(float(f"{float(value):.{DIGITS}g}"), low), high)


@contextlib.contextmanager
def _cluster(address: str | None, parallel: int | None) -> Iterator[list[int]]:
    """Connects to a cluster, or starts one on this machine; yields how many cores each of its nodes has."""
    # Names of sockets must be short, so this folder cannot be in runs/; it is gone in the end. Ray opens the folder
    # that it is given to every user of the machine: it gets one inside a folder that is closed to others.
    short = "/tmp" if os.path.isdir("/tmp") else None
    with tempfile.TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True) as folder:
        options: RayValues = {"address": address or "local"}
        options |= {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
        if address is None:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            _cores_per_trial([cores], parallel or 1)  # before anything is started
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # not left in the home as Ray would
            options |= {"num_cpus": cores, "num_gpus": 0, "include_dashboard": False}
            options |= {"object_store_memory": OBJECT_STORE, "_temp_dir": str(Path(folder, "r"))}
        try:
            if address is not None:  # Ray itself would try for minutes
                host, _, port = address.rpartition(":")
                socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
            ray.init(**options)
        except (OSError, RuntimeError, ValueError) as error:
            where = f"No Ray cluster can be reached at {address}" if address else "Ray cannot be started"
            raise CourseError(f"{where} ({first_line(error)}).") from None
        try:
            signals.stop_in_order()  # Ray has ways of its own
            yield [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        finally:
            ray.shutdown()


def _cores_per_trial(cores: list[int], trials: int) -> int:
    """Returns how many cores each of so many trials can have at a time; raises CourseError if there are too few."""
    for each in range(max(cores, default=0), 0, -1):
        if sum(node // each for node in cores) >= trials:
            return each
    raise CourseError(f"parallel is {trials}, but there are {sum(cores)} cores, one per trial; give at most that.")
