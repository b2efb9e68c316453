"""What the routes need, as small protocols: whoever fills this in decides what stands behind the API.

The figures are structs, because their JSON is the answer and their schema stands in the OpenAPI page.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from headrace.api.settings import ApiSettings
from headrace.clock import Clock
from headrace.events.contract import Contract
from headrace.events.items import Item
from headrace.events.types import Event
from headrace.log.port import Verdict
from headrace.serving.recommender import Wish


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


class Intake(Protocol):
    """The one door behind the contract."""

    async def accept(self, events: Sequence[Event], *, atomic: bool = True) -> list[Verdict]:
        """Append judged events durably and return one verdict each, in order. Raises ``Unavailable``."""
        ...


class Catalogue(Protocol):
    """What is known of items beside their events. Every method raises ``Unavailable``."""

    async def item(self, item_id: str) -> Item | None:
        """Return an item, changes that this process has acknowledged included; None of one that is not there."""
        ...

    async def page(self, after: str, limit: int) -> Sequence[tuple[str, Item]]:
        """Return at most ``limit`` items behind this id, in the order of ids, as they were applied."""
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
    catalogue: Catalogue
    clock: Clock
    baseline: Callable[[int], Awaitable[BaselineMetrics]]
    worker_figures: Callable[[], Awaitable[WorkerFigures]]
    worker_metrics: Callable[[], Awaitable[str]]
    readiness: Callable[[], Readiness]
    metrics_shown: bool = True
    """Whether ``/metrics/prometheus`` is there."""
