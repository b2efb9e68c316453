"""A Postgres of our own in one folder: made on first use, started, shared by our processes, stopped by the last of them."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

from headrace.embedded import cluster, processes
from headrace.embedded.account import Account, account_for
from headrace.embedded.binaries import binaries_for
from headrace.embedded.cluster import DATABASE, ROLE
from headrace.embedded.errors import EmbeddedPostgresError
from headrace.embedded.options import server_options
from headrace.embedded.users import Users
from headrace.telemetry import log

SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 - TMPDIR may be a long path again
LONGEST_SOCKET: Final = 100  # bytes; the kernel refuses more than 107
SOCKET: Final = ".s.PGSQL.5432"
STOPPING: Final = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
RECOVERY_S: Final = 900.0
WORTH_TELLING_S: Final = 5.0
STEP_S: Final = 0.005


class EmbeddedPostgres:
    """The server in ``home/postgres``; a context manager whose value is the URL of its database ``headrace``.

    Several processes may use one home: the first starts the server, the others find it, the last to leave stops it. A server
    that outlived a killed process is taken over. ``durable`` false is for throwaway servers only. All methods block.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.folder = home.absolute() / "postgres"
        self._data = self.folder / "data"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._users: Users | None = None
        self._short: Path | None = None

    @property
    def logs(self) -> Path:
        """Return the folder of the server's log files, one a weekday."""
        return self.folder / "log"

    def start(self) -> str:
        """Return the URL once connections are taken: about 1 s for a new home, 0.2 s for an old one, longer after a crash.

        Calling it again is harmless, and starts a server that has died meanwhile. Raises ``EmbeddedPostgresError``.
        """
        try:
            account = account_for(self.folder)
            self._prepare_folder(account)
            users = self._users or Users(self.folder)
            with users.gate():
                sockets = self._sockets_of_living() or self._start(account)
                if self._users is None:
                    users.enter()
                    self._users = users
        except OSError as error:
            message = f"the embedded Postgres cannot use {error.filename or self.folder}: {error.strerror or error}"
            raise EmbeddedPostgresError(message) from error
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(sockets), safe='/')}&port=5432"

    def running(self) -> bool:
        """Return whether a server lives on this home, whoever started it."""
        return processes.living(self._data) is not None

    def stop(self) -> None:
        """Leave; the last user stops the server, waiting for its last checkpoint. Idempotent."""
        self._reap()
        users = self._users
        if users is None:
            return
        with users.gate():
            self._users = None
            postmaster = processes.living(self._data)
            if users.leave() and postmaster is not None:
                self._end(postmaster.pid)
                self._remove_short_sockets(postmaster.sockets)

    def __enter__(self) -> str:
        """Start the server and return its URL."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the server."""
        self.stop()

    def _prepare_folder(self, account: Account) -> None:
        home = self.folder.parent
        if not account.may_enter(home):
            message = (
                f"{home} lies in a folder that is closed to Postgres' user: set HEADRACE_HOME to one that is open to others"
            )
            raise EmbeddedPostgresError(message)
        account.make_way(home)
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            account.own(self.folder)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            message = f"{self.folder} cannot be written to: set HEADRACE_HOME to a folder that can"
            raise EmbeddedPostgresError(message)

    def _sockets_of_living(self) -> Path | None:
        postmaster = processes.living(self._data)
        deadline = time.monotonic() + RECOVERY_S
        while postmaster is not None and time.monotonic() < deadline:
            if postmaster.ready:
                return postmaster.sockets
            time.sleep(STEP_S)  # it is recovering, or being stopped by whoever started it
            postmaster = processes.living(self._data)
        return None

    def _start(self, account: Account) -> Path:
        self._clear_remains()
        binaries = binaries_for(account)
        cluster.ensure(self._data, account, binaries, durable=self._durable)
        sockets = self._new_sockets(account)
        command = [
            binaries.program("postgres"),
            "-D",
            str(self._data),
            *server_options(sockets=sockets, logs=self.logs, durable=self._durable),
        ]
        with (self.folder / "start.log").open("wb") as output:
            # A session of its own: Ctrl-C reaches us alone, and we stop it after those who still write to it.
            self._process = cluster.popen(command, account, output, self.folder)
        try:
            self._wait_until_ready(self._process)
        except BaseException:  # also on Ctrl-C: nothing is left running
            self._end(self._process.pid)
            raise
        return sockets

    def _clear_remains(self) -> None:
        """Remove what a killed server left: its sessions, and a lock file whose process number may be another's by now."""
        self._reap()
        remains = processes.told(self._data)
        if remains is not None:
            processes.end_orphans(self._data)
            self._remove_short_sockets(remains.sockets)
            processes.lock_file(self._data).unlink(missing_ok=True)

    def _new_sockets(self, account: Account) -> Path:
        sockets = self.folder / "socket"
        shutil.rmtree(sockets, ignore_errors=True)
        if len(os.fsencode(sockets / SOCKET)) > LONGEST_SOCKET:
            # The same one again after a crash, so that the URL stays.
            self._short = sockets = self._short or Path(tempfile.mkdtemp(prefix="headrace-", dir=SHORT_FOLDER))
        sockets.mkdir(mode=0o700, exist_ok=sockets == self._short)
        account.own(sockets)
        return sockets

    def _remove_short_sockets(self, sockets: Path | None) -> None:
        if sockets is not None and sockets.parent == SHORT_FOLDER and sockets.name.startswith("headrace-"):
            shutil.rmtree(sockets, ignore_errors=True)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        told_so = False
        while True:
            postmaster = processes.told(self._data)
            if postmaster is not None and postmaster.pid == process.pid and postmaster.ready:
                return
            waited = time.monotonic() - began
            if process.poll() is not None or waited > RECOVERY_S:
                raise EmbeddedPostgresError(f"the embedded Postgres does not start: {self._reason()}")
            if waited > WORTH_TELLING_S and not told_so:
                told_so = True
                log.info("postgres_recovering", message="Postgres repeats what a crash interrupted; this may take a while")
            time.sleep(STEP_S)

    def _reason(self) -> str:
        files = [self.folder / "start.log", *sorted(self.logs.glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]]
        lines = [line for path in files for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        grave = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        return f"{(grave or lines or ['it says nothing'])[-1].strip()} (see {self.logs})"

    def _end(self, pid: int) -> None:
        """End the server: politely, then without its checkpoint, then by force."""
        for number, patience_s in STOPPING:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + patience_s
            while self._lives(pid) and time.monotonic() < deadline:
                time.sleep(STEP_S)
            if not self._lives(pid):
                break
        if self._process is not None and self._process.pid == pid:
            self._process.wait()
            self._process = None

    def _reap(self) -> None:
        """Let go of a server of ours that has ended, whoever ended it."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None

    def _lives(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return processes.alive(pid)
