"""*Rules*: what is laid over every answer; shown in words, tried on somebody, put live, taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from headrace.console import beside, ruling
from headrace.console.asking import an_id_or_none
from headrace.console.desk import Desk, Page, attempt, route
from headrace.console.guard import ROOT, visitor
from headrace.errors import Rejected, Unavailable
from headrace.rules.declared import to_toml
from headrace.rules.kept import Kept, Listed, Live, reference
from headrace.serving.explaining import Explained, Why
from headrace.serving.recommender import Wish

HERE: Final = f"{ROOT}/rules"
K: Final = 20
FEW: Final = 6
"""Of so many items that are shown live and not under the tried rules the page says why: each is a question of its own."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An item of the live answer that the tried rules keep out, and how they do."""

    item_id: str
    place: int
    words: str


async def show(desk: Desk, request: Request) -> Response:
    """Answer with all rule sets, and what is live."""
    found = await attempt(_shelf(desk))
    listed, live = (found, None) if isinstance(found, Unavailable) else found
    return desk.page(request, "rules.html", page=PAGE, here=HERE, listed=listed, live=live)


async def one(desk: Desk, request: Request) -> Response:
    """Answer with one version of a set, the newest unless another one is asked for: every rule in words, and its file."""
    kept = await _kept(desk, request.path_params["name"])
    live = await desk.services.rules.live()
    return desk.page(
        request,
        "rules-one.html",
        page=PAGE,
        here=HERE,
        kept=kept,
        live=live,
        is_live=live is not None and live.kept.title == kept.title,
        versions=await desk.services.rules.versions(kept.name),
        rules=ruling.read(kept.rules, desk.services.clock.now_ms()),
        doubts=desk.services.rules.doubts(kept.rules),
        text=to_toml(kept.rules),
    )


async def attempted(desk: Desk, request: Request) -> Response:
    """Answer with what one user is shown now, beside what they would be shown under a version of a set, and why."""
    asked, explainer = request.query_params, desk.services.explainer
    kept = await _kept(desk, asked.get("rules", ""))
    user = an_id_or_none(asked.get("user"))
    item = an_id_or_none(asked.get("item"))
    tried = Wish(rules=await desk.services.rules.find(kept.title))
    now: Explained | None = None
    then: Explained | None = None
    why: Why | None = None
    gone: list[Gone] = []
    if user:
        now = await explainer.recommend(user, None, K, record=False)
        then = await explainer.recommend(user, None, K, record=False, wish=tried)
        left = [one for one in now.items if one not in then.items]
        gone = [await _gone(desk, user, tried, one, now) for one in left[:FEW]]
        if item:
            why = await explainer.why(user, item, None, K, wish=tried)
    return desk.page(
        request,
        "rules-try.html",
        page=PAGE,
        here=HERE,
        kept=kept,
        live=await attempt(desk.services.rules.live()),
        user=user,
        item=item,
        why=why,
        now=now,
        then=then,
        now_places=[] if now is None else beside.places(now, then),
        then_places=[] if then is None else beside.places(then, now),
        gone=gone,
    )


async def live(desk: Desk, request: Request) -> Response:
    """Lay a version over every answer from now on."""
    text = visitor(request).form.get("rules", "")
    name, version = reference(text)
    kept = await desk.services.rules.make_live(name, version)
    if kept is None:
        raise HTTPException(404, f"There are no rules {text} any more.")
    return desk.went(HERE, f"{kept.title} is laid over every answer from now on, in every API process within a second.")


async def none(desk: Desk, _request: Request) -> Response:
    """Have no rules live."""
    was = await desk.services.rules.make_none_live()
    return desk.went(HERE, "No rules are laid over answers any more." if was else "There were none live: nothing was changed.")


async def _shelf(desk: Desk) -> tuple[Sequence[Listed], Live | None]:
    """Return all rule sets and what is live: both or neither."""
    return await desk.services.rules.listed(), await desk.services.rules.live()


async def _kept(desk: Desk, text: str) -> Kept:
    """Return the version that ``NAME`` or ``NAME@VERSION`` names; an address that names none is told as one."""
    try:
        name, version = reference(text)
    except Rejected:
        raise HTTPException(404) from None
    kept = await desk.services.rules.kept(name, version)
    if kept is None:
        raise HTTPException(404)
    return kept


async def _gone(desk: Desk, user: str, tried: Wish, item: str, now: Explained) -> Gone:
    why = await attempt(desk.services.explainer.why(user, item, None, K, wish=tried))
    words = str(why) if isinstance(why, Unavailable) else " ".join(why.words)
    return Gone(item, now.items.index(item) + 1, words)


def _more(desk: Desk) -> Sequence[BaseRoute]:
    return (
        route(desk, f"{HERE}/of/{{name}}", one, "GET"),
        route(desk, f"{HERE}/try", attempted, "GET"),
        route(desk, f"{HERE}/live", live),
        route(desk, f"{HERE}/none", none),
    )


PAGE: Final = Page(name="rules", title="Rules", key="u", show=show, more=_more)
