"""Making a new data folder, and running the server's programs as the user that owns it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from headrace.embedded.account import Account
from headrace.embedded.binaries import Binaries
from headrace.embedded.errors import EmbeddedPostgresError

DATABASE: Final = "headrace"
ROLE: Final = "headrace"
# Nothing of the caller's: its PG* variables and its locale must not reach the server.
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}


def popen(command: Sequence[str], account: Account, output: IO[bytes], folder: Path) -> subprocess.Popen[bytes]:
    """Start a program as this user, in a session of its own, its words going to ``output``."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd=folder,
            start_new_session=True,
            umask=0o077,
            **account.popen(),
        )
    except PermissionError as error:
        raise _cannot_run(command[0], account, error) from error


def ensure(data: Path, account: Account, binaries: Binaries, *, durable: bool) -> None:
    """Make the data folder with its database ``headrace`` unless it is there: UTF-8, C order, local connections trusted.

    It is made aside and renamed, so that a crash leaves either nothing or all of it. Raises ``EmbeddedPostgresError``, also
    where the folder was made by another major version.
    """
    if data.exists():
        _check_version(data, binaries, account)
        return
    new = data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    _run(
        [
            binaries.program("initdb"),
            f"--pgdata={new}",
            f"--username={ROLE}",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
            *([] if durable else ["--no-sync"]),
        ],
        account,
        data.parent,
    )
    create = f"CREATE DATABASE {DATABASE} TEMPLATE template0\n"
    options = ["-c", "exit_on_error=on", *([] if durable else ["-c", "fsync=off"])]
    _run([binaries.program("postgres"), "--single", "-D", str(new), *options, "template1"], account, data.parent, create)
    new.rename(data)


def _check_version(data: Path, binaries: Binaries, account: Account) -> None:
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    says = _run([binaries.program("postgres"), "--version"], account, data.parent)  # "postgres (PostgreSQL) 18.6"
    ours = says.split()[-1].split(".")[0]
    if made_by != ours:
        message = (
            f"{data} was made by Postgres {made_by}, and this is Postgres {ours}: dump it with the former and load it here, "
            "or set HEADRACE_HOME to another folder"
        )
        raise EmbeddedPostgresError(message)


def _run(command: Sequence[str], account: Account, folder: Path, words: str = "") -> str:
    try:
        done = subprocess.run(
            command,
            input=words,
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
            cwd=folder,
            start_new_session=True,
            umask=0o077,
            **account.popen(),
        )
    except PermissionError as error:
        raise _cannot_run(command[0], account, error) from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        grave = [line for line in lines if "error" in line.lower() or "FATAL" in line or "PANIC" in line]
        reason = (grave or lines or [f"it ended with code {done.returncode}"])[-1].strip()
        raise EmbeddedPostgresError(f"{Path(command[0]).name} failed in {folder}: {reason}")
    return done.stdout


def _cannot_run(program: str, account: Account, error: PermissionError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"{program} cannot be run as the user number {account.uid} ({error.strerror}): start headrace as an ordinary user, "
        "or set DATABASE_URL"
    )
