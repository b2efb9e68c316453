"""What ``/reco``, ``/recommend`` and ``/explain`` are asked; by query or by body, both end as the same struct."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from headrace.api.query import Parameter, a_number, a_switch, an_id, parse, read_by, some_texts
from headrace.api.services import RuleSets
from headrace.errors import Rejected, Violation
from headrace.events.refusal import UNREADABLE, refusal, reread
from headrace.events.rules import clean, judge_id
from headrace.events.wire import LONGEST_TEXT, Id
from headrace.expressions import LONGEST, read
from headrace.rules.declared import Boost, Bury, Cap, Mode, Pin, RuleSet, faults
from headrace.rules.kept import NAME, NONE, reference
from headrace.rules.made import REQUEST, Rules
from headrace.serving.recommender import Wish

BROKEN: Final = "The question breaks the contract"
MOST_ITEMS: Final = 200
MOST_EXCLUDED: Final = 1000
MOST_OWN: Final = 20
LONGEST_REFERENCE: Final = 80
_RULES: Final = "The rule set to try in the place of the live one: NAME, NAME@VERSION, or `none`."
MOST_PARAMS: Final = 50
MOST_LISTED: Final = 1000
LARGEST_PARAMS: Final = 100_000
_PARAMS: Final = f"What `$name` stands for in expressions; all texts together have at most {LARGEST_PARAMS:,} characters."
MOST_CATEGORIES: Final = 20
Category: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


def _measure(params: Mapping[str, Any]) -> None:
    """Raise ``Rejected`` for values whose texts are too large together."""
    size = 0
    for name, value in params.items():
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        size += len(name) + sum(map(len, texts))
    if size > LARGEST_PARAMS:
        wrong = Violation("params", f"must have at most {LARGEST_PARAMS} characters together, have {size}")
        raise Rejected(422, BROKEN, (wrong,))


def _checked(text: str) -> str:
    """Return a reference to a rule set, or `none`. Raises ``Rejected``."""
    if text != NONE:
        reference(text)
    return text


class Wished(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a question may ask for beside whom it is about: what stays out, which rules lie over it, where the user looks."""

    exclude: Annotated[list[Id], msgspec.Meta(max_length=MOST_EXCLUDED, description="Items to leave out.")] = []
    filter: Annotated[str, msgspec.Meta(max_length=LONGEST, description="What must be true of every item.")] | None = None
    params: Annotated[
        dict[str, bool | int | float | str | Annotated[list[str], msgspec.Meta(max_length=MOST_LISTED)]],
        msgspec.Meta(max_length=MOST_PARAMS, description=_PARAMS),
    ] = {}
    boost: Annotated[list[Boost], msgspec.Meta(max_length=MOST_OWN)] = []
    bury: Annotated[list[Bury], msgspec.Meta(max_length=MOST_OWN)] = []
    pin: Annotated[list[Pin], msgspec.Meta(max_length=MOST_OWN)] = []
    cap: Annotated[list[Cap], msgspec.Meta(max_length=MOST_OWN)] = []
    mode: Mode = "relaxed"
    rules: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_REFERENCE, description=_RULES)] | None = None
    categories: Annotated[
        list[Category], msgspec.Meta(max_length=MOST_CATEGORIES, description="The categories that the user is looking at.")
    ] = []
    looking_at: Annotated[Id, msgspec.Meta(description="The item that the user is looking at.")] | None = None

    async def wish(self, sets: RuleSets) -> Wish | None:
        """Return what is asked for beside the common question. Raises ``ExpressionError``, ``Rejected``, ``Unavailable``."""
        wish = self._wish()
        return wish if self.rules is None else replace(wish or Wish(), rules=await sets.find(self.rules))

    def _wish(self) -> Wish | None:
        if self.params:
            _measure(self.params)
        own = self._own()
        looks = bool(self.categories) or self.looking_at is not None
        if not self.exclude and self.filter is None and own is None and not looks:
            return None
        only = None if self.filter is None else read(self.filter)
        return Wish(
            frozenset(self.exclude),
            only,
            self.params,
            own=own,
            categories=tuple(self.categories),
            looking_at=self.looking_at,
        )

    def _own(self) -> Rules | None:
        """Return the request's own rules. Raises ``Rejected``."""
        if not (self.boost or self.bury or self.pin or self.cap):
            return None
        declared = RuleSet(mode=self.mode, boost=self.boost, bury=self.bury, pin=self.pin, cap=self.cap)
        if wrong := faults(declared):
            raise Rejected(422, BROKEN, tuple(wrong[:100]))
        return Rules(declared, REQUEST, strict=True)


