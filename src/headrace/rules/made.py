"""A rule set made ready: its expressions read once, its rules sorted by what they do, its edges in time known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary, ref

import msgspec
import numpy as np

from headrace.errors import Rejected, Violation
from headrace.expressions import Expression, ExpressionError, Given, read
from headrace.kernels import lists
from headrace.rules.declared import BROKEN, Cap, Exclude, Only, Pin, Rule, RuleSet, moment
from headrace.snapshot.attributes import Attributes, Mask, Numbers
from headrace.snapshot.catalogue import ALWAYS, NEVER
from headrace.snapshot.picture import Picture

REQUEST: Final = "the request"
RECIPE: Final = "the recipe"
LARGEST_TOTAL: Final = 1e6
"""The factors of one set together are at most this for an item, and at least one divided by it: scores stay finite."""

BEHIND: Final = 1000.0
"""So much lower, at least, are the scores of what a rule puts behind everything else."""

WHOLE: Final = 1 << 20
"""The window of a cap that counts the whole list."""


class Applied(msgspec.Struct, frozen=True, omit_defaults=True):
    """What rules did to an answer as a whole.

    ``laid`` are the rules it was made under; ``relaxed`` says where one gave way so that the list could be filled, ``short``
    which held strictly and left it shorter, ``unpinned`` which pins do not stand where they were put, and why.
    """

    laid: list[str]
    relaxed: list[str] = []
    short: list[str] = []
    unpinned: list[str] = []


@dataclass(frozen=True, slots=True)
class Part:
    """One rule: what it is called, what it looks at, and when it holds.

    ``named`` are its items once more, to be looked up. ``wanted`` leaves out everything else. ``times`` multiplies scores; None
    puts behind everything. ``place`` is a pin's, from 0. ``by``, ``most``, ``within`` and ``strict`` are a cap's.
    """

    label: str
    path: str
    items: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    where: Expression | None = None
    since_ms: int = ALWAYS
    until_ms: int = NEVER
    wanted: bool = False
    times: float | None = None
    place: int = 0
    by: str = ""
    most: int = 0
    within: int = WHOLE
    strict: bool = False

    def holds(self, now_ms: int) -> bool:
        """Return whether it holds now."""
        return self.since_ms <= now_ms < self.until_ms

    def numbers(self, picture: Picture) -> Numbers:
        """Return its items' numbers; what the picture does not know is left out."""
        known = picture.numbers
        return np.array([number for item in self.items if (number := known.get(item, -1)) >= 0], np.int32)


@dataclass(frozen=True, slots=True)
class Now:
    """Which rules of a set hold now, by what they do."""

    hides: tuple[Part, ...]
    weighs: tuple[Part, ...]
    pins: tuple[Part, ...]
    caps: tuple[Part, ...]


@dataclass(slots=True)
class Marks:
    """What the rules of a set that hold now say of every item of a picture, by its number; None where they say nothing.

    ``hidden``: left out. ``times``: what its score is multiplied by. ``behind``: put behind everything. ``pinned``: for each
    pin by expression, who may stand there.
    """

    now: Now
    from_ms: int
    next_ms: int
    room: int = -1
    changes: int = -1
    known: int = -1
    unknown: set[str] = field(default_factory=set)
    hidden: Mask | None = None
    times: lists.Scores | None = None
    behind: Mask | None = None
    under: "Under | None" = None
    """The first two as one, where a request changes nothing of them and nothing is put behind everything."""

    pinned: list[Mask | None] = field(default_factory=list)
    plan: object = None
    """What whoever puts lists together has made of the rules that hold now, for as long as ``plan_of`` is so."""

    plan_of: object = None
    fill: object = None
    """What whoever fills lists up has made of what everybody is offered, for as long as ``fill_of`` is so."""

    fill_of: object = None
    wide: bool = False
    """Whether the last list under them was not full of the best candidates alone: the next one's is not likely to be either."""


class Under(NamedTuple):
    """What rules say of every item, by its number: left out, and what its score is multiplied by. Empty where nothing is.

    No item's score is multiplied by more than ``most``.
    """

    barred: Mask
    times: lists.Scores
    most: float


