"""One recommender behind every view of it: the recent history, one picture, one recipe, one answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from headrace import pipeline
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.events.types import EventId, Impression, ItemId, RequestId, Served, SessionId, ShownItem, UserId
from headrace.expressions import Expression, Given
from headrace.features.history import Entry
from headrace.pipeline import Candidates, Query, Recipe
from headrace.serving import asking, recipes
from headrace.serving.identity import new_id
from headrace.snapshot.follower import Follower, View
from headrace.snapshot.picture import Picture


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is shown to a user: ``items`` best first, the sources they came from, and how old the knowledge is (Unix ms)."""

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for beside the common question: items to leave out, what must be true of all others.

    Raises ``ExpressionError`` where it is answered, if what must be true does not fit the catalogue.
    """

    exclude: frozenset[str] = frozenset()
    only: Expression | None = None
    given: Mapping[str, Given] = field(default_factory=dict)


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
        self._similar = recipes.named("similar")
        self._trending = recipes.named("trending")

    def take(self, recipe: Recipe) -> None:
        """Answer with another recipe from the next request on; one under way keeps the one it began with."""
        self._recipe = recipe

    async def recommend(
        self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None
    ) -> Answer:
        """Return at most ``k`` items for this user, best first; fewer only where the catalogue has no more.

        Waits for at most one point query, and only for a user who is not in memory. With ``record`` the answer is logged as an
        impression, without holding it up. Raises ``Unavailable`` until a first picture is loaded.
        """
        answer = None if wish is not None else self.recommend_now(user_id, session_id, k, record=record)
        if answer is not None:
            return answer
        view = self._view()
        known = await view.histories.of(user_id)
        if not len(known.recent) and session_id is not None:
            # Nobody knows the user yet, but perhaps what this session did.
            known = await view.histories.of_session(session_id)
        query = asking.remembering(user_id, session_id, new_id(), k, known, view.picture)
        if wish is not None:
            query = msgspec.structs.replace(query, exclude=wish.exclude, only=wish.only, given=wish.given)
        return self._answer(self._recipe, view.picture, query, record=record)

    def recommend_now(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Answer | None:
        """Do the same for a user whose history is in memory; return None, nothing done, for any other."""
        view = self._view()
        known = view.histories.held(user_id)
        if known is None or (session_id is not None and not len(known.recent)):
            return None
        query = asking.remembering(user_id, session_id, new_id(), k, known, view.picture)
        return self._answer(self._recipe, view.picture, query, record=record)

    async def similar(self, item_id: str, k: int) -> Answer:
        """Return at most ``k`` items that met this one, best first; none for an item nobody knows. Never waits.

        Raises ``Unavailable`` until a first picture is loaded.
        """
        alone = Entry(item_id, 0, 1, "view", "")
        return self._answer(self._similar, self._view().picture, asking.query("", None, new_id(), k, [alone]), record=False)

    async def trending(self, k: int) -> Answer:
        """Return at most ``k`` items that are liked now, best first, the same for everybody. Never waits.

        Raises ``Unavailable`` until a first picture is loaded.
        """
        return self._answer(self._trending, self._view().picture, asking.query("", None, new_id(), k, []), record=False)

    def _view(self) -> View:
        view = self._follower.view
        if view is None:
            raise Unavailable("snapshot", self._follower.trouble or "it is being loaded")
        return view

    def _answer(self, recipe: Recipe, picture: Picture, query: Query, *, record: bool) -> Answer:
        chosen = pipeline.run(recipe, picture, query)
        ids = picture.ids
        items = [ids[number] for number in chosen.items.tolist()]
        sources = pipeline.contributors(chosen)
        if record and items:
            self._record(self._impression(recipe, picture, query, chosen, items))
        return Answer(
            request_id=query.request_id,
            items=items,
            model_version=recipe.version,
            strategy="+".join(sources) or "none",
            sources=sources,
            as_of_ms=picture.as_of_ms,
        )

    def _impression(self, recipe: Recipe, picture: Picture, query: Query, chosen: Candidates, items: list[str]) -> Impression:
        return Impression(
            event_id=EventId(f"auto-{query.request_id}"),
            user_id=UserId(query.user_id),
            session_id=SessionId(query.session_id or NO_SESSION),
            request_id=RequestId(query.request_id),
            ts_ms=self._clock.now_ms(),
            items=[ShownItem(ItemId(item), position) for position, item in enumerate(items)],
            served=Served(
                model_version=recipe.version,
                snapshot=dict(picture.position()),
                sources=[chosen.sources[number] for number in chosen.source.tolist()],
                scores=chosen.scores.tolist(),
                propensities=[1.0] * len(items) if chosen.propensities is None else chosen.propensities.tolist(),
            ),
        )
