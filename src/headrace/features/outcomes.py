"""Outcomes: what became of what was shown, summed up by the hour for the KPI page.

CTR@20 is shown items at a position below 20 that an act of the same user on the same item with the same request followed,
over all shown items at such a position. A watch, a click or a purchase is such an act; a view is not. Both can arrive in
either order, so each looks for the other: an impression for the follow-ups already known, a follow-up for the impression.
An item shown twice for one request counts once; its hour is that of the request's first applied impression.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from headrace.events.items import ItemChange
from headrace.events.types import Event, Impression, Interaction, Watch
from headrace.features.writes import FollowUp, Writes

TOP: Final = 20
DAY_MS: Final = 86_400_000

Request = tuple[str, str]
"""(request_id, user_id)."""


@dataclass(slots=True)
class Shown:
    """What one request has shown so far: its items below position 20, the hour it counts in, and what was followed."""

    ts_ms: int
    items: set[str] = field(default_factory=set)
    followed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class OutcomeMemory:
    """What the batch's requests are known to have shown, and which follow-ups are known for them."""

    shown: dict[Request, Shown] = field(default_factory=dict)
    follow_ups: dict[Request, set[str]] = field(default_factory=dict)


def project_impression(event: Impression, memory: OutcomeMemory, writes: Writes) -> None:
    """Count an impression, and the follow-ups that came before it."""
    request = (event.request_id, event.user_id)
    shown = memory.shown.get(request)
    first = shown is None
    if shown is None:
        shown = memory.shown[request] = Shown(event.ts_ms)
    fresh = {item.item_id for item in event.items if item.position < TOP} - shown.items
    hour = writes.hour(shown.ts_ms)
    hour.requests += first
    hour.shown += len(fresh)
    shown.items |= fresh
    day = shown.ts_ms // DAY_MS
    writes.shown_days.update((day, item_id) for item_id in fresh)
    known = memory.follow_ups.get(request)
    if known:
        _follow(shown, known & fresh, writes)


def project_act(event: Interaction | Watch, memory: OutcomeMemory, writes: Writes) -> None:
    """Count a watch's seconds, and the act as a follow-up of the request it names."""
    if isinstance(event, Watch):
        hour = writes.hour(event.ts_ms)
        hour.watches += 1
        hour.watch_seconds += event.watch_time_sec
    if event.request_id is None or event.event_type == "view":
        return
    request = (event.request_id, event.user_id)
    memory.follow_ups.setdefault(request, set()).add(event.item_id)
    shown = memory.shown.get(request)
    if shown is not None and event.item_id in shown.items:
        _follow(shown, {event.item_id}, writes)


def requests_of(events: Collection[Event]) -> set[Request]:
    """Return the requests whose memory these events need."""
    return {
        (event.request_id, event.user_id)
        for event in events
        if not isinstance(event, ItemChange) and event.request_id is not None
    }


def new_follow_ups(memory: OutcomeMemory, known: Mapping[Request, Collection[str]]) -> list[FollowUp]:
    """Return the follow-ups in memory that were not known before."""
    return [
        (request_id, user_id, item_id)
        for (request_id, user_id), items in memory.follow_ups.items()
        for item_id in items.difference(known.get((request_id, user_id), ()))
    ]


def _follow(shown: Shown, items: set[str], writes: Writes) -> None:
    fresh = items - shown.followed
    if not fresh:
        return
    writes.hour(shown.ts_ms).followed += len(fresh)
    shown.followed |= fresh
