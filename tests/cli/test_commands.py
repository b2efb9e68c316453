"""The command line as a user meets it: real processes, their words and their exit codes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import psutil

from headrace.cli import COMMANDS
from headrace.embedded.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60


class CommandCase(unittest.TestCase):
    """A home below /tmp, free ports, and a way to call headrace."""

    def setUp(self) -> None:
        """Make the home."""
        self.home = Path(tempfile.mkdtemp(prefix="headrace-cli-", dir="/tmp"))
        self.home.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HEADRACE_HOME": str(self.home),
            "API_PORT": str(self.port),
            "WORKER_METRICS_PORT": str(free_port()),
        }

    def call(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "headrace", *words],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def complaint(self, *words: str, **environment: str) -> str:
        """Return the one line of a refusal that the user can mend: exit code 2 and no traceback."""
        done = self.call(*words, **environment)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]


class Helping(CommandCase):
    """The help teaches."""

    def test_it_names_every_command_and_shows_examples(self) -> None:
        """``headrace --help`` lists the commands and has lines to copy."""
        told = self.call("--help").stdout
        for name in COMMANDS:
            self.assertIn(f"\n  {name} ", told)
        self.assertNotIn("...", told.partition("Commands:")[2], "a sentence is told whole")
        self.assertIn("\n      headrace run ", told)

    def test_every_command_begins_its_help_with_the_sentence_of_the_list(self) -> None:
        """What the list says of a command is what the command says of itself."""
        for name, (module, function, sentence) in COMMANDS.items():
            with self.subTest(name):
                text = getdoc(getattr(import_module(module), function)) or ""
                self.assertEqual(text.splitlines()[0], sentence)

    def test_the_help_does_not_load_what_only_commands_need(self) -> None:
        """The quick answer stays quick: neither the database driver nor the web framework is imported for it."""
        program = (
            "import sys; from headrace.cli import build; build(['--help']); "
            "print(sorted({'asyncpg', 'starlette', 'numpy'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "[]")


class Complaining(CommandCase):
    """One clear line each."""

    def test_a_taken_port_is_told(self) -> None:
        """The line names the address and the setting."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            self.assertRegex(self.complaint("run"), f"127.0.0.1:{self.port}: Address already in use; set API_PORT")

    def test_an_unwritable_folder_is_told(self) -> None:
        """The line names the folder."""
        self.assertIn("/proc/headrace", self.complaint("run", HEADRACE_HOME="/proc/headrace"))

    def test_a_postgres_that_does_not_answer_is_told(self) -> None:
        """The line says that Postgres is away and which setting to look at."""
        url = f"postgresql://me:secret@127.0.0.1:{free_port()}/reco"
        line = self.complaint("run", DATABASE_URL=url)
        self.assertRegex(line, "postgres is unavailable.*DATABASE_URL")
        self.assertNotIn("secret", line)

    def test_a_demo_of_nothing_is_told(self) -> None:
        """The line names the address and how to start what should listen there."""
        self.assertRegex(self.complaint("demo", "--url", f"http://127.0.0.1:{free_port()}"), "127.0.0.1.*headrace run")

    def test_a_page_that_cannot_be_drawn_is_told_before_the_work(self) -> None:
        """Without the plotting library the line says how the pinned one is installed; the file is not even opened."""
        program = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "from headrace.cli import main; main(['evaluate', sys.argv[1], '--page', 'report.html'])"
        )
        (self.home / "none.csv").write_text("this is no file of events")
        done = subprocess.run(
            [sys.executable, "-c", program, str(self.home / "none.csv")],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr.strip(), "^headrace: the page needs matplotlib.*--require-hashes -r requirements/dev.txt$")

    def test_a_bad_setting_is_told(self) -> None:
        """The line names the setting, its value and what is expected."""
        self.assertIn("LOG_LEVEL='loud'", self.complaint("run", LOG_LEVEL="loud"))


class Running(CommandCase):
    """Everything by one command."""

    def setUp(self) -> None:
        """Start it."""
        super().setUp()
        self.output = (self.home / "output").open("w+")
        self.addCleanup(self.output.close)
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        """Start ``headrace run`` and make sure that nothing of it stays."""
        process = subprocess.Popen(
            [sys.executable, "-m", "headrace", "run"], env=self.environment, stdout=self.output, stderr=self.output, text=True
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process: "subprocess.Popen[str]") -> None:
        """Stop a process that a failed test left."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def wait_until_said(self, pattern: str) -> None:
        """Wait until the output has a match."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not re.search(pattern, (self.home / "output").read_text()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.fail(f"never said {pattern!r}:\n{(self.home / 'output').read_text()}")
            time.sleep(0.05)

    def get(self, path: str) -> dict[str, object]:
        """Return the JSON answer of the API."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body = json.load(answer)
        assert isinstance(body, dict)
        return body

    def test_it_starts_everything_says_where_it_is_and_stops_cleanly(self) -> None:
        """The block appears, the curl in it works, SIGINT ends it with code 0 and leaves no process behind."""
        self.wait_until_said("headrace is ready after")
        path = re.search(r"curl 'http://127.0.0.1:\d+(/reco[^']+)'", (self.home / "output").read_text())
        assert path is not None
        self.assertIn("items", self.get(path[1]))
        metrics = re.search(r"worker .* metrics http://127.0.0.1:(\d+)/metrics", (self.home / "output").read_text())
        assert metrics is not None
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics[1]}/metrics", timeout=10) as page:
            self.assertIn(b"reco_worker_running 1.0", page.read())
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.assertGreaterEqual(len(below), 3)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(20), 0)
        self.assertEqual([child for child in below if child.is_running() and child.status() != psutil.STATUS_ZOMBIE], [])

    def test_what_dies_is_started_again(self) -> None:
        """A killed worker and a killed Postgres are reported and come back by themselves."""
        self.wait_until_said("headrace is ready after")
        children = psutil.Process(self.process.pid).children()
        worker = next(child for child in children if "worker" in child.cmdline())
        postgres = next(child for child in children if child.name().startswith("postgres"))
        worker.kill()
        postgres.kill()
        self.wait_until_said('"process": "worker".*SIGKILL')
        self.wait_until_said('"process": "postgres"')
        self.wait_until_said("(?s)process_died.*process_died.*partition_claimed")
        deadline = time.monotonic() + READY_WITHIN_S
        while (told := self.get("/readyz"))["status"] != "ready":  # it looks once a second
            self.assertLess(time.monotonic(), deadline, told)
            time.sleep(0.2)
