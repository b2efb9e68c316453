"""The feature tables in memory: the same projection as the worker's, its sums kept where the worker has Postgres."""

from collections.abc import Iterable, Mapping

from headrace.events.items import Item
from headrace.events.types import Interaction, Watch
from headrace.features.changes import CatalogueState, Changes, ItemState, PairState
from headrace.features.history import History
from headrace.features.projection import Recent, Rules, project
from headrace.features.writes import ItemSum, PairSum, Writes
from headrace.snapshot.picture import Picture


class Tables:
    """Counts events as the worker does and hands out what a replica would load or follow."""

    def __init__(self, rules: Rules, catalogue: Mapping[str, Item] | None = None) -> None:
        self.rules = rules
        self._catalogue = [CatalogueState(item_id, 0, item) for item_id, item in (catalogue or {}).items()]
        self.newest_ts_ms = 0
        self._recent = Recent()
        self._sums = Writes()
        self._batch = Writes()

    def history(self, user_id: str) -> History:
        """Return the user's history, oldest first."""
        return self._recent.histories.get(user_id, [])

    def learn(self, act: Interaction | Watch) -> None:
        """Count an event; ``changes`` tells of it."""
        self._count(act, self._batch)

    def learn_unseen(self, act: Interaction | Watch) -> None:
        """Count an event that no picture follows yet: ``picture`` shows it, ``changes`` never tells of it."""
        self._count(act, self._sums)

    def changes(self) -> Changes:
        """Return what was learned since the last call as one batch of absolute values, as the changelog carries them."""
        batch, sums = self._batch, self._sums
        self._batch = Writes()
        items = [_item_state(key, _add_item(sums.item(key), more)) for key, more in batch.items.items()]
        pairs = [_pair_state(key, _add_pair(sums.pairs.setdefault(key, PairSum()), more)) for key, more in batch.pairs.items()]
        return Changes([], self.newest_ts_ms, items, pairs, [])

    def picture(self, *, most_neighbours: int) -> Picture:
        """Return the picture that a replica starting now would load; what is learned later reaches it by ``changes``."""
        self.changes()
        picture = Picture(1, self.rules, most_neighbours=most_neighbours)
        picture.put_items([_item_state(key, item) for key, item in self._sums.items.items()])
        picture.put_pairs([_pair_state(key, pair) for key, pair in self._sums.pairs.items()])
        picture.links.tighten()
        picture.catalogue.put(self._catalogue)
        picture.newest_ts_ms = self.newest_ts_ms
        return picture

    def _count(self, act: Interaction | Watch, writes: Writes) -> None:
        project(act, self._recent, self.rules, writes)
        writes.histories.clear()
        writes.hours.clear()
        self._recent.outcomes.follow_ups.clear()
        self.newest_ts_ms = max(self.newest_ts_ms, act.ts_ms)


def learned(rules: Rules, acts: Iterable[Interaction | Watch]) -> Tables:
    """Return tables that have counted these events."""
    tables = Tables(rules)
    for act in acts:
        tables.learn_unseen(act)
    return tables


def _add_item(item: ItemSum, more: ItemSum) -> ItemSum:
    item.events += more.events
    item.weight += more.weight
    item.decayed += more.decayed
    item.visits += more.visits
    return item


def _add_pair(pair: PairSum, more: PairSum) -> PairSum:
    pair.meetings += more.meetings
    pair.low_to_high += more.low_to_high
    pair.high_to_low += more.high_to_low
    return pair


def _item_state(key: str, item: ItemSum) -> ItemState:
    return ItemState(key, item.events, item.weight, item.decayed, item.visits)


def _pair_state(key: tuple[str, str], pair: PairSum) -> PairState:
    return PairState(*key, pair.meetings, pair.low_to_high, pair.high_to_low)
