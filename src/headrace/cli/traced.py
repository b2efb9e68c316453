"""A receipt on the screen: one line a step, with the time it was reached and how long after the one before."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from headrace.reasons.words import counted
from headrace.stream.receipts import About, Receipt, Status, Waits

NOT_KNOWN: Final = "none with this id was ever acknowledged, or it is older than what is kept (six weeks)"
STYLES: Final = {
    Status.VISIBLE: "green",
    Status.APPLIED: "yellow",
    Status.WAITING: "yellow",
    Status.ACKNOWLEDGED: "yellow",
    Status.DEAD_LETTERED: "red",
}
SHOWN_ITEMS: Final = 5


class Step(NamedTuple):
    """One line: when (Unix ms; ``by``: at the latest), what, and where."""

    at_ms: int | None
    what: str
    where: str
    by: bool = False


def timeline(receipt: Receipt) -> Group:
    """Return the receipt as a timeline."""
    head = Text.assemble(
        (receipt.event_id, "bold"),
        "  ",
        (receipt.status.replace("_", " "), STYLES[receipt.status]),
        "  ",
        _about(receipt.event),
    )
    lines = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(justify="right", no_wrap=True)
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    before: int | None = None
    for step in _steps(receipt):
        lines.add_row(Text(_time(step)), Text(_after(step, before)), Text(step.what), Text(step.where))
        before = before if step.at_ms is None or step.by else step.at_ms
    return Group(head, Text(receipt.says), lines)


def _steps(receipt: Receipt) -> list[Step]:
    steps = []
    taken, place = receipt.acknowledged, receipt.position
    at = "" if place is None else f"{place.name}, partition {place.partition}, offset {place.offset}"
    if taken is not None:
        log = "the log in Postgres" if taken.by == "postgres" else "Kafka"
        steps.append(Step(taken.server_received_ts_ms, "acknowledged", f"by the door; taken by {log}"))
        if place is not None:
            steps.append(Step(taken.logged_at_ms, "in the log", at))
    steps += [
        Step(one.failed_at_ms, "dead letter", f"{one.position}: {one.error_type}: {one.error_message}")
        for one in receipt.dead_letters
    ]
    steps += [
        Step(one.settled_at_ms, str(one.state), one.position) for one in receipt.dead_letters if one.settled_at_ms is not None
    ]
    if receipt.waits is not None:
        steps.append(Step(None, "waiting", _waiting(receipt.waits)))
    if receipt.applied is not None:
        batch = "" if receipt.applied.records is None else f", in a batch of {receipt.applied.records:,}"
        where = f"as number {receipt.applied.number:,} of its partition, in generation {receipt.applied.generation}{batch}"
        steps.append(Step(receipt.applied.at_ms, "applied", where))
    steps += [Step(None, "duplicate", f"passed: {one}") for one in receipt.repeats]
    if receipt.visible is not None:
        for one in receipt.visible.replicas:
            seen = "visible" if one.visible else "not yet visible"
            steps.append(Step(one.by_ms, seen, f"in API process {one.replica_id[:12]}, generation {one.generation}", by=True))
    return steps


def _about(event: About | None) -> str:
    if event is None:
        return ""
    if event.items is not None:
        items = ", ".join(event.items[:SHOWN_ITEMS]) + (", ..." if len(event.items) > SHOWN_ITEMS else "")
        return f"{counted(len(event.items), 'item')} shown to {event.user_id}: {items}"
    return f"{event.type} of {event.item_id}" + ("" if event.user_id is None else f" by {event.user_id}")


def _waiting(waits: Waits) -> str:
    before = "" if waits.before is None else f"{counted(waits.before, 'record')} before it; "
    owner = f"its partition is {waits.owner}'s" if waits.owner is not None else "nobody owns its partition"
    halted = "" if waits.halted is None else f", halted: {waits.halted}"
    carried = "to be carried to Kafka; " if waits.to_carry else ""
    return f"{carried}{before}{counted(waits.workers, 'worker')} alive; {owner}{halted}"


def _time(step: Step) -> str:
    if step.at_ms is None:
        return ""
    at = datetime.fromtimestamp(step.at_ms / 1000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{step.at_ms % 1000:03}"


def _after(step: Step, before: int | None) -> str:
    if step.at_ms is None or before is None:
        return ""
    by = "\u2264 " if step.by else ""
    return f"{by}{step.at_ms - before:+,} ms"
