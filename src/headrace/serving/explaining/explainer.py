"""Answers with reasons: the recommender answers as always, and what its stages did is told."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.features.changes import HistoryState, PairState
from headrace.pipeline import Recipe, Trace
from headrace.reasons import verdicts
from headrace.serving.explaining import telling
from headrace.serving.explaining.evidence import Evidence
from headrace.serving.explaining.following import Following
from headrace.serving.explaining.past import Past
from headrace.serving.explaining.told import Because, Explained, Met, Why
from headrace.serving.explaining.why import Judge, Judged, met
from headrace.serving.recommender import Asked, Recommender, Wish

LONGEST_LOOK_S: Final = 2.0
"""So long the tables are waited for; then the memory's part of the reasons answers alone."""


@dataclass(slots=True)
class _Read:
    """What the tables said; ``pairs`` is None where nobody asked or they were away."""

    histories: list[HistoryState]
    pairs: Mapping[str, PairState] | None
    missing: list[str]


class Explainer:
    """Explains answers and single items; ``find`` returns a recipe by its name, blocks, and raises ``RecipeError``."""

    def __init__(self, recommender: Recommender, evidence: Evidence, clock: Clock, find: Callable[[str], Recipe]) -> None:
        self._recommender = recommender
        self._evidence = evidence
        self._clock = clock
        self._find = find

    async def recommend(
        self,
        user_id: str,
        session_id: str | None,
        k: int,
        *,
        record: bool,
        wish: Wish | None = None,
        recipe: str | None = None,
    ) -> Explained:
        """Return the very answer that the recommender gives now, with the reasons of each item.

        With ``record`` it is logged as an impression like any answer. ``recipe`` names another one than answers now. While the
        tables are away the reasons lack event ids, and ``missing`` says so. Raises ``Unavailable`` until a first picture is
        loaded, ``RecipeError`` for a recipe that cannot be made, ``ExpressionError`` for a wish that does not fit.
        """
        found = await self._found(recipe)
        asked, read = await self._ask(user_id, session_id, k, wish, None)
        # From here on nothing is waited for: the answer and all that is told of it are of one picture.
        trace, picture = Trace(), asked.view.picture
        answer = self._recommender.answer(asked, record=record, recipe=found, trace=trace)
        following, past, now_ms = Following(picture, asked.query, trace), _past(asked, read), self._clock.now_ms()
        events = past.by_item()
        return Explained(
            request_id=answer.request_id,
            items=answer.items,
            model_version=answer.model_version,
            strategy=answer.strategy,
            sources=answer.sources,
            as_of_ms=answer.as_of_ms,
            explanations=[
                telling.reasons(following, trace.answer, place, events, now_ms) for place in range(len(answer.items))
            ],
            picture=telling.picture_told(picture),
            stages=telling.stages(trace),
            history=past.events(),
            whose=asked.whose,
            missing=read.missing,
            rules=answer.rules,
        )

    async def why(
        self,
        user_id: str,
        item_id: str,
        session_id: str | None = None,
        k: int = 20,
        recipe: str | None = None,
        *,
        wish: Wish | None = None,
    ) -> Why:
        """Return why an item is shown to a user, or why not, and what it would take. Nothing is logged as shown.

        Raises as ``recommend`` does.
        """
        found = await self._found(recipe)
        asked, read = await self._ask(user_id, session_id, k, wish, item_id)
        trace, picture = Trace(), asked.view.picture
        answer = self._recommender.answer(asked, record=False, recipe=found, trace=trace)
        following, past, now_ms = Following(picture, asked.query, trace), _past(asked, read), self._clock.now_ms()
        events, number = past.by_item(), picture.numbers.get(item_id)
        judged = Judged("unknown", words=[verdicts.unknown()])
        because: list[Because] = []
        acquainted: list[Met] = []
        if number is not None:
            judge = Judge(following, found or self._recommender.recipe, trace.answer, events, now_ms)
            judged = judge.of(number)
            because = telling.because([*judged.way.made, *judged.way.also], events)
            acquainted = met(following, number, [one.item_id for one in because], read.pairs)
            if judged.verdict == "never_proposed":
                judged.words += _tables_say(acquainted, read, picture.links.most)
        return Why(
            user_id=user_id,
            session_id=session_id,
            item_id=item_id,
            k=k,
            model_version=answer.model_version,
            verdict=judged.verdict,
            by=judged.by,
            place=judged.place,
            score=judged.score,
            cut=judged.cut,
            words=judged.words + [verdicts.away(what) for what in read.missing],
            because=because,
            met=acquainted,
            takes=judged.takes,
            did=[told.did() for told in (*judged.way.made, *judged.against)],
            also=[told.did() for told in judged.way.also],
            popularity=None if number is None else telling.liked(picture, number),
            items=answer.items,
            picture=telling.picture_told(picture),
            stages=telling.stages(trace),
            history=past.events(),
            whose=asked.whose,
            missing=read.missing,
            rules=answer.rules,
        )

    async def _found(self, recipe: str | None) -> Recipe | None:
        return None if recipe is None else await asyncio.to_thread(self._find, recipe)

    async def _ask(
        self, user_id: str, session_id: str | None, k: int, wish: Wish | None, item_id: str | None
    ) -> tuple[Asked, _Read]:
        """Read what the tables know of a question, and ask it anew: time has gone by."""
        asked = await self._recommender.asked(user_id, session_id, k, wish)
        picture = asked.view.picture
        read = _Read([], None, [])
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                read.histories = await self._evidence.histories(picture.generation, asked.users)
                if item_id is not None:
                    others = [name for name in asked.query.recent if name]
                    pairs = await self._evidence.pairs(picture.generation, item_id, others)
                    read.pairs = {pair.high if pair.low == item_id else pair.low: pair for pair in pairs}
        except Unavailable as error:
            read.missing.append(error.what)
        except TimeoutError:
            read.missing.append("postgres")
        if read.missing:
            telemetry.log.debug("evidence_not_read", missing=read.missing)
        return await self._recommender.asked(user_id, session_id, k, wish), read


def _past(asked: Asked, read: _Read) -> Past:
    past = Past(
        asked.known, asked.view.picture, [entry for user in asked.users for entry in asked.view.histories.waiting(user)]
    )
    past.named(read.histories)
    return past


def _tables_say(acquainted: Sequence[Met], read: _Read, most: int) -> list[str]:
    """Return what only the tables know of an item that no source proposed: whom of the user's it met too seldom."""
    if read.pairs is None:
        return []
    seldom = [verdicts.met_in_tables(one.item_id, one.meetings, most) for one in acquainted if not one.in_memory]
    return seldom if acquainted else [verdicts.met_none_of_yours()]
