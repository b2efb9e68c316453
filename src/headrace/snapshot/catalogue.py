"""What is known of items beside their events: which may be shown now, by the same dense numbers as everything else.

An item is visible while its catalogue entry says so. One that was deleted is not; one that the catalogue never heard of is,
unless the settings say otherwise. What this replica has just acknowledged counts at once, until the changelog brings it.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray

from headrace.events.items import Item, ItemChange, Value, changed
from headrace.features.changes import CatalogueState
from headrace.snapshot.attributes import Attributes
from headrace.snapshot.content import Content

SMALLEST: Final = 1024
MOST_PENDING: Final = 10_000
"""Items with acknowledged changes that wait for the changelog; beyond it the oldest are left to the changelog alone."""

_ALL: Final = np.empty(0, np.bool_)
Hidden: TypeAlias = Literal["unknown", "deleted", "switched_off", "not_yet", "no_more"]
"""Why an item is not shown: the catalogue never heard of it, has it no more, or says so; its time has not come, or is over."""

NEVER: Final = np.iinfo(np.int64).max
ALWAYS: Final = np.iinfo(np.int64).min


_PLAIN: Final = Item()
"""Stands for all items that are always shown and variants of nothing."""


class Catalogue:
    """The catalogue of a picture; ``number_of`` gives an item its number there. Changed and read on one thread."""

    def __init__(self, number_of: Callable[[str], int], *, unknown_shown: bool = True, content: bool = True) -> None:
        self._number_of = number_of
        self._unknown_shown = unknown_shown
        self._applied = np.full(0, -1, np.int64)
        self._since = np.zeros(0, np.int64)
        self._until = np.zeros(0, np.int64)
        self._visible = np.zeros(0, np.bool_)
        self._group = np.zeros(0, np.int32)
        self._groups: dict[str, int] = {}
        self._items: dict[str, Item | None] = {}
        self._pending: dict[str, list[ItemChange]] = {}
        self.attributes = Attributes()
        self.content = Content(on=content)
        self.flips = 0
        """Counts how often it has changed which items are visible."""
        self._now_ms = 0
        self._next_ms = NEVER
        self.size = 0
        """How many items the catalogue has, those not counted that were deleted."""
        self.restricts = not unknown_shown
        """Whether any item may be hidden at all; where none may, nobody need look."""

    def room_for(self, items: int) -> None:
        """Have room for so many items."""
        if items <= len(self._visible):
            return
        blanks = {
            "_applied": -1, "_since": ALWAYS, "_until": NEVER if self._unknown_shown else ALWAYS,
            "_visible": self._unknown_shown, "_group": -1,
        }  # fmt: skip
        for name, blank in blanks.items():
            old = getattr(self, name)
            new = np.full(max(SMALLEST, items), blank, dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self.attributes.room_for(len(self._visible))
        self.content.room_for(len(self._visible))
        self.flips += 1

    def visible(self, items: NDArray[np.int32]) -> NDArray[np.bool_] | None:
        """Return which of these items may be shown now; None where all may."""
        return self._visible[items] if self.restricts else None

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Return for every item whether it may be shown now; an empty array where all may."""
        return self._visible if self.restricts else _ALL

    def hidden(self, item_id: str) -> tuple[Hidden | None, int | None]:
        """Return why an item is not shown now, and the moment (Unix ms) that decides where one does; (None, None) if it is."""
        item = self.item(item_id)
        if item is None:
            if item_id in self._items or item_id in self._pending:
                return ("deleted", None)
            return (None, None) if self._unknown_shown else ("unknown", None)
        if not item.available:
            return ("switched_off", None)
        if item.available_from_ms is not None and self._now_ms < item.available_from_ms:
            return ("not_yet", item.available_from_ms)
        if item.available_until_ms is not None and self._now_ms >= item.available_until_ms:
            return ("no_more", item.available_until_ms)
        return (None, None)

    @property
    def now_ms(self) -> int:
        """Return what time it is for answers: when somebody last let time go on."""
        return self._now_ms

    @property
    def grouped(self) -> bool:
        """Return whether any item is or was a variant of something."""
        return bool(self._groups)

    def group(self, items: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a number for the group of each of these items, -1 for one that is no variant of anything."""
        return self._group[items]

    def at(self, now_ms: int) -> None:
        """Let time go on: items whose moment has come appear, those whose time is over vanish."""
        due = now_ms >= self._next_ms or now_ms < self._now_ms
        self._now_ms = now_ms
        if due:
            self._visible = (self._since <= now_ms) & (now_ms < self._until)
            self.flips += 1
            edges = np.concatenate([self._since, self._until])
            edges = edges[edges > now_ms]
            self._next_ms = int(edges.min()) if len(edges) else NEVER

    def put(self, states: Iterable[CatalogueState]) -> None:
        """Take in items as they stand; of two states of one item the one of the larger applied number stays."""
        for state in states:
            number = self._number_of(state.item_id)
            if state.applied < self._applied[number]:
                continue
            self._applied[number] = state.applied
            self.size += (state.item is not None) - (self._items.get(state.item_id) is not None)
            self._items[state.item_id] = None if state.item is None else _kept(state.item)
            waiting = [one for one in self._pending.pop(state.item_id, ()) if one.event_id not in state.events]
            if waiting:
                self._pending[state.item_id] = waiting
            self.attributes.put(number, state.item)
            self.content.put(number, state.item)
            for change in waiting:
                self._say(number, change)
            self._show(number, self.item(state.item_id))

    def item(self, item_id: str) -> Item | None:
        """Return what is kept here of an item, acknowledged changes included; None of one that is not in the catalogue."""
        item = self._items.get(item_id)
        for change in self._pending.get(item_id, ()):
            item = changed(item, change)
        return item

    def acknowledged(self, change: ItemChange) -> None:
        """Note a change that this replica's door has just acknowledged."""
        waiting = self._pending.pop(change.item_id, [])
        self._pending[change.item_id] = [*waiting, change]
        while len(self._pending) > MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        number = self._number_of(change.item_id)
        self._say(number, change)
        self._show(number, self.item(change.item_id))

    def pending(self) -> list[ItemChange]:
        """Return the acknowledged changes that the changelog has not brought yet."""
        return [change for waiting in self._pending.values() for change in waiting]

    def changes_of(self, item_id: str) -> list[ItemChange]:
        """Return those of one item."""
        return list(self._pending.get(item_id, ()))

    def _say(self, number: int, change: ItemChange) -> None:
        """Set the attributes that a change names. What a patch does to an item's content, the changelog brings."""
        if change.patch is None:
            self.attributes.put(number, change.put)
            self.content.put(number, change.put)
            return
        patch = change.patch
        named: dict[str, Value | None] = {}
        if patch.attributes is None:
            named |= dict.fromkeys(self.attributes.names())
        elif isinstance(patch.attributes, dict):
            named |= patch.attributes
        if not isinstance(patch.categories, UnsetType):
            named["categories"] = patch.categories
        if not isinstance(patch.group, UnsetType):
            named["group"] = patch.group
        self.attributes.patch(number, named)

    def _show(self, number: int, item: Item | None) -> None:
        since, until, group = ALWAYS, ALWAYS, -1
        if item is not None and item.available:
            since = ALWAYS if item.available_from_ms is None else item.available_from_ms
            until = NEVER if item.available_until_ms is None else item.available_until_ms
        if item is not None and item.group is not None:
            group = self._groups.setdefault(item.group, len(self._groups))
        self._since[number], self._until[number], self._group[number] = since, until, group
        visible = since <= self._now_ms < until
        self.flips += visible != self._visible[number]
        self._visible[number] = visible
        self.restricts |= until != NEVER or since != ALWAYS
        self._next_ms = min([self._next_ms, *(edge for edge in (since, until) if edge > self._now_ms)])


def _kept(item: Item) -> Item:
    """Return what memory keeps of an item."""
    kept = Item(
        available=item.available,
        available_from_ms=item.available_from_ms,
        available_until_ms=item.available_until_ms,
        group=item.group,
    )
    return _PLAIN if kept == _PLAIN else kept
