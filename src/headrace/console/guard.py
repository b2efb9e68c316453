"""The console's door: who is let in, which requests may write, and what every answer tells the browser to forbid.

Until there are keys it answers to this machine alone, unless the settings open it. Somebody else's page in the same browser is
kept out in three ways: by name (its own name pointed at our address, DNS rebinding, is no name of ours), by the token of every
form, and by the origin that browsers tell.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.config.spaces import DEFAULT
from headrace.console.settings import ConsoleSettings

ROOT: Final = "/console"
VISITOR: Final = "headrace_console"
THEME: Final = "headrace_theme"
NOTICE: Final = "headrace_notice"
SPACE: Final = "headrace_space"
"""The cookies: who this browser is (for the tokens), light or dark, what the last POST did, and the space that is shown."""

OF_ANY: Final = frozenset({f"{ROOT}/theme", f"{ROOT}/space"})
"""Where forms change nothing of a space: one of a page that shows another space is taken there as well."""

THEMES: Final = ("auto", "light", "dark")
_MOST_FIELDS: Final = 1000
_LARGEST: Final = 4_000_000
"""Bytes of a form: a record of a megabyte, to be mended, of which every byte may be written as three."""

_SMALL: Final = 50_000
_TOKEN: Final = b"token="
_LONGEST_TOKEN: Final = 200
_LONGEST_LOST: Final = 40
_STATIC: Final = f"{ROOT}/static/"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_WRITES: Final = "POST"
_READS: Final = frozenset({"GET", "HEAD"})
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_REFUSAL: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>headrace console</title><h1>Not here</h1><p>{sentence}</p></html>"
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The browser that asks. ``form`` are the fields of its POST, whose token was found good; of equal names the last."""

    identity: str
    space: str = DEFAULT
    theme: str = "auto"
    notice: str | None = None
    lost: str | None = None
    """The space it had chosen, where there is none of that name any more."""

    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """Return what every form of this browser carries on pages of this space."""
        return token(self.identity, self.space)


def token(identity: str, space: str) -> str:
    """Return what a browser's forms carry on pages of a space; whoever cannot read its cookie cannot tell it.

    It names the space, because a browser with two pages open may have chosen another one since: such a form does nothing.
    """
    return hmac.digest(identity.encode(), f"a form of the console over {space}".encode(), hashlib.sha256).hex()


def visitor(request: Request) -> Visitor:
    """Return who asks."""
    found: Visitor = request.scope["visitor"]
    return found


