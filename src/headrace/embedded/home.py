"""Where everything is kept that survives a restart."""

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

NAME: Final = ".headrace"
SYSTEM_FOLDER: Final = Path("/var/lib/headrace")


def default_home(folder: Path) -> Path:
    """Return the home for somebody who works in ``folder``: ``.headrace`` in it, or a folder under ``/var/lib/headrace``.

    The latter only for root in a folder that is closed to others (``/root``, say), where the unprivileged user that Postgres
    needs could not reach its data; it is named by a hash of the folder, so each folder has one. Creates nothing.
    """
    near = folder / NAME
    if os.geteuid() != 0 or near.exists() or _open_to_all(folder):
        return near
    return SYSTEM_FOLDER / blake2b(os.fsencode(folder), digest_size=5).hexdigest()


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))
