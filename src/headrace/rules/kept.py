"""Rule sets as they are kept: names, versions, and which one is live."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from headrace.errors import Rejected, Violation
from headrace.rules.declared import RuleSet

NAME: Final = r"[a-z0-9][a-z0-9_.-]{0,63}"
NONE: Final = "none"
"""Asked for in the place of a name: no rule set at all."""

_NAME: Final = re.compile(NAME)
_TITLE: Final = "The name breaks the contract"


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a version was made, in Unix milliseconds."""

    version: int
    made_at_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of a set."""

    name: str
    version: int
    made_at_ms: int
    rules: RuleSet

    @property
    def title(self) -> str:
        """Return its name and version in one."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Outline:
    """What is told of a version without its rules: what it is about, and how many it has."""

    name: str
    version: int
    made_at_ms: int
    about: str | None
    count: int

    @property
    def title(self) -> str:
        """Return its name and version in one."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A set's newest version, and which of its versions is live, if one is."""

    newest: Outline
    live: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version is live, if one is, and the number of each set's newest."""

    live: tuple[str, int] | None
    newest: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Live:
    """What is live, and since when (Unix ms)."""

    kept: Kept
    since_ms: int


class Keeper(Protocol):
    """Whoever keeps rule sets. Every method raises ``Unavailable``."""

    async def moved(self) -> int:
        """Return a number that grows with every change."""
        ...

    async def put(self, name: str, rules: RuleSet) -> int:
        """Keep a new version and return its number."""
        ...

    async def find(self, name: str, version: int | None) -> Kept | None:
        """Return a version; without a number the newest."""
        ...

    async def versions(self, name: str) -> list[Stamp]:
        """Return the versions of a set, the newest first."""
        ...

    async def listed(self) -> list[Listed]:
        """Return every set, by name."""
        ...

    async def standing(self) -> Standing:
        """Return names and numbers alone."""
        ...

    async def live(self) -> Live | None:
        """Return what is live."""
        ...

    async def make_live(self, name: str, version: int) -> bool:
        """Make a version live; return whether there is one."""
        ...

    async def make_none_live(self, name: str | None = None) -> int | None:
        """Have none live, or none if a version of this set is; return which version was, None where nothing is changed."""
        ...

    async def take_away(self, name: str) -> bool:
        """Take a set away; return whether it was there and not live."""
        ...


def named(text: str, path: str = "name") -> str:
    """Return the name of a rule set. Raises ``Rejected`` (422) with this path."""
    if text == NONE:
        raise Rejected(422, _TITLE, (Violation(path, f"{NONE!r} says that no rule set is wanted: take another name"),))
    if not _NAME.fullmatch(text):
        message = "must be small letters, digits, `-`, `_` and `.`, at most 64, and begin with a letter or digit"
        raise Rejected(422, _TITLE, (Violation(path, message),))
    return text


def reference(text: str, path: str = "rules") -> tuple[str, int | None]:
    """Return the name and the version of ``NAME`` or ``NAME@VERSION``. Raises ``Rejected`` (422) with this path."""
    name, at, version = text.partition("@")
    if at and not (version.isascii() and version.isdigit() and 0 < len(version) <= 9 and int(version) > 0):
        raise Rejected(422, _TITLE, (Violation(path, "must be NAME or NAME@VERSION, the version a whole number from 1"),))
    return named(name, path), int(version) if at else None
