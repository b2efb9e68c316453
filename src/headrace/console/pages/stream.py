"""*Stream*: where each partition stands, and the generations of features, built, compared, flipped to, dropped."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from headrace.config.declared import SETTINGS, Setting
from headrace.console import confirming
from headrace.console.asking import a_number, a_number_or_none, an_id_or_none
from headrace.console.confirming import Question
from headrace.console.desk import Desk, Page, attempt, route
from headrace.console.guard import ROOT, visitor
from headrace.features.settings import FeatureSettings
from headrace.store.generations import Beginning
from headrace.wiring.comparing import Compared
from headrace.wiring.replays import Line, Refused
from headrace.wiring.works import Work

HERE: Final = f"{ROOT}/stream"
MOST_USERS: Final = 5000
USERS: Final = 500
FEATURES: Final = {
    setting.field.removeprefix("features."): setting for setting in SETTINGS if setting.field.startswith("features.")
}
NAMES: Final = {
    "history_size": "Events remembered",
    "half_life_days": "Half-life",
    "window": "Window",
    "backward": "Weight backwards",
    "step_decay": "Step decay",
    "session_gap_minutes": "Session gap",
}


@dataclass(frozen=True, slots=True)
class Counting:
    """One feature setting in the form that starts a replay; ``wrong`` says what would be right."""

    name: str
    label: str
    setting: Setting
    value: str
    wrong: str = ""


async def show(desk: Desk, request: Request) -> Response:
    """Answer with partitions and generations as they stand."""
    return await _shown(desk, request)


async def resume(desk: Desk, request: Request) -> Response:
    """Let halted partitions go on: one, or all."""
    form = visitor(request).form
    partition = form.get("partition", "")
    chosen = [a_number(partition)] if partition else None
    resumed = await desk.services.stream.resume(a_number(form["generation"]) if form.get("generation") else None, chosen)
    if not resumed:
        return desk.went(HERE, "No partition was halted any more.")
    which = ", ".join(map(str, resumed))
    return desk.went(HERE, f"Going on: partition{'' if len(resumed) == 1 else 's'} {which}. The bad stretch is let pass.")


async def start(desk: Desk, request: Request) -> Response:
    """Have a new generation built; one whose settings are wrong is told field by field."""
    form = visitor(request).form
    fields, features = _counting(form)
    if features is None:
        return await _shown(desk, request, fields=fields, status=422)
    beginning: Beginning = "log" if form.get("beginning") == "log" else "archive"
    try:
        number = await desk.services.stream.start(beginning, features)
    except Refused as refused:
        return await _shown(desk, request, fields=fields, refused=str(refused), status=409)
    return desk.went(HERE, f"Generation {number} is being built by the workers that run.")


async def compare(desk: Desk, request: Request) -> Response:
    """Begin to compare a generation with the live one."""
    form = visitor(request).form
    users = min(max(1, a_number(form.get("users", str(USERS)))), MOST_USERS)
    number = a_number(form.get("generation", ""))
    try:
        work = await desk.services.stream.compare(number, an_id_or_none(form.get("recipe")) or None, users=users)
    except Refused as refused:
        return await _shown(desk, request, refused=str(refused), status=409)
    return desk.went(f"{HERE}/comparisons/{work.number}", f"Generation {number} is being compared with the live one.")


async def comparison(desk: Desk, request: Request) -> Response:
    """Answer with what a comparison has found, or how far it is."""
    number = a_number(request.path_params["number"])
    work = desk.services.stream.works.numbered(number)
    if work is None or work.kind != "compare":
        raise HTTPException(404)
    found = work.found if isinstance(work.found, Compared) else None
    return desk.page(request, "stream-comparison.html", page=PAGE, work=work, found=found, here=HERE)


async def flip(desk: Desk, request: Request) -> Response:
    """Move all readers to a generation, after a question."""
    number = a_number(visitor(request).form.get("generation", ""))
    force = visitor(request).form.get("force") == "yes"
    if not confirming.is_sure(request):
        sentences = (
            "Every API process loads it aside; when all hold it ready, all move within a second. No request fails.",
            "The generation that is read now stays followed for a day: Back returns to it as quickly.",
        )
        return confirming.ask(desk, request, PAGE, Question(f"Answer from generation {number}?", sentences, "Flip", HERE))
    return await _begun(desk, request, desk.services.stream.flip(number, force=force), f"Flipping to generation {number}.")


async def back(desk: Desk, request: Request) -> Response:
    """Move all readers to the generation before."""
    return await _begun(desk, request, desk.services.stream.back(), "Going back to the generation before.")


async def drop(desk: Desk, request: Request) -> Response:
    """Take a generation away, after a question."""
    number = a_number(visitor(request).form.get("generation", ""))
    if not confirming.is_sure(request):
        sentences = (
            "Its tables go with it, for good. One that is being built is ended so.",
            "Events are not lost: what the archive and the log hold can be counted again by another replay.",
        )
        return confirming.ask(desk, request, PAGE, Question(f"Drop generation {number}?", sentences, "Drop it", HERE))
    return await _begun(desk, request, desk.services.stream.drop(number), f"Dropping generation {number}.")


async def _begun(desk: Desk, request: Request, work: Awaitable[Work], words: str) -> Response:
    try:
        await work
    except Refused as refused:
        return await _shown(desk, request, refused=str(refused), status=409)
    return desk.went(HERE, words)


async def _shown(
    desk: Desk, request: Request, *, fields: Sequence[Counting] | None = None, refused: str = "", status: int = 200
) -> Response:
    stream = desk.services.stream
    chosen = a_number_or_none(request.query_params.get("generation", ""))
    lines = await attempt(stream.generations())
    told = lines if isinstance(lines, list) else []
    live = next((one for one in told if one.read), None)
    standing = None
    if chosen is not None and any(one.generation == chosen for one in told):
        standing = await attempt(stream.standing(chosen))
    return desk.page(
        request,
        "stream.html",
        status,
        page=PAGE,
        here=HERE,
        standing=await attempt(stream.standing()) if standing is None else standing,
        lines=lines,
        replicas=await attempt(stream.replicas()),
        differing={one.generation: _differing(one, live) for one in told},
        way_back=next((one for one in told if one.way_back and not one.read), None),
        begun=stream.works.listed()[:4],
        fields=_counting({}, stream.features)[0] if fields is None else fields,
        opened=fields is not None,
        refused=refused,
        users=USERS,
    )


def _differing(one: Line, live: Line | None) -> list[str]:
    """Return in words where a generation counts otherwise than the live one."""
    if live is None:
        return []
    return [
        f"{NAMES.get(name, name).lower()} {value:g}" for name, value in one.settings.items() if live.settings.get(name) != value
    ]


def _counting(
    form: Mapping[str, str], features: FeatureSettings | None = None
) -> tuple[list[Counting], FeatureSettings | None]:
    """Return the fields of the form and, where all of them are right, what they say."""
    given = {name: f"{value:g}" for name, value in asdict(features or FeatureSettings()).items()} | dict(form)
    fields: list[Counting] = []
    values: dict[str, Any] = {}
    for name, setting in FEATURES.items():
        wrong = ""
        try:
            values[name] = setting.kind.read(given[name].strip())
        except ValueError:
            wrong = f"expected {setting.kind.expects}"
        fields.append(Counting(name, NAMES.get(name, name), setting, given[name], wrong))
    return fields, None if any(one.wrong for one in fields) else FeatureSettings(**values)


def _more(desk: Desk) -> Sequence[BaseRoute]:
    return (
        route(desk, f"{HERE}/resume", resume),
        route(desk, f"{HERE}/start", start),
        route(desk, f"{HERE}/compare", compare),
        route(desk, f"{HERE}/comparisons/{{number}}", comparison, "GET"),
        route(desk, f"{HERE}/flip", flip),
        route(desk, f"{HERE}/back", back),
        route(desk, f"{HERE}/drop", drop),
    )


PAGE: Final = Page(name="stream", title="Stream", key="s", show=show, more=_more)
