"""*Items*: find one, see what it goes with, how it is liked, and what the catalogue says of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from headrace.console import plots
from headrace.console.asking import an_id
from headrace.console.desk import Desk, Page, attempt
from headrace.console.plots import Plot, Series
from headrace.console.shelf import Acts, Course
from headrace.console.shelf import Item as Found
from headrace.console.words import number
from headrace.errors import Unavailable

MOST_FOUND: Final = 50
MOST_NEIGHBOURS: Final = 30
LONGEST: Final = 512
SPANS: Final = {"hours": ("48 hours", 48, 1), "days": ("60 days", 60, 24), "weeks": ("52 weeks", 52, 168)}
"""How far back: what it is called, how many spans, of how many hours each."""

_FEW: Final = 2


async def show(desk: Desk, request: Request) -> Response:
    """Answer with one item where ``id`` names one, otherwise with those that ``q`` finds, the popular ones without it."""
    item_id = request.query_params.get("id", "")
    return await (_one(desk, request, an_id(item_id)) if item_id else _several(desk, request))


async def _several(desk: Desk, request: Request) -> Response:
    asked = request.query_params.get("q", "").strip()[:LONGEST].replace("\0", "")
    found = await attempt(desk.services.items.find(asked, MOST_FOUND)) if asked else await _popular(desk)
    return desk.page(request, "items.html", page=PAGE, asked=asked, found=found, most=MOST_FOUND)


async def _popular(desk: Desk) -> list[Found]:
    """Return the popular items; they come from memory, so they are there without their titles when the tables are away."""
    popular = desk.services.items.popular(MOST_FOUND)
    titles = await _titles(desk, [one.item_id for one in popular])
    return [Found(one.item_id, titles.get(one.item_id), one.events) for one in popular]


async def _titles(desk: Desk, items: Sequence[str]) -> Mapping[str, str]:
    titles = await attempt(desk.services.items.titles(items))
    return {} if isinstance(titles, Unavailable) else titles


async def _one(desk: Desk, request: Request, item_id: str) -> Response:
    items = desk.services.items
    standing = items.standing(item_id)
    context: dict[str, Any] = {
        "item_id": item_id,
        "standing": standing,
        "choices": [(name, words) for name, (words, *_) in SPANS.items()],
    }
    if desk.shows(request, "course"):
        over, course = await _course(desk, request, item_id)
        plot = None if isinstance(course, Unavailable) else _plot(course)
        context |= {"over": over, "course": course, "plot": plot, "shown": "values" in request.query_params}
    if desk.shows(request, "near"):
        near = items.neighbours(item_id, MOST_NEIGHBOURS)
        context |= {"near": near, "titles": await _titles(desk, [one.item_id for one in near])}
    if desk.shows(request, "entry"):
        entry = await attempt(desk.services.catalogue.item(item_id))
        context["entry"] = entry
        if entry is None and standing is None:
            said = f"Neither an event nor the catalogue has named {item_id!r} yet."
            return desk.page(request, "trouble.html", 404, title="Nobody knows this item", said=said, violations=(), page=PAGE)
    return desk.page(request, "item.html", page=PAGE, **context)


async def _course(desk: Desk, request: Request, item_id: str) -> tuple[str, Course | Unavailable]:
    """Return how far back was asked for, and the acts over it; where nothing was said, hours for an item that is young."""
    asked = request.query_params.get("over", "")
    over = asked if asked in SPANS else "days"
    course = await attempt(desk.services.items.course(item_id, *SPANS[over][1:]))
    if asked in SPANS or isinstance(course, Unavailable) or sum(map(_any, course.acts)) > _FEW:
        return over, course
    return "hours", await attempt(desk.services.items.course(item_id, *SPANS["hours"][1:]))


def _any(acts: Acts) -> bool:
    return bool(acts.views or acts.clicks or acts.purchases or acts.watches)


def _plot(course: Course) -> Plot | None:
    """Return the acts as bars; None where there are none."""
    kinds = (
        ("Views", [one.views for one in course.acts]),
        ("Watches", [one.watches for one in course.acts]),
        ("Clicks", [one.clicks for one in course.acts]),
        ("Purchases", [one.purchases for one in course.acts]),
    )
    series = [Series(name, values) for name, values in kinds]
    steps = [_moment(one, course.hours) for one in course.acts]
    described = f"Acts in spans of {course.hours} hours, by kind."
    return plots.bars("Acts on the item", steps, series, number, described=described) if any(map(_any, course.acts)) else None


def _moment(acts: Acts, hours: int) -> str:
    return datetime.fromtimestamp(acts.at_ms / 1000, UTC).strftime("%b %-d, %H:%M" if hours < 24 else "%b %-d, %Y")


PAGE: Final = Page(name="items", title="Items", key="i", show=show)
