"""Turns what was sent into an event by a few cheap checks: the fast path of the door.

``span`` is the first and the last Unix millisecond that is taken. Whatever these checks do not like raises ``Doubt`` without a
reason; ``violations`` finds the reasons, on the path that may be slow.
"""

from math import isfinite

import msgspec

from headrace.events.rules import clean, judge_text, milliseconds
from headrace.events.types import (
    Context,
    EventId,
    Impression,
    Interaction,
    ItemId,
    RequestId,
    SessionId,
    ShownItem,
    UserId,
    Watch,
)
from headrace.events.wire import ContextIn, ImpressionIn, InteractionIn, ShownItemIn, WatchIn

Span = tuple[int, int]


class Doubt(Exception):
    """The fast path cannot admit this."""


def interaction(wire: InteractionIn, span: Span) -> Interaction:
    """Return the interaction that was sent. Raises ``Doubt``."""
    ts_ms = milliseconds(wire.ts)
    session, request, value = wire.session_id, wire.request_id, wire.value
    if (
        not span[0] <= ts_ms <= span[1]
        or not clean(wire.event_id, wire.user_id, wire.item_id, session or "-", request or "-")
        or (value is not None and not isfinite(value))
    ):
        raise Doubt
    return Interaction(
        event_id=EventId(wire.event_id),
        user_id=UserId(wire.user_id),
        item_id=ItemId(wire.item_id),
        event_type=wire.event_type,
        ts_ms=ts_ms,
        session_id=None if session is None else SessionId(session),
        request_id=None if request is None else RequestId(request),
        value=value,
        context=None if wire.context is None else _context(wire.context),
    )


def watch(wire: WatchIn, span: Span) -> Watch:
    """Return the watch that was sent. Raises ``Doubt``."""
    ts_ms = milliseconds(wire.ts_ms)
    if not span[0] <= ts_ms <= span[1] or not clean(
        wire.event_id, wire.user_id, wire.session_id, wire.request_id, wire.item_id
    ):
        raise Doubt
    if not isfinite(wire.watch_time_sec + (wire.percent_watched or 0.0) + (wire.playback_speed or 0.0)):
        raise Doubt
    return Watch(
        event_id=EventId(wire.event_id),
        user_id=UserId(wire.user_id),
        session_id=SessionId(wire.session_id),
        request_id=RequestId(wire.request_id),
        ts_ms=ts_ms,
        item_id=ItemId(wire.item_id),
        watch_time_sec=wire.watch_time_sec,
        percent_watched=wire.percent_watched,
        ended=wire.ended,
        playback_speed=wire.playback_speed,
        rebuffer_count=wire.rebuffer_count,
        context=None if wire.context is None else _context(wire.context),
    )


def impression(wire: ImpressionIn, span: Span) -> Impression:
    """Return the impression that was sent. Raises ``Doubt``."""
    ts_ms = milliseconds(wire.ts_ms)
    items = wire.items
    ids = [shown.item_id for shown in items]
    if (
        not span[0] <= ts_ms <= span[1]
        or not clean(wire.event_id, wire.user_id, wire.session_id, wire.request_id, *ids)
        or len(set(ids)) < len(ids)
        or len({shown.position for shown in items}) < len(ids)
    ):
        raise Doubt
    return Impression(
        event_id=EventId(wire.event_id),
        user_id=UserId(wire.user_id),
        session_id=SessionId(wire.session_id),
        request_id=RequestId(wire.request_id),
        ts_ms=ts_ms,
        items=[_shown(shown) for shown in items],
        context=None if wire.context is None else _context(wire.context),
    )


def logged(wire: ImpressionIn | WatchIn, span: Span) -> Impression | Watch:
    """Return the impression or watch that was sent. Raises ``Doubt``."""
    return watch(wire, span) if isinstance(wire, WatchIn) else impression(wire, span)


def _shown(wire: ShownItemIn) -> ShownItem:
    if wire.feed_id is not None or wire.slot is not None:
        _doubt_texts(wire.feed_id, wire.slot)
        return ShownItem(ItemId(wire.item_id), wire.position, wire.feed_id, wire.slot)
    return ShownItem(ItemId(wire.item_id), wire.position)


def _context(wire: ContextIn) -> Context:
    texts = msgspec.structs.astuple(wire)
    _doubt_texts(*texts)
    return Context(*texts)


def _doubt_texts(*texts: str | None) -> None:
    for text in texts:
        if text and judge_text(text):
            raise Doubt
