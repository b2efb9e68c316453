"""What became of an event, from the door to the answers: told from what is kept anyway. The structs are answered as JSON.

Times are Unix milliseconds. Those of the door are by the clock of the process that took the event; those of applying and of
being visible by the database's, so they compare with each other exactly, and with the door's as well as the clocks agree.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from headrace.log.port import Topic
from headrace.reasons.words import counted, times
from headrace.stream.letters import State


class Status(StrEnum):
    """How far an event has come."""

    ACKNOWLEDGED = "acknowledged"
    WAITING = "waiting"
    APPLIED = "applied"
    VISIBLE = "visible"
    DEAD_LETTERED = "dead_lettered"


class Place(msgspec.Struct, frozen=True):
    """Where a record stands in the log; ``name`` is what the topic is called outwardly."""

    topic: Topic
    name: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return the place as a dead letter's position is written: ``reco_watch:3:17``."""
        return f"{self.name}:{self.partition}:{self.offset}"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the event says. ``items`` are the items shown, best place first; ``served`` is true of answers logged by us."""

    type: str
    user_id: str | None = None
    item_id: str | None = None
    items: list[str] | None = None
    session_id: str | None = None
    request_id: str | None = None
    ts_ms: int | None = None
    served: bool = False


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """When the door took it, when its record was appended as far as the log still has it, and which log took it.

    ``by`` is ``kafka``, or ``postgres``: the embedded log, which on Kafka carries over what it took while that was away.
    """

    server_received_ts_ms: int | None = None
    logged_at_ms: int | None = None
    by: str


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Why it is not applied yet.

    ``before`` are the records of its topic and partition that stand between it and what was applied last, or, where it is
    still to be carried to Kafka, carried last. None where that is not known.
    """

    before: int | None = None
    to_carry: bool = False
    workers: int = 0
    owner: str | None = None
    halted: str | None = None


class AppliedIn(msgspec.Struct, frozen=True, kw_only=True):
    """With which batch it was applied: the ``number`` is its own in the applied order of its partition, over all topics.

    ``at_ms`` is when the last statement of the batch ran, just before its commit; None, as ``records``, where that batch is no
    longer kept.
    """

    generation: int
    number: int
    at_ms: int | None = None
    records: int | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An API process that lives: whether its picture has come past the event, and by when, at the latest, it had."""

    replica_id: str
    generation: int | None
    visible: bool
    by_ms: int | None
    as_of_ms: int


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """From when on answers know of it.

    ``first_by_ms``: the first API process had it in its picture by then at the latest. ``all_by_ms``: all that live now had.
    """

    first_by_ms: int | None = None
    all_by_ms: int | None = None
    replicas: list[Seen] = []


class Died(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter of this event: a record that could not be applied. ``position`` is the letter's name."""

    position: str
    generation: int
    error_type: str
    error_message: str
    state: State
    logged_at_ms: int
    failed_at_ms: int
    settled_at_ms: int | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event. What has not happened, or is not known any more, is null."""

    event_id: str
    status: Status
    says: str
    event: About | None = None
    acknowledged: Acknowledged | None = None
    position: Place | None = None
    waits: Waits | None = None
    applied: AppliedIn | None = None
    visible: Visible | None = None
    repeats: list[Place] = []
    dead_letters: list[Died] = []


def status_of(*, waits: Waits | None, applied: AppliedIn | None, visible: Visible | None, letters: Sequence[Died]) -> Status:
    """Return how far an event has come of which this is known."""
    if applied is not None:
        there = visible is not None and visible.all_by_ms is not None
        return Status.VISIBLE if there else Status.APPLIED
    if waits is not None:
        return Status.WAITING
    return Status.DEAD_LETTERED if letters else Status.ACKNOWLEDGED


def sentence(
    *,
    waits: Waits | None,
    applied: AppliedIn | None,
    visible: Visible | None,
    repeats: Sequence[Place],
    letters: Sequence[Died],
) -> str:
    """Return the same in words."""
    if applied is not None:
        told = [f"Applied once, {_seen(visible)}."]
        if repeats:
            told.append(f"It stands {times(len(repeats))} more in the log: passed as a duplicate.")
        conflicts = sum(one.error_type == "id_conflict" for one in letters)
        if conflicts:
            told.append(f"Its event_id came {times(conflicts)} with another payload: put aside as a dead letter.")
        elif letters and letters[-1].state is State.REDRIVEN:
            told.append("It could not be applied at first, and was redriven.")
        return " ".join(told)
    if waits is not None:
        return _waiting(waits)
    if letters:
        last = letters[-1]
        mend = {
            State.OPEN: f"look at it: headrace dead-letters show {last.position}",
            State.REDRIVEN: "it was redriven, and has not been seen since",
            State.DROPPED: "it was dropped by hand",
        }[last.state]
        return f"It could not be applied ({last.error_type}: {last.error_message}); {mend}."
    return "The log took it, and nothing more is known: it was applied before what is remembered, or passed over by this group."


def _seen(visible: Visible | None) -> str:
    replicas = [] if visible is None else visible.replicas
    if not replicas:
        return "and no API process is running to answer from it"
    there = sum(one.visible for one in replicas)
    if there == len(replicas):
        return "and every API process answers from it"
    return f"and {there} of {len(replicas)} API processes answer from it so far"


def _waiting(waits: Waits) -> str:
    before = ""
    if waits.before is not None:
        before = f", behind {counted(waits.before, 'record')}" if waits.before else ", next in its partition"
    where = "in the log in Postgres, to be carried to Kafka" if waits.to_carry else "in the log, not applied yet"
    if waits.halted is not None:
        why = f"; its partition is halted ({waits.halted})"
    elif not waits.workers:
        why = "; no worker is alive"
    else:
        why = ""
    return f"It is {where}{before}{why}."
