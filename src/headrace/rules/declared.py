"""A rule set as it is written, in JSON or TOML alike: what there is, and everything that can be wrong with it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from math import isfinite
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from headrace.errors import Rejected, Violation
from headrace.events.items import LAST_MOMENT_MS
from headrace.events.refusal import UNREADABLE, refusal, reread
from headrace.events.rules import judge_id, judge_text, milliseconds
from headrace.events.wire import Id, Text
from headrace.expressions import LONGEST, ExpressionError, read

MOST_ITEMS: Final = 1000
MOST_PLACES: Final = 200
MOST_RULES: Final = 100
LARGEST_FACTOR: Final = 1000.0
BROKEN: Final = "The rules break the contract"

Where: TypeAlias = Annotated[str, Meta(max_length=LONGEST, description="An expression over items' attributes.")]
Instant: TypeAlias = Annotated[
    int | float | str, Meta(description="Unix time in seconds or milliseconds, or RFC 3339 text with its offset.")
]
Items: TypeAlias = Annotated[list[Id], Meta(max_length=MOST_ITEMS, description="Items by their ids.")]
Place: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_PLACES)]
Mode: TypeAlias = Literal["strict", "relaxed"]
"""Rather short than wrong, or filled up where a rule leaves nothing else, which the answer then says."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"since": "from"}):
    """What every rule may have: a name that explanations use, and the time from and until which it holds."""

    name: Text | None = None
    since: Instant | None = None
    until: Instant | None = None


