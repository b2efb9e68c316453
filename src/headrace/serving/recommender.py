"""One recommender behind every view of it: the recent history, one picture, one recipe, one answer."""

from collections.abc import Callable
from uuid import uuid4

import msgspec

from headrace import pipeline
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.events.types import EventId, Impression, ItemId, RequestId, Served, SessionId, ShownItem, UserId
from headrace.pipeline import Candidates, Query, Recipe
from headrace.serving import asking
from headrace.snapshot.follower import Follower
from headrace.snapshot.picture import Picture


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is shown to a user: ``items`` best first, the sources they came from, and how old the knowledge is (Unix ms)."""

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int


NO_SESSION = "none"
"""The session of an answer that was asked for without one."""


class Recommender:
    """Answers requests from memory."""

    def __init__(
        self, follower: Follower, recipe: Recipe, clock: Clock, record_impression: Callable[[Impression], None]
    ) -> None:
        self._follower = follower
        self._recipe = recipe
        self._clock = clock
        self._record = record_impression

    async def recommend(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Answer:
        """Return at most ``k`` items for this user, best first; fewer only where the catalogue has no more.

        Waits for at most one point query, and only for a user who is not in memory. With ``record`` the answer is logged as an
        impression, without holding it up. Raises ``Unavailable`` until a first picture is loaded.
        """
        view = self._follower.view
        if view is None:
            raise Unavailable("snapshot", self._follower.trouble or "it is being loaded")
        held = view.histories.held(user_id)
        history = held if held is not None else await view.histories.of(user_id)
        query = asking.query(user_id, session_id, uuid4().hex, k, history)
        picture = view.picture
        chosen = pipeline.run(self._recipe, picture, query)
        items = [picture.ids[number] for number in chosen.items]
        sources = pipeline.contributors(chosen)
        if record and items:
            self._record(self._impression(picture, query, chosen, items))
        return Answer(
            request_id=query.request_id,
            items=items,
            model_version=self._recipe.version,
            strategy="+".join(sources) or "none",
            sources=sources,
            as_of_ms=picture.as_of_ms,
        )

    def _impression(self, picture: Picture, query: Query, chosen: Candidates, items: list[str]) -> Impression:
        return Impression(
            event_id=EventId(f"auto-{query.request_id}"),
            user_id=UserId(query.user_id),
            session_id=SessionId(query.session_id or NO_SESSION),
            request_id=RequestId(query.request_id),
            ts_ms=self._clock.now_ms(),
            items=[ShownItem(ItemId(item), position) for position, item in enumerate(items)],
            served=Served(
                model_version=self._recipe.version,
                snapshot=dict(picture.position()),
                sources=[chosen.sources[number] for number in chosen.source],
                scores=[float(score) for score in chosen.scores],
                propensities=[1.0] * len(items),
            ),
        )
