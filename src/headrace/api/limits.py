"""Every limit in force at the door, gathered from where each is kept."""

from headrace.api.answers import EventContract
from headrace.api.bodies import LARGEST_BODY
from headrace.api.question import MOST_ITEMS as MOST_ASKED
from headrace.events.contract import LARGEST_EVENT, Limits
from headrace.events.wire import (
    FASTEST,
    LARGEST_INT32,
    LARGEST_VALUE,
    LONGEST_EVENT_ID,
    LONGEST_ID,
    LONGEST_TEXT,
    LONGEST_WATCH_SEC,
    MOST_ITEMS,
    SHORTEST_EVENT_ID,
    SLOWEST,
)


def in_force(limits: Limits) -> EventContract:
    """Return the limits as ``/contract`` publishes them."""
    return EventContract(
        max_event_future_ms=limits.max_future_ms,
        max_event_age_ms=limits.max_age_ms,
        max_batch_size=limits.max_batch,
        max_body_bytes=LARGEST_BODY,
        max_event_bytes=LARGEST_EVENT,
        min_event_id_length=SHORTEST_EVENT_ID,
        max_event_id_length=LONGEST_EVENT_ID,
        max_id_length=LONGEST_ID,
        max_text_length=LONGEST_TEXT,
        max_impression_items=MOST_ITEMS,
        max_position=LARGEST_INT32,
        max_rebuffer_count=LARGEST_INT32,
        max_watch_time_sec=LONGEST_WATCH_SEC,
        max_abs_value=LARGEST_VALUE,
        min_playback_speed=SLOWEST,
        max_playback_speed=FASTEST,
        max_k=MOST_ASKED,
    )
