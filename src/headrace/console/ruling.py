"""A rule set as somebody reads it: what each rule does, in a sentence, and whether it holds now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headrace.console.words import moment as day
from headrace.rules.declared import Boost, Bury, Cap, Exclude, Mode, Only, Pin, Rule, RuleSet, moment

MOST_NAMED: Final = 6
"""So many items stand in a sentence; the file has all of them."""

KINDS: Final = {
    "exclude": "Left out",
    "only": "The only ones",
    "boost": "Raised",
    "bury": "Buried",
    "pin": "Pinned",
    "cap": "Capped",
}


@dataclass(frozen=True, slots=True)
class Read:
    """One rule: ``does`` has code between backticks; ``when`` is empty for one that holds always. ``state`` is now's."""

    kind: str
    label: str
    path: str
    does: str
    when: str
    state: str

    @property
    def holds(self) -> bool:
        """Return whether it holds now."""
        return self.state == "holds"


def read(rules: RuleSet, now_ms: int) -> list[Read]:
    """Return the rules of a set in order, each called as explanations call it."""
    found = []
    for path, rule in rules.each():
        kind, _, number = path.rstrip("]").partition("[")
        since, until = moment(rule.since), moment(rule.until)
        ends = [f"from {day(since)}"] * (since is not None) + [f"until {day(until)}"] * (until is not None)
        state = "begins later" if since is not None and now_ms < since else "is over" if _is_over(until, now_ms) else "holds"
        label = rule.name or f"{kind} {int(number) + 1}"
        found.append(Read(KINDS[kind], label, path, does(rule, rules.mode), " ".join(ends), state))
    return found


def does(rule: Rule, mode: Mode) -> str:
    """Return what a rule does, in a sentence."""
    return _cap(rule, rule.mode or mode) if isinstance(rule, Cap) else f"{_said(rule)}."


def _said(rule: Rule) -> str:
    match rule:
        case Exclude():
            said = f"Leaves out {_whom(rule.items, rule.where)}"
        case Only():
            said = f"Leaves out everything of which `{rule.where}` is not true"
        case Bury() if rule.times is None:
            said = f"Puts {_whom(rule.items, rule.where)} behind everything else"
        case Boost() | Bury():
            said = f"Multiplies the score of {_whom(rule.items, rule.where)} by {rule.times:g}"
        case Pin() if rule.where is not None:
            said = f"Puts the best of which `{rule.where}` is true at place {rule.position}"
        case Pin() if len(rule.items) == 1:
            said = f"Puts `{rule.items[0]}` at place {rule.position}, if it may be shown"
        case Pin():
            said = f"Puts the first of {_named(rule.items)} that may be shown at place {rule.position}"
        case _:
            raise AssertionError(f"no words for {type(rule).__name__}")
    return said


def _cap(rule: Cap, mode: Mode) -> str:
    span = "in the whole list" if rule.within is None else f"in any {rule.within} places in a row"
    gives = "rather a short list than more" if mode == "strict" else "it gives way where nothing else is left"
    return f"At most {rule.most} of one value of `{rule.by}` {span}; {gives}."


def _whom(items: Sequence[str], where: str | None) -> str:
    parts = [_named(items)] if items else []
    if where is not None:
        parts.append(f"everything of which `{where}` is true")
    return ", and ".join(parts)


def _named(items: Sequence[str]) -> str:
    shown = [f"`{item}`" for item in items[:MOST_NAMED]]
    if len(items) > MOST_NAMED:
        shown.append(f"{len(items) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _is_over(until_ms: int | None, now_ms: int) -> bool:
    return until_ms is not None and until_ms <= now_ms