class Exclude(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Leaves out items, by their ids or by what is true of them."""

    items: Items = []
    where: Where | None = None


class Only(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Leaves out everything of which an expression is not true."""

    where: Where


class Boost(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Multiplies the scores of items, by their ids or by what is true of them; ``times`` is more than 1."""

    items: Items = []
    where: Where | None = None
    times: float


class Bury(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Multiplies scores by ``times``, which is less than 1; without it, such items stand behind everything else."""

    items: Items = []
    where: Where | None = None
    times: float | None = None


class Pin(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Puts at a ``position``, from 1, the first of ``items`` that may be shown, or the best of which something is true."""

    position: Place
    items: Items = []
    where: Where | None = None


class Cap(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most ``most`` items of one value of the attribute ``by`` in any ``within`` places in a row, or in the whole list."""

    by: Annotated[str, Meta(min_length=1, max_length=64, description="An attribute, such as `categories`.")]
    most: Place
    within: Place | None = None
    mode: Mode | None = None


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rules that belong together; ``mode`` is that of every cap that says nothing else."""

    about: Text | None = None
    mode: Mode = "relaxed"
    exclude: Annotated[list[Exclude], Meta(max_length=MOST_RULES)] = []
    only: Annotated[list[Only], Meta(max_length=MOST_RULES)] = []
    boost: Annotated[list[Boost], Meta(max_length=MOST_RULES)] = []
    bury: Annotated[list[Bury], Meta(max_length=MOST_RULES)] = []
    pin: Annotated[list[Pin], Meta(max_length=MOST_RULES)] = []
    cap: Annotated[list[Cap], Meta(max_length=MOST_RULES)] = []

    def each(self) -> Iterator[tuple[str, Rule]]:
        """Yield every rule with its path, in order."""
        for kind in ("exclude", "only", "boost", "bury", "pin", "cap"):
            for number, rule in enumerate(getattr(self, kind)):
                yield f"{kind}[{number}]", rule


_JUDGES: Final = {"id": judge_id, "text": judge_text}
_decoder: Final = msgspec.json.Decoder(RuleSet)


def from_json(body: bytes) -> RuleSet:
    """Return the rule set that a body says. Raises ``Rejected`` (400, 422) that names every field, and the character in it."""
    doubt: Exception | None = None
    try:
        found = _decoder.decode(body)
    except UNREADABLE as error:
        doubt = error
    if doubt is not None:
        raise refusal(reread(body), RuleSet, doubt, _JUDGES, BROKEN)
    if wrong := faults(found):
        raise Rejected(422, BROKEN, tuple(wrong[:100]))
    return found


def kept(body: bytes) -> RuleSet:
    """Return a rule set that was judged when it was put, as it is: one that would not be taken today can still be read."""
    return _decoder.decode(body)


def from_toml(text: str) -> RuleSet:
    """Return the rule set that a file says. Raises ``Rejected`` as ``from_json``, and for what is no TOML."""
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Rejected(400, "The file is not TOML", (Violation("", str(error)),)) from None
    return from_values(parsed)


def from_values(values: Mapping[str, Any]) -> RuleSet:
    """Return the rule set of a table that was read already. Raises ``Rejected`` (422)."""
    plain = _plain(values)
    try:
        found = msgspec.convert(plain, RuleSet)
    except msgspec.ValidationError as error:
        raise refusal(plain, RuleSet, error, _JUDGES, BROKEN) from None
    if wrong := faults(found):
        raise Rejected(422, BROKEN, tuple(wrong[:100]))
    return found


def to_json(rules: RuleSet) -> bytes:
    """Return a rule set as JSON."""
    return msgspec.json.encode(rules)


def to_toml(rules: RuleSet) -> str:
    """Return a rule set as TOML, which ``from_toml`` reads back."""
    plain = msgspec.to_builtins(rules)
    lines = [f"{name} = {_written(value)}" for name, value in plain.items() if not isinstance(value, list)]
    for name, value in plain.items():
        if isinstance(value, list):
            for one in value:
                lines += ["", f"[[{name}]]", *(f"{key} = {_written(what)}" for key, what in one.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def moment(given: float | str | None) -> int | None:
    """Return a time as Unix milliseconds. Raises ``ValueError`` with what is wrong with it."""
    if given is None:
        return None
    if not isinstance(given, str):
        if (found := milliseconds(given)) <= 0:
            raise ValueError("must be a time after 1970")
        if found > LAST_MOMENT_MS:
            raise ValueError("is no time that can be kept")
        return found
    try:
        read_time = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError("must be a Unix time or RFC 3339 text, such as 2026-01-31T12:00:00Z") from None
    if read_time.tzinfo is None:
        raise ValueError("must say its offset, such as Z or +01:00")
    return round(read_time.timestamp() * 1000)  # at the calendar's edge no other zone has its day


def faults(rules: RuleSet) -> list[Violation]:
    """Return everything that is wrong with a rule set, by the path of each."""
    found: list[Violation] = []
    if rules.about is not None and (message := judge_text(rules.about)):
        found.append(Violation("about", message))
    for path, rule in rules.each():
        _dated(rule, path, found)
        where: str | None = getattr(rule, "where", None)
        if where is not None:
            try:
                read(where)
            except ExpressionError as error:
                found.append(Violation(f"{path}.where", str(error)))
        items: Sequence[str] = getattr(rule, "items", ())
        found += [Violation(f"{path}.items[{at}]", message) for at, one in enumerate(items) if (message := judge_id(one))]
        if rule.name is not None and (message := judge_text(rule.name)):
            found.append(Violation(f"{path}.name", message))
        if isinstance(rule, (Exclude, Boost, Bury, Pin)) and not items and where is None:
            found.append(Violation(path, "needs `items` or `where`"))
        if isinstance(rule, Pin) and items and where is not None:
            found.append(Violation(path, "has either `items` or `where`"))
        if isinstance(rule, (Boost, Bury)):
            _factor(rule, path, found)
        if isinstance(rule, Cap):
            _capped(rule, path, found)
    return found


def _dated(rule: Rule, path: str, found: list[Violation]) -> None:
    times: dict[str, int | None] = {}
    for name, given in (("from", rule.since), ("until", rule.until)):
        try:
            times[name] = moment(given)
        except ValueError as error:
            found.append(Violation(f"{path}.{name}", str(error)))
    since, until = times.get("from"), times.get("until")
    if since is not None and until is not None and until <= since:
        found.append(Violation(f"{path}.until", "must be later than `from`"))


def _factor(rule: Boost | Bury, path: str, found: list[Violation]) -> None:
    times = rule.times
    if isinstance(rule, Boost):
        if times is None or not (isfinite(times) and 1 < times <= LARGEST_FACTOR):
            found.append(Violation(f"{path}.times", f"must be more than 1 and at most {LARGEST_FACTOR:g}; `bury` lowers"))
    elif times is not None and not 0 < times < 1:
        found.append(Violation(f"{path}.times", "must be more than 0 and less than 1; left out, it is behind everything"))


def _capped(rule: Cap, path: str, found: list[Violation]) -> None:
    if not (rule.by.isascii() and rule.by.isidentifier()):
        found.append(Violation(f"{path}.by", "must be the name of an attribute, such as `categories`"))
    if rule.within is not None and rule.within <= rule.most:
        found.append(Violation(f"{path}.within", "must be larger than `most`, or nothing is ever too much"))


def _plain(value: Any) -> Any:  # noqa: ANN401 -- whatever TOML holds
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, (datetime, date, time)) else value


def _written(value: object) -> str:
    """Return a value as TOML writes it, which is as JSON writes texts, numbers and lists of texts."""
    return msgspec.json.encode(value).decode()
