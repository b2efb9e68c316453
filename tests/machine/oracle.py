"""What the features must come to, worked out again in the plainest way and with none of their code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from headrace.events.types import Impression, Interaction, UserEvent, Watch

HISTORY: Final = 8
WINDOW: Final = 10
GAP_MS: Final = 30 * 60_000


@dataclass(slots=True)
class Oracle:
    """The events that count, each once, in the order the door took them; and how many records must be dead letters."""

    events: dict[str, UserEvent] = field(default_factory=dict)
    dead: Counter[str] = field(default_factory=Counter)

    def acts(self) -> list[Interaction | Watch]:
        """Return all events but impressions."""
        return [event for event in self.events.values() if not isinstance(event, Impression)]

    def items(self) -> dict[str, tuple[int, int]]:
        """Return (events, weight) of every item."""
        found: dict[str, tuple[int, int]] = {}
        for event in self.acts():
            events, weight = found.get(event.item_id, (0, 0))
            found[event.item_id] = (events + 1, weight + weigh(event))
        return found

    def histories(self) -> dict[str, list[int]]:
        """Return the times of each user's last events, oldest first."""
        times: dict[str, list[int]] = {}
        for event in self.acts():
            times.setdefault(event.user_id, []).append(event.ts_ms)
        return {user: sorted(found)[-HISTORY:] for user, found in times.items()}

    def outcome(self) -> tuple[int, int, int, int]:
        """Return (requests, shown, followed, watches)."""
        impressions = [event for event in self.events.values() if isinstance(event, Impression)]
        shown = {
            (event.user_id, event.request_id, item.item_id)
            for event in impressions
            for item in event.items
            if item.position <= 19
        }
        followed = {(event.user_id, event.request_id, event.item_id) for event in self.acts() if event.event_type != "view"}
        requests = {(event.user_id, event.request_id) for event in impressions}
        watches = sum(isinstance(event, Watch) for event in self.events.values())
        return len(requests), len(shown), len(shown & followed), watches


def weigh(event: Interaction | Watch) -> int:
    """Return an event's weight; the machine's watches last a second or an hour."""
    if isinstance(event, Watch):
        return 10 if event.watch_time_sec > 1000 else 1
    return {"view": 1, "click": 3, "purchase": 10}[event.event_type]


def meetings(applied: Sequence[Interaction | Watch]) -> Counter[frozenset[str]] | None:
    """Return how often items met, of one user's events in the order they were applied; None where that was not by time.

    Every later event looks back over its session: neighbours are of one session where both name one (there is only one name)
    or no more than half an hour lies between them.
    """
    if any(one.ts_ms > other.ts_ms for one, other in pairwise(applied)):
        return None
    met: Counter[frozenset[str]] = Counter()
    for place, event in enumerate(applied):
        steps: list[str] = []
        for back in range(place - 1, max(-1, place - 1 - HISTORY), -1):
            earlier, later = applied[back], applied[back + 1]
            both_named = earlier.session_id is not None and later.session_id is not None
            if not both_named and later.ts_ms - earlier.ts_ms > GAP_MS:
                break
            if steps and earlier.item_id == later.item_id:
                continue
            if earlier.item_id == event.item_id or len(steps) == WINDOW:
                break
            steps.append(earlier.item_id)
        met.update(frozenset({event.item_id, item}) for item in steps)
    return met
