"""An import whose worker is killed again and again: nothing may be lost, nothing may count twice.

Run by hand on a file of your own:

    ./venv/bin/python -m tests.faults.worker_kills clicks.parquet --kills 20
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace import config, wiring
from headrace.clock import SystemClock
from headrace.store.verification import Verification
from tests.support.postgres import drop_database, fresh_database

LEASE_MS: Final = 500
PATIENCE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was left after the kills: how often a worker died at work, and the verification of what it left behind."""

    kills: int
    kills_at_work: int
    seconds: float
    dead_letters: int
    verification: Verification


async def import_under_kills(file: Path, *, kills: int, seed: int, options: tuple[str, ...] = ()) -> Outcome:
    """Import a file as history while its only worker is killed (SIGKILL) so many times at seeded moments, then drain."""
    url = await fresh_database()
    environment = os.environ | {
        "DATABASE_URL": url,
        "HEADRACE_STREAM_LEASE_MS": str(LEASE_MS),
        "KAFKA_WORKER_MAX_POLL_RECORDS": "100",
        "PROMETHEUS_METRICS_ENABLED": "false",
        "LOG_LEVEL": "ERROR",
    }
    settings = config.read({name: environment[name] for name in ("DATABASE_URL", "HEADRACE_STREAM_LEASE_MS")})
    clock = SystemClock()
    began = clock.monotonic()
    chance = random.Random(seed)
    try:
        async with wiring.opened(settings) as (ground, generation):
            operations = ground.operations(generation)

            async def applied() -> int:
                return sum(one.applied for one in await operations.partitions())

            words = (sys.executable, "-m", "headrace", "import", str(file), "--as-history", "--no-wait", *options)
            importing = await asyncio.create_subprocess_exec(*words, env=environment, stdout=asyncio.subprocess.DEVNULL)
            at_work = 0
            for _ in range(kills):
                before = await applied()
                async with _worker(environment) as process:
                    for _ in range(600):
                        if await applied() > before:
                            break
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(chance.uniform(0.0, 0.1))
                    at_work += sum((await ground.log.ends()).values()) > await applied()
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
            if await importing.wait() != 0:
                raise AssertionError("the import did not take every row")
        async with asyncio.timeout(PATIENCE_S), wiring.importing(settings) as last:
            await last.drain(lambda _left: None)
        async with wiring.opened(settings) as (ground, generation):
            dead = sum(one.dead for one in await ground.operations(generation).partitions())
        async with wiring.verifying(settings) as verifier:
            found = await verifier.verify(lambda *_: None)
        return Outcome(kills, at_work, clock.monotonic() - began, dead, found)
    finally:
        await drop_database(url)


@asynccontextmanager
async def _worker(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.worker_main", env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    """Run it on a file that is given, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    outcome = asyncio.run(import_under_kills(given.file, kills=given.kills, seed=given.seed))
    found = outcome.verification
    told = {
        "kills": outcome.kills,
        "of them with work left": outcome.kills_at_work,
        "seconds": round(outcome.seconds, 1),
        "events counted": found.events,
        "acknowledged and not counted": found.waiting,
        "dead letters": outcome.dead_letters,
        "verify": "equal" if found.equal else "DIFFERENT",
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    raise SystemExit(not found.equal)


if __name__ == "__main__":
    main()
