"""What the door admits: the only judge of an event, given a clock.

The accepted path is one decode and a few cheap checks. Only what that path refuses is read again, slowly, so that the answer
names every offending field. Behind the door nothing judges an event by a clock again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, cast

import msgspec

from headrace.clock import Clock
from headrace.errors import Rejected, Violation
from headrace.events.admission import Doubt, Span, impression, interaction, logged, watch
from headrace.events.refusal import UNREADABLE, no_json, refusal, reread
from headrace.events.rules import judge_id, judge_text, time_rule
from headrace.events.types import Impression, Interaction, Watch
from headrace.events.violations import Rule
from headrace.events.wire import BatchIn, ImpressionIn, InteractionIn, WatchIn

LARGEST_EVENT: Final = 512 * 1024
LATEST_TS_MS: Final = 1 << 41

_BROKEN: Final = "The event breaks the contract"
_BROKEN_BATCH: Final = "The batch breaks the contract"
_TOO_LARGE: Final = "The event is too large"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an event's time may be from now, and how many events a batch may hold."""

    max_future_ms: int = 300_000
    """How many milliseconds an event may be ahead of the clock."""

    max_age_ms: int = 2_592_000_000
    """How many milliseconds an event may be old."""

    max_batch: int = 1000
    """How many events a batch may hold."""


class RejectedEvent(Rejected):
    """One event of a batch that is judged event by event; ``event_id`` is None where none could be read."""

    def __init__(self, rejected: Rejected, event_id: str | None) -> None:
        super().__init__(rejected.status, rejected.title, rejected.violations)
        self.event_id = event_id


