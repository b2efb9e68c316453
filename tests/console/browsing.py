"""A real Chromium before the running product with simulated viewers in it, for every test of a page.

One product and one stream of viewers a test process, started when the first test needs them, and one browser a class. Where
there is no Chromium the tests skip, and one loud line says how to get it.

``HEADRACE_TEST_SCREENSHOTS=1`` has ``BrowserCase.picture`` write the pictures that the documentation shows.
"""

import atexit
import functools
import io
import os
import shutil
import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.acceptance.town import Town
from tests.architecture.sources import ROOT

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
PICTURES: Final = ROOT / "docs/howto/pictures"
WIDE: Final = 1280
NARROW: Final = 360
LATEST_MS: Final = 60_000
"""How long a page may take until it shows what a test waits for."""

Colours = Literal["light", "dark"]
SERIOUS: Final = frozenset({"serious", "critical"})


@functools.cache
def product() -> Town:
    """Return the running product, with viewers that come and go for as long as the tests last."""
    town = Town(LOG_LEVEL="WARNING")
    atexit.register(town.close)
    url = f"http://127.0.0.1:{town.port}"
    arguments = ("demo", "--url", url, "--seconds", "900", "--rate", "5", "--items", "200")
    viewers = subprocess.Popen(
        [sys.executable, "-m", "headrace", *arguments],
        env=town.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_end, viewers)
    town.until(lambda: town.get("/analytics/baseline")["metrics"]["watches"] > 5, "viewers have watched something", 120)
    return town


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser; skips the test where there is none.

    Its driver keeps a loop running in this thread: it must end before a test that has a loop of its own.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _say("NO TEST RUNS IN A BROWSER: there is no Chromium here: apt-get install chromium (on Debian), then again")
        raise unittest.SkipTest("no Chromium")
    # Root's Chromium cannot make its sandbox; what it opens here is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=arguments) as started:
        _say(f"tests run in a real browser: Chromium {started.version}")
        yield started


class BrowserCase(unittest.TestCase):
    """A test in the browser. An error on a page's console fails it."""

    town: Town
    browser: Browser

    @classmethod
    def setUpClass(cls) -> None:
        """Start what is not started yet."""
        super().setUpClass()
        cls.browser = cls.enterClassContext(browser())
        cls.town = product()

    def setUp(self) -> None:
        """Begin without complaints."""
        super().setUp()
        self.complaints: list[str] = []

    def tearDown(self) -> None:
        """Fail where a page complained."""
        self.assertEqual(self.complaints, [])
        super().tearDown()

    @contextmanager
    def opened(self, path: str, *, colours: Colours = "light", width: int = WIDE, script: bool = True) -> Iterator[Page]:
        """Yield a page in a browser of its own, without any cookie."""
        context = self.browser.new_context(
            base_url=f"http://127.0.0.1:{self.town.port}",
            viewport=_size(width),
            color_scheme=colours,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(LATEST_MS)
        page = context.new_page()
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        try:
            answer = page.goto(path)
            assert answer is not None
            page.wait_for_load_state()
            yield page
        finally:
            context.close()

    def findings(self, page: Page, *rules: str) -> list[str]:
        """Return what axe-core finds seriously wrong with a page, by all its rules or these: the rule and the elements."""
        only = {"runOnly": list(rules)} if rules else {}
        found: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"], **only}).response
        return [
            f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    def seen_again(self, page: Page, *, colours: Colours = "light", width: int = WIDE) -> None:
        """Change what an open page is looked at with: the colours and the width."""
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        page.set_viewport_size(_size(width))

    def sideways(self, page: Page) -> int:
        """Return by how many pixels a page is wider than the screen."""
        return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, page: Page, name: str, *, whole: bool = False) -> None:
        """Keep a picture for the documentation, where somebody asks for it; few colours make it small."""
        if os.environ.get("HEADRACE_TEST_SCREENSHOTS") != "1":
            return
        PICTURES.mkdir(exist_ok=True)
        with Image.open(io.BytesIO(page.screenshot(full_page=whole))) as taken:
            taken.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


def _size(width: int) -> ViewportSize:
    return {"width": width, "height": 900 if width == WIDE else 740}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


@functools.cache
def _say(words: str) -> None:
    sys.stderr.write(f"\n=== {words} ===\n")
    sys.stderr.flush()
