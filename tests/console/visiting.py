"""A browser without a screen: it keeps cookies, reads a page's token, and sends forms."""

import http.client
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlencode

from tests.api.world import Answered
from tests.console.world import TOKEN

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Visitor:
    """One browser before the console at a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answered:
        """Return an answer, and keep the cookies that come with it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            connection.request(method, path, body, headers | ({"Cookie": cookie} if cookie else {}))
            answer = connection.getresponse()
            for set_cookie in answer.headers.get_all("set-cookie", []):
                for name, morsel in SimpleCookie(set_cookie).items():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(name, None)
                    else:
                        self.cookies[name] = morsel.value
            return Answered(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def page(self, path: str, **headers: str) -> str:
        """Return a page, whatever it says."""
        return self.ask("GET", path, **headers).body.decode()

    def token(self, path: str) -> str:
        """Return what the forms of a page carry."""
        page = self.page(path)
        found = TOKEN.search(page)
        if found is None:
            raise AssertionError(f"{path} has no form: {page[:500]}")
        return found[1]

    def send(self, path: str, token: str, **form: str) -> Answered:
        """Send a form."""
        return self.ask("POST", path, urlencode({"token": token, **form}), **FORM)

    def choose(self, space: str, back: str = "/console/live") -> Answered:
        """Choose a space on a page."""
        return self.send("/console/space", self.token(back), space=space, back=back)
