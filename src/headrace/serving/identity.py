"""Names for answers: 128 random bits each, asked of the system for many at once, as one asking costs more than a name."""

import os
from typing import Final

AT_ONCE: Final = 256
BYTES: Final = 16

_left: Final[list[str]] = []


def new_id() -> str:
    """Return 32 hexadecimal digits that nobody had before and nobody can guess. For one thread; a forked child draws anew."""
    if not _left:
        drawn = os.urandom(AT_ONCE * BYTES).hex()
        _left.extend(drawn[start : start + 2 * BYTES] for start in range(0, len(drawn), 2 * BYTES))
    return _left.pop()


os.register_at_fork(after_in_child=_left.clear)
