"""One recommender behind every view of it: the recent history, one picture, one recipe, one answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import pipeline
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.events.types import EventId, Impression, ItemId, RequestId, Served, SessionId, ShownItem, UserId
from headrace.expressions import Expression, Given
from headrace.features.history import Entry
from headrace.pipeline import Candidates, Query, Recipe, Trace
from headrace.rules.made import Applied, Rules
from headrace.serving import asking, recipes
from headrace.serving.identity import new_id
from headrace.snapshot.follower import Follower, View
from headrace.snapshot.packed import Remembered
from headrace.snapshot.picture import Picture


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is shown to a user: ``items`` best first, the sources they came from, and how old the knowledge is (Unix ms).

    ``rules`` is what the rules laid over it did to it as a whole; None where there were none.
    """

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int
    rules: Applied | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for beside the common question: items to leave out, what must be true of all others, rules.

    ``rules`` are laid over the answer in the place of those that are live; None leaves these. ``own`` are the request's own,
    which go before any other. Where it is answered, raises ``ExpressionError`` if what must be true does not fit the
    catalogue, and ``Rejected`` if a rule of its own does not.
    """

    exclude: frozenset[str] = frozenset()
    only: Expression | None = None
    given: Mapping[str, Given] = field(default_factory=dict)
    rules: tuple[Rules, ...] | None = None
    own: Rules | None = None
    categories: tuple[str, ...] = ()
    """The categories that the user is looking at."""

    looking_at: str | None = None
    """The item that the user is looking at: its categories count where none are named, and it is left out itself."""

    def categories_in(self, picture: Picture) -> tuple[str, ...]:
        """Return the categories that are looked at; none where the catalogue knows none."""
        number = None if self.looking_at is None else picture.numbers.get(self.looking_at)
        if self.categories or number is None:
            return self.categories
        held = picture.catalogue.attributes.value("categories", number)
        return tuple(held) if isinstance(held, list) else ()


Whose: TypeAlias = Literal["user", "session"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and all that it is answered from: the view, and what is known of the user, or ``whose`` it is of ``users``."""

    view: View
    known: Remembered
    users: tuple[str, ...]
    whose: Whose
    query: Query


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
        self._rules: tuple[Rules, ...] = ()

    @property
    def rules(self) -> tuple[Rules, ...]:
        """Return the rules that are laid over every answer now."""
        return self._rules

    def lay(self, rules: Rules | None) -> None:
        """Lay these rules over every answer from the next request on, or none."""
        if rules is not None and self._follower.view is not None:
            rules.marks(self._follower.view.picture)  # so that no request has to; and what cannot be worked out is not laid
        self._rules = () if rules is None else (rules,)

    @property
    def recipe(self) -> Recipe:
        """Return the recipe that answers now."""
        return self._recipe

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
        return self.answer(await self.asked(user_id, session_id, k, wish), record=record)

    async def asked(self, user_id: str, session_id: str | None, k: int, wish: Wish | None = None) -> Asked:
        """Return what a request asks, with what is known of its user, or where nobody knows them, of their session.

        Waits as ``recommend`` does, and raises as that.
        """
        view = self._view()
        known = await view.histories.of(user_id)
        users: tuple[str, ...] = (user_id,)
        whose: Whose = "user"
        if not len(known.recent) and session_id is not None:
            # Nobody knows the user yet, but perhaps what this session did.
            known, whose = await view.histories.of_session(session_id), "session"
            users = view.histories.sessions.users(session_id)
        query = asking.remembering(user_id, session_id, new_id(), k, known, view.picture, self._rules)
        if wish is not None:
            rules = self._rules if wish.rules is None else wish.rules
            query = msgspec.structs.replace(
                query,
                exclude=wish.exclude | {wish.looking_at} if wish.looking_at is not None else wish.exclude,
                only=wish.only,
                given=wish.given,
                rules=rules if wish.own is None else (wish.own, *rules),
                categories=wish.categories_in(view.picture),
            )
        return Asked(view, known, users, whose, query)

    def answer(self, asked: Asked, *, record: bool, recipe: Recipe | None = None, trace: Trace | None = None) -> Answer:
        """Return the answer to what is asked, by the recipe that answers now or by another. Never waits."""
        return self._answer(recipe or self._recipe, asked.view.picture, asked.query, record=record, trace=trace)

    def recommend_now(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Answer | None:
        """Do the same for a user whose history is in memory; return None, nothing done, for any other."""
        view = self._view()
        known = view.histories.held(user_id)
        if known is None or (session_id is not None and not len(known.recent)):
            return None
        query = asking.remembering(user_id, session_id, new_id(), k, known, view.picture, self._rules)
        return self._answer(self._recipe, view.picture, query, record=record)

    async def similar(self, item_id: str, k: int) -> Answer:
        """Return at most ``k`` items that met this one, best first; none for an item nobody knows. Never waits.

        Raises ``Unavailable`` until a first picture is loaded.
        """
        alone = Entry(item_id, 0, 1, "view", "")
        return self._unasked(self._similar, asking.query("", None, new_id(), k, [alone]))

    async def trending(self, k: int) -> Answer:
        """Return at most ``k`` items that are liked now, best first, the same for everybody. Never waits.

        Raises ``Unavailable`` until a first picture is loaded.
        """
        return self._unasked(self._trending, asking.query("", None, new_id(), k, []))

    def _unasked(self, recipe: Recipe, query: Query) -> Answer:
        """Return an answer that belongs to no user: the live rules hold for it, but for their pins."""
        query = msgspec.structs.replace(query, rules=self._rules, pinning=False) if self._rules else query
        return self._answer(recipe, self._view().picture, query, record=False)

    def _view(self) -> View:
        view = self._follower.view
        if view is None:
            raise Unavailable("snapshot", self._follower.trouble or "it is being loaded")
        return view

    def _answer(self, recipe: Recipe, picture: Picture, query: Query, *, record: bool, trace: Trace | None = None) -> Answer:
        chosen = pipeline.run(recipe, picture, query, trace)
        ids = picture.ids
        items = [ids[number] for number in chosen.items.tolist()]
        sources = pipeline.contributors(chosen)
        version = recipe.version
        if query.rules:
            version += "".join([rules.version for rules in query.rules])
        if record and items:
            self._record(self._impression(version, picture, query, chosen, items))
        return Answer(
            request_id=query.request_id,
            items=items,
            model_version=version,
            strategy="+".join(sources) or "none",
            sources=sources,
            as_of_ms=picture.as_of_ms,
            rules=chosen.applied,
        )

    def _impression(self, version: str, picture: Picture, query: Query, chosen: Candidates, items: list[str]) -> Impression:
        return Impression(
            event_id=EventId(f"auto-{query.request_id}"),
            user_id=UserId(query.user_id),
            session_id=SessionId(query.session_id or NO_SESSION),
            request_id=RequestId(query.request_id),
            ts_ms=self._clock.now_ms(),
            items=[ShownItem(ItemId(item), position) for position, item in enumerate(items)],
            served=Served(
                model_version=version,
                snapshot=dict(picture.position()),
                sources=[chosen.sources[number] for number in chosen.source.tolist()],
                scores=_finite(chosen.scores),
                propensities=[1.0] * len(items) if chosen.propensities is None else _finite(chosen.propensities),
            ),
        )


def _finite(numbers: NDArray[np.float64]) -> list[float]:
    """Return numbers as a log may hold them: one that is not finite as the nearest that is, what is none as 0."""
    told: list[float] = numbers.tolist()
    return told if isfinite(sum(told)) else np.nan_to_num(numbers).tolist()
