"""What the routes need, as small protocols: whoever fills this in decides what stands behind the API.

The figures are structs, because their JSON is the answer and their schema stands in the OpenAPI page.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from headrace.api.settings import ApiSettings
from headrace.clock import Clock
from headrace.config.spaces import DEFAULT
from headrace.errors import Rejected, Violation
from headrace.events.contract import Contract
from headrace.events.items import Item, ItemChange
from headrace.events.types import Event
from headrace.log.port import Verdict
from headrace.rules.declared import RuleSet
from headrace.rules.kept import Kept, Listed, Live, Stamp
from headrace.rules.made import Applied, Rules
from headrace.serving.explaining import Explained, Why
from headrace.serving.recommender import Wish
from headrace.stream.receipts import Receipt


class Answer(Protocol):
    """A recommendation: ``items`` best first, ``as_of_ms`` the moment up to which the picture behind it is known to be true."""

    @property
    def request_id(self) -> str:
        """Return the name of this answer, which later events refer to."""
        ...

    @property
    def items(self) -> list[str]:
        """Return the items, best first, none twice."""
        ...

    @property
    def model_version(self) -> str:
        """Return the recipe's name and digest."""
        ...

    @property
    def strategy(self) -> str:
        """Return in one word how the answer was made."""
        ...

    @property
    def sources(self) -> list[str]:
        """Return which sources the items came from."""
        ...

    @property
    def as_of_ms(self) -> int:
        """Return the picture's age as the moment it stands for, in Unix milliseconds."""
        ...

    @property
    def rules(self) -> Applied | None:
        """Return what rules did to the answer as a whole; None where none were laid over it."""
        ...


