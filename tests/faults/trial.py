"""What a row of the table is made of: a fault, what must hold, how it is tried, and what came of it."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import time_ns
from typing import Final, Literal

from headrace import wiring
from headrace.embedded.kafka import Broker
from headrace.errors import Unavailable
from headrace.events import codec
from headrace.store.sql import generation_schema
from tests.faults import oracle
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal, Told
from tests.faults.oracle import Judgement
from tests.faults.site import Site, until
from tests.support.kafka import fresh_topics

LogKind = Literal["postgres", "kafka"]
DRAIN_S: Final = 600.0


@dataclass(slots=True)
class Tried:
    """One line of the table. ``how_often`` counts the faults that really struck; ``wrong`` is empty where the row holds."""

    how_often: int = 0
    acknowledged: int = 0
    counted: int = 0
    lost: int = 0
    doubled: int = 0
    dead_lettered: int = 0
    recovery_s: float | None = None
    """The longest time from the end of a fault until work went on; None where nothing had to recover."""

    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, found: Judgement) -> None:
        """Take over what the oracle found."""
        self.acknowledged = found.acknowledged
        self.counted = found.counted
        self.lost = len(found.lost)
        self.doubled = len(found.doubled)
        self.dead_lettered = found.dead_letters
        self.wrong.extend(found.complaints())

    def hold(self, held: object, otherwise: str) -> None:
        """Note what is wrong unless it held."""
        if not held:
            self.wrong.append(otherwise)

    def recovered(self, seconds: float) -> None:
        """Note a recovery; the longest one is told."""
        self.recovery_s = max(seconds, self.recovery_s or 0.0)


@dataclass(slots=True)
class Trial:
    """The circumstances: which log, at what share of the stated size, from which seed."""

    log: LogKind
    scale: float = 1.0
    seed: int = 20
    broker: Broker | None = None
    """The Kafka that all rows share; one that harms it takes its own."""

    stack: AsyncExitStack | None = None
    """Where a row may leave its site for the next one, ``left``, which then need not apply a million events again."""

    left: tuple[Site, Journal] | None = None

    def size(self, stated: int, least: int = 1) -> int:
        """Return a stated number at this trial's scale."""
        return max(least, min(stated, round(stated * self.scale)))

    def site(self, environment: dict[str, str] | None = None, *, broker: Broker | None = None, migrated: bool = True) -> Site:
        """Return a place to try a fault on, with this trial's log: on the shared broker unless another is given."""
        kafka: dict[str, str] = {}
        if self.log == "kafka":
            broker = broker or self.broker
            assert broker is not None, "a trial on Kafka needs a broker"
            kafka = {"KAFKA_BOOTSTRAP": broker.bootstrap} | fresh_topics()
        return Site(kafka | (environment or {}), migrated=migrated)


Try = Callable[[Trial], Awaitable[Tried]]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault that is tried. ``elsewhere`` says why it is not tried on a log; ``idle`` that it mostly waits."""

    key: str
    fault: str
    must_hold: str
    attempt: Try
    elsewhere: dict[LogKind, str] = field(default_factory=dict)
    idle: bool = False


async def counted(site: Site, journal: Journal, port: int, name: str, *, within_s: float = 60) -> float:
    """Send one event of its own, wait until it counts, and return the seconds from sending to counting."""
    identity, client = codec.id_hash(name), Client(port)
    body = f'{{"event_id":"{name}","user_id":"probe","item_id":"probe","event_type":"view","ts":{time_ns() // 1_000_000}}}'
    async with wiring.looked_at(site.settings) as (ground, generation):
        ids = f"{generation_schema(ground.space, generation.number)}.event_ids"

        async def taken() -> bool:
            try:
                told = Told.OK if (await client.post("/event", body.encode())).status == 200 else Told.UNKNOWN
            except Unheard:
                told = Told.UNKNOWN
            journal.note(name, "probe", told)
            return told is Told.OK

        async def counts() -> bool:
            try:
                async with ground.database.connection() as connection:
                    return bool(await connection.fetchval(f"SELECT count(*) FROM {ids} WHERE id = $1", identity))
            except Unavailable:
                return False

        took = await until(taken, f"{name} is acknowledged", within_s=within_s)
        took += await until(counts, f"{name} counts", within_s=within_s)
    client.close()
    return took


async def drain_and_judge(site: Site, journal: Journal, tried: Tried, *, within_s: float = DRAIN_S) -> None:
    """Wait until all is applied, then let the oracle decide. A worker must be alive."""
    async with wiring.looked_at(site.settings) as (ground, generation):
        await oracle.drained(ground, generation, within_s=within_s)
    tried.add(await oracle.judge(site.settings, journal))
