"""The demonstration itself: people come, ask, look, act, and come again, until the time is over."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from headrace.clock import Clock
from headrace.demo.choices import SHOWN, Act, Watching, acts_on, finds
from headrace.demo.client import Answer, Client, Refused
from headrace.demo.lag import buckets_in, quantile, since
from headrace.demo.meter import Group, Meter
from headrace.demo.plan import Plan, Visit, visits
from headrace.demo.seeds import derived
from headrace.demo.world import Person, World

_PAUSE_S: Final = (0.3, 1.0)
_READ_LAG_EVERY_S: Final = 2.0
_MOST_AT_ONCE: Final = 500


@dataclass(slots=True)
class Lag:
    """How long events took to become visible, as the product's own histogram tells it since the beginning."""

    before: dict[float, float] = field(default_factory=dict)
    now: dict[float, float] = field(default_factory=dict)

    def quantile_ms(self, part: float) -> float | None:
        """Return the milliseconds within which this part (0..1) of the events became visible; None if none did."""
        return quantile(part, since(self.before, self.now))

    @property
    def events(self) -> int:
        """Return how many events became visible."""
        return int(max(since(self.before, self.now).values(), default=0))


@dataclass(slots=True)
class _Guest:
    """Somebody between visits: who they are, what they have watched, how often they have asked."""

    user_id: str
    person: Person
    watched: set[str] = field(default_factory=set)
    asked: int = 0
    at_home: asyncio.Lock = field(default_factory=asyncio.Lock)


class Theatre:
    """Runs a plan against the API; ``meter`` and ``lag`` are true at any time."""

    def __init__(self, plan: Plan, client: Client, clock: Clock) -> None:
        self._plan = plan
        self._client = client
        self._clock = clock
        self.world = World(plan.seed, plan.items)
        self.meter = Meter(plan.seconds)
        self.lag = Lag()
        self._viewers: dict[int, _Guest] = {}
        self._event_numbers = count()
        # Ids of events, sessions and newcomers must be new in every run; those of viewers and items are the seed's.
        self._run = f"{self.world.prefix}{clock.now_ms():x}-"
        self._began = clock.monotonic()
        self._over = asyncio.Event()

    @property
    def now_s(self) -> float:
        """Return the seconds since the beginning."""
        return self._clock.monotonic() - self._began

    def stop(self) -> None:
        """End early; who is inside finishes the step they are at."""
        self._over.set()

    async def play(self) -> None:
        """Let people come for as long as the plan says. Raises ``ApiAway`` if the API is not there at the beginning."""
        await self._client.check()
        await self._read_lag(beginning=True)
        self._began = self._clock.monotonic()
        reader = asyncio.create_task(self._follow_lag())
        inside: set[asyncio.Task[None]] = set()
        try:
            for visit in visits(self._plan):
                if visit.at_s >= self._plan.seconds or await self._waited_until(visit.at_s):
                    break
                if len(inside) < _MOST_AT_ONCE:
                    task = asyncio.create_task(self._visit(visit))
                    inside.add(task)
                    task.add_done_callback(inside.discard)
                else:
                    self.meter.errors["visit left out: the API is too slow for this rate"] += 1
            self._over.set()
            if inside:
                await asyncio.gather(*inside)
        finally:
            self._over.set()
            await reader
        await asyncio.sleep(0.5)  # lets the last events become visible
        await self._read_lag()

    async def _waited_until(self, at_s: float) -> bool:
        """Wait for a moment of the demonstration; return whether it is over instead."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), max(0.0, at_s - self.now_s))
        return self._over.is_set()

    async def _visit(self, visit: Visit) -> None:
        session_id = f"{self._run}s{visit.number}"
        if visit.viewer is None:
            # A newcomer each time, whom nothing bores yet: the kindest comparison for popular items.
            newcomer = _Guest(f"{self._run}c{visit.number}", self.world.person("newcomer", visit.number))
            await self._step(Group.CONTROL, newcomer, session_id, derived(self._plan.seed, "newcomer", visit.number))
            return
        viewer = self._viewers.get(visit.viewer)
        if viewer is None:
            user_id = f"{self.world.prefix}v{visit.viewer:05d}"
            viewer = self._viewers[visit.viewer] = _Guest(user_id, self.world.person("viewer", visit.viewer))
        async with viewer.at_home:
            for _ in range(visit.steps):
                viewer.asked += 1
                chance = derived(self._plan.seed, "viewer", visit.viewer, viewer.asked)
                await self._step(Group.LEARNED, viewer, session_id, chance)
                if await self._waited_until(self.now_s + chance.uniform(*_PAUSE_S)):
                    return

    async def _step(self, group: Group, guest: _Guest, session_id: str, chance: Random) -> None:
        """Ask once and act on the answer."""
        asked_at_s = self.now_s
        try:
            answer, latency_ms = await self._client.ask(guest.user_id, session_id, SHOWN)
        except Refused as refused:
            self.meter.errors[refused.kind] += 1
            return
        self.meter.asked(group, asked_at_s, latency_ms, len(answer.items[:SHOWN]))
        for act in acts_on(answer.items, guest.person, self.world, guest.watched, chance):
            guest.watched.add(act.item_id)
            if await self._tell(act, guest.user_id, session_id, answer):
                self.meter.took(group, asked_at_s)
        if group is Group.LEARNED:
            found = finds(guest.person, self.world, chance, shown_something=bool(answer.items))
            if found is not None:
                await self._tell(found, guest.user_id, session_id, None)

    async def _tell(self, act: Act, user_id: str, session_id: str, answer: Answer | None) -> bool:
        event: dict[str, object] = {
            "event_id": f"{self._run}e{next(self._event_numbers)}",
            "user_id": user_id,
            "session_id": session_id,
            "item_id": act.item_id,
        }
        if answer is not None:
            event["request_id"] = answer.request_id
        now_ms = self._clock.now_ms()
        try:
            if isinstance(act, Watching):
                event |= {"ts_ms": now_ms, "watch_time_sec": act.seconds, "percent_watched": act.percent}
                await self._client.tell("/log/watch", event)
            else:
                await self._client.tell("/event", event | {"event_type": act.event_type, "ts": now_ms})
        except Refused as refused:
            self.meter.errors[refused.kind] += 1
            return False
        self.meter.sent(self.now_s)
        return True

    async def _follow_lag(self) -> None:
        while not await self._waited_until(self.now_s + _READ_LAG_EVERY_S):
            await self._read_lag()

    async def _read_lag(self, *, beginning: bool = False) -> None:
        try:
            self.lag.now = buckets_in(await self._client.metrics_page(), space=self._plan.space)
        except (Refused, ValueError) as error:
            self.meter.errors[f"lag not read: {error}"] += 1
            return
        if beginning:
            self.lag.before = self.lag.now
