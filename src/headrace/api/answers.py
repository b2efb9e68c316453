"""What the routes answer: the structs that are encoded, and whose schemas stand in the OpenAPI page."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from headrace.api.problem import FieldError
from headrace.api.services import BaselineMetrics
from headrace.api.targets import KpiTargets, SlaTargets
from headrace.events.items import Value
from headrace.rules.declared import RuleSet
from headrace.rules.made import Applied
from headrace.serving.explaining.told import ItemReasons, PastEvent, PictureTold, StageTold


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


class RuleListed(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set: its newest version, when that was made (Unix ms), which version is live if one is, and how many rules."""

    name: str
    version: int
    made_at_ms: int
    live: int | None
    about: str | None
    rules: int


class RulesLive(msgspec.Struct, frozen=True):
    """What is laid over every answer, and since when (Unix ms)."""

    name: str
    version: int
    since_ms: int


class RulesAnswer(msgspec.Struct, frozen=True):
    """All rule sets, by name, and which is ``live``; null for none."""

    rules: list[RuleListed]
    live: RulesLive | None


class RulesStamp(msgspec.Struct, frozen=True):
    """A version and when it was made (Unix ms)."""

    version: int
    made_at_ms: int


class RulesKept(msgspec.Struct, frozen=True):
    """One version of a rule set, whether it is the one that is live, and which ``versions`` there are, the newest first."""

    name: str
    version: int
    made_at_ms: int
    live: bool
    rules: RuleSet
    versions: list[RulesStamp]


class RulesPut(msgspec.Struct, frozen=True):
    """A version, and whether it is live now; ``doubts`` are what no item can answer yet: there a rule does nothing."""

    name: str
    version: int
    live: bool
    doubts: list[FieldError] = []


class RulesGone(msgspec.Struct, frozen=True):
    """The rule set was taken away; its versions can still be read by their numbers."""

    name: str
    status: Literal["ok"] = "ok"


class RecoAnswer(msgspec.Struct, frozen=True):
    """The items to show, best first. Send ``request_id`` back with what the user does with them.

    ``rules`` is there where rules were laid over the answer: which, and what they did to it as a whole.
    """

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    rules: Applied | UnsetType = UNSET


class ExplainedAnswer(RecoAnswer, frozen=True):
    """The items to show, best first; with ``explain`` the reasons of each, in the same order.

    And which knowledge they are from, how many candidates went through each stage, what was known of the user (newest first),
    or of ``whose`` session, and what was away (``missing``).
    """

    explanations: list[ItemReasons] | UnsetType = UNSET
    picture: PictureTold | UnsetType = UNSET
    stages: list[StageTold] | UnsetType = UNSET
    history: list[PastEvent] | UnsetType = UNSET
    whose: Literal["user", "session"] | UnsetType = UNSET
    missing: list[str] | UnsetType = UNSET


class Reason(msgspec.Struct, frozen=True):
    """How the answer was made: the strategy, and the sources its items came from."""

    type: str
    sources: list[str]


class RecommendAnswer(msgspec.Struct, frozen=True):
    """The items for a user, best first."""

    user_id: str
    items: list[str]
    reason: Reason
    model_version: str


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
