"""What a catalogue says of an item, and how a change of it is told: events that belong to no user."""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from headrace.errors import Violation
from headrace.events.rules import judge_id, judge_text

LONGEST_TEXT: Final = 512
MOST_ATTRIBUTES: Final = 64
LONGEST_NAME: Final = 64
MOST_LISTED: Final = 100
LARGEST_ITEM: Final = 64 * 1024
LARGEST_NUMBER: Final = 1e15
FIRST_MOMENT_MS: Final = -(1 << 53)
LAST_MOMENT_MS: Final = 1 << 53


class Moment(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An attribute that is a time: Unix milliseconds."""

    time: int


Value: TypeAlias = bool | int | float | str | list[str] | Moment
"""An attribute: a boolean, a number, a text, a list of texts, a time."""

Kind: TypeAlias = Literal["number", "time", "boolean", "text", "list"]


def kind_of(value: Value) -> Kind:
    """Return what kind of value this is."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "list"
    return "time" if isinstance(value, Moment) else "number"


class Item(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An item as the catalogue has it. It is shown while ``available``, from its first moment until before its last.

    ``group`` names what it is a variant of.
    """

    title: str | None = None
    categories: list[str] = []
    attributes: dict[str, Value] = {}
    available: bool = True
    available_from_ms: int | None = None
    available_until_ms: int | None = None
    group: str | None = None


class ItemPatch(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is to be different: a field left out stays, null takes it back to what it is without a word (RFC 7396)."""

    title: str | UnsetType | None = UNSET
    categories: list[str] | UnsetType | None = UNSET
    attributes: dict[str, Value | None] | UnsetType | None = UNSET
    available: bool | UnsetType | None = UNSET
    available_from_ms: int | UnsetType | None = UNSET
    available_until_ms: int | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET


class ItemChange(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """An item was put whole, patched, or, where neither is there, deleted."""

    event_id: str
    item_id: str
    put: Item | None = None
    patch: ItemPatch | None = None
    event_type: Literal["item"] = "item"
    server_received_ts_ms: int = 0

    @property
    def ts_ms(self) -> int:
        """Return when the change came: it has no other time."""
        return self.server_received_ts_ms

    @property
    def said(self) -> dict[str, Value]:
        """Return the attributes that it gives the item."""
        if self.put is not None:
            return self.put.attributes
        told = None if self.patch is None else self.patch.attributes
        return {name: value for name, value in (told or {}).items() if value is not None} if told is not UNSET else {}


def changed(item: Item | None, change: ItemChange) -> Item | None:
    """Return the item after a change; None where it is deleted. A patch of one that is not there begins with an empty one."""
    if change.patch is None:
        return change.put
    news = {name: value for name in change.patch.__struct_fields__ if (value := getattr(change.patch, name)) is not UNSET}
    before = item or Item()
    if isinstance(given := news.get("attributes"), dict):
        merged = {**before.attributes, **given}
        news["attributes"] = {name: value for name, value in merged.items() if value is not None}
    told = {name: value for name, value in msgspec.structs.asdict(before).items() if name not in news}
    return Item(**told, **{name: value for name, value in news.items() if value is not None})


def faults(given: Item | ItemPatch) -> list[Violation]:
    """Return everything that is wrong with an item or a patch, by the path of each."""
    found: list[Violation] = []
    _judge_text(given.title, "title", found)
    _judge_list(given.categories, "categories", found)
    for name in ("available_from_ms", "available_until_ms"):
        _judge_moment(getattr(given, name), name, found)
    if isinstance(given.group, str):
        _judge_group(given.group, found)
    attributes = given.attributes
    if isinstance(attributes, dict):
        if len(attributes) > MOST_ATTRIBUTES:
            found.append(Violation("attributes", f"must be at most {MOST_ATTRIBUTES}, are {len(attributes)}"))
        for name, value in attributes.items():
            _judge_attribute(name, value, found)
    return found


def _judge_group(group: str, found: list[Violation]) -> None:
    if not 1 <= len(group) <= 128:
        found.append(Violation("group", "must have 1 to 128 characters"))
    elif message := judge_id(group):
        found.append(Violation("group", message))


def _judge_attribute(name: str, value: Value | None, found: list[Violation]) -> None:
    path = f"attributes.{name[:LONGEST_NAME]}"
    if not (name.isascii() and name.isidentifier() and len(name) <= LONGEST_NAME):
        found.append(Violation(path, f"a name is a letter, then at most {LONGEST_NAME - 1} letters, digits and underscores"))
    if isinstance(value, str):
        _judge_text(value, path, found)
    elif isinstance(value, list):
        _judge_list(value, path, found)
    elif isinstance(value, Moment):
        _judge_moment(value.time, path, found)
    elif value is not None and not abs(value) <= LARGEST_NUMBER:
        found.append(Violation(path, f"must be a number between -{LARGEST_NUMBER:g} and {LARGEST_NUMBER:g}"))


def _judge_text(text: object, path: str, found: list[Violation]) -> None:
    if not isinstance(text, str):
        return
    if len(text) > LONGEST_TEXT:
        found.append(Violation(path, f"must have at most {LONGEST_TEXT} characters, has {len(text)}"))
    if message := judge_text(text):
        found.append(Violation(path, message))


def _judge_list(texts: object, path: str, found: list[Violation]) -> None:
    if not isinstance(texts, list):
        return
    if len(texts) > MOST_LISTED:
        found.append(Violation(path, f"must have at most {MOST_LISTED} elements, has {len(texts)}"))
    for number, text in enumerate(texts[:MOST_LISTED]):
        _judge_text(text, f"{path}[{number}]", found)


def _judge_moment(time_ms: object, path: str, found: list[Violation]) -> None:
    if isinstance(time_ms, int) and not FIRST_MOMENT_MS <= time_ms <= LAST_MOMENT_MS:
        found.append(Violation(path, "is no time that can be kept"))
