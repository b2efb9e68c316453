"""What the routes answer: the structs that are encoded, and whose schemas stand in the OpenAPI page."""

from typing import Literal

import msgspec

from headrace.api.problem import FieldError
from headrace.api.services import BaselineMetrics
from headrace.api.targets import KpiTargets, SlaTargets
from headrace.events.items import Value


class EventAnswer(msgspec.Struct, frozen=True):
    """The event is in the log: taken now, or known already."""

    status: Literal["ok", "duplicate"]
    event_id: str


class LogAnswer(msgspec.Struct, frozen=True):
    """The event is in the log, now or already."""

    status: Literal["ok"] = "ok"


class EventVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a batch; ``event_id`` is null where none could be read."""

    event_id: str | None
    status: Literal["ok", "duplicate", "conflict", "rejected"]
    errors: list[FieldError] = []


class BatchAnswer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many events are in the log, now or already; ``results``, in the batch's order, only with ``atomic=false``."""

    status: Literal["ok"]
    count: int
    results: list[EventVerdict] | None = None


class ChangeAnswer(msgspec.Struct, frozen=True):
    """The change is in the log: taken now, or known already."""

    status: Literal["ok", "duplicate"]
    item_id: str
    event_id: str


class ManyItemsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All items are in the log."""

    count: int
    status: Literal["ok"] = "ok"


class ItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An item as the catalogue has it; times are Unix milliseconds."""

    item_id: str
    title: str | None
    categories: list[str]
    attributes: dict[str, Value]
    available: bool
    available_from: int | None
    available_until: int | None
    group: str | None


class ItemsAnswer(msgspec.Struct, frozen=True):
    """A page of the catalogue, in the order of ids; ``next`` is the cursor of the page behind it, null on the last."""

    items: list[ItemAnswer]
    next: str | None


class RecoAnswer(msgspec.Struct, frozen=True):
    """The items to show, best first. Send ``request_id`` back with what the user does with them."""

    request_id: str
    items: list[str]
    model_version: str
    strategy: str


class Reason(msgspec.Struct, frozen=True):
    """How the answer was made: the strategy, and the sources its items came from."""

    type: str
    sources: list[str]


class RecommendAnswer(msgspec.Struct, frozen=True):
    """The items for a user, best first."""

    user_id: str
    items: list[str]
    reason: Reason


class EventContract(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit in force at the door. Lengths are in characters, sizes in bytes."""

    max_event_future_ms: int
    max_event_age_ms: int
    max_batch_size: int
    max_body_bytes: int
    max_event_bytes: int
    min_event_id_length: int
    max_event_id_length: int
    max_id_length: int
    max_text_length: int
    max_impression_items: int
    max_position: int
    max_rebuffer_count: int
    max_watch_time_sec: float
    max_abs_value: float
    min_playback_speed: float
    max_playback_speed: float
    max_k: int
    time_unit: str = "seconds or milliseconds"
    event_types: tuple[str, ...] = ("view", "click", "purchase", "watch", "impression")


class ContractAnswer(msgspec.Struct, frozen=True):
    """What this service is held to, and what it holds its clients to."""

    kpi_targets: KpiTargets
    sla_targets: SlaTargets
    event_contract: EventContract


class BaselineAnswer(msgspec.Struct, frozen=True):
    """The KPI figures of the last days beside their targets."""

    kpi_targets: KpiTargets
    metrics: BaselineMetrics


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: Literal["ok"] = "ok"
