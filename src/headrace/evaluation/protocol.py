"""The protocol: what is a prediction's target, what was revealed before it, and where the test window begins.

Events in time order; an item that directly repeats itself inside a session is dropped. Targets are the events behind the split
that are not the first of their session: each is predicted from what the session and its user did before, then revealed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from headrace.events.types import Interaction, Watch

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

Act = Interaction | Watch


class NothingToPredict(ValueError):
    """The protocol leaves no target; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the file: its session's number, how many events that had before, and whether its item was among them."""

    act: Act
    session: int
    revealed: int
    seen: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What is played: all steps in time order, and the indices of those that are predicted, ascending.

    ``split_ms`` is the first moment of the test window, ``frozen_ms`` the first that a frozen index does not know, at the
    latest the split.
    """

    steps: list[Step]
    targets: list[int]
    split_ms: int
    session_names: list[str]
    frozen_ms: int


def steps_of(acts: Sequence[Act], session_gap_ms: int) -> tuple[list[Step], list[str]]:
    """Return the steps in time order, repeats collapsed, and the sessions' names.

    A session is what its name says; without one it is a user's events up to a silence longer than ``session_gap_ms``.
    """
    names: list[str] = []
    numbers: dict[tuple[str, str], int] = {}
    unnamed: dict[str, tuple[int, int]] = {}
    items: list[dict[str, None]] = []
    lengths: list[int] = []
    last: list[str] = []
    steps: list[Step] = []
    for act in sorted(acts, key=_time):
        if act.session_id is not None:
            number = numbers.setdefault((act.user_id, act.session_id), len(names))
        else:
            number, before_ms = unnamed.get(act.user_id, (len(names), act.ts_ms))
            if act.ts_ms - before_ms > session_gap_ms:
                number = len(names)
            unnamed[act.user_id] = (number, act.ts_ms)
        if number == len(names):
            names.append(act.session_id or act.user_id)
            items.append({})
            lengths.append(0)
            last.append("")
        elif last[number] == act.item_id:
            continue
        steps.append(Step(act, number, lengths[number], act.item_id in items[number]))
        items[number][act.item_id] = None
        lengths[number] += 1
        last[number] = act.item_id
    return steps, names


def course(
    steps: list[Step],
    names: list[str],
    split_ms: int,
    *,
    end_ms: int | None = None,
    only: Collection[str] | None = None,
    about: int | None = None,
    frozen_days: float = 0.0,
) -> Course:
    """Return what is to be played and predicted. Raises ``NothingToPredict``.

    ``end_ms`` ends the file before that moment. ``only`` names the sessions that are asked; all of them are learned from.
    ``about`` draws sessions, by a hash of their names, until there are so many targets. ``frozen_days`` is how long before the
    split a frozen index ends.
    """
    if end_ms is not None:
        steps = [step for step in steps if step.act.ts_ms < end_ms]
    asked = None if only is None else set(only)
    targets = [
        index
        for index, step in enumerate(steps)
        if step.act.ts_ms >= split_ms and step.revealed and (asked is None or names[step.session] in asked)
    ]
    if about is not None:
        targets = _drawn(steps, names, targets, about)
    if not targets:
        raise NothingToPredict(
            "there is nothing to predict behind the split: no session has a second event there; choose an earlier --split"
        )
    return Course(steps, targets, split_ms, names, split_ms - round(frozen_days * DAY_MS))


def before_last(steps: Sequence[Step], hours: float) -> int:
    """Return the split that leaves the last so many hours of the file to the test."""
    return steps[-1].act.ts_ms - round(hours * HOUR_MS) if steps else 0


def at_quantile(steps: Sequence[Step], share: float) -> int:
    """Return the split that has this share of the events before it."""
    return steps[min(int(share * len(steps)), len(steps) - 1)].act.ts_ms if steps else 0


def _drawn(steps: Sequence[Step], names: Sequence[str], targets: Sequence[int], about: int) -> list[int]:
    each: dict[int, int] = {}
    for index in targets:
        each[steps[index].session] = each.get(steps[index].session, 0) + 1
    drawn: set[int] = set()
    count = 0
    for session in sorted(each, key=lambda number: blake2b(names[number].encode(), digest_size=8).digest()):
        if count >= about:
            break
        drawn.add(session)
        count += each[session]
    return [index for index in targets if steps[index].session in drawn]


def _time(act: Act) -> int:
    return act.ts_ms
