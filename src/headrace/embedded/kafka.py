"""A real Kafka broker on loopback: one node that is broker and controller (KRaft), its data in one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from headrace.embedded.errors import EmbeddedKafkaError
from headrace.embedded.jars import Jars
from headrace.embedded.ports import HOST, free_port

STARTED: Final = b"Kafka Server started"
START_S: Final = 120.0
STOP_S: Final = 30.0
STEP_S: Final = 0.02
LOGGING: Final = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
"""
JAVA: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.awt.headless=true")

# A shell that ends the broker when its own input ends, which is when whoever started it has ended, however that came about.
GUARD: Final = '"$@" & echo $! > broker.pid.new && mv broker.pid.new broker.pid; cat > /dev/null; kill -9 $! 2> /dev/null; wait'


class Broker:
    """One broker in one folder. ``guarded`` makes it end with the process that started it: for tests and trials.

    ``port`` 0 takes free ports once and keeps them. ``more`` adds to the broker's settings or replaces them;
    ``advertised_port`` is what clients are told to come to, for a proxy in between. All methods block.
    """

    def __init__(
        self,
        folder: Path,
        jars: Jars,
        *,
        port: int = 0,
        advertised_port: int | None = None,
        more: Mapping[str, str] | None = None,
        guarded: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port(row=2)
        self._controller = self.port + 1
        self._advertised = advertised_port or self.port
        self._jars = jars
        self._more = more or {}
        self._guarded = guarded
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Return what ``KAFKA_BOOTSTRAP`` must say."""
        return f"{HOST}:{self._advertised}"

    @property
    def version(self) -> str:
        """Return Kafka's version."""
        return self._jars.version

    @property
    def output(self) -> Path:
        """Return the file that the broker writes its messages to."""
        return self.folder / "broker.log"

    @property
    def pid(self) -> int | None:
        """Return the broker's process; None where none lives in this folder, whoever started it."""
        try:
            process = psutil.Process(int((self.folder / "broker.pid").read_text(encoding="ascii")))
            ours = str(self._properties) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return None
        return process.pid if ours else None

    def start(self) -> None:
        """Start the broker and return when it serves: 4 s for a new folder, less for an old one. Harmless where it runs.

        Raises ``EmbeddedKafkaError``.
        """
        if self.pid is not None:
            return
        self._let_go()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_ports()
        self._write_settings()
        self._format()
        with self.output.open("ab") as output:
            began = output.seek(0, os.SEEK_END)
            self._launch(output.fileno())
        deadline = time.monotonic() + START_S
        while not self._said(STARTED, began):
            child = self._child
            ended = child is not None and child.poll() is not None and not self._guarded
            if ended or time.monotonic() > deadline or (self._guarded and self._gone()):
                reason = self._reason(began)
                self.kill()
                raise EmbeddedKafkaError(f"Kafka does not start: {reason} (see {self.output})")
            time.sleep(STEP_S)

    def stop(self) -> None:
        """Stop the broker in order, by force where it does not come to an end. Idempotent."""
        self.resume()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(STEP_S)
        self.kill()

    def kill(self) -> None:
        """End the broker at once, as a crash would; ``start`` brings it back with all it had acknowledged."""
        self._signal(signal.SIGKILL)
        while self.pid is not None:
            time.sleep(STEP_S)
        self._let_go()

    def pause(self) -> None:
        """Stop the broker in its tracks and return when it stands: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        pid = self.pid
        while pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_STOPPED:
            time.sleep(STEP_S)  # each of its threads stops by itself

    def resume(self) -> None:
        """Let a paused broker go on."""
        self._signal(signal.SIGCONT)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)

    def _let_go(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            if child.stdin is not None:
                child.stdin.close()
            child.wait()
        (self.folder / "broker.pid").unlink(missing_ok=True)

    def _check_ports(self) -> None:
        for port in (self.port, self._controller):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    message = f"Kafka cannot listen on {HOST}:{port}: {error.strerror}; set HEADRACE_KAFKA_PORT to a free one"
                    raise EmbeddedKafkaError(message) from error

    def _write_settings(self) -> None:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"{HOST}:{self._controller}",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._advertised}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "16777216",  # the default is a quarter of our heap
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            **self._more,
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        self._properties.write_text(text, encoding="utf-8")
        self._properties.chmod(0o600)  # a test's listener may have passwords in it
        (self.folder / "log4j2.properties").write_text(LOGGING, encoding="utf-8")

    def _format(self) -> None:
        data = self.folder / "data"
        if (data / "meta.properties").exists():
            return
        shutil.rmtree(data, ignore_errors=True)
        cluster = "A" + uuid4().hex[:21]  # 22 characters of its alphabet, as Kafka writes 16 bytes
        words = ("format", "--standalone", "--cluster-id", cluster, "--config", str(self._properties))
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *words), cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EmbeddedKafkaError(f"Kafka's storage cannot be made in {data}: {(done.stderr or done.stdout).strip()[-300:]}")

    def _java(self, program: str, *words: str) -> list[str]:
        return [
            self._jars.java,
            *JAVA,
            "-Dlog4j2.configurationFile=log4j2.properties",
            "-cp",
            self._jars.class_path,
            program,
            *words,
        ]

    def _launch(self, output: int) -> None:
        command = self._java("kafka.Kafka", str(self._properties))
        if self._guarded:
            command = ["/bin/sh", "-c", GUARD, "sh", *command]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if self._guarded else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C reaches us alone
        )
        if not self._guarded:
            (self.folder / "broker.pid").write_text(f"{self._child.pid}\n", encoding="ascii")

    def _gone(self) -> bool:
        return (self.folder / "broker.pid").exists() and self.pid is None

    def _said(self, words: bytes, since: int) -> bool:
        with self.output.open("rb") as file:
            file.seek(since)
            return words in file.read()

    def _reason(self, since: int) -> str:
        with self.output.open("rb") as file:
            file.seek(since)
            lines = file.read().decode("utf-8", "replace").splitlines()
        grave = [line for line in lines if "ERROR" in line or "FATAL" in line or "Exception" in line]
        return (grave or lines or ["it says nothing"])[0].strip()
