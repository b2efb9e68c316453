"""``headrace replay diff`` beside a process that answers requests: a process of its own, so that answers do not wait for it.

Both pictures are loaded and hundreds of users asked; on the event loop, or on a thread beside it, every answer would feel it.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

import msgspec

from headrace import config
from headrace.config import Settings
from headrace.evaluation.differing import Difference
from headrace.store.generations import Generation
from headrace.wiring.replays import Refused

GENTLE: Final = 10
"""How nice it is: answers come first."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two generations compared: the live one, the other one, by which recipe, and how their lists differ.

    ``settings`` names each feature setting they count by differently, with the live one's value first.
    """

    live: int
    generation: int
    recipe: str
    difference: Difference
    settings: dict[str, tuple[float, float]]


class _Head(msgspec.Struct):
    live: int
    generation: int
    recipe: str
    settings: dict[str, tuple[float, float]]


async def compare_aside(
    settings: Settings, number: int, recipe: str | None, *, users: int, seed: int, tell: Callable[[str], None]
) -> Compared:
    """Return how a generation's lists differ from the live ones; ``tell`` hears how far it is.

    Its process ends when it is cancelled, and with this process. Raises ``Refused`` with the command's own words.
    """
    by = () if recipe is None else ("--recipe", recipe)
    asked = ("--users", str(users), "--seed", str(seed), "--space", settings.space, "--json", "--with-parent")
    command = ("replay", "diff", str(number), *asked, *by)
    environment = config.environment() | {"LOG_LEVEL": "ERROR", "LOG_FORMAT": "json"}
    if settings.database.url is not None:
        environment["DATABASE_URL"] = settings.database.url
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headrace", *command, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, GENTLE)
        said, printed = await asyncio.gather(_listen(process.stderr, tell), _read(process.stdout))
        code = await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code:
        raise Refused(said.removeprefix("headrace: ") or f"the comparison ended with code {code}")
    head = msgspec.json.decode(printed, type=_Head)
    difference = msgspec.json.decode(printed, type=Difference)
    return Compared(head.live, head.generation, head.recipe, difference, head.settings)


def other_settings(live: Generation, other: Generation) -> dict[str, tuple[float, float]]:
    """Return the feature settings that two generations count by differently."""
    was, now = asdict(live.rules.settings), asdict(other.rules.settings)
    return {name: (value, now[name]) for name, value in was.items() if now[name] != value}


async def _listen(stream: asyncio.StreamReader | None, tell: Callable[[str], None]) -> str:
    """Hand on what is told, line by line, and return the last line."""
    last = ""
    while stream is not None and (line := await stream.readline()):
        words = line.decode(errors="replace").strip()
        if words and not words.startswith("{"):
            last = words
            tell(words)
    return last


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