NOTHING_SAID: Final = Under(np.empty(0, np.bool_), np.empty(0), 1.0)


class Rules:
    """Rules that can be laid over any answer; ``name`` is ``NAME@VERSION`` or whose they are.

    With ``strict``, an expression that does not fit the catalogue raises ``Rejected`` when it is asked; otherwise that
    comparison is false. What no request changes is worked out once for all items of a picture, and again for an item that
    changed; so an answer only looks it up.
    """

    def __init__(self, declared: RuleSet, name: str, *, strict: bool = False) -> None:
        self.declared = declared
        self.name = name
        self.strict = strict
        self._hides = tuple(
            _part(path, rule, wanted=isinstance(rule, Only))
            for path, rule in declared.each()
            if isinstance(rule, (Exclude, Only))
        )
        self._weighs = tuple(
            _part(path, rule, times=rule.times) for path, rule in _each(declared, "boost", "bury") if hasattr(rule, "times")
        )
        self._pins = tuple(
            _part(path, rule, place=rule.position - 1) for path, rule in _each(declared, "pin") if isinstance(rule, Pin)
        )
        self._caps = tuple(
            _part(
                path,
                rule,
                by=rule.by,
                most=rule.most,
                within=rule.within or WHOLE,
                strict=(rule.mode or declared.mode) == "strict",
            )
            for path, rule in _each(declared, "cap")
            if isinstance(rule, Cap)
        )
        parts = (*self._hides, *self._weighs, *self._pins, *self._caps)
        self._edges = sorted({edge for one in parts for edge in (one.since_ms, one.until_ms)} - {ALWAYS, NEVER})
        self._lasting = not strict and not any(one.where is not None and "$" in one.where.text for one in parts)
        self._marks: WeakKeyDictionary[Picture, Marks] = WeakKeyDictionary()
        self._latest: tuple[ref[Picture] | None, Marks | None] = None, None

    @property
    def version(self) -> str:
        """Return what ``model_version`` says of them: nothing of those of a request or a recipe."""
        return f"+{self.name}" if "@" in self.name else ""

    def marks(self, picture: Picture) -> Marks:
        """Return which rules hold now and what they say of every item, brought up to date."""
        catalogue = picture.catalogue
        latest, marks = self._latest
        if marks is not None and latest is not None and latest() is picture:
            attributes = catalogue.attributes
            if (
                marks.changes == attributes.changes
                and marks.known == len(picture.ids)
                and marks.room == attributes.room
                and marks.from_ms <= catalogue.now_ms < marks.next_ms
            ):
                return marks
        marks = self._marks.get(picture)
        if marks is None or not marks.from_ms <= catalogue.now_ms < marks.next_ms:
            marks = self._marks[picture] = self._begun(catalogue.now_ms)
        self._latest = ref(picture), marks
        if self._lasting:
            attributes = catalogue.attributes
            if marks.changes != attributes.changes or marks.known != len(picture) or marks.room != attributes.room:
                self._refresh(marks, picture)
        return marks

    def hidden(self, picture: Picture, items: Numbers, given: Mapping[str, Given]) -> Mask | None:
        """Return which of these items are left out; None where none is. Raises ``Rejected`` where strict."""
        marks = self.marks(picture)
        if self._lasting:
            return None if marks.hidden is None else marks.hidden[items]
        return self._hidden(marks.now.hides, picture, items, given)

    def weights(self, picture: Picture, items: Numbers, given: Mapping[str, Given]) -> tuple[lists.Scores | None, Mask | None]:
        """Return what the scores of these items are multiplied by, and which go behind everything; None for nothing."""
        marks = self.marks(picture)
        if self._lasting:
            times = None if marks.times is None else marks.times[items]
            return times, None if marks.behind is None else marks.behind[items]
        return self._weights(marks.now.weighs, picture, items, given)

    def weigh(
        self, picture: Picture, items: Numbers, scores: lists.Scores, given: Mapping[str, Given]
    ) -> tuple[lists.Scores | None, float]:
        """Return these items' scores times what the rules say, those below 0 divided by it, and the largest; None for nothing.

        Raises ``Rejected`` where strict.
        """
        marks = self.marks(picture)
        if self._lasting:
            times, at = marks.times, items
        else:
            times, _ = self._weights(marks.now.weighs, picture, items, given)
            at = np.arange(len(items), dtype=np.int32)
        if times is None:
            return None, 0.0
        out = np.empty(len(items))
        return out, lists.weighed(at, scores, times, out)

    def behind(self, picture: Picture, items: Numbers, given: Mapping[str, Given]) -> Mask | None:
        """Return which of these items go behind everything; None for none. Raises ``Rejected`` where strict."""
        marks = self.marks(picture)
        if self._lasting:
            return None if marks.behind is None else marks.behind[items]
        return self._weights(marks.now.weighs, picture, items, given)[1]

    def under(self, picture: Picture) -> Under | None:
        """Return what they say of every item now; None where a request changes it, or where they put anything behind all."""
        marks = self.marks(picture)
        return marks.under

    def buries(self, picture: Picture) -> bool:
        """Return whether any rule that holds now puts something behind everything."""
        return any(one.times is None for one in self.marks(picture).now.weighs)

    def pinnable(self, pin: int, picture: Picture, items: Numbers, given: Mapping[str, Given]) -> Mask:
        """Return which of these items may stand at the ``pin``-th pin that holds now, one by expression."""
        marks = self.marks(picture)
        found = marks.pinned[pin] if self._lasting else None
        return self.true(marks.now.pins[pin], picture, items, given) if found is None else found[items]

    def true(self, part: Part, picture: Picture, items: Numbers, given: Mapping[str, Given]) -> Mask:
        """Return which of these items a rule speaks of. Raises ``Rejected`` where strict."""
        mask = np.zeros(len(items), np.bool_)
        if part.where is not None:
            try:
                mask = part.where.of(picture.catalogue.attributes, items, given, strict=self.strict)
            except ExpressionError as error:
                raise Rejected(422, BROKEN, (Violation(f"{part.path}.where", str(error)),)) from None
        if len(items) < len(part.named) // 4:  # a few that changed: rather they are looked up than all that the rule names
            known, ids = len(picture.ids), picture.ids
            mask = mask | np.array([one < known and ids[one] in part.named for one in items.tolist()], np.bool_)
        elif part.items and len(few := part.numbers(picture)):
            mask = mask | (np.isin(items, few) if len(few) > 8 else ~lists.absent(items, few))
        return mask

    def _begun(self, now_ms: int) -> Marks:
        earlier = [edge for edge in self._edges if edge <= now_ms]
        later = [edge for edge in self._edges if edge > now_ms]
        held = [tuple(one for one in kind if one.holds(now_ms)) for kind in (self._hides, self._weighs, self._pins, self._caps)]
        return Marks(Now(*held), earlier[-1] if earlier else ALWAYS, later[0] if later else NEVER)

    def _refresh(self, marks: Marks, picture: Picture) -> None:
        attributes = picture.catalogue.attributes
        news = attributes.changed(marks.changes) if marks.room == attributes.room and marks.changes >= 0 else None
        if news is not None and marks.unknown:
            come = [item for item in picture.ids[marks.known : len(picture)] if item in marks.unknown]
            marks.unknown.difference_update(come)
            news = [*news, *(picture.numbers[item] for item in come)]
        if news is None:
            self._work_out(marks, picture)
        elif news:
            self._patch(marks, picture, np.unique(np.array(news, np.int32)))
        marks.room, marks.changes, marks.known = attributes.room, attributes.changes, len(picture)

    def _work_out(self, marks: Marks, picture: Picture) -> None:
        everything = np.arange(picture.catalogue.attributes.room, dtype=np.int32)
        now = marks.now
        marks.hidden = self._hidden(now.hides, picture, everything, {})
        marks.times, marks.behind = self._weights(now.weighs, picture, everything, {})
        marks.under = None if marks.behind is not None else _under(marks.hidden, marks.times, now.weighs)
        marks.pinned = [self.true(one, picture, everything, {}) if one.where is not None else None for one in now.pins]
        named = {item for one in (*now.hides, *now.weighs) for item in one.items}
        marks.unknown = {item for item in named if item not in picture.numbers}

    def _patch(self, marks: Marks, picture: Picture, items: Numbers) -> None:
        now = marks.now
        hidden = self._hidden(now.hides, picture, items, {})
        if marks.hidden is not None and hidden is not None:
            marks.hidden[items] = hidden
        times, behind = self._weights(now.weighs, picture, items, {})
        if marks.times is not None and times is not None:
            marks.times[items] = times
        if marks.behind is not None and behind is not None:
            marks.behind[items] = behind
        for one, mask in zip(now.pins, marks.pinned, strict=True):
            if mask is not None:
                mask[items] = self.true(one, picture, items, {})

    def _hidden(self, parts: tuple[Part, ...], picture: Picture, items: Numbers, given: Mapping[str, Given]) -> Mask | None:
        hidden: Mask | None = None
        for one in parts:
            mask = self.true(one, picture, items, given)
            mask = ~mask if one.wanted else mask
            hidden = mask if hidden is None else hidden | mask
        return hidden

    def _weights(
        self, parts: tuple[Part, ...], picture: Picture, items: Numbers, given: Mapping[str, Given]
    ) -> tuple[lists.Scores | None, Mask | None]:
        times: lists.Scores | None = None
        behind: Mask | None = None
        for one in parts:
            mask = self.true(one, picture, items, given)
            if one.times is None:
                behind = mask if behind is None else behind | mask
            else:
                times = np.ones(len(items)) if times is None else times
                times[mask] *= one.times
        return None if times is None else np.clip(times, 1 / LARGEST_TOTAL, LARGEST_TOTAL), behind


