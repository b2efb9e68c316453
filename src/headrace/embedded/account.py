"""Who Postgres runs as: it refuses root, so root hands it to an unprivileged system user."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from headrace.embedded.errors import EmbeddedPostgresError
from headrace.telemetry import log

USER: Final = "headrace"
ADD_USER: Final = (
    ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER),
    ("adduser", "-S", "-D", "-H", USER),  # Alpine's
)
STAND_INS: Final = ("postgres", "nobody")


class Switch(TypedDict, total=False):
    """The arguments of ``subprocess.Popen`` that change the user; none where it stays ours."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The user that owns the data and runs the server; ``switch`` is true where that is not ourselves."""

    uid: int
    gid: int
    switch: bool

    def popen(self) -> Switch:
        """Return what ``subprocess`` must be told to run as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def make_way(self, folder: Path) -> None:
        """Make a folder of ours and its missing parents so that this user can pass, whatever our umask."""
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        for part in reversed(missing):
            part.mkdir(mode=0o755, exist_ok=True)
            if self.switch:
                part.chmod(0o755)

    def may_enter(self, folder: Path) -> bool:
        """Return whether this user can reach what is inside a folder; for parts that do not exist yet, their parent decides."""
        if not self.switch:
            return True
        resolved = folder.resolve()
        return all(self._passes(part) for part in (resolved, *resolved.parents) if part.is_dir())

    def _passes(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & 0o100)
        return bool(found.st_mode & (0o010 if found.st_gid == self.gid else 0o001))


def account_for(data: Path) -> Account:
    """Return who must run the server on a data folder, which need not exist yet.

    Existing data stays its owner's, whom root may act for. New data belongs to ourselves or, where we are root, to the system
    user ``headrace``, which is added on first use. Raises ``EmbeddedPostgresError`` where that cannot be.
    """
    we = os.geteuid()
    if data.exists():
        owner = data.stat()
        if owner.st_uid == we != 0:
            return Account(we, os.getegid(), switch=False)
        if we == 0 and owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, switch=True)
        whose = f"{data} belongs to {_name(owner.st_uid)}, not to {_name(we)}"
        raise EmbeddedPostgresError(f"{whose}: run as its owner, or set HEADRACE_HOME to another folder")
    if we != 0:
        return Account(we, os.getegid(), switch=False)
    return _system_user()


def _system_user() -> Account:
    found = _existing(USER)
    if found is not None:
        return found
    for command in ADD_USER:
        program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
        if program is None:
            continue
        added = subprocess.run((program, *command[1:]), capture_output=True, check=False)
        found = _existing(USER)
        if added.returncode == 0 and found is not None:
            return found
    for name in STAND_INS:
        found = _existing(name)
        if found is not None:
            log.warning("postgres_user", message=f"the user {USER} cannot be added: Postgres runs as {name}")
            return found
    message = f"Postgres refuses root, and no user can be added for it: run `useradd --system {USER}`, or set DATABASE_URL"
    raise EmbeddedPostgresError(message)


def _existing(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, switch=True) if entry.pw_uid != 0 else None


def _name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user number {uid}"
