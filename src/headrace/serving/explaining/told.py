"""What is told of an answer and of single items: plain structs, as a page shows them and the API answers them."""

from typing import Literal

import msgspec

from headrace.reasons import Factor, Figure, Take, Term
from headrace.rules.made import Applied
from headrace.serving.recommender import Whose


class PastEvent(msgspec.Struct, frozen=True):
    """An event of the user's history; ``event_id`` and ``session_id`` are null where the tables are away, or it had none.

    ``item_id`` is null for an item that only the tables can name.
    """

    event_id: str | None
    item_id: str | None
    event_type: str
    ts_ms: int
    session_id: str | None = None


class Because(msgspec.Struct, frozen=True):
    """An item of the user's that brought another one in: ``through`` which source, by which events (newest first).

    ``adds`` is what it adds to the sum that the source's score is made of. ``meetings`` is how often the two items met, the raw
    count; ``strength_now`` the link's weight as it has decayed to now.
    """

    item_id: str
    through: str
    adds: float
    meetings: int | None
    strength_now: float | None
    words: str
    events: list[PastEvent]


class Did(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage did to one item, or says of it.

    ``within`` names the filler or explorer that the stage worked for. The score behind the stage is (``before`` + all terms) x
    all factors; a source begins at 0. A score is null where the item had none there.
    """

    stage: str
    name: str
    words: str
    within: str | None = None
    before: float | None = None
    after: float | None = None
    terms: list[Term] = []
    factors: list[Factor] = []
    figures: dict[str, Figure] = {}
    takes: list[Take] = []


class Liked(msgspec.Struct, frozen=True):
    """An item's popularity: its events, their raw weight, and weight and visits as they have decayed to now."""

    events: int
    weight: int
    weight_now: float
    visits_now: float


class ItemReasons(msgspec.Struct, frozen=True, kw_only=True):
    """Why one item is shown at its ``place`` (from 1).

    ``did`` are the stages that made its score and its place, in order, each beginning where the one before ended; the last
    ends at ``score``. ``also`` is what else proposed it. ``propensity`` is how likely it was to be shown just there.
    """

    item_id: str
    place: int
    score: float
    source: str
    propensity: float
    words: list[str]
    because: list[Because]
    popularity: Liked
    did: list[Did]
    also: list[Did] = []


class PictureTold(msgspec.Struct, frozen=True):
    """Which knowledge an answer is made from.

    ``version`` is the number of the next change per partition, ``as_of_ms`` the Unix millisecond up to which it is known to be
    true, ``newest_ts_ms`` the time of the newest event in it, which is what decayed weights are weights of.
    """

    generation: int
    version: dict[str, int]
    as_of_ms: int
    newest_ts_ms: int


class StageTold(msgspec.Struct, frozen=True):
    """How many candidates went into a stage and came out of it; ``within`` names the filler or explorer it worked for."""

    stage: str
    name: str
    before: int
    after: int
    within: str | None = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """An answer and its reasons, one for each item, in the answer's order.

    ``history`` is what was known of the user, newest first; ``whose`` tells whether that was theirs or their session's.
    ``missing`` names what was away and what an explanation lacks for it.
    """

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int
    explanations: list[ItemReasons]
    picture: PictureTold
    stages: list[StageTold]
    history: list[PastEvent]
    whose: Whose
    missing: list[str]
    rules: Applied | None = None


class Cut(msgspec.Struct, frozen=True):
    """The last item that is shown, where one is not: its place (from 1) and its score."""

    item_id: str
    place: int
    score: float


class Met(msgspec.Struct, frozen=True):
    """How often an item met one of the user's latest ones, by the tables where they could be read, else by memory.

    ``rank`` is the latter's place among them, the newest 1; ``in_memory`` whether the link is among the strongest that answers
    are made from; ``speaks`` whether a source of the recipe heard it.
    """

    item_id: str
    rank: int
    meetings: int
    strength_now: float
    in_memory: bool
    speaks: bool


Verdict = Literal["shown", "outranked", "filtered", "never_proposed", "unknown"]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why one item is shown to a user, or why not.

    ``verdict``: ``shown`` at ``place``; ``outranked`` at ``place`` among the candidates, or without one where it was there to
    be tried out and was not drawn, with the ``cut`` that is shown instead; ``filtered`` ``by`` a filter, the catalogue
    (``available``) or another stage; ``never_proposed`` by any source; ``unknown`` to everybody.
    ``takes`` is what would have it proposed. ``did`` is what each stage did to the item, or says of it.
    """

    user_id: str
    session_id: str | None
    item_id: str
    k: int
    model_version: str
    verdict: Verdict
    by: str | None
    place: int | None
    score: float | None
    cut: Cut | None
    words: list[str]
    because: list[Because]
    met: list[Met]
    takes: list[Take]
    did: list[Did]
    also: list[Did]
    popularity: Liked | None
    items: list[str]
    picture: PictureTold
    stages: list[StageTold]
    history: list[PastEvent]
    whose: Whose
    missing: list[str]
    rules: Applied | None = None
