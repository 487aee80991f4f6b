"""Tracking: online with credentials, offline without, and never in the way of the training."""

import http.server
import json
import socket
import threading
import time
from pathlib import Path

import pytest

QUICK = ("cnn.py", "--epochs", "2", "--first_layer_convs", "2", "--batch_size", "100")
KEY = "0123456789" * 4


def only_run(checkout) -> Path:
    runs = list((checkout.folder / "runs" / "wandb").glob("*run-*-*"))
    assert len(runs) == 1, runs
    return runs[0]


def test_without_an_account_a_run_is_tracked_offline_with_everything(checkout, small_data, no_network, tracked):
    answer = checkout.run(*QUICK, "--data", str(small_data), "--project", "my-project", before=no_network)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    run = only_run(checkout)
    assert run.name.startswith("offline-run-")
    record = tracked(run)
    summary = record["summary"]
    folder = checkout.latest("cnn")
    last = dict(
        zip(*((folder / "history.csv").read_text().splitlines()[row].split(",") for row in (0, 2)), strict=True)
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch"):
        assert summary[name] == pytest.approx(float(last[name]), abs=1e-6)
    for name in ("test_accuracy", "test_loss", "parameters"):
        assert summary[name] == pytest.approx(metrics[name], abs=1e-6)
    assert record["project"] == "my-project"
    for name, value in json.loads((folder / "config.json").read_text()).items():
        assert record["config"][name] == value
    pictures = list((run / "files" / "media" / "images").glob("predictions*.png"))
    assert len(pictures) == 16
    # The last lines say how to look at the run and how to upload it.
    look, upload = answer.stdout.splitlines()[-2:]
    assert look == f"Look at it:  wandb leet runs/wandb/{run.name}"
    assert upload == f"Upload it:   wandb sync runs/wandb/{run.name}"


@pytest.mark.parametrize("mode", ["disabled", "offline"])
def test_wandb_mode_is_obeyed_even_with_a_key(checkout, small_data, no_network, mode):
    answer = checkout.run(*QUICK, "--data", str(small_data), before=no_network, WANDB_MODE=mode, WANDB_API_KEY=KEY)
    assert answer.returncode == 0, answer.stderr
    kept = list((checkout.folder / "runs").glob("wandb/offline-run-*"))
    assert len(kept) == (0 if mode == "disabled" else 1)
    assert ("wandb sync" in answer.stdout) == (mode != "disabled")
    assert answer.stderr == ""


def test_a_mode_that_there_is_not_is_refused(checkout):
    answer = checkout.run(*QUICK, WANDB_MODE="nonsense")
    assert answer.returncode == 2
    assert (
        answer.stderr == "WANDB_MODE is nonsense, but must be online or offline or disabled; change it or unset it.\n"
    )


class Server:
    """A Weights & Biases server that is not as it should be, on a loopback port of its own."""

    def __init__(self, status: int | None) -> None:
        self.requests = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.requests += 1
                if status is None:
                    time.sleep(60)
                body = b'{"errors": [{"message": "refused"}]}' if status != 200 else b"<html>"
                self.send_response(status or 500)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_CONNECT = do_POST  # noqa: N815

            def log_message(self, *arguments) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_offline_nothing_is_sent_anywhere(checkout, small_data):
    proxy = Server(500)
    proxies = {name: proxy.url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")}
    answer = checkout.run(*QUICK, "--data", str(small_data), **proxies)
    assert answer.returncode == 0, answer.stderr
    assert only_run(checkout)
    assert proxy.requests == 0


@pytest.fixture(scope="module")
def undisturbed(new_checkout, small_data) -> tuple[float, str]:
    """The seconds that a run takes without a key, and its history."""
    checkout = new_checkout()
    started = time.monotonic()
    checkout.run(*QUICK, "--data", str(small_data))
    return time.monotonic() - started, (checkout.latest("cnn") / "history.csv").read_text()


@pytest.fixture
def run_against(checkout, small_data, undisturbed, tracked):
    """Runs a script with a key for the server at a URL, and checks that it went on offline without losing time."""

    def run(url: str) -> None:
        started = time.monotonic()
        answer = checkout.run(*QUICK, "--data", str(small_data), WANDB_BASE_URL=url, WANDB_API_KEY=KEY)
        usual_seconds, history = undisturbed
        assert answer.returncode == 0, answer.stderr
        assert time.monotonic() - started - usual_seconds < 15
        assert answer.stderr.count("\n") == 1
        assert "this run is tracked offline" in answer.stderr
        assert KEY not in answer.stderr + answer.stdout
        assert (checkout.latest("cnn") / "history.csv").read_text() == history
        assert tracked(checkout.folder / answer.stdout.split("wandb sync ")[1].strip())["summary"]["epoch"] == 2

    return run


@pytest.mark.parametrize("status", [None, 401, 500, 200], ids=["silent", "refusing", "failing", "babbling"])
def test_a_bad_server_costs_seconds_and_the_run_goes_on_offline(run_against, status):
    server = Server(status)
    run_against(server.url)
    assert server.requests > 0


def test_a_dead_server_costs_seconds_and_the_run_goes_on_offline(run_against):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        run_against(f"http://127.0.0.1:{unused.getsockname()[1]}")


def test_a_key_that_is_no_key_costs_nothing_and_is_not_shown(checkout, small_data, no_network):
    answer = checkout.run(*QUICK, "--data", str(small_data), before=no_network, WANDB_API_KEY="secret")
    assert answer.returncode == 0
    assert "tracked offline" in answer.stderr
    assert "secret" not in answer.stderr + answer.stdout
