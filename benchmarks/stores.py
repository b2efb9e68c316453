"""Postgres folders with data in them, built once through the door and a worker, kept in a cache, copied for each use.

A copy is thrown away afterwards, so every row begins from the same bytes. The cache is keyed by what could change them: the
world's seed, size and code, the feature settings, and every migration. The server that builds does not sync to disk, which
changes no byte; the servers that are measured do.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from benchmarks import world
from benchmarks.machine import ROOT
from benchmarks.progress import Progress
from benchmarks.station import environment
from benchmarks.world import Session, Size, World
from headrace import config, wiring
from headrace.clock import SystemClock
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.events.types import Action, EventId, Interaction, ItemId, SessionId, UserId
from headrace.features.settings import FeatureSettings
from headrace.log.port import Verdict

DAY_MS: Final = 86_400_000
OVER_DAYS: Final = 20
STEP_MS: Final = 30_000
LONGEST_MS: Final = world.MOST * STEP_MS
AT_ONCE: Final = 1000
ACTIONS: Final[tuple[Action, ...]] = ("view",) * 7 + ("click",) * 2 + ("purchase",)
"""Seven views, two clicks and a purchase in ten events."""

Fill = Callable[[str], Awaitable[None]]
"""Fills the database at a URL."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The cache folder and what is made in it; ``data`` is where files of real events are, if anywhere."""

    folder: Path
    size: Size
    data: Path | None
    progress: Progress

    def generated(self) -> World:
        """Return the world that the two generated stores hold."""
        return world.generate(self.size)

    async def whole(self) -> Path:
        """Return the store with all pairs, built where it is missing (some minutes)."""
        return await self._world("whole")

    async def first(self) -> Path:
        """Return the store with the first part of them."""
        return await self._world("first")

    async def empty(self) -> Path:
        """Return a migrated store without events."""

        async def nothing(_url: str) -> None:
            return

        return await self._built(f"empty-{_digest(_schema())}", "an empty store", nothing)

    async def backlog(self, file: Path, options: Sequence[str]) -> Path:
        """Return a store whose log holds a file's events and whose features hold none of them yet."""
        key = _digest(_schema(), *_state(file), *options)

        async def take_in(url: str) -> None:
            words = (sys.executable, "-m", "headrace", "import", str(file), "--as-history", "--no-wait", *options)
            process = await asyncio.create_subprocess_exec(*words, env=environment(url), stdout=subprocess.DEVNULL)
            try:
                if code := await process.wait():
                    raise RuntimeError(f"the import of {file} ended with {code}")
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

        return await self._built(f"{file.stem}-{key}", f"the backlog of {file.name}", take_in)

    @contextmanager
    def copied(self, store: Path) -> Iterator[Path]:
        """Yield a copy of a store to run on; it is removed at the end, and copies of killed runs before."""
        remove_remains(self.folder)
        copy = self.folder / f"run-{os.getpid()}-{store.name}"
        self._copy(store, copy)
        try:
            yield copy
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    async def _world(self, which: str) -> Path:
        key = _digest(_schema(), _code(), repr(self.size), repr(ACTIONS))
        whole, first = self.folder / f"whole-{key}", self.folder / f"first-{key}"
        if not (whole.exists() and first.exists()):
            made = self.generated()
            middle = made.first_sessions

            async def fill_first(url: str) -> None:
                await self._sessions(url, made, 0, middle)

            async def fill_rest(url: str) -> None:
                await self._sessions(url, made, middle, len(made.sessions))

            shutil.rmtree(whole, ignore_errors=True)
            await self._built(first.name, "the generated store, first part", fill_first)
            await self._built(whole.name, "the generated store", fill_rest, start=first)
        return whole if which == "whole" else first

    async def _built(self, name: str, what: str, fill: Fill, *, start: Path | None = None) -> Path:
        done = self.folder / name
        if done.exists():
            return done
        self.progress.say(f"building {what}: {done}")
        new = self.folder / f"run-{os.getpid()}-{name}"
        shutil.rmtree(new, ignore_errors=True)
        try:
            if start is not None:
                self._copy(start, new)
            with EmbeddedPostgres(new, durable=False) as url:
                await _fill(url, fill)
            _sync(new)
            new.rename(done)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return done

    def _copy(self, store: Path, copy: Path) -> None:
        shutil.rmtree(copy, ignore_errors=True)
        # The server's user owns the files: only `cp -a` keeps that, and shares the blocks where the file system can.
        subprocess.run(("cp", "-a", "--reflink=auto", str(store), str(copy)), check=True)  # noqa: S607

    async def _sessions(self, url: str, made: World, first: int, last: int) -> None:
        clock = SystemClock()
        began_ms = clock.now_ms() - OVER_DAYS * DAY_MS
        every_ms = OVER_DAYS * DAY_MS // len(made.sessions)
        settings = config.read({"DATABASE_URL": url, "LOG_LEVEL": "WARNING"})
        async with wiring.importing(settings) as parts:
            batch: list[Interaction] = []
            for number in range(first, last):
                batch.extend(_events(made.sessions[number], number, began_ms + number * every_ms - LONGEST_MS))
                if len(batch) >= AT_ONCE or number == last - 1:
                    verdicts = await parts.intake.accept(batch)
                    if any(verdict is not Verdict.OK for verdict in verdicts):
                        raise RuntimeError("the generated events are not all new: the cache holds half a store")
                    batch = []
                    self.progress.part("appending", number + 1 - first, last - first)
            at_first: list[int] = []

            def report(left: int) -> None:
                at_first.append(left)
                self.progress.part("applying", at_first[0] - left, at_first[0])

            await parts.drain(report)


def _events(session: Session, number: int, ts_ms: int) -> list[Interaction]:
    return [
        Interaction(
            event_id=EventId(f"made-{number:08d}-{step:02d}"),
            user_id=UserId(world.user_id(session.user)),
            item_id=ItemId(world.item_id(item)),
            event_type=ACTIONS[(number * 7 + step * 3) % len(ACTIONS)],
            ts_ms=ts_ms + step * STEP_MS,
            session_id=SessionId(f"made-{number:08d}"),
        )
        for step, item in enumerate(session.items)
    ]


async def _fill(url: str, fill: Fill) -> None:
    await wiring.migrate(config.read({"DATABASE_URL": url, "LOG_LEVEL": "WARNING"}))
    await fill(url)
    connection = await asyncpg.connect(url)
    try:
        # Rows that were measured while vacuum caught up with the building would say little.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def remove_remains(folder: Path) -> None:
    """Remove the copies of runs that were killed, ending a server that outlived its run."""
    for copy in folder.glob("run-*"):
        pid = copy.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            if (copy / "postgres/data").exists():
                outlived = EmbeddedPostgres(copy, durable=False)
                if outlived.running():
                    outlived.start()
                    outlived.stop()
            shutil.rmtree(copy, ignore_errors=True)


def _sync(folder: Path) -> None:
    subprocess.run(("sync", "-f", str(folder)), check=True)  # noqa: S607


def _state(file: Path) -> tuple[str, str]:
    found = file.stat()
    return str(found.st_size), str(found.st_mtime_ns)


def _code() -> str:
    return Path(world.__file__).read_text(encoding="utf-8")


def _schema() -> str:
    files = sorted((ROOT / "src/headrace/store/migrations").rglob("*.sql"))
    return _digest(repr(FeatureSettings()), *(file.read_text(encoding="utf-8") for file in files))


def _digest(*texts: str) -> str:
    digest = blake2b(digest_size=6)
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
