"""Who is let into the console, and whose forms it takes."""

import unittest

from headrace import config
from headrace.cli.run import block
from headrace.console.guard import Guard
from headrace.console.settings import ConsoleSettings
from tests.api.world import World
from tests.console.world import RunningConsole, services


class TheDoor(unittest.IsolatedAsyncioTestCase):
    """What the guard says to a request that comes from somewhere."""

    async def said(self, client: str | None, settings: ConsoleSettings | None = None, **headers: str) -> tuple[int, str]:
        """Return status and text of what is answered to a client at this address."""
        messages = []

        async def inside(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"inside"})

        async def receive():  # type: ignore[no-untyped-def]  # noqa: ANN202
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            messages.append(message)

        named = {"host": "localhost:8080", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/console/live",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": None if client is None else (client, 1),
        }
        await Guard(inside, settings or ConsoleSettings())(scope, receive, send)
        return messages[0]["status"], messages[1]["body"].decode()

    async def test_only_this_machine_is_let_in(self) -> None:
        """Whoever comes from elsewhere reads one sentence that says which setting opens the door."""
        for here in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
            self.assertEqual(await self.said(here), (200, "inside"))
        for elsewhere in ("192.168.1.7", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "", None):
            status, text = await self.said(elsewhere)
            self.assertEqual(status, 403, elsewhere)
            self.assertIn("answers only to the machine that it runs on", text)
            self.assertIn("HEADRACE_CONSOLE_OPEN=true", text)

    async def test_a_setting_opens_it(self) -> None:
        """Opened, it answers to others, by address or by a name that the settings tell."""
        settings = ConsoleSettings(open=True, hosts=("headrace.example",))
        self.assertEqual(await self.said("192.168.1.7", settings, host="192.168.1.2:8080"), (200, "inside"))
        self.assertEqual(await self.said("192.168.1.7", settings, host="Headrace.Example"), (200, "inside"))
        self.assertEqual((await self.said("192.168.1.7", settings, host="other.example"))[0], 403)

    async def test_what_a_proxy_brings_is_not_from_this_machine(self) -> None:
        """A proxy beside the API connects from loopback on behalf of anybody."""
        for name in ("forwarded", "x_forwarded_for", "x_real_ip", "via"):
            self.assertEqual((await self.said("127.0.0.1", None, **{name: "10.0.0.1"}))[0], 403, name)

    async def test_a_name_that_somebody_pointed_at_us_is_refused(self) -> None:
        """DNS rebinding: the browser believes it talks to the attacker's page, and says so in Host."""
        for name in (
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "[::1",
            "a<b>",
        ):
            status, text = await self.said("127.0.0.1", None, host=name)
            self.assertEqual(status, 403, name)
            self.assertIn("HEADRACE_CONSOLE_HOSTS", text)
            self.assertNotIn("<b>", text)
        for name in ("127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "shop.localhost:8080", "localhost."):
            self.assertEqual((await self.said("127.0.0.1", None, host=name))[0], 200, name)


class Forms(unittest.TestCase):
    """What is written is written by a form of the console's own."""

    console: RunningConsole

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server."""
        cls.console = RunningConsole(World())
        cls.enterClassContext(cls.console)

    def test_a_form_with_its_token_is_taken(self) -> None:
        """It is answered with a redirect to the page."""
        cookie, token = self.console.opened()
        answer = self.console.sent("/console/theme", f"token={token}&theme=dark&back=/console/live", Cookie=cookie)
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/console/live"))
        self.assertIn("headrace_theme=dark", answer.headers["set-cookie"])

    def test_a_form_without_the_right_token_changes_nothing(self) -> None:
        """No token, somebody else's, or one without the cookie: all the same."""
        cookie, token = self.console.opened()
        _, other = self.console.opened()
        for form, headers in (
            ("theme=dark", {"Cookie": cookie}),
            (f"token={other}&theme=dark", {"Cookie": cookie}),
            (f"token={token}&theme=dark", {}),
            (f"token={token}x&theme=dark", {"Cookie": cookie}),
            ("token=%C3%BC&theme=dark", {"Cookie": cookie}),
        ):
            answer = self.console.sent("/console/theme", form, **headers)
            self.assertEqual(answer.status, 403, form)
            self.assertNotIn("headrace_theme", str(answer.headers))

    def test_a_form_from_another_origin_is_refused_even_with_a_token(self) -> None:
        """Whoever plants a cookie knows its token; the browser still tells where the form came from."""
        cookie, token = self.console.opened()
        form = f"token={token}&theme=dark"
        for headers in ({"Origin": "http://localhost:3000"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
            self.assertEqual(self.console.sent("/console/theme", form, Cookie=cookie, **headers).status, 403, headers)
        same = {"Origin": self.console.base_url, "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.console.sent("/console/theme", form, Cookie=cookie, **same).status, 303)

    def test_a_redirect_leads_nowhere_else(self) -> None:
        """The address to go back to is one of the console's own."""
        cookie, token = self.console.opened()
        for back in ("https://evil.example/", "//evil.example", "/console\\evil", "/console/\\evil", ""):
            answer = self.console.sent("/console/theme", f"token={token}&theme=light&back={back}", Cookie=cookie)
            self.assertEqual((answer.status, answer.headers["location"]), (303, "/console"), back)

    def test_what_is_no_form_is_refused(self) -> None:
        """Bytes that are no text, too many fields, another method."""
        cookie, token = self.console.opened()
        for form in ("a=%FF", "&".join(["a=1"] * 1001)):
            self.assertEqual(self.console.sent("/console/theme", f"{form}&token={token}", Cookie=cookie).status, 400)
        for method in ("PUT", "DELETE", "PATCH"):
            self.assertEqual(self.console.ask(method, "/console/live").status, 405)

    def test_a_form_that_may_not_write_is_not_read(self) -> None:
        """Four megabytes of escapes are told apart by the token alone; more than any record can be is refused by its size."""
        cookie, token = self.console.opened()
        escapes = "%41" * 1_300_000
        self.assertEqual(self.console.sent("/console/theme", f"theme={escapes}&token={'0' * 64}", Cookie=cookie).status, 403)
        self.assertEqual(self.console.sent("/console/theme", f"theme={escapes}&token={token}", Cookie=cookie).status, 303)
        self.assertEqual(self.console.sent("/console/theme", f"token={token}&theme={escapes * 2}", Cookie=cookie).status, 413)

    def test_cookies_of_another_program_on_this_machine_lock_nobody_out(self) -> None:
        """Cookies are shared by all ports of a machine, and some are written oddly."""
        cookie, token = self.console.opened()
        for odd in ("flag", "user@home=2", "theme=a b", "a=\u00fc;;=;"):
            for cookies in (f"{odd}; {cookie}", f"{cookie}; {odd}"):
                answer = self.console.sent("/console/theme", f"token={token}&theme=dark", Cookie=cookies)
                self.assertEqual(answer.status, 303, cookies)

    def test_every_answer_forbids_the_browser_what_the_pages_do_not_need(self) -> None:
        """No inline script, no frame, no cache; also where it refuses."""
        for target in ("/console/live", "/console/nothing"):
            headers = self.console.ask("GET", target).headers
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'; script-src 'self'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertEqual(headers["x-content-type-options"], "nosniff")
        refused = self.console.ask("GET", "/console/live", Host="evil.example")
        self.assertEqual(refused.status, 403)
        self.assertIn("content-security-policy", refused.headers)
        self.assertNotIn("set-cookie", refused.headers)


class ServicesOfTheConsole(unittest.TestCase):
    """What the console asks for."""

    def test_they_are_the_api_s_and_more(self) -> None:
        """One object serves both, so a page sees what the API sees."""
        found = services(World(), ConsoleSettings())
        self.assertEqual(found.console, ConsoleSettings())
        self.assertEqual(found.settings.host, "127.0.0.1")


class WhatTheStartSays(unittest.TestCase):
    """Who may see the console is told where it is told where it is."""

    def said(self, **environ: str) -> str:
        """Return the line of the console."""
        settings = config.read({"HEADRACE_HOME": "/tmp/nowhere", **environ})
        return next(line.strip() for line in block(settings, None, 1.0) if "console" in line)

    def test_it_says_who_may_see_it(self) -> None:
        """Where the API is open and the console is not, and where both are."""
        self.assertEqual(self.said(), "console  http://127.0.0.1:8080/console")
        self.assertIn("(from this machine only)", self.said(API_HOST="192.0.2.7"))
        self.assertIn("without keys", self.said(API_HOST="192.0.2.7", HEADRACE_CONSOLE_OPEN="true"))

    def test_hosts_are_names_in_small_letters(self) -> None:
        """Several with commas between them; none is the default."""
        self.assertEqual(config.read({"HEADRACE_CONSOLE_HOSTS": "A.example, b"}).console.hosts, ("a.example", "b"))
        self.assertEqual(config.read({"HEADRACE_CONSOLE_HOSTS": ""}).console.hosts, ())
        with self.assertRaises(config.ConfigurationError):
            config.read({"HEADRACE_CONSOLE_HOSTS": "a.example,,b"})
