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
from typing import Any, Protocol

os.environ |= {  # read when Ray is loaded, or by the processes that it starts
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a graphics card stays visible to trials
    "RAY_AIR_NEW_OUTPUT": "0",  # the newer one cannot be silenced
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_enable_worker_prestart": "0",  # processes that nobody needs take memory
    "RAY_prestart_worker_first_driver": "0",
    "RAY_worker_niceness": "0",  # a trial is as urgent as the same script on its own
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trials log for themselves
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # course/sweep/trials.py keeps what a sweep needs to go on
}

import numpy as np
import optuna
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from course.sweep.file import Parameter
from course.sweep.trials import Sweep, Trial
from course.sweep.worker import Running
from course.system import signals
from course.system.errors import CourseError, first_line

RAY = "ray"  # the folder that Ray needs while it runs
RETRIES = 3  # of a trial that is killed, or whose node is
OBJECT_STORE = 80 * 2**20  # bytes, about the least that Ray takes; trials pass on numbers only
MEMORY_OF_A_TRIAL = 2 * 2**30  # bytes
SECONDS_TO_ANSWER = 10  # of a cluster
DIGITS = 6  # of a number that is drawn


class Watcher(Protocol):
    """Who is told what happens."""

    def epoch(self, number: int, result: dict[str, Any]) -> None:
        """A trial has come to the end of an epoch."""

    def end(self, trial: Trial) -> None:
        """A trial has ended."""


def run(sweep: Sweep, watcher: Watcher, parallel: int | None, address: str | None) -> None:
    """Runs all trials of a sweep that have not ended yet, and keeps in its folder what comes of them.

    Args:
        sweep: with the trials that were chosen so far, none in a new one.
        watcher: is told what happens.
        parallel: how many trials to train at a time; as many as there are cores, and memory, if None.
        address: of a Ray cluster that is there, <host>:<port>; one on this machine is started, and ended, if None.

    Raises:
        CourseError: there is no such cluster, or it is too small.
    """
    _quieten()
    with _cluster(address, parallel) as cores:
        at_a_time = parallel or _sensible(sum(cores), local=address is None)
        share = _share(cores, at_a_time)
        searcher, numbers = _search(sweep)
        early = sweep.file.early_terminate
        scheduler = None
        if early is not None:
            scheduler = ASHAScheduler(
                "epoch", max_t=1_000_000, grace_period=early.first, reduction_factor=early.eta, stop_last_trials=False
            )
        space = {
            "sweep": str(sweep.folder),
            "working_directory": sweep.settings.working_directory,
            "environment": _environment(sweep, share),
        }
        trainable = tune.with_resources(Running, {"cpu": share})
        tuner = tune.Tuner(
            trainable,
            param_space=space | numbers,
            tune_config=tune.TuneConfig(
                metric=sweep.file.metric.name,
                mode={"minimize": "min", "maximize": "max"}[sweep.file.metric.goal],
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=sweep.settings.trials if searcher is not None else 1,
                max_concurrent_trials=at_a_time,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name=RAY,
                storage_path=str(sweep.folder),
                verbose=0,
                callbacks=[_Keeper(sweep, watcher)],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        try:
            tuner.fit()
        finally:
            shutil.rmtree(sweep.folder / RAY, ignore_errors=True)


class _Keeper(tune.Callback):
    """Writes what came of a trial as soon as it ends."""

    def __init__(self, sweep: Sweep, watcher: Watcher) -> None:
        self.sweep = sweep
        self.watcher = watcher
        self.next_table = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray keeps a copy of everything that it is given, and a terminal cannot be copied

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info) -> None:
        if "problem" not in result:
            self.watcher.epoch(result["number"], result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info) -> None:
        result = trial.last_result
        score = result[self.sweep.file.metric.name]
        state = "failed" if "problem" in result else "finished" if result.get("ended") else "stopped"
        self._keep(
            result["number"],
            state=state,
            score=None if math.isnan(score) else score,
            epochs=int(result["epoch"]),
            seconds=result["time_total_s"],
            folder=result["folder"],
            node=result["node"],
            problem=result.get("problem"),
        )

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info) -> None:
        if trial.status == "ERROR":  # and is not to be tried again
            said = Path(trial.error_file).read_text(encoding="utf-8").strip().splitlines()[-1]
            problem = f"It was started {RETRIES + 1} times and never came to its end ({said[:200]})."
            self._keep(trial.config["number"], state="failed", problem=problem)

    def _keep(self, number: int, **values: Any) -> None:
        before = self.sweep.trial(number)
        if not before.ended:
            ended = before.model_copy(update=values)
            self.sweep.keep(ended)
            self.watcher.end(ended)
            started = time.monotonic()
            if started >= self.next_table:
                self.sweep.write_table()
                self.next_table = time.monotonic() + 20 * (time.monotonic() - started)  # however long it has become