class Question(Wished, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """Who is to be shown how many items; ``x_autolog_impressions`` records it as shown, ``explain`` asks for the reasons."""

    user_id: Id
    session_id: Id | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=MOST_ITEMS, description="How many items at most.")] = 20
    x_autolog_impressions: bool = True
    explain: bool = False

    def ids(self) -> Iterator[str | None]:
        """Yield every id that is asked about."""
        yield from (self.user_id, self.session_id, self.looking_at, *self.exclude)


class WhyQuestion(Wished, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """Whether a user is shown an item, and why, where ``POST /reco`` asks the rest of it."""

    user_id: Id
    item_id: Id
    session_id: Id | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=MOST_ITEMS, description="How many items are shown.")] = 20
    recipe: Id | None = None

    def ids(self) -> Iterator[str | None]:
        """Yield every id that is asked about."""
        yield from (self.user_id, self.item_id, self.session_id, self.recipe, self.looking_at, *self.exclude)


_rules: Final[Parameter[str]] = Parameter(
    "rules",
    read_by(_checked),
    {"type": "string", "minLength": 1, "maxLength": LONGEST_REFERENCE, "pattern": f"^(none|{NAME}(@[1-9][0-9]{{0,8}})?)$"},
    _RULES,
)
_user: Final = an_id("user_id", "Whom to recommend to.", required=True)

RECO_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one
    for one in (
        _user,
        an_id("session_id", "The session the user is in.", required=False),
        a_number("k", "How many items at most.", MOST_ITEMS, 20),
        a_switch("x_autolog_impressions", "Whether the answer is recorded as shown.", default=True),
        some_texts("categories", "The categories that the user is looking at, commas between them.", MOST_CATEGORIES),
        an_id("looking_at", "The item that the user is looking at.", required=False),
        a_switch("explain", "Whether the reasons of each item are told.", default=False),
        _rules,
    )
}
EXPLAIN_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one
    for one in (
        an_id("user_id", "Whom it is or is not shown to.", required=True),
        an_id("item_id", "The item in question.", required=True),
        an_id("session_id", "The session the user is in.", required=False),
        a_number("k", "How many items are shown.", MOST_ITEMS, 20),
        an_id("recipe", "By which recipe; without one, by the one that answers now.", required=False),
        _rules,
    )
}
RECOMMEND_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one for one in (_user, a_number("k", "How many items at most.", MOST_ITEMS, 10))
}

SIMILAR_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one
    for one in (
        an_id("item_id", "The item that others are to go with.", required=True),
        a_number("k", "How many items at most.", MOST_ITEMS, 20),
    )
}
TRENDING_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"k": a_number("k", "How many items at most.", MOST_ITEMS, 20)}

_PLAIN: Final = re.compile(
    rb"user_id=([\w.~-]{1,128})(?:&session_id=([\w.~-]{1,128}))?(?:&k=([1-9]\d?|1\d\d|200))?(?:&x_autolog_impressions=(true|false))?"
)
"""What most clients write: plain ids, the parameters in the order of the page. Read in one look; all else by ``query``."""

Asked = TypeVar("Asked", Question, WhyQuestion)
_questions: Final = msgspec.json.Decoder(Question)
_why_questions: Final = msgspec.json.Decoder(WhyQuestion)


def from_query(query: bytes) -> Question:
    """Return what the query of ``GET /reco`` asks; raises ``Rejected`` (422)."""
    plain = _PLAIN.fullmatch(query)
    if plain is None:
        given = parse(query, RECO_PARAMETERS)
        return Question(**{**given, "categories": list(given["categories"] or ())})
    user_id, session_id, k, recorded = plain.groups()
    return Question(
        user_id=user_id.decode(),
        session_id=None if session_id is None else session_id.decode(),
        k=20 if k is None else int(k),
        x_autolog_impressions=recorded != b"false",
    )


def from_body(body: bytes) -> Question:
    """Return what the body of ``POST /reco`` asks; raises ``Rejected`` (400, 422)."""
    return _from_body(body, _questions)


def why_from_query(query: bytes) -> WhyQuestion:
    """Return what the query of ``GET /explain`` asks; raises ``Rejected`` (422)."""
    return WhyQuestion(**parse(query, EXPLAIN_PARAMETERS))


def why_from_body(body: bytes) -> WhyQuestion:
    """Return what the body of ``POST /explain`` asks; raises ``Rejected`` (400, 422)."""
    return _from_body(body, _why_questions)


def _from_body(body: bytes, decoder: msgspec.json.Decoder[Asked]) -> Asked:
    doubt: Exception | None = None
    try:
        asked = decoder.decode(body)
        if clean(*(one for one in asked.ids() if one is not None)):
            return asked
    except UNREADABLE as error:
        doubt = error
    raise refusal(reread(body), decoder.type, doubt, {"id": judge_id}, BROKEN)
