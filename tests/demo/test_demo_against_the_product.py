"""The demonstration against the real product, through its HTTP API alone."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from tests.cli.test_commands import READY_WITHIN_S, CommandCase


class DemoAgainstTheProductTests(CommandCase):
    """A short demonstration on an empty installation."""

    def setUp(self) -> None:
        """Start the product and wait until it answers."""
        super().setUp()
        self.output = (self.home / "output").open("w+")
        self.addCleanup(self.output.close)
        self.product = subprocess.Popen(
            [sys.executable, "-m", "headrace", "run"], env=self.environment, stdout=self.output, stderr=self.output
        )
        self.addCleanup(self.stop)
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.ready():
            self.assertLess(time.monotonic(), deadline, (self.home / "output").read_text())
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the product."""
        self.product.send_signal(signal.SIGTERM)
        self.product.wait(30)

    def ready(self) -> bool:
        """Return whether the product can answer."""
        try:
            return bool(self.get("/readyz")["status"] == "ready")
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON that the API answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
        return body

    def test_its_own_figures_agree_with_those_of_the_product(self) -> None:
        """Every question is an impression, everything taken is followed up, and CTR@20 is the same on both sides."""
        told = self.home / "figures.json"
        url = f"http://127.0.0.1:{self.port}"
        done = self.call("demo", "--url", url, "--seconds", "12", "--rate", "40", "--items", "200", "--json", str(told))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("SIMULATED", done.stdout)
        figures = json.loads(told.read_text())
        self.assertEqual(figures["errors"], {})
        self.assertGreater(figures["events"], 50)
        self.assertGreater(figures["visible_events"], 50)
        self.assertLess(figures["event_to_visible_p50_ms"], 1000)
        shown = figures["learned"]["shown"] + figures["control"]["shown"]
        taken = figures["learned"]["taken"] + figures["control"]["taken"]
        self.assertGreater(taken, 0)
        self.assertGreater(figures["control"]["shown"], 0)
        deadline = time.monotonic() + 20
        while abs(self.get("/analytics/baseline")["metrics"]["ctr_at_20_pct"] - 100 * taken / shown) > 0.01:
            self.assertLess(time.monotonic(), deadline, self.get("/analytics/baseline"))
            time.sleep(0.2)
