"""Events to writes: every feature in turn, pure. One transaction applies what comes out; a recomputation sums it up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.events.items import Item, ItemChange
from headrace.events.types import Event, Impression
from headrace.features import catalogue, covisitation, history, popularity
from headrace.features.decay import factor
from headrace.features.history import History
from headrace.features.outcomes import OutcomeMemory, project_act, project_impression
from headrace.features.settings import FeatureSettings
from headrace.features.writes import Writes


@dataclass(frozen=True, slots=True)
class Rules:
    """How a generation counts, for as long as it lives: its settings and the landmark of its decay (Unix ms)."""

    settings: FeatureSettings
    landmark_ms: int


@dataclass(slots=True)
class Recent:
    """What features look back on: the histories of the batch's users, the outcomes of its requests, the items it changes.

    Projecting moves it on, so that a later event of the batch sees the earlier one.
    """

    histories: dict[str, History] = field(default_factory=dict)
    outcomes: OutcomeMemory = field(default_factory=OutcomeMemory)
    items: dict[str, Item | None] = field(default_factory=dict)


def project(event: Event, recent: Recent, rules: Rules, writes: Writes) -> None:
    """Add what this event means to ``writes`` and move ``recent`` on. Deterministic; touches nothing else."""
    if isinstance(event, ItemChange):
        catalogue.project(event, recent.items, writes)
        return
    if isinstance(event, Impression):
        project_impression(event, recent.outcomes, writes)
        return
    entry = history.entry_of(event)
    before: Sequence[history.Entry] = recent.histories.get(event.user_id, ())
    decayed = factor(entry.ts_ms, rules.landmark_ms, rules.settings.half_life_ms)
    popularity.project(entry, decayed, writes)
    at = history.place(before, entry.ts_ms)
    covisitation.project(entry, decayed, before, at, rules.settings, rules.landmark_ms, writes)
    after = [*before[:at], entry, *before[at:]][-rules.settings.history_size :]
    recent.histories[event.user_id] = after
    writes.histories[event.user_id] = after
    project_act(event, recent.outcomes, writes)
