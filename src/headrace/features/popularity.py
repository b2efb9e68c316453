"""Popularity: how often an item was acted on, raw and forward-decayed."""

from headrace.features.history import Entry
from headrace.features.writes import Writes


def project(entry: Entry, factor: float, writes: Writes) -> None:
    """Add one event to its item: counted once, weighted by its signal, decayed by ``factor``."""
    item = writes.item(entry.item_id)
    item.events += 1
    item.weight += entry.weight
    item.decayed += entry.weight * factor
