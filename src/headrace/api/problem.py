"""The one shape of a refusal: RFC 9457 problem details with the path of every offending field."""

from http import HTTPStatus
from typing import Final

import msgspec

from headrace.api.reply import Reply, json_reply
from headrace.api.services import Readiness
from headrace.errors import Rejected, Unavailable, Violation


class FieldError(msgspec.Struct, frozen=True):
    """One offending field; an empty path is the body or the request as a whole."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered. ``type`` names the kind for programs, ``detail`` says it to people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


PROBLEM_JSON: Final = b"application/problem+json"
SLUGS: Final = {
    400: "malformed",
    404: "not-found",
    405: "method-not-allowed",
    408: "timeout",
    413: "too-large",
    422: "invalid",
    431: "headers-too-large",
    500: "internal",
    503: "unavailable",
}
_MOST_TOLD: Final = 3


def problem(status: int, title: str, violations: tuple[Violation, ...] = (), detail: str | None = None) -> Problem:
    """Return the problem; without a ``detail`` the first violations are told."""
    told = "; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in violations[:_MOST_TOLD])
    more = f"; and {len(violations) - _MOST_TOLD} more" if len(violations) > _MOST_TOLD else ""
    return Problem(
        type=f"urn:headrace:problem:{SLUGS.get(status, str(status))}",
        title=title,
        status=status,
        detail=detail if detail is not None else told + more or title,
        errors=[FieldError(one.path, one.message) for one in violations],
    )


def reply(found: Problem, *headers: tuple[bytes, bytes]) -> Reply:
    """Return the answer that tells the problem."""
    return Reply(found.status, msgspec.json.encode(found), PROBLEM_JSON, headers)


def rejection(error: Rejected) -> Reply:
    """Return the answer to the client's mistake."""
    return reply(problem(error.status, error.title, error.violations))


def unavailable(error: Unavailable) -> Reply:
    """Return 503 with a fair wait in ``Retry-After``."""
    wait = str(max(1, error.retry_after_s)).encode()
    found = problem(503, "Something this answer needs is away", detail=str(error))
    return reply(found, (b"retry-after", wait))


def readiness(found: Readiness) -> Reply:
    """Return the answer to whether answers can be given: 503 where they cannot."""
    if found.status != "unavailable":
        return json_reply(found)
    return unavailable(
        Unavailable("the recommender", f"it cannot answer yet; missing: {', '.join(found.missing) or 'a picture'}")
    )


def not_found(path: str) -> Reply:
    """Return 404."""
    return reply(problem(404, "There is nothing here", detail=f"no route is called {path[:200]!r}; /docs lists them"))


def not_shown(setting: str) -> Reply:
    """Return 404 for what an operator has switched off, and say by which setting."""
    return reply(problem(404, "This is switched off", detail=f"{setting} hides it"))


def wrong_method(method: str, allowed: list[str]) -> Reply:
    """Return 405 and say which methods the path takes."""
    names = ", ".join(sorted(allowed))
    found = problem(405, "The path does not take this method", detail=f"{method[:20]} is not one of: {names}")
    return reply(found, (b"allow", names.encode()))


def internal() -> Reply:
    """Return 500: our bug, never the client's; what happened stands in the log."""
    return reply(problem(500, HTTPStatus.INTERNAL_SERVER_ERROR.phrase, detail="a bug of ours; the log has its traceback"))