class _Suggestions(OptunaSearch):
    """Optuna's suggestions, each kept under its number before it is tried.

    Those that were kept by an interrupted sweep come first, so that Optuna learns what came of them.
    """

    def __init__(self, sweep: Sweep, metric: str, mode: str) -> None:
        known = sweep.trials()
        taken = [trial.number for trial in known]
        self.sweep = sweep
        self.numbers = taken + [number for number in range(1, sweep.settings.trials + 1) if number not in taken]
        self.given, self.known = 0, len(known)
        varied = sweep.file.varied
        super().__init__(
            {name: distribution(parameter) for name, parameter in varied.items()},
            metric=metric,
            mode=mode,
            points_to_evaluate=[
                {name: _as_suggestion(parameter, trial.values[name]) for name, parameter in varied.items()}
                for trial in known
            ],
            seed=sweep.settings.seed + len(known),
        )

    def suggest(self, trial_id: str) -> dict[str, Any]:
        suggested = super().suggest(trial_id)
        number = self.numbers[self.given]
        if self.given >= self.known:
            varied = self.sweep.file.varied
            values = {name: _from_suggestion(parameter, suggested[name]) for name, parameter in varied.items()}
            self.sweep.keep(Trial(number=number, values=self.sweep.file.constants | values))
        self.given += 1
        return {"number": number}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pass  # early stopping is the scheduler's

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        without_score = result is None or math.isnan(result.get(self.metric, math.nan))
        super().on_trial_complete(trial_id, None if without_score else result, error or without_score)


def _search(sweep: Sweep) -> tuple[OptunaSearch | None, dict[str, Any]]:
    """Returns Ray's search algorithm, None for a list, and what it adds to the space; keeps the trials of a list."""
    file, total = sweep.file, sweep.settings.trials
    if file.method == "bayes":
        return _Suggestions(sweep, file.metric.name, "max" if file.metric.goal == "maximize" else "min"), {}
    known = {trial.number for trial in sweep.trials()}
    randomness = np.random.default_rng(sweep.settings.seed)
    for number in range(1, total + 1):
        values = file.combination(number) if file.method == "grid" else draw(file.parameters, randomness)
        if number not in known:
            sweep.keep(Trial(number=number, values=values))
    return None, {"number": tune.grid_search(list(range(1, total + 1)))}


def draw(parameters: dict[str, Parameter], randomness: np.random.Generator) -> dict[str, Any]:
    """Returns a value of each parameter, drawn from its distribution."""
    values = {}
    for name, parameter in parameters.items():
        if parameter.kind == "constant":
            values[name] = parameter.value
        elif parameter.kind == "categorical":
            values[name] = parameter.values[randomness.choice(len(parameter.values), p=parameter.probabilities)]
        else:
            values[name] = _plain(parameter, _domain(parameter).sample(random_state=randomness))
    return values


def _domain(parameter: Parameter) -> Any:
    """Returns Ray's domain of a parameter that is drawn from a range; `_plain` takes its values to multiples of q."""
    if "normal" in parameter.kind:
        return tune.randn(parameter.mu, parameter.sigma)
    low, high = parameter.bounds
    if parameter.kind == "int_uniform":
        return tune.randint(low, high + 1)
    return tune.loguniform(low, high) if "log" in parameter.kind else tune.uniform(low, high)


def distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    """Returns Optuna's distribution of a parameter that bayes can search, and that has more than one value."""
    if parameter.kind == "categorical":
        return optuna.distributions.CategoricalDistribution([json.dumps(value) for value in parameter.values])
    low, high = parameter.bounds
    if parameter.kind == "int_uniform":
        return optuna.distributions.IntDistribution(low, high)
    if parameter.kind == "q_uniform":
        return optuna.distributions.IntDistribution(*parameter.steps)
    return optuna.distributions.FloatDistribution(low, high, log="log" in parameter.kind)


def _as_suggestion(parameter: Parameter, value: Any) -> Any:
    """Returns a value as Optuna has it, whose choices are texts and whose multiples of q are steps."""
    if parameter.kind == "categorical":
        return json.dumps(value)
    return round(value / parameter.q) if parameter.kind == "q_uniform" else value


def _from_suggestion(parameter: Parameter, suggested: Any) -> Any:
    if parameter.kind == "categorical":
        return json.loads(suggested)
    return _plain(parameter, suggested * parameter.q if parameter.kind == "q_uniform" else suggested)


def _plain(parameter: Parameter, value: Any) -> int | float:
    """Returns a number that was drawn as one would write it, inside its bounds."""
    if parameter.kind.startswith("q_"):
        value = parameter.quantized(float(value))
        whole = isinstance(parameter.q, int)
    else:
        whole = parameter.kind == "int_uniform"
    if whole:
        return int(value)
    short = float(f"{float(value):.{DIGITS}g}")
    if parameter.max is None:
        return short
    low, high = parameter.bounds
    return min(max(short, low), high)


@contextlib.contextmanager
def _cluster(address: str | None, parallel: int | None) -> Iterator[list[int]]:
    """Connects to a cluster, or starts one on this machine; yields how many cores each of its nodes has."""
    with contextlib.ExitStack() as stack:
        options = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
        if address is None:
            own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            _share([own], parallel or 1)  # before anything is started
            # For this sweep alone, and not left in the home as Ray would.
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
            # Names of sockets must be short, so this folder cannot be in runs/; it is gone in the end.
            short = "/tmp" if os.path.isdir("/tmp") else None
            folder = tempfile.TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True)
            options |= {
                "num_cpus": own, "num_gpus": 0, "include_dashboard": False, "object_store_memory": OBJECT_STORE,
                "_temp_dir": stack.enter_context(folder),
            }  # fmt: skip
        where = f"No Ray cluster can be reached at {address}" if address else "Ray cannot be started"
        try:
            if address is not None:  # Ray itself would try for minutes
                host, _, port = address.rpartition(":")
                socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
            ray.init(address=address or "local", **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise CourseError(f"{where} ({first_line(error)}).") from None
        stack.callback(ray.shutdown)
        signals.stop_in_order()  # Ray has ways of its own
        yield [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]


def _sensible(cores: int, local: bool) -> int:
    """Returns how many trials to train at a time: one a core, as far as this machine has memory for them."""
    if local and hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(1, min(cores, int(memory / MEMORY_OF_A_TRIAL)))
    return max(1, cores)


def _share(cores: list[int], trials: int) -> int:
    """Returns how many cores each of so many trials can have at a time; raises CourseError if there are too few."""
    for share in range(max(cores, default=0), 0, -1):
        if sum(node // share for node in cores) >= trials:
            return share
    raise CourseError(f"parallel is {trials}, but there are {sum(cores)} cores, one for each trial; give at most that.")


def _environment(sweep: Sweep, share: int) -> dict[str, str]:
    """Returns what a trial's script finds in its environment besides what is there already."""
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    mode = os.environ.get("WANDB_MODE", "offline")
    return {name: str(share) for name in threads} | {"WANDB_MODE": mode, "WANDB_RUN_GROUP": sweep.group}


def _quieten() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna|ray")
    for name in ("ray", "ray.tune", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
