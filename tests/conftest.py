"""What all tests share: which of them run, on how many workers, and the fixtures."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from checkout import REPOSITORY, SCRIPTS, Checkout, part_of_mnist

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WORKERS = 2  # each trains on all cores

# No deadlines, because machines are busy; the same examples each time where a failure would stop others.
busy = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "course", deadline=None, derandomize="CI" in os.environ, suppress_health_check=busy
)
hypothesis.settings.load_profile("course")

# A shell has its background jobs, such as these tests, ignore Ctrl-C, and so would all programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too; with -m slow, only these")
    parser.addoption("--thorough", action="store_true", help="like --slow, as often as engineering/reliability.md says")


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns 0, which runs the tests in this process, if they are all in one file."""
    files = {Path(argument.partition("::")[0]) for argument in config.option.file_or_dir}
    return 0 if len(files) == 1 and files.pop().suffix == ".py" else WORKERS


# Slow tests that take longest, and of which others try the most: --thorough alone runs them.
LEFT_TO_THOROUGH = (  # as regular expressions
    r"test_full_runs.*\[(mlp|fashion)", r"test_devices.*\[two-devices\]", "test_a_second_ctrl_c_does_no_harm",
    r"test_a_run_that_is_stopped_at_any_moment_says_how_to_resume\[0-15\]",
    r"costs_seconds_and_nothing_else\[None-dead\]",
    "test_folds_resume_with_the_weights_of_every_network", "test_a_reference_answer_that_is_stopped_says_how_to_go_on",
    r"test_a_resumed_run_ends_with_the_numbers_of_one_that_was_never_interrupted\[fashion\]",
    r"test_wandb_mode_is_obeyed_even_with_a_key\[offline\]", "test_the_programs_end_in_a_sentence_too",
    "test_a_run_without_a_finished_epoch_begins_again_in_its_folder",
    "test_the_same_seed_gives_the_same_bytes_and_another_seed_others",
    "test_processes_that_were_interrupted_continue_together", "test_a_lost_process_ends_the_other_with_its_epochs_kept",
    "test_on_a_cluster_what_is_killed_is_started_again", r"test_jax_runs_the_scripts\[(cnn|fast|fashion)\]",
    "test_convolution_script.py::test_every_field_has_an_effect",
    r"test_a_resumed_run_ends_with_the_numbers_of_one_that_was_never_interrupted\[cnn\]",
    "test_a_file_sorted_by_class_is_learnt_as_well_as_a_shuffled_one", "test_power_cut.*xfs", r"test_disk_full\[220\]",
    r"test_a_solution_has_the_structure_of_its_level_and_nothing_wrong\[[56]\]",
    "test_many_runs_at_once_have_complete_folders", r"test_a_layer_computes_as_keras_does\[[E-Z]",
    r"test_photos_are_read_nearly_as_well_as_the_originals\[[dlt]",
    r"test_a_poor_environment_changes_nothing\[a", r"test_a_bad_server_costs_seconds_and_nothing_else\[silent",
    r"test_a_notebook_runs_from_its_first_cell_to_its_last\[(conv|cnn|fast|best|fashion)",
    "test_in_a_notebook_a_script_leaves_what_a_command_leaves",
    "test_a_run_needs_no_links_no_signals_and_no_console_of_utf_8",
    "test_a_file_that_another_program_holds_ends_a_run_in_a_sentence_and_it_resumes",
    "test_an_interrupted_sweep_continues_and_trains_every_trial_once",
    r"does_not_hold_the_run\[log 2-killed\]", "test_when_nobody_reads_the_output_the_run_ends_and_can_be_resumed",
    "test_worker_processes_end_with_the_run_without_a_word", "test_the_stopwatch_times_a_script_and_tests_each_epoch",
    "test_two_graders_at_once_and_a_kill_leave_valid_files", "test_a_mistake_after_training_costs_no_epoch",
    "test_callbacks_remember_after_a_kill_at_any_moment", "test_a_key_that_is_no_key_costs_nothing_and_is_not_shown",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the slow tests unless asked for, and the slowest of them without --thorough."""
    if config.getoption("--thorough"):
        return
    left_out = [
        item
        for item in items
        if item.get_closest_marker("slow")
        and (not config.getoption("--slow") or any(re.search(name, item.nodeid) for name in LEFT_TO_THOROUGH))
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def thorough(request) -> bool:
    """Whether to try everything as often as docs/engineering/reliability.md says; otherwise a sample of it."""
    return request.config.getoption("--thorough")


@pytest.fixture(scope="session")
def train_cnn(tmp_path_factory) -> Callable[..., Path]:
    """Trains cnn.py in this process with some values of its config; returns the folder of the run."""

    def train(**values: object) -> Path:
        import cnn  # late, because most tests need no script
        from course.runs import folder as run_folder

        folder = tmp_path_factory.mktemp("trained")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WANDB_MODE", "disabled")
            patch.setattr(run_folder, "RUNS", folder)
            cnn.main(cnn.Config(**values))
        (metrics,) = folder.glob("cnn/2*/metrics.json")
        return metrics.parent

    return train


@pytest.fixture(scope="session")
def new_checkout(tmp_path_factory) -> Callable[[], Checkout]:
    """Makes a checkout; for fixtures that live longer than one test."""

    def copy() -> Checkout:
        folder = tmp_path_factory.mktemp("somewhere")
        checkout = Checkout(folder / "a course in a box", folder / "home")
        checkout.folder.mkdir()
        checkout.home.mkdir()
        for file in REPOSITORY.glob("*.py"):
            shutil.copy(file, checkout.folder)
        for part in ("course", "data", "benchmarks", "solutions"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / part, checkout.folder / part, ignore=ignored)
        return checkout

    return copy


@pytest.fixture
def checkout(new_checkout) -> Checkout:
    return new_checkout()


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """The first 1,200 training and 500 test images of MNIST as a learner's own file: a run takes seconds."""
    return part_of_mnist(tmp_path_factory.mktemp("small data") / "small.npz", 0)


@pytest.fixture(scope="session")
def other_small_data(tmp_path_factory) -> Path:
    """As many other images."""
    return part_of_mnist(tmp_path_factory.mktemp("small data") / "other.npz", 1200)


@pytest.fixture(scope="session")
def tracked() -> Callable[[Path], dict]:
    """Returns what Weights & Biases' own tool reads from the folder of an offline run: project, config, summary."""

    def read(folder: Path) -> dict:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(folder)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return read


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A real browser without a window: Playwright's Chromium, or that of the system."""
    from playwright.sync_api import sync_playwright  # late, because most tests need no browser

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = own if Path(own).exists() else shutil.which("chromium") or shutil.which("google-chrome")
        if found is None:
            pytest.skip("there is no Chromium; `playwright install chromium` brings one")
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture(params=SCRIPTS)
def script(request) -> str:
    """The name of each script in turn."""
    return request.param


@pytest.fixture(scope="session")
def no_network() -> tuple[str, ...]:
    """A command in front of a command that leaves it the loopback interface and nothing else."""
    for unshare in (("unshare", "--net"), ("unshare", "--map-root-user", "--net")):
        command = (*unshare, "sh", "-c", 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$@"', "sh")
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    pytest.skip("this system cannot run a program without a network (Linux can, with unshare)")


@pytest.fixture
def tried(record_property) -> Callable[[str, Counter], None]:
    """Notes what was tried, and how often each result came, for the table in docs/engineering/reliability.md."""

    def note(what: str, outcomes: Counter) -> None:
        record_property("tried", [what, dict(outcomes)])

    return note


def pytest_terminal_summary(terminalreporter) -> None:
    tried = defaultdict(Counter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in report.user_properties:
                if name == "tried":
                    tried[value[0]].update(value[1])
    if tried:
        terminalreporter.write_sep("-", "what was tried, and the results")
    for what, outcomes in sorted(tried.items()):
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        terminalreporter.write_line(f"| {what} | {outcomes.total():,} | {counts} |")
