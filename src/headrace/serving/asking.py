"""What a request asks of a pipeline: the query, made in one place for the running service and for evaluation alike."""

from collections.abc import Sequence

from headrace.features.history import Entry, recent_items
from headrace.pipeline import Query


def query(
    user_id: str,
    session_id: str | None,
    request_id: str,
    k: int,
    history: Sequence[Entry],
) -> Query:
    """Return the query for a user with this history (oldest first)."""
    return Query(
        user_id=user_id,
        session_id=session_id,
        request_id=request_id,
        k=k,
        recent=tuple([entry.item_id for entry in recent_items(history, len(history))]),
        returns=returns(history),
    )


def returns(history: Sequence[Entry]) -> float:
    """Return which share of the steps in a history led back to an earlier item; an item directly repeated is no step."""
    met: set[str] = set()
    steps = back = 0
    last: str | None = None
    for entry in history:
        if entry.item_id == last:
            continue
        last = entry.item_id
        if met:
            steps += 1
            back += last in met
        met.add(last)
    return back / steps if steps else 0.0
