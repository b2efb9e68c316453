"""What a request asks of a pipeline: the query, made in one place for the running service and for evaluation alike."""

from collections.abc import Sequence

from headrace.features.history import Entry, recent_items, returns
from headrace.pipeline import Query
from headrace.rules.made import Rules
from headrace.snapshot.packed import Remembered
from headrace.snapshot.picture import Picture


def query(user_id: str, session_id: str | None, request_id: str, k: int, history: Sequence[Entry]) -> Query:
    """Return the query for a user with this history (oldest first)."""
    items = [entry.item_id for entry in history]
    return Query(user_id, session_id, request_id, k, recent_items(items, len(items)), returns=returns(items))


def remembering(
    user_id: str,
    session_id: str | None,
    request_id: str,
    k: int,
    known: Remembered,
    picture: Picture,
    rules: tuple[Rules, ...] = (),
) -> Query:
    """Return the query for a user of whom this is remembered, in the numbers of this picture.

    It is the one that ``query`` makes of the same history, without the items' names; ``rules`` are laid over its answer.
    """
    return Query(user_id, session_id, request_id, k, None, frozenset(), known.returns, (picture, known.recent), rules)