class Recommender(Protocol):
    """Answers what a user is to be shown."""

    async def recommend(
        self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None
    ) -> Answer:
        """Return at most ``k`` items; ``record`` logs them as shown. Raises ``Unavailable`` before there is any picture."""
        ...

    def recommend_now(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Answer | None:
        """Do the same where nothing must be waited for; return None, nothing done, where something must."""
        ...

    async def similar(self, item_id: str, k: int) -> Answer:
        """Return at most ``k`` items that go with this one; none for one nobody knows. Raises ``Unavailable`` as above."""
        ...

    async def trending(self, k: int) -> Answer:
        """Return at most ``k`` items that are liked now. Raises ``Unavailable`` as above."""
        ...


class Explainer(Protocol):
    """Tells why. Both methods raise as ``Recommender.recommend``, and ``RecipeError`` for a recipe that cannot be made."""

    async def recommend(
        self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None, recipe: str | None = None
    ) -> Explained:
        """Return the answer that the recommender gives, with the reasons of each item."""
        ...

    async def why(
        self,
        user_id: str,
        item_id: str,
        session_id: str | None = None,
        k: int = 20,
        recipe: str | None = None,
        *,
        wish: Wish | None = None,
    ) -> Why:
        """Return why an item is shown to a user, or why not."""
        ...


class Intake(Protocol):
    """The one door behind the contract."""

    async def accept(self, events: Sequence[Event], *, atomic: bool = True) -> list[Verdict]:
        """Append judged events durably and return one verdict each, in order. Raises ``Unavailable``."""
        ...

    async def accept_each(self, events: Sequence[Event]) -> list[Verdict | Rejected]:
        """Append events that have nothing to do with each other; one refused keeps none from its place. Raises the same."""
        ...


class Catalogue(Protocol):
    """What is known of items beside their events. Every method raises ``Unavailable``."""

    async def item(self, item_id: str) -> Item | None:
        """Return an item, changes that this process has acknowledged included; None of one that is not there."""
        ...

    def crowded_out(self, changes: Sequence[ItemChange]) -> list[str]:
        """Return the names of attributes in these changes that there is no room for beside all that there are."""
        ...

    async def page(self, after: str, limit: int) -> Sequence[tuple[str, Item]]:
        """Return at most ``limit`` items behind this id, in the order of ids, as they were applied."""
        ...


class RuleSets(Protocol):
    """Rule sets in versions, one of which may be laid over every answer. Every method raises ``Unavailable``.

    To try one on a user, hand what ``find`` returns to the explainer or the recommender as ``Wish.rules``.
    """

    async def find(self, text: str) -> tuple[Rules, ...]:
        """Return what to lay over an answer for ``NAME``, ``NAME@VERSION`` or ``none``. Raises ``Rejected``."""
        ...

    async def put(self, name: str, rules: RuleSet) -> tuple[Kept, list[Violation]]:
        """Keep a new version; return it and what of it no item can answer now."""
        ...

    async def kept(self, name: str, version: int | None = None) -> Kept | None:
        """Return a version, or the newest; None where there is none."""
        ...

    async def versions(self, name: str) -> Sequence[Stamp]:
        """Return the versions of a set, the newest first."""
        ...

    async def listed(self) -> Sequence[Listed]:
        """Return every set with its newest version, by name."""
        ...

    async def live(self) -> Live | None:
        """Return what is live."""
        ...

    async def make_live(self, name: str, version: int | None) -> Kept | None:
        """Make a version live, or the newest; return it, None where there is none."""
        ...

    async def make_none_live(self, name: str | None = None) -> int | None:
        """Have none live, or none if a version of this set is; return which version was, None where nothing is changed."""
        ...

    async def take_away(self, name: str) -> bool:
        """Take a set away; return whether there was one. Raises ``Rejected`` while it is live."""
        ...

    def doubts(self, rules: RuleSet) -> list[Violation]:
        """Return what of these rules no item can answer now."""
        ...


class BaselineMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The KPI figures over so many days; a rate over nothing is 0."""

    window_days: int
    requests: int
    impressions: int
    watches: int
    watched_impressions: int
    ctr_at_20_pct: float
    avg_watch_time_sec: float
    catalog_coverage_at_20_pct: float


class WorkerTopics(msgspec.Struct, frozen=True, kw_only=True):
    """The outward names of the topics."""

    impression: str
    watch: str
    dlq: str
    interaction: str | None = None


class WorkerRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """The workers' last figures; null before the first record."""

    last_consumer_lag_ms: int | None = None
    last_event_to_feature_latency_ms: int | None = None
    last_processed_at_ms: int | None = None


class FeatureLoop(msgspec.Struct, frozen=True, kw_only=True):
    """What the features were fed."""

    watch_feature_updates: int
    watch_duplicates: int
    history_size: int


class PartitionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: who owns it, how many records it has applied and how many wait, and why it stands still, if it does."""

    partition: int
    owner: str | None
    applied: int
    lag_records: int | None = None
    halted: str | None = None


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the workers are, all of them together, wherever they run."""

    enabled: bool
    is_running: bool
    mode: Literal["embedded", "external"]
    group_id: str
    topics: WorkerTopics
    auto_offset_reset: Literal["earliest", "latest"]
    processed_count: int
    dlq_count: int
    runtime: WorkerRuntime
    feature_loop: FeatureLoop
    partitions: list[PartitionFigures] = []


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether answers can be given: ``degraded`` answers from memory and names in ``missing`` what is away."""

    status: Literal["ready", "degraded", "unavailable"]
    missing: list[str] = []
    snapshot_age_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything behind the routes. The asynchronous ones raise ``Unavailable``; ``readiness`` answers from memory."""

    settings: ApiSettings
    contract: Contract
    intake: Intake
    recommender: Recommender
    explainer: Explainer
    catalogue: Catalogue
    rules: RuleSets
    clock: Clock
    baseline: Callable[[int], Awaitable[BaselineMetrics]]
    worker_figures: Callable[[], Awaitable[WorkerFigures]]
    worker_metrics: Callable[[], Awaitable[str]]
    readiness: Callable[[], Readiness]
    receipt: Callable[[str], Awaitable[Receipt | None]]
    """What became of the event with this id; None where nothing is known of it."""

    metrics_shown: bool = True
    """Whether ``/metrics/prometheus`` is there."""

    space: str = DEFAULT
    spaces: Sequence[str] = (DEFAULT,)
    """Whose they are, and all that this process answers for: both filled in by whoever has several."""


class Spaces(Protocol):
    """Whoever answers for the spaces of a process."""

    def opened(self, space: str, services: Services) -> AbstractAsyncContextManager[None]:
        """Let a space be answered from these services as long as the block lasts."""
        ...

    def close(self, space: str, reason: str) -> None:
        """Let a space be away from now on, and tell why."""
        ...
