"""Weights & Biases servers that are not as they should be: the run's numbers are the same, and it can be uploaded."""

import contextlib
import http.server
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.slow  # waits for servers that do not answer
QUICK = ("mlp.py", "--epochs", "3", "--hidden_nodes", "16")
KEY = "0123456789" * 4
SECONDS_AT_THE_START, SECONDS_AT_THE_END = 15, 60  # what a server may cost
AT_THE_START = ("dead", "swallowing", "silent", "hanging up", "refusing", "failing", "babbling")
UNNOTICED = ("refusing", "babbling")  # by wandb, once the run is known to the server
LATER = ("dead", "silent", "hanging up", "refusing", "failing", "babbling")
SAMPLE = (("silent", None), (None, "dead"))
EVERY = (*((kind, None) for kind in AT_THE_START), *((None, kind) for kind in LATER), ("slow", "slow"))
BUCKET = {
    "id": "x", "name": "run", "displayName": "run", "description": None, "config": "{}", "sweepName": None,
    "historyLineCount": 0, "project": {"id": "p", "name": "project", "entity": {"id": "e", "name": "me"}},
}  # fmt: skip
ANSWER = {
    "upsertBucket": {"bucket": BUCKET, "inserted": True},
    "serverInfo": {"features": []},
    "createRunFiles": {"runID": "x", "uploadHeaders": [], "files": []},
    "model": None,
}


class Server:
    """A server on a loopback port of its own that begins in one way and continues in another once it knows a run.

    None means as it should; "dead" and "swallowing" are no server at all.
    """

    def __init__(self, first: str | None, later: str | None = None) -> None:
        self.kind, self.requests = first, 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.requests += 1
                request = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                statuses = {"refusing": 401, "failing": 500}
                name = re.search(rb'"name":"([0-9a-f]{8})"', request)  # that of the run comes back
                body = json.dumps({"data": ANSWER}).replace('"run"', f'"{name[1].decode() if name else "x"}"').encode()
                if owner.kind == "silent":
                    time.sleep(600)
                if owner.kind in ("hanging up", "dead"):
                    self.close_connection = True
                    return
                if owner.kind == "slow":
                    time.sleep(1)
                if owner.kind in statuses:
                    body = b'{"errors": [{"message": "refused"}]}'
                if owner.kind == "babbling":
                    body = b"<html>"
                self.send_response(statuses.get(owner.kind, 200))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if b"mutation UpsertBucket" in request:
                    owner.kind = later
                    if later == "dead":
                        owner.server.socket.close()  # from here on connections are refused

            do_GET = do_CONNECT = do_PUT = do_POST  # noqa: N815

            def log_message(self, *arguments) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *arguments: None  # who hangs up is not an error here
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # its socket was closed
            self.server.serve_forever()


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port where connections are refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def hole() -> Iterator[str]:
    """The address of a port where packets are swallowed: those who wait there already are never let in."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"
        for one in waiting:
            one.close()


@pytest.fixture(scope="module")
def undisturbed(new_checkout, small_data) -> tuple[float, str]:
    """The seconds that a run takes without a key, and its history."""
    checkout = new_checkout()
    started = time.monotonic()
    assert checkout.run(*QUICK, "--data", str(small_data)).returncode == 0
    return time.monotonic() - started, (checkout.latest("mlp") / "history.csv").read_text()


@pytest.mark.parametrize(("first", "later"), EVERY)
def test_a_bad_server_costs_seconds_and_nothing_else(
    checkout, small_data, undisturbed, tracked, nobody, hole, thorough, tried, first, later
):
    if not thorough and (first, later) not in SAMPLE:
        pytest.skip("CI tries a sample")
    server = None if first in ("dead", "swallowing") else Server(first, later)
    url = {"dead": nobody, "swallowing": hole}.get(first) or server.url
    usual_seconds, history = undisturbed
    started = time.monotonic()
    answer = checkout.run(*QUICK, "--data", str(small_data), WANDB_BASE_URL=url, WANDB_API_KEY=KEY)
    longer = time.monotonic() - started - usual_seconds
    assert answer.returncode == 0, answer.stderr
    assert KEY not in answer.stderr + answer.stdout
    assert (checkout.latest("mlp") / "history.csv").read_text() == history
    assert (checkout.latest("mlp") / "report.html").exists()
    assert server is None or server.requests > 0
    assert longer < (SECONDS_AT_THE_START if later is None else SECONDS_AT_THE_END)
    kept = (checkout.folder / "runs" / "wandb" / "latest-run").resolve()  # after a refusal there are two
    found = tracked(kept)
    assert found["summary"]["epoch"] == 3
    assert found["summary"]["test_accuracy"] > 0
    if first == later == "slow":
        result = "tracked online"
        assert answer.stderr == ""
    elif later is None:
        result = "tracked offline, with a sentence"
        assert answer.stderr.count("\n") == 1
        assert "this run is tracked offline" in answer.stderr
        assert answer.stdout.endswith(f"Upload it:   wandb sync runs/wandb/{kept.name}\n")
    elif later in UNNOTICED:
        result = "kept on disk; the last line says how to upload it"
        assert answer.stderr == ""
        again = f"If something is missing there:  wandb sync --include-online runs/wandb/{kept.name}\n"
        assert answer.stdout.endswith(again)
    else:
        result = "kept on disk, with a sentence"
        assert answer.stderr.count("\n") == 1
        assert answer.stderr.startswith("Tracking failed (")
        assert answer.stdout.endswith(f"Upload it:   wandb sync --include-online runs/wandb/{kept.name}\n")
    tried(f"server: {first or 'as it should be'}, later {later or first or 'as it should be'}", Counter([result]))


def test_a_server_as_it_should_be_gets_everything(checkout, small_data):
    server = Server(None)
    answer = checkout.run(*QUICK, "--data", str(small_data), WANDB_BASE_URL=server.url, WANDB_API_KEY=KEY)
    assert answer.returncode == 0
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[-2].startswith(f"Look at it:  {server.url}/me/")


def test_offline_nothing_is_sent_anywhere(checkout, small_data):
    proxy = Server("failing")
    proxies = {name: proxy.url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")}
    answer = checkout.run(*QUICK, "--data", str(small_data), **proxies)
    assert answer.returncode == 0, answer.stderr
    assert len(list((checkout.folder / "runs" / "wandb").glob("offline-run-*"))) == 1
    assert proxy.requests == 0