def _under(hidden: Mask | None, times: lists.Scores | None, weighs: tuple[Part, ...]) -> Under:
    """Return both as one; a change to an item is written into the same arrays."""
    most = 1.0
    for one in weighs:
        most *= max(1.0, one.times or 1.0)
    nothing = NOTHING_SAID
    return Under(nothing.barred if hidden is None else hidden, nothing.times if times is None else times, most)


def _each(declared: RuleSet, *kinds: str) -> list[tuple[str, Rule]]:
    return [(path, rule) for path, rule in declared.each() if path.partition("[")[0] in kinds]


def _part(
    path: str,
    rule: Rule,
    *,
    wanted: bool = False,
    times: float | None = None,
    place: int = 0,
    by: str = "",
    most: int = 0,
    within: int = WHOLE,
    strict: bool = False,
) -> Part:
    kind, _, number = path.rstrip("]").partition("[")
    where = getattr(rule, "where", None)
    since, until = moment(rule.since), moment(rule.until)
    return Part(
        label=rule.name or f"{kind} {int(number) + 1}",
        path=path,
        items=tuple(getattr(rule, "items", ())),
        named=frozenset(getattr(rule, "items", ())),
        where=None if where is None else read(where),
        since_ms=ALWAYS if since is None else since,
        until_ms=NEVER if until is None else until,
        wanted=wanted,
        times=times,
        place=place,
        by=by,
        most=most,
        within=within,
        strict=strict,
    )


def doubts(declared: RuleSet, attributes: Attributes) -> list[Violation]:
    """Return what rules ask of attributes as they are that no item can answer; a value of a request is anything."""
    found: list[Violation] = []
    nobody = np.empty(0, np.int32)
    for path, rule in declared.each():
        where, by = getattr(rule, "where", None), getattr(rule, "by", None)
        if where is not None and "$" not in where:
            try:
                read(where).of(attributes, nobody, {})
            except ExpressionError as error:
                found.append(Violation(f"{path}.where", str(error)))
        if by in attributes.left_out:
            found.append(Violation(f"{path}.by", f"{by} found no room among the attributes kept ready for rules"))
        elif by is not None and not attributes.columns(by):
            found.append(Violation(f"{path}.by", f"no item has an attribute {by!r}"))
    return found
