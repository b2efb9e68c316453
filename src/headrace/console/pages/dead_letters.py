"""*Dead letters*: what could not be applied, by what it died of; opened, mended, redriven, dropped."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from headrace.console import confirming, payloads
from headrace.console.confirming import Question
from headrace.console.desk import Desk, Page, route
from headrace.console.guard import ROOT, visitor
from headrace.errors import Poison
from headrace.stream.letters import Cause, Choice, Letter, Position, State
from headrace.stream.redriving import Outcome, Told
from headrace.wiring.replays import Refused

HERE: Final = f"{ROOT}/dead-letters"
GONE: Final = "No dead letter of this cause is open any more: nothing was changed."
A_PAGE: Final = 50
PREVIEW: Final = 72

WHAT_TO_DO: Final = {
    "empty": "There is nothing to send again: drop it, or write the record below.",
    "bad_json": "Mend the sender. Write the record anew below and redrive it, or drop it.",
    "bad_utf8": "Mend the sender: JSON is UTF-8. Write the record anew below and redrive it, or drop it.",
    "wrong_schema": "Mend the sender, or run the version that knows this field: then redrive it as it is. Otherwise mend the"
    " record below, or drop it.",
    "unknown_version": "Run the version that wrote it, or a newer one; then redrive it as it is.",
    "id_conflict": "Another event with this event_id counts. Is this one an event of its own? Then give it an event_id of its"
    " own below and redrive it. Otherwise drop it.",
    "refused_by_store": "Postgres refused a value: mend what the message names and redrive it as it is, or mend the record"
    " below.",
}
OTHERWISE: Final = "Mend the cause and redrive it as it is, mend the record below, or drop it."


async def show(desk: Desk, request: Request) -> Response:
    """Answer with what letters died of."""
    letters = desk.services.letters
    state = _state(request)
    every = {one: await letters.causes(one) for one in State}
    return desk.page(
        request,
        "dead-letters.html",
        page=PAGE,
        state=state,
        states=[(one, sum(cause.count for cause in every[one])) for one in State],
        causes=every[state],
        begun=letters.works.listed()[:3],
        reason=_reason,
        here=HERE,
    )


async def cause(desk: Desk, request: Request) -> Response:
    """Answer with the letters of one cause, a page at a time."""
    letters, state = desk.services.letters, _state(request)
    found = await _cause(desk, request.path_params["handle"], state)
    if found is None:
        return desk.went(f"{HERE}?state={state}", f"No dead letter of this cause is {state} any more.")
    after = _position(request.query_params["after"]) if "after" in request.query_params else None
    shown = await letters.page(Choice(cause=found.handle, state=state), after=after, limit=A_PAGE + 1)
    return desk.page(
        request,
        "dead-letters-cause.html",
        page=PAGE,
        cause=found,
        state=state,
        letters=[(one, _preview(one)) for one in shown[:A_PAGE]],
        more=shown[A_PAGE - 1].position if len(shown) > A_PAGE else None,
        begin=after is None,
        here=HERE,
        what_to_do=WHAT_TO_DO.get(found.error_type, OTHERWISE).replace(" below", " on its own page"),
    )


async def letter(desk: Desk, request: Request) -> Response:
    """Answer with one letter whole."""
    return await _letter(desk, request, _position(request.path_params["position"]))


async def redrive(desk: Desk, request: Request) -> Response:
    """Send one record through the log again: as it is, or as it stands in the editor."""
    form = visitor(request).form
    position = _position(form.get("position", ""))
    mended = form["payload"].replace("\r\n", "\n") if "payload" in form else None
    told = await desk.services.letters.redrive(position, None if mended is None else mended.encode())
    if told is None:
        raise HTTPException(404)
    if told.outcome is Outcome.REDRIVEN:
        return desk.went(_address(position), "Redriven: it is in the log again, and counts as soon as it is applied.")
    return await _letter(desk, request, position, refused=_reason(told), mended=mended, status=422)


async def drop(desk: Desk, request: Request) -> Response:
    """Give one letter up, after a question."""
    position = _position(visitor(request).form.get("position", ""))
    if not confirming.is_sure(request):
        sentences = ("It can no longer be redriven then. Its row stays, with the time.",)
        question = Question(f"Drop the dead letter {position}?", sentences, "Drop it", _address(position))
        return confirming.ask(desk, request, PAGE, question)
    dropped = await desk.services.letters.drop(position)
    kept = f"{position} was not dropped: it is not open any more, or its redriving has begun (again, it is carried through)."
    return desk.went(HERE, f"Dropped {position}." if dropped else kept)


async def redrive_all(desk: Desk, request: Request) -> Response:
    """Send all open records of a cause through the log again, after a question."""
    found = await _cause(desk, visitor(request).form.get("cause", ""), State.OPEN)
    if found is None:
        return desk.went(HERE, GONE)
    if not confirming.is_sure(request):
        sentences = (
            f"They died of: {found.cause}",
            "Each goes through the log again as it is, and counts once.",
            "One that still cannot be applied is refused: nothing of it enters the log, and it stays open.",
        )
        title = f"Redrive {_letters(found.count)}?"
        return confirming.ask(desk, request, PAGE, Question(title, sentences, "Redrive", _of(found)))
    try:
        await desk.services.letters.redrive_all(found)
    except Refused as refused:
        return desk.went(HERE, f"Not begun: {refused}.")
    return desk.went(HERE, f"Redriving {_letters(found.count)}; this page tells how far it is.")


async def drop_all(desk: Desk, request: Request) -> Response:
    """Give all open letters of a cause up, after a question."""
    found = await _cause(desk, visitor(request).form.get("cause", ""), State.OPEN)
    if found is None:
        return desk.went(HERE, GONE)
    if not confirming.is_sure(request):
        sentences = (f"They died of: {found.cause}", "They can no longer be redriven then. Their rows stay, with the time.")
        return confirming.ask(
            desk, request, PAGE, Question(f"Drop {_letters(found.count)}?", sentences, "Drop them", _of(found))
        )
    try:
        await desk.services.letters.drop_all(found)
    except Refused as refused:
        return desk.went(HERE, f"Not begun: {refused}.")
    return desk.went(HERE, f"Dropping {_letters(found.count)}; this page tells how far it is.")


async def _letter(
    desk: Desk, request: Request, position: Position, *, refused: str = "", mended: str | None = None, status: int = 200
) -> Response:
    letters = desk.services.letters
    found = await letters.letter(position)
    if found is None:
        raise HTTPException(404)
    one, counted = found
    payload, missing = one.payload, ""
    if not one.whole:
        try:
            payload = await letters.whole(one)
        except Poison as poison:
            missing = str(poison)
    text = payloads.text_of(payload[: payloads.SHOWN_BYTES])
    return desk.page(
        request,
        "dead-letters-letter.html",
        status,
        page=PAGE,
        letter=one,
        counted=counted,
        text=text,
        shown_bytes=min(len(payload), payloads.SHOWN_BYTES if text is not None else payloads.HEX_BYTES),
        hex_lines=payloads.hex_of(payload),
        missing=missing,
        editor=("" if missing else payloads.editable(payload)) if mended is None else mended,
        refused=refused,
        what_to_do=WHAT_TO_DO.get(one.error_type, OTHERWISE),
        here=HERE,
    )


async def _cause(desk: Desk, handle: str, state: State) -> Cause | None:
    causes = await desk.services.letters.causes(state)
    return next((one for one in causes if one.handle == handle), None)


def _state(request: Request) -> State:
    try:
        return State(request.query_params.get("state", State.OPEN))
    except ValueError:
        return State.OPEN


def _position(text: str) -> Position:
    try:
        return Position.parse(text)
    except ValueError:
        raise HTTPException(404) from None


def _preview(one: Letter) -> str:
    """Return the beginning of a payload in one line."""
    text = payloads.text_of(one.payload)
    if text is None:
        return f"{one.payload[:24].hex(' ')}{' …' if one.payload_bytes > 24 else ''}"
    line = " ".join(text.split())
    return f"{line[:PREVIEW]}…" if len(line) > PREVIEW else line


def _reason(told: Told) -> str:
    """Return why a letter was not redriven, and what to do."""
    return f"{told.reason} in the editor" if told.to_mend else told.reason


def _address(position: Position) -> str:
    return f"{HERE}/letter/{quote(str(position), safe=':')}"


def _of(found: Cause) -> str:
    return f"{HERE}/cause/{quote(found.handle)}"


def _letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def _more(desk: Desk) -> Sequence[BaseRoute]:
    return (
        route(desk, f"{HERE}/cause/{{handle}}", cause, "GET"),
        route(desk, f"{HERE}/letter/{{position}}", letter, "GET"),
        route(desk, f"{HERE}/redrive", redrive),
        route(desk, f"{HERE}/drop", drop),
        route(desk, f"{HERE}/redrive-all", redrive_all),
        route(desk, f"{HERE}/drop-all", drop_all),
    )


PAGE: Final = Page(name="dead-letters", title="Dead letters", short="Letters", key="d", show=show, more=_more)
