"""The catalogue as a page of it is read: the tables, and what this process has acknowledged beyond them."""

from collections.abc import Sequence

from headrace.events.items import Item, ItemChange, changed
from headrace.snapshot.follower import Follower
from headrace.store.catalogue import PostgresCatalogue


class Catalogue:
    """Reads items by the tables, ahead of them by what is pending in the picture."""

    def __init__(self, tables: PostgresCatalogue, follower: Follower) -> None:
        self._tables = tables
        self._follower = follower

    async def item(self, item_id: str) -> Item | None:
        """Return an item, acknowledged changes included: what is pending was so before the tables were read."""
        view = self._follower.view
        pending = [] if view is None else view.picture.catalogue.changes_of(item_id)
        item = await self._tables.item(item_id)
        for change in pending:
            item = changed(item, change)
        return item

    def crowded_out(self, changes: Sequence[ItemChange]) -> list[str]:
        """Return the names of attributes that memory has no room for; none before there is a picture."""
        view = self._follower.view
        said = [change.said for change in changes if change.said]
        return [] if view is None or not said else view.picture.catalogue.attributes.crowded_out(said)

    async def page(self, after: str, limit: int) -> Sequence[tuple[str, Item]]:
        """Return a page of the tables."""
        return await self._tables.page(after, limit)
