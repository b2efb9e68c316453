"""A whole headrace of its own: ``headrace run`` in a temporary home on a free port, spoken to over HTTP alone."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psutil

from headrace.embedded.ports import free_port

START_S: Final = 180.0
PATIENCE_S: Final = 60.0
_numbers: Final = count(1)


class Town:
    """The processes and their address."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="headrace-acceptance-", dir="/tmp"))
        self.home.chmod(0o755)  # root's Postgres runs as another user
        self.output = self.home / "output"
        self.environment = os.environ | {
            "HEADRACE_HOME": str(self.home / "data"),
            "API_PORT": str(self.port),
            "PROMETHEUS_METRICS_ENABLED": "false",
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            **environment,
        }
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command("run"), env=self.environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self.until(self._ready, "the API is ready and a worker is there", START_S)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop everything as Ctrl-C would and take the home away; fail where it does not end cleanly."""
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            said = self.output.read_text(errors="replace")
            shutil.rmtree(self.home, ignore_errors=True)
        if code:
            raise AssertionError(f"headrace run ended with {code}:\n{said[-3000:]}")

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the JSON of a successful GET."""
        status, answer = self.call("GET", f"{path}?{urlencode(query)}")
        if status != http.client.OK:
            raise AssertionError(f"GET {path}: {status} {answer}")
        return answer

    def event(self, user: str, item: str, kind: str = "view", **more: object) -> dict[str, object]:
        """Return the body of an interaction of this moment."""
        number = next(_numbers)
        return {
            "event_id": f"event-{number:08}",
            "user_id": user,
            "item_id": item,
            "event_type": kind,
            "ts": time.time_ns() // 1_000_000 + number - 60_000,
            **more,
        }

    def act(self, user: str, item: str, kind: str = "view", **more: object) -> None:
        """Send an interaction, which must be taken."""
        body = self.event(user, item, kind, **more)
        answer = self.call("POST", "/event", body)
        if answer != (200, {"status": "ok", "event_id": body["event_id"]}):
            raise AssertionError(f"POST /event: {answer}")

    def shown(self, user: str, k: int = 20) -> list[str]:
        """Return what a user would be shown, leaving no trace."""
        answer = self.get("/reco", user_id=user, session_id="s1", k=k, x_autolog_impressions="false")
        items: list[str] = answer["items"]
        return items

    def until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait until a condition holds; fail with these words and the last output when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.output.read_text(errors="replace")
                raise AssertionError(f"not within {seconds:g} s: {what}\n{said[-3000:]}")
            time.sleep(0.02)

    def drained(self) -> None:
        """Wait until every acknowledged event is applied."""
        self.until(lambda: not sum(one["lag_records"] for one in self.get("/stream/worker")["partitions"]), "no lag is left")

    def child(self, name: str) -> int | None:
        """Return the process id of the API or the worker; None while it is not there."""
        for process in psutil.Process(self._process.pid).children():
            try:
                if name in process.cmdline():
                    pid: int = process.pid
                    return pid
            except psutil.Error:
                continue
        return None

    def headrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command beside it, on the same home."""
        return subprocess.run(
            self._command(*arguments), env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "headrace", *arguments]

    def _ready(self) -> bool:
        try:
            status, answer = self.call("GET", "/readyz")
        except OSError:
            return False
        return status == http.client.OK and answer["status"] == "ready"
