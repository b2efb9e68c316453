"""*People*: what a user or a session did, what they are shown and why, why not that, and what another recipe would show."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from headrace.console import anatomy, beside
from headrace.console.asking import an_id, an_id_or_none
from headrace.console.desk import Desk, Page, attempt, route
from headrace.console.guard import ROOT
from headrace.serving.explaining import Explained, Why

HERE: Final = f"{ROOT}/people"
K: Final = 20
SHOWN_FEW: Final = 12
COHORT: Final = 40
NOBODY: Final = ""
"""Whom a session is asked for."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom the page is about: a user, or a session."""

    user: str
    session: str | None

    @property
    def name(self) -> str:
        """Return what they are called."""
        return self.user if self.session is None else self.session

    @property
    def question(self) -> dict[str, str]:
        """Return the part of the address that names them."""
        return {"user": self.user} if self.session is None else {"session": self.session}


async def show(desk: Desk, request: Request) -> Response:
    """Answer with a user or session; where none is named, with those who acted last."""
    asked = request.query_params
    if asked.get("user"):
        return await _one(desk, request, Whose(an_id(asked["user"]), None))
    if asked.get("session"):
        return await _one(desk, request, Whose(NOBODY, an_id(asked["session"])))
    wanted = asked.get("q", "").strip()
    if wanted:
        return await _find(desk, request, an_id(wanted))
    return await _cohort(desk, request)


async def event(desk: Desk, request: Request) -> Response:
    """Answer with what became of an event."""
    event_id = an_id(request.query_params.get("id", ""))
    receipt = await desk.services.receipt(event_id)
    return desk.page(
        request, "people-event.html", 200 if receipt else 404, page=PAGE, here=HERE, event_id=event_id, receipt=receipt
    )


async def _cohort(desk: Desk, request: Request) -> Response:
    recent = await attempt(desk.services.people.recent(COHORT))
    return desk.page(request, "people.html", page=PAGE, here=HERE, recent=recent, wanted="", like=[])


async def _find(desk: Desk, request: Request, wanted: str) -> Response:
    """Lead to the user or session of this name; where there is none, to those whose names begin so."""
    explainer = desk.services.explainer
    if (await explainer.recommend(wanted, None, 1, record=False)).history:
        return RedirectResponse(f"{HERE}?{urlencode({'user': wanted})}", 303)
    if (await explainer.recommend(NOBODY, wanted, 1, record=False)).history:
        return RedirectResponse(f"{HERE}?{urlencode({'session': wanted})}", 303)
    like = await attempt(desk.services.people.like(wanted, SHOWN_FEW))
    recent = await attempt(desk.services.people.recent(COHORT))
    return desk.page(request, "people.html", page=PAGE, here=HERE, recent=recent, wanted=wanted, like=like)


async def _one(desk: Desk, request: Request, whose: Whose) -> Response:
    asked, service = request.query_params, desk.services.recipes
    shelf = await asyncio.to_thread(anatomy.makeable, service.folder)
    recipe = asked.get("recipe", "")
    recipe = recipe if recipe in shelf and recipe != service.answering.recipe.name else ""
    item = an_id_or_none(asked.get("item"))
    answer = await desk.services.explainer.recommend(whose.user, whose.session, K, record=False)
    other: Explained | None = None
    why: Why | None = None
    if recipe:
        other = await desk.services.explainer.recommend(whose.user, whose.session, K, record=False, recipe=recipe)
    if item:
        why = await desk.services.explainer.why(whose.user, item, whose.session, K)
    return desk.page(
        request,
        "people-one.html",
        page=PAGE,
        here=HERE,
        whose=whose,
        question=urlencode(whose.question),
        answer=answer,
        places=beside.places(answer, other),
        other=other,
        other_places=[] if other is None else beside.places(other, answer),
        recipe=recipe,
        shelf=[name for name in shelf if name != service.answering.recipe.name],
        item=item,
        why=why,
    )


def _more(desk: Desk) -> Sequence[BaseRoute]:
    return (route(desk, f"{HERE}/event", event, "GET"),)


PAGE: Final = Page(name="people", title="People", key="p", show=show, more=_more)
