"""The catalogue as a feature: what an item is after all changes so far, in the order in which its partition applied them."""

from headrace.events.items import Item, ItemChange, changed
from headrace.features.writes import Writes


def project(change: ItemChange, items: dict[str, Item | None], writes: Writes) -> None:
    """Say what the item is now, in ``writes`` and in ``items``, what is known of those that change; None is a deleted one."""
    after = changed(items.get(change.item_id), change)
    items[change.item_id] = after
    writes.catalogue.setdefault(change.item_id, []).append((change.event_id, after))
