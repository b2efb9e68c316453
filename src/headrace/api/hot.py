"""The hot routes: an event in, an answer out, with no framework between."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from msgspec import UNSET
from starlette.types import Scope

from headrace.api import problem, question
from headrace.api.answers import BatchAnswer, EventAnswer, EventVerdict, ExplainedAnswer, LogAnswer, RecoAnswer
from headrace.api.problem import FieldError
from headrace.api.query import Parameter, a_switch, parse
from headrace.api.reply import Reply, json_reply
from headrace.api.services import Answer, Services
from headrace.errors import Rejected, Violation
from headrace.events.contract import RejectedEvent
from headrace.events.types import Event, Impression, Watch
from headrace.expressions import ExpressionError
from headrace.log.port import Verdict
from headrace.serving.explaining import Explained

Handler = Callable[[Scope, bytes], Awaitable[Reply]]

BATCH_PARAMETERS: Final[dict[str, Parameter[bool]]] = {
    "atomic": a_switch("atomic", "Whether one bad event refuses the whole batch.", default=True)
}
_LOGGED: Final = json_reply(LogAnswer())
_CONFLICT: Final = "The event_id is taken by another event"
_TAKEN: Final = "was sent before with another payload; the first one stands"


class Single(NamedTuple):
    """A route that takes one event: who judges the body, and the answer where the event is in the log, now or already."""

    judge: Callable[[bytes], Event]
    taken: Callable[[Event, Verdict], Reply]

    def told(self, event: Event, verdict: Verdict) -> Reply:
        """Return the answer: a refusal where the event's id is taken by another one."""
        if verdict is Verdict.CONFLICT:
            return problem.rejection(Rejected(422, _CONFLICT, (Violation("event_id", _TAKEN),)))
        return self.taken(event, verdict)


class Hot:
    """Handlers of the hot routes; each takes the scope and the whole body, and raises ``Rejected`` or ``Unavailable``."""

    def __init__(self, services: Services) -> None:
        self._contract = services.contract
        self._intake = services.intake
        self._recommender = services.recommender
        self._explainer = services.explainer
        self._rules = services.rules
        self.singles: dict[tuple[str, str], Single] = {
            ("POST", "/event"): Single(self._contract.interaction, _event_answer),
            ("POST", "/log/impression"): Single(self._contract.impression, lambda *_: _LOGGED),
            ("POST", "/log/watch"): Single(self._contract.watch, lambda *_: _LOGGED),
        }
        self.routes: dict[tuple[str, str], Handler] = {
            **{route: self._taking(single) for route, single in self.singles.items()},
            ("GET", "/reco"): self.reco,
            ("POST", "/reco"): self.reco_by_body,
            ("POST", "/log/batch"): self.batch,
        }

    async def batch(self, scope: Scope, body: bytes) -> Reply:
        """Take a batch: all or nothing, or with ``atomic=false`` event by event."""
        if not parse(scope["query_string"], BATCH_PARAMETERS)["atomic"]:
            return await self._each(self._contract.batch_each(body))
        events = self._contract.batch(body)
        verdicts = await self._intake.accept(events, atomic=True)
        taken = [number for number, verdict in enumerate(verdicts) if verdict is Verdict.CONFLICT]
        if taken:
            raise Rejected(422, _CONFLICT, tuple(Violation(f"events[{number}].event_id", _TAKEN) for number in taken))
        return json_reply(BatchAnswer(status="ok", count=len(events)))

    def reco_now(self, scope: Scope) -> Reply | None:
        """Answer what the query asks, where memory knows all that it takes; None where something must be waited for."""
        asked = question.from_query(scope["query_string"])
        if asked.explain or asked.rules is not None or asked.categories or asked.looking_at is not None:
            return None
        answer = self._recommender.recommend_now(asked.user_id, asked.session_id, asked.k, record=asked.x_autolog_impressions)
        return None if answer is None else reco_reply(answer)

    async def reco(self, scope: Scope, _body: bytes) -> Reply:
        """Answer what the query asks."""
        return await self._answer(question.from_query(scope["query_string"]))

    async def reco_by_body(self, _scope: Scope, body: bytes) -> Reply:
        """Answer what the body asks."""
        return await self._answer(question.from_body(body))

    async def _answer(self, asked: question.Question) -> Reply:
        record = asked.x_autolog_impressions
        ask = self._explainer.recommend if asked.explain else self._recommender.recommend
        try:
            wish = await asked.wish(self._rules)
            answer = await ask(asked.user_id, asked.session_id, asked.k, record=record, wish=wish)
        except ExpressionError as error:
            raise Rejected(422, question.BROKEN, (Violation("filter", str(error)),)) from None
        return explained_reply(answer) if isinstance(answer, Explained) else reco_reply(answer)

    def _taking(self, single: Single) -> Handler:
        async def take(_scope: Scope, body: bytes) -> Reply:
            event = single.judge(body)
            (verdict,) = await self._intake.accept((event,), atomic=True)
            return single.told(event, verdict)

        return take

    async def _each(self, judged: Sequence[Impression | Watch | Rejected]) -> Reply:
        events = [one for one in judged if not isinstance(one, Rejected)]
        outcomes = iter(await self._intake.accept_each(events) if events else ())
        results = [
            _rejected(one) if isinstance(one, Rejected) else _told(one, next(outcomes), number)
            for number, one in enumerate(judged)
        ]
        count = sum(result.status in ("ok", "duplicate") for result in results)
        return json_reply(BatchAnswer(status="ok", count=count, results=results))


def reco_reply(answer: Answer) -> Reply:
    """Return a recommendation as ``/reco`` answers it."""
    content = RecoAnswer(answer.request_id, answer.items, answer.model_version, answer.strategy, answer.rules or UNSET)
    return json_reply(content, headers=((b"x-as-of-ms", str(answer.as_of_ms).encode()),))


def explained_reply(answer: Explained) -> Reply:
    """Return a recommendation with its reasons as ``/reco`` answers it."""
    content = ExplainedAnswer(
        answer.request_id,
        answer.items,
        answer.model_version,
        answer.strategy,
        answer.rules or UNSET,
        answer.explanations,
        answer.picture,
        answer.stages,
        answer.history,
        answer.whose,
        answer.missing,
    )
    return json_reply(content, headers=((b"x-as-of-ms", str(answer.as_of_ms).encode()),))


def _event_answer(event: Event, verdict: Verdict) -> Reply:
    return json_reply(EventAnswer("ok" if verdict is Verdict.OK else "duplicate", event.event_id))


def _told(event: Impression | Watch, outcome: Verdict | Rejected, number: int) -> EventVerdict:
    if isinstance(outcome, Rejected):
        errors = [FieldError(f"events[{number}]", one.message) for one in outcome.violations]
        return EventVerdict(event.event_id, "rejected", errors)
    if outcome is Verdict.CONFLICT:
        return EventVerdict(event.event_id, "conflict", [FieldError(f"events[{number}].event_id", _TAKEN)])
    return EventVerdict(event.event_id, "ok" if outcome is Verdict.OK else "duplicate")


def _rejected(refused: Rejected) -> EventVerdict:
    errors = [FieldError(one.path, one.message) for one in refused.violations]
    return EventVerdict(refused.event_id if isinstance(refused, RejectedEvent) else None, "rejected", errors)
