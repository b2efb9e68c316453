"""Taking files of items in: every row put whole, through the door like any change of the catalogue."""

from collections.abc import Callable

from headrace.errors import Rejected
from headrace.events import offers
from headrace.events.items import ItemChange
from headrace.importer.catalogue.columns import ItemFile
from headrace.importer.outcome import Refusals
from headrace.importer.ports import Door
from headrace.importer.rows import Row
from headrace.importer.taking import Taker, Watcher, reason


class ItemLoader(Taker[ItemFile]):
    """Takes files of items in. A row whose item stands in an earlier row of the same import is refused.

    Every row has an event id of its own, also when a file is imported again: what was put in between is put back, which an id
    made of the row's content would take for a repeat. Putting an item twice is putting it once.
    """

    conflict = "its event id is taken"

    def __init__(
        self,
        door: Door,
        new_id: Callable[[], str],
        refusals: Refusals,
        watcher: Watcher,
        *,
        batch_size: int = 1000,
        limit: int | None = None,
    ) -> None:
        super().__init__(door, refusals, watcher, batch_size=batch_size, limit=limit)
        self._new_id = new_id
        self._seen: dict[str, tuple[str, int]] = {}

    def _judged(self, file: ItemFile, row: Row) -> ItemChange | None:
        try:
            change = offers.row(file.fields(row.values), self._new_id())
        except ValueError as error:
            self._refuse(file, row, str(error))
            return None
        except Rejected as rejected:
            self._refuse(file, row, reason(rejected))
            return None
        name, number = self._seen.setdefault(change.item_id, (file.source.name, row.number))
        if (name, number) != (file.source.name, row.number):
            self._refuse(file, row, f"item_id: stands in {file.source.number_word} {number} of {name} already")
            return None
        return change
