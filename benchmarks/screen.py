"""A real browser, for how long a page takes until somebody sees it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import BrowserContext, Page, async_playwright

from benchmarks.measures.bench import NotMeasured

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
LOADED: Final = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[BrowserContext]:
    """Yield a browser before this address. Raises ``NotMeasured`` where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NotMeasured("there is no Chromium here: apt-get install chromium (on Debian)")
    # Root's Chromium cannot make its sandbox; what it opens here is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield await started.new_context(base_url=url, viewport={"width": 1280, "height": 900})
        finally:
            await started.close()


async def loaded_ms(context: BrowserContext, path: str) -> float:
    """Open an address in a tab of its own, which a browser makes first; return the milliseconds until all of it was loaded."""
    page = await context.new_page()
    try:
        return await followed_ms(page, path)
    finally:
        await page.close()


async def followed_ms(page: Page, path: str) -> float:
    """Go to an address in a tab, as one does who follows a link; return the milliseconds until everything of it was loaded."""
    await page.goto(path, wait_until="load")
    await page.wait_for_function(f"{LOADED} > 0")
    return float(await page.evaluate(LOADED))
