"""Small files to play."""

from headrace.events.types import EventId, Interaction, ItemId, SessionId, UserId

MINUTE = 60_000
START = 1_600_000_000_000


def act(session: str, item: str, minute: float, *, named: bool = True) -> Interaction:
    """Return a view in a session whose user has its name."""
    return Interaction(
        event_id=EventId(f"{session}-{item}-{minute}"),
        user_id=UserId(session),
        item_id=ItemId(item),
        event_type="view",
        ts_ms=START + round(minute * MINUTE),
        session_id=SessionId(session) if named else None,
    )


def campers(sessions: int = 12) -> list[Interaction]:
    """Return sessions an hour apart that all go from the tent to the stove to the lamp."""
    return [
        act(f"camper-{number}", item, 60 * number + place)
        for number in range(sessions)
        for place, item in enumerate(("tent", "stove", "lamp"))
    ]