class _Each(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_interactions: Final = msgspec.json.Decoder(InteractionIn)
_impressions: Final = msgspec.json.Decoder(ImpressionIn)
_watches: Final = msgspec.json.Decoder(WatchIn)
_batches: Final = msgspec.json.Decoder(BatchIn)
_either: Final = msgspec.json.Decoder(ImpressionIn | WatchIn)
_anything: Final = msgspec.json.Decoder(msgspec.Raw)
_each: Final = msgspec.json.Decoder(_Each)


class Contract:
    """Judges bodies and rows. Every method raises ``Rejected``: 400 no JSON, 413 too large, 422 anything else."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock

    def interaction(self, body: bytes) -> Interaction:
        """Return the interaction that a body of ``POST /event`` holds."""
        _judge_size(body)
        try:
            return interaction(_interactions.decode(body), self._span())
        except (Doubt, *UNREADABLE) as doubt:
            self._explain(body, InteractionIn, doubt)

    def impression(self, body: bytes) -> Impression:
        """Return the impression that a body of ``POST /log/impression`` holds."""
        _judge_size(body)
        try:
            return impression(_impressions.decode(body), self._span())
        except (Doubt, *UNREADABLE) as doubt:
            self._explain(body, ImpressionIn, doubt)

    def watch(self, body: bytes) -> Watch:
        """Return the watch that a body of ``POST /log/watch`` holds."""
        _judge_size(body)
        try:
            return watch(_watches.decode(body), self._span())
        except (Doubt, *UNREADABLE) as doubt:
            self._explain(body, WatchIn, doubt)

    def batch(self, body: bytes) -> list[Impression | Watch]:
        """Return all events of a body of ``POST /log/batch``, or refuse it whole, naming every bad field."""
        self._judge_event_sizes(body)
        span = self._span()
        try:
            events = [logged(wire, span) for wire in _batches.decode(body).events]
        except (Doubt, *UNREADABLE) as doubt:
            self._explain(body, BatchIn, doubt)
        if len(events) > self.limits.max_batch or len({event.event_id for event in events}) < len(events):
            self._explain(body, BatchIn, None)
        return events

    def batch_each(self, body: bytes) -> list[Impression | Watch | Rejected]:
        """Return one verdict an event, in order: the event, or why it is refused (a ``RejectedEvent``).

        What is wrong with the batch as a whole still raises. Of two events with one id the later is refused.
        """
        try:
            raws = _each.decode(body).events
        except UNREADABLE as error:
            self._explain(body, BatchIn, error)
        if message := self._batch_size(len(raws)):
            raise Rejected(422, _BROKEN_BATCH, (Violation("events", message),))
        span = self._span()
        verdicts: list[Impression | Watch | Rejected] = []
        seen: set[str] = set()
        for number, raw in enumerate(raws):
            verdict = self._one_of_many(bytes(raw), f"events[{number}]", span)
            if not isinstance(verdict, Rejected):
                if verdict.event_id in seen:
                    again = Violation(f"events[{number}].event_id", "appears twice in the batch")
                    verdict = RejectedEvent(Rejected(422, _BROKEN, (again,)), verdict.event_id)
                else:
                    seen.add(verdict.event_id)
            verdicts.append(verdict)
        return verdicts

    def row(self, fields: Mapping[str, object], *, history: bool) -> Interaction | Watch:
        """Return the event that a row of contract fields holds; None stands for an absent field.

        The time is called ``ts`` or ``ts_ms``. With ``history`` the rules of age and future are skipped: any time after 1970
        and before 2039 is taken.
        """
        is_watch = fields.get("event_type") == "watch"
        given = {name: value for name, value in fields.items() if value is not None}
        mine, other = ("ts_ms", "ts") if is_watch else ("ts", "ts_ms")
        if other in given and mine not in given:
            given[mine] = given.pop(other)
        span = (1, LATEST_TS_MS - 1) if history else self._span()
        try:
            if is_watch:
                return watch(msgspec.convert(given, WatchIn), span)
            return interaction(msgspec.convert(given, InteractionIn), span)
        except (Doubt, msgspec.ValidationError) as doubt:
            raise self._refusal(given, WatchIn if is_watch else InteractionIn, doubt, "", span) from None

    def _span(self) -> Span:
        now = self._clock.now_ms()
        return max(1, now - self.limits.max_age_ms), min(now + self.limits.max_future_ms, LATEST_TS_MS - 1)

    def _one_of_many(self, raw: bytes, path: str, span: Span) -> Impression | Watch | Rejected:
        if len(raw) > LARGEST_EVENT:
            return RejectedEvent(_too_large(path), None)
        try:
            return logged(_either.decode(raw), span)
        except (Doubt, *UNREADABLE) as doubt:
            value = reread(raw)
            wanted = WatchIn if isinstance(value, dict) and value.get("event_type") == "watch" else ImpressionIn
            named = value.get("event_id") if isinstance(value, dict) else None
            clean = isinstance(named, str) and judge_id(named) is None
            if isinstance(value, dict) and value.get("event_type") not in ("impression", "watch"):
                why = _refused_kind(path)
            else:
                why = self._refusal(value, wanted, doubt, path, span)
            return RejectedEvent(why, cast("str", named) if clean else None)

    def _judge_event_sizes(self, body: bytes) -> None:
        if len(body) <= LARGEST_EVENT:
            return
        try:
            raws = _each.decode(body).events
        except UNREADABLE:
            return  # the decoder that follows says what is wrong
        for number, raw in enumerate(raws):
            if len(bytes(raw)) > LARGEST_EVENT:
                raise _too_large(f"events[{number}]")

    def _batch_size(self, size: int) -> str | None:
        most = self.limits.max_batch
        return None if 1 <= size <= most else f"must have 1 to {most} elements, has {size}"

    def _explain(self, body: bytes, wanted: type[msgspec.Struct], doubt: Exception | None) -> NoReturn:
        raise self._refusal(reread(body), wanted, doubt, "", self._span()) from None

    def _refusal(self, value: object, wanted: type[msgspec.Struct], doubt: Exception | None, path: str, span: Span) -> Rejected:
        if wanted is BatchIn:
            events = value.get("events") if isinstance(value, dict) else None
            if isinstance(events, list) and (message := self._batch_size(len(events))):
                return Rejected(422, _BROKEN_BATCH, (Violation("events", message),))
        rules: dict[str, Rule] = {"id": judge_id, "text": judge_text, "time": time_rule(span)}
        return refusal(value, wanted, doubt, rules, _BROKEN_BATCH if wanted is BatchIn else _BROKEN, path)


def _judge_size(body: bytes) -> None:
    if len(body) <= LARGEST_EVENT:
        return
    try:
        _anything.decode(body)
    except UNREADABLE as error:
        raise no_json(error) from None
    raise _too_large("")


def _too_large(path: str) -> Rejected:
    return Rejected(413, _TOO_LARGE, (Violation(path, f"an event has at most {LARGEST_EVENT} bytes"),))


def _refused_kind(path: str) -> Rejected:
    return Rejected(422, _BROKEN, (Violation(f"{path}.event_type", "must be 'impression' or 'watch'"),))
