"""What ``/reco`` and ``/recommend`` are asked, by query or by body; both end as the same ``Question``."""

import re
from typing import Annotated, Any, Final

import msgspec

from headrace.api.query import Parameter, a_number, a_switch, an_id, parse
from headrace.events.refusal import UNREADABLE, refusal, reread
from headrace.events.rules import clean, judge_id
from headrace.events.wire import Id
from headrace.expressions import LONGEST, read
from headrace.serving.recommender import Wish

MOST_ITEMS: Final = 200
MOST_EXCLUDED: Final = 1000


class Question(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """Who is to be shown how many items; ``x_autolog_impressions`` records the answer as shown."""

    user_id: Id
    session_id: Id | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=MOST_ITEMS, description="How many items at most.")] = 20
    x_autolog_impressions: bool = True
    exclude: Annotated[list[Id], msgspec.Meta(max_length=MOST_EXCLUDED, description="Items to leave out.")] = []
    filter: Annotated[str, msgspec.Meta(max_length=LONGEST, description="What must be true of every item.")] | None = None
    params: dict[str, bool | int | float | str | list[str]] = {}

    def wish(self) -> Wish | None:
        """Return what is asked for beside the common question. Raises ``ExpressionError``."""
        if not self.exclude and self.filter is None:
            return None
        return Wish(frozenset(self.exclude), None if self.filter is None else read(self.filter), self.params)


_user: Final = an_id("user_id", "Whom to recommend to.", required=True)

RECO_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one
    for one in (
        _user,
        an_id("session_id", "The session the user is in.", required=False),
        a_number("k", "How many items at most.", MOST_ITEMS, 20),
        a_switch("x_autolog_impressions", "Whether the answer is recorded as shown.", default=True),
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

_questions: Final = msgspec.json.Decoder(Question)


def from_query(query: bytes) -> Question:
    """Return what the query of ``GET /reco`` asks; raises ``Rejected`` (422)."""
    plain = _PLAIN.fullmatch(query)
    if plain is None:
        return Question(**parse(query, RECO_PARAMETERS))
    user_id, session_id, k, recorded = plain.groups()
    return Question(
        user_id=user_id.decode(),
        session_id=None if session_id is None else session_id.decode(),
        k=20 if k is None else int(k),
        x_autolog_impressions=recorded != b"false",
    )


def from_body(body: bytes) -> Question:
    """Return what the body of ``POST /reco`` asks; raises ``Rejected`` (400, 422)."""
    doubt: Exception | None = None
    try:
        question = _questions.decode(body)
        if clean(question.user_id, question.session_id or "-", *question.exclude):
            return question
    except UNREADABLE as error:
        doubt = error
    raise refusal(reread(body), Question, doubt, {"id": judge_id}, "The question breaks the contract")
