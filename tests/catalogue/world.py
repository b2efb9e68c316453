"""A few words that tests of the catalogue are told in."""

from itertools import count

from headrace.events.items import Item, ItemChange, ItemPatch, Moment

T0 = 1_760_000_000_000
JAM = Item(
    title="Jam",
    categories=["food", "sweet"],
    attributes={"price": 3.5, "stock": 7, "organic": True, "tags": ["sale"], "made": Moment(1_760_000_000_000), "by": "Ida"},
    group="jams",
)
_numbers = count()


def put(item_id: str, item: Item | None = None, *, event_id: str | None = None) -> ItemChange:
    """Return a change that puts an item whole."""
    return ItemChange(
        event_id=event_id or f"change {next(_numbers)}", item_id=item_id, put=item or Item(), server_received_ts_ms=T0
    )


def patch(item_id: str, given: ItemPatch) -> ItemChange:
    """Return a change that patches an item."""
    return ItemChange(event_id=f"change {next(_numbers)}", item_id=item_id, patch=given, server_received_ts_ms=T0)


def gone(item_id: str) -> ItemChange:
    """Return a change that deletes an item."""
    return ItemChange(event_id=f"change {next(_numbers)}", item_id=item_id, server_received_ts_ms=T0)