class Guard:
    """Stands before an application: refuses, or lets in with a ``Visitor`` in the scope."""

    def __init__(
        self, application: ASGIApp, settings: ConsoleSettings, space: str = DEFAULT, spaces: Sequence[str] = (DEFAULT,)
    ) -> None:
        self._application = application
        self._settings = settings
        self._space = space
        self._spaces = spaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        cookies = cookies_of(headers)
        known = cookies.get(VISITOR, "")
        identity = known if len(known) == 32 and known.isalnum() else secrets.token_hex(16)
        theme = cookies.get(THEME, "auto")
        notice = unquote(cookies[NOTICE]) if NOTICE in cookies else None
        chosen = cookies.get(SPACE)
        lost = chosen if chosen is not None and chosen not in self._spaces else None
        came = Visitor(identity, self._space, theme if theme in THEMES else "auto", notice, lost and lost[:_LONGEST_LOST])
        status, sentence = self._stranger(scope, headers)
        if not sentence and scope["method"] not in _READS:
            came, (status, sentence) = await _writer(scope, receive, headers, came, self._spaces)
        answer: ASGIApp = self._application
        if sentence:
            answer = HTMLResponse(_REFUSAL.format(sentence=_plain(sentence)), status)

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
                if not any(name == b"cache-control" for name, _ in message["headers"]):
                    message["headers"].append((b"cache-control", b"no-store"))
                if identity != known and not sentence:
                    cookie = f"{VISITOR}={identity}; Path={ROOT}; HttpOnly; SameSite=Lax"
                    message["headers"].append((b"set-cookie", cookie.encode()))
                if scope["method"] == "GET" and "x-fragment" not in headers and not sentence:
                    # Both are said on this page, once. What a page loads beside itself says nothing.
                    said = [NOTICE] * (notice is not None) + [SPACE] * (lost is not None)
                    for name in said if not scope["path"].startswith(_STATIC) else ():
                        message["headers"].append((b"set-cookie", f"{name}=; Path={ROOT}; Max-Age=0".encode()))
            await send(message)

        await answer({**scope, "visitor": came}, receive, send_guarded)

    def _stranger(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """Return status and sentence for one who is not let in; an empty sentence for one who is."""
        if not self._settings.open:
            opens = "HEADRACE_CONSOLE_OPEN=true opens it to whoever reaches the API; there are no keys yet"
            if not _is_loopback((scope.get("client") or ("",))[0]):
                return 403, f"The console answers only to the machine that it runs on. {opens}."
            if any(name in headers for name in _FORWARDED):
                return 403, f"The console answers only to the machine that it runs on, and this came through a proxy. {opens}."
        named = _name(headers.get("host", ""))
        if not (_is_address(named) or named == "localhost" or named.endswith(".localhost") or named in self._settings.hosts):
            return 403, f"The console does not go by the name {named[:100]!r}. HEADRACE_CONSOLE_HOSTS={named[:100]} lets it."
        return 200, ""


async def _writer(
    scope: Scope, receive: Receive, headers: Headers, came: Visitor, spaces: Sequence[str]
) -> tuple[Visitor, tuple[int, str]]:
    """Return the visitor with the fields of the form, or status and sentence where it may not write."""
    status, sentence = _foreign(scope, headers)
    if sentence:
        return came, (status, sentence)
    body = await Request(scope, receive).body()
    if len(body) > _LARGEST:
        return came, (413, f"The form is larger than {_LARGEST:,} bytes.")
    given = _token_in(body)
    space = next((one for one in spaces if hmac.compare_digest(given, token(came.identity, one).encode())), None)
    if space is None:
        return came, (403, "This page is too old to write with, or cookies are off: open it again, then send the form again.")
    if space != came.space and scope["path"] not in OF_ANY:
        since = f"This page shows the space {space}, and {came.space} was chosen since"
        return came, (409, f"{since}. Nothing was done: choose {space} again, or open the page again.")
    try:
        # Read where answers need not wait for it: a record to be mended may be large.
        form = await asyncio.to_thread(_form, body) if len(body) > _SMALL else _form(body)
    except ValueError:
        return came, (400, "The form cannot be read.")
    return replace(came, form=form), (200, "")


def _foreign(scope: Scope, headers: Headers) -> tuple[int, str]:
    """Return status and sentence for what is no form, or another page's; an empty sentence for one of ours."""
    if scope["method"] != _WRITES:
        return 405, "The console takes GET and POST."
    origin = headers.get("origin")
    same = headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    if not same or (origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()):
        return 403, "This form was sent by a page that is not the console's."
    return 200, ""


def _token_in(body: bytes) -> bytes:
    """Return what a form says is its token, found without reading the form: nothing is read for one that may not write."""
    begin = 0 if body.startswith(_TOKEN) else body.find(b"&" + _TOKEN) + 1
    given = body[begin : begin + _LONGEST_TOKEN].partition(b"&")[0]
    return given.removeprefix(_TOKEN) if given.startswith(_TOKEN) else b""


def _form(body: bytes) -> dict[str, str]:
    fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    return {name: value for name, value in fields if name != "token"}


def cookies_of(headers: Headers) -> dict[str, str]:
    """Return the cookies of a request; one that is written oddly, another program's perhaps, takes no other with it."""
    return cookie_parser(headers.get("cookie", ""))


def _name(host: str) -> str:
    """Return the name or address that a Host header tells, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _plain(sentence: str) -> str:
    return sentence.replace("&", "&amp;").replace("<", "&lt;")


def told(response: Response, notice: str) -> Response:
    """Return the answer with words that the next page says once."""
    response.set_cookie(NOTICE, quote(notice), max_age=60, path=ROOT, httponly=True, samesite="strict")
    return response
