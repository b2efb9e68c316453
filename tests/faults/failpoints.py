"""Named failpoints: places in a process of ours at which it is killed, told by what it was about to do, doing, or had done.

Every named SQL statement and every BEGIN and COMMIT is three points (``before``, ``during``: sent, its answer not yet heard,
``after``), and so is every method of the protocols that reach outside (the log, the outlet of dead letters). They are found
by looking, not listed: a statement that is added tomorrow has its points, and a *census* tells which of them a run passes.
"""

import asyncio
import inspect
import os
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import asyncpg

from headrace.store.sql import Queries

Phase = Literal["before", "during", "after"]
PHASES: Final[tuple[Phase, ...]] = ("before", "during", "after")
STATEMENTS: Final = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
TURNS_UNTIL_SENT: Final = 3
"""Turns of the loop after which the bytes of a statement have left for the server."""

ON_THE_WAY_S: Final = 0.002
"""After so long a record has left for the broker, and its acknowledgement may be on the way back."""

_ORDER: Final = re.compile(r"(BEGIN|COMMIT|ROLLBACK)\b")


@dataclass(frozen=True, slots=True)
class Point:
    """Die at the ``nth`` pass of this place."""

    what: str
    phase: Phase
    nth: int = 1

    @property
    def name(self) -> str:
        """Return what the point is called in tables."""
        return f"{self.phase} {self.what}"


class Failpoints:
    """The failpoints of this process: at most one is armed; the passes of all are counted."""

    def __init__(self, armed: Point | None, census: Path | None) -> None:
        self._armed = armed
        self._left = armed.nth if armed is not None else 0
        self._census = census
        self._names: dict[str, str] = {}

    def plant(self, reaching_out: Iterable[tuple[type, str, str]]) -> None:
        """Put the points into the driver of this process, and around these (class, method, name)."""
        self._learn_names()
        for method in STATEMENTS:
            self._wrap(asyncpg.Connection, method, lambda query, *_: self._named(query))
        self._wrap(asyncpg.Connection, "copy_records_to_table", lambda table, *_: f"sql copy {table}")
        for kind, method, name in reaching_out:
            self._wrap(kind, method, lambda *_, name=name: name)

    def _learn_names(self) -> None:
        made: Callable[..., None] = Queries.__init__
        names = self._names

        def learning(self: Queries, *arguments: object, **named: object) -> None:
            made(self, *arguments, **named)
            names.update({text: name for name, text in self._placed.items()})

        Queries.__init__ = learning  # type: ignore[method-assign]

    def _named(self, query: object) -> str | None:
        if not isinstance(query, str):
            return None
        if (name := self._names.get(query)) is not None:
            return f"sql {name}"
        order = _ORDER.match(query)
        return f"sql {order[1]}" if order else None

    def _wrap(self, kind: type, method: str, naming: Callable[..., str | None]) -> None:
        original: Callable[..., Awaitable[Any]] = inspect.getattr_static(kind, method)

        async def passing(owner: object, *arguments: object, **named: object) -> object:
            what = naming(*arguments)
            if what is None:
                return await original(owner, *arguments, **named)
            self._pass(what, "before")
            work = asyncio.ensure_future(original(owner, *arguments, **named))
            try:
                if self._due(what, "during"):
                    for _ in range(TURNS_UNTIL_SENT):
                        await asyncio.sleep(0)
                    self._pass(what, "during")
                else:
                    self._pass(what, "during")
                answer = await work
            except asyncio.CancelledError:
                work.cancel()
                raise
            self._pass(what, "after")
            return answer

        setattr(kind, method, passing)

    def plant_around_sending(self, kind: type, method: str, name: str) -> None:
        """Put the points around a method that hands over at once what is acknowledged later: ``during`` is in between."""
        original: Callable[..., Any] = inspect.getattr_static(kind, method)

        def passing(owner: object, *arguments: object, **named: object) -> object:
            self._pass(name, "before")
            sent = original(owner, *arguments, **named)
            asyncio.get_running_loop().call_later(ON_THE_WAY_S, self._pass, name, "during")
            sent.done.add_done_callback(lambda _: self._pass(name, "after"))
            return sent

        setattr(kind, method, passing)

    def _due(self, what: str, phase: Phase) -> bool:
        armed = self._armed
        return armed is not None and (armed.what, armed.phase) == (what, phase) and self._left == 1

    def _pass(self, what: str, phase: Phase) -> None:
        if self._due(what, phase):
            os.kill(os.getpid(), signal.SIGKILL)
        armed = self._armed
        if armed is not None and (armed.what, armed.phase) == (what, phase):
            self._left -= 1
        if self._census is not None:
            with self._census.open("a") as opened:
                opened.write(f"{what}\t{phase}\n")


def passed(census: Path) -> Counter[tuple[str, Phase]]:
    """Return how often a run with this census has passed each place, in the order of their first pass."""
    lines = census.read_text().splitlines() if census.exists() else []
    told = (line.split("\t") for line in lines)
    return Counter((what, known) for what, phase in told for known in PHASES if known == phase)
