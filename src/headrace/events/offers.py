"""What a client may say of an item, and the change of the catalogue that it makes: the door's half of ``items``."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.errors import Rejected, Violation
from headrace.events.items import LARGEST_ITEM, Item, ItemChange, ItemPatch, Moment, Value, changed, faults
from headrace.events.refusal import UNREADABLE, refusal, reread
from headrace.events.rules import judge_id, milliseconds
from headrace.events.wire import Id

Instant: TypeAlias = Annotated[
    int | float | str, Meta(description="Unix time in seconds or milliseconds, or RFC 3339 text with its offset.")
]
MOST_AT_ONCE: Final = 1000
_BROKEN: Final = "The item breaks the contract"


class TimeIn(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An attribute that is a time."""

    time: Instant


class ItemIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is said of an item. Put, it is all there is; as a patch, what is left out stays and null takes back."""

    title: str | UnsetType | None = UNSET
    categories: list[str] | UnsetType | None = UNSET
    attributes: dict[str, bool | int | float | str | list[str] | TimeIn | None] | UnsetType | None = UNSET
    available: bool | UnsetType | None = UNSET
    available_from: Instant | UnsetType | None = UNSET
    available_until: Instant | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET


class NamedItemIn(ItemIn, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item with its id."""

    item_id: Id


class ItemsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items to be put, each whole; no ``item_id`` twice."""

    items: Annotated[list[NamedItemIn], Meta(min_length=1, max_length=MOST_AT_ONCE)]


S = TypeVar("S", bound=msgspec.Struct)
_one: Final = msgspec.json.Decoder(ItemIn)
_many: Final = msgspec.json.Decoder(ItemsIn)


def put(body: bytes, item_id: str, event_id: str) -> ItemChange:
    """Return the change that puts what a body says. Raises ``Rejected``."""
    return _whole(_decoded(_one, body, ItemIn), item_id, event_id, "")


def patch(body: bytes, item_id: str, event_id: str) -> ItemChange:
    """Return the change that patches what a body says. Raises ``Rejected``."""
    return ItemChange(event_id=event_id, item_id=item_id, patch=_patch(_decoded(_one, body, ItemIn), ""))


def many(body: bytes, new_id: Callable[[], str]) -> list[ItemChange]:
    """Return the changes that put every item of a body, or refuse it whole. Raises ``Rejected``."""
    items = _decoded(_many, body, ItemsIn).items
    seen: set[str] = set()
    wrong: list[Violation] = []
    for number, one in enumerate(items):
        message = judge_id(one.item_id) or ("appears twice in the batch" if one.item_id in seen else None)
        if message:
            wrong.append(Violation(f"items[{number}].item_id", message))
        seen.add(one.item_id)
    if wrong:
        raise Rejected(422, _BROKEN, tuple(wrong[:100]))
    return [_whole(one, one.item_id, new_id(), f"items[{number}].") for number, one in enumerate(items)]


def row(fields: Mapping[str, Any], event_id: str) -> ItemChange:
    """Return the change that puts the item of a file's row. Raises ``Rejected``."""
    try:
        wire = msgspec.convert(dict(fields), NamedItemIn)
    except msgspec.ValidationError as error:
        raise refusal(dict(fields), NamedItemIn, error, {"id": judge_id}, _BROKEN) from None
    if message := judge_id(wire.item_id):
        raise Rejected(422, _BROKEN, (Violation("item_id", message),))
    return _whole(wire, wire.item_id, event_id, "")


def _decoded(decoder: "msgspec.json.Decoder[S]", body: bytes, wanted: type[S]) -> S:
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise refusal(reread(body), wanted, error, {"id": judge_id}, _BROKEN) from None


def _whole(wire: ItemIn, item_id: str, event_id: str, path: str) -> ItemChange:
    change = ItemChange(event_id=event_id, item_id=item_id, patch=_patch(wire, path))
    item = changed(None, change) or Item()
    return ItemChange(event_id=event_id, item_id=item_id, put=item)


def _patch(wire: ItemIn, path: str) -> ItemPatch:
    """Return what is said, judged."""
    wrong: list[Violation] = []
    attributes: Any = wire.attributes
    if isinstance(attributes, dict):
        attributes = {name: _value(value, f"{path}attributes.{name[:64]}", wrong) for name, value in attributes.items()}
    given = ItemPatch(
        title=wire.title,
        categories=wire.categories,
        attributes=attributes,
        available=wire.available,
        available_from_ms=_moment(wire.available_from, f"{path}available_from", wrong),
        available_until_ms=_moment(wire.available_until, f"{path}available_until", wrong),
        group=wire.group,
    )
    wrong += [Violation(path + one.path.removesuffix("_ms"), one.message) for one in faults(given)]
    if not wrong and len(size := msgspec.json.encode(given)) > LARGEST_ITEM:
        raise Rejected(413, "The item is too large", (Violation(path, f"has {len(size)} bytes, may have {LARGEST_ITEM}"),))
    if wrong:
        raise Rejected(422, _BROKEN, tuple(wrong[:100]))
    return given


def _value(value: Value | TimeIn | None, path: str, wrong: list[Violation]) -> Value | None:
    if not isinstance(value, TimeIn):
        return value
    moment = _moment(value.time, f"{path}.time", wrong)
    return Moment(moment) if isinstance(moment, int) else None


def _moment(given: float | str | UnsetType | None, path: str, wrong: list[Violation]) -> int | UnsetType | None:
    if given is None or given is UNSET or isinstance(given, UnsetType):
        return given
    if not isinstance(given, str):
        if (moment := milliseconds(given)) <= 0:
            wrong.append(Violation(path, "must be a time after 1970"))
        return moment
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        wrong.append(Violation(path, "must be a Unix time or RFC 3339 text, such as 2026-01-31T12:00:00Z"))
        return None
    if read.tzinfo is None:
        wrong.append(Violation(path, "must say its offset, such as Z or +01:00"))
        return None
    return round(read.timestamp() * 1000)  # at the calendar's edge no other zone has its day
