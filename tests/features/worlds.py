"""Small streams of events, and what the features make of them."""

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from headrace.events.types import Action, Impression, Interaction, ShownItem, UserEvent, Watch
from headrace.features.projection import Recent, Rules, project
from headrace.features.settings import FeatureSettings
from headrace.features.writes import HourSum, ItemSum, PairSum, Writes

START = 1_760_000_000_000
MINUTE = 60_000
DAY = 86_400_000
SETTINGS = FeatureSettings()


def act(
    user: str, item: str, minute: float, *, action: Action = "view", session: str | None = None, request: str | None = None
) -> Interaction:
    """Return an interaction at so many minutes; its id is made of what it is."""
    ts_ms = START + round(minute * MINUTE)
    name = f"{user}-{item}-{ts_ms}-{action}-{session}-{request}"
    return Interaction(
        event_id=name, user_id=user, item_id=item, event_type=action, ts_ms=ts_ms, session_id=session, request_id=request
    )


def watch(user: str, item: str, minute: float, *, seconds: float = 50, session: str = "s", request: str = "r") -> Watch:
    """Return a watch at so many minutes."""
    ts_ms = START + round(minute * MINUTE)
    return Watch(
        event_id=f"{user}-{item}-{ts_ms}-watch-{request}",
        user_id=user,
        session_id=session,
        request_id=request,
        ts_ms=ts_ms,
        item_id=item,
        watch_time_sec=seconds,
    )


def shown(user: str, items: Sequence[str], minute: float = 0, *, request: str = "r", first: int = 0) -> Impression:
    """Return an impression of these items, the first of them at position ``first``."""
    ts_ms = START + round(minute * MINUTE)
    return Impression(
        event_id=f"{user}-{request}-{ts_ms}-{first}",
        user_id=user,
        session_id="s",
        request_id=request,
        ts_ms=ts_ms,
        items=[ShownItem(item, first + place) for place, item in enumerate(items)],
    )


class Book:
    """Features as tables would hold them: batches of events go in, sums grow."""

    def __init__(self, settings: FeatureSettings = SETTINGS, landmark_ms: int = START) -> None:
        self.rules = Rules(settings, landmark_ms)
        self.recent = Recent()
        self.sums = Writes()

    def take(self, events: Iterable[UserEvent]) -> "Book":
        """Project one batch and add its writes to the sums."""
        batch = Writes()
        for event in events:
            project(event, self.recent, self.rules, batch)
        for item_id, item in batch.items.items():
            _add(self.sums.items.setdefault(item_id, ItemSum()), item)
        for key, pair in batch.pairs.items():
            _add(self.sums.pairs.setdefault(key, PairSum()), pair)
        for number, hour in batch.hours.items():
            _add(self.sums.hours.setdefault(number, HourSum()), hour)
        self.sums.histories.update(batch.histories)
        self.sums.shown_days |= batch.shown_days
        return self

    def strength(self, source: str, target: str) -> float:
        """Return the co-visitation strength of source -> target; 0 where they never met."""
        pair = self.sums.pairs.get((min(source, target), max(source, target)), PairSum())
        return pair.low_to_high if source < target else pair.high_to_low

    def meetings(self, one: str, other: str) -> int:
        """Return how often two items met."""
        return self.sums.pairs.get((min(one, other), max(one, other)), PairSum()).meetings

    def outcome(self) -> tuple[int, int, int, int]:
        """Return (requests, shown, followed, watches) over all hours."""
        hours = self.sums.hours.values()
        return (
            sum(hour.requests for hour in hours),
            sum(hour.shown for hour in hours),
            sum(hour.followed for hour in hours),
            sum(hour.watches for hour in hours),
        )


def _add(total: ItemSum | PairSum | HourSum, more: ItemSum | PairSum | HourSum) -> None:
    for name in total.__slots__:
        setattr(total, name, getattr(total, name) + getattr(more, name))


ITEMS = ("tent", "stove", "lamp", "rope", "boots")
ACTIONS: tuple[Action, ...] = ("view", "click", "purchase")


@st.composite
def streams(draw: st.DrawFn, *, users: int = 3, most: int = 25, named: bool = False) -> list[UserEvent]:
    """Return acts, watches and impressions of a few users in the order of their times, no two at one time."""
    minutes = draw(st.lists(st.integers(0, 400), min_size=1, max_size=most, unique=True).map(sorted))
    events: list[UserEvent] = []
    for minute in minutes:
        user = f"user-{draw(st.integers(1, users))}"
        item = draw(st.sampled_from(ITEMS))
        request = draw(st.sampled_from([None, "r1", "r2"]))
        kind = draw(st.sampled_from(["act", "act", "act", "watch", "shown"]))
        session = draw(st.sampled_from(["s1", "s2"])) if named else None
        if kind == "act":
            events.append(act(user, item, minute, action=draw(st.sampled_from(ACTIONS)), session=session, request=request))
        elif kind == "watch" and named:
            events.append(watch(user, item, minute, session=session or "s", request=request or "r3"))
        elif kind == "shown":
            count = draw(st.integers(1, 5))
            events.append(shown(user, ITEMS[:count], minute, request=request or "r3", first=draw(st.integers(0, 22))))
    return events
