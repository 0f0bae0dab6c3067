"""A real Chromium that looks at the consoles, and what must be true of each page that it shows.

`Visit` fails its test if the page logs an error, breaks the content security policy, or asks another machine. `check`
holds a page to what every page promises: no scroll sideways, no text cut off, no control over another, and no violation
that axe finds. It also keeps a picture in `build/screenshots/`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    async_playwright,
)

from tests.components import skip_without

SCREENSHOTS = Path(os.environ.get("SHELFSYNC_SCREENSHOTS", "build/screenshots"))

WIDE, NARROW = 1440, 390
"""Widths of a desk and of a handheld, in CSS pixels."""

HEIGHTS = {WIDE: 900, NARROW: 844}

_FAULTS = (Path(__file__).parent / "faults.js").read_text()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser of the machine. Skips the test where there is none."""
    path = shutil.which("chromium")
    if path is None:
        skip_without("chromium", "apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await _launch(playwright, path)
        try:
            yield browser
        finally:
            await browser.close()


async def _launch(playwright: Playwright, path: str) -> Browser:
    # a test runs as root in a container, where the sandbox of Chromium cannot start
    return await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])


class Visit:
    """One window on the pages of a node."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.clicks = 0
        """Presses on links, buttons and fields, for the tasks that may take only so many."""
        self.faults: list[str] = []
        self.expects_failures = False
        """Whether the node may be away, so that calls may fail."""
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.faults.append(f"error on the page: {error}"))
        page.on("request", self._note_request)

    def _note_message(self, message: ConsoleMessage) -> None:
        is_failed_call = "Failed to load resource" in message.text
        if message.type == "error" and not is_failed_call:
            self.faults.append(f"logged: {message.text}")

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(self.base):
            self.faults.append(f"asked another machine: {request.url}")

    async def go(self, address: str = "#/") -> None:
        """Open an address such as `#/stock`, and wait for its heading."""
        await self.page.goto(f"{self.base}/{address}")
        await self.heading()

    async def heading(self) -> str:
        """Wait until the open page has its heading and loads nothing, and return the heading."""
        heading = self.page.locator("main h1")
        await heading.first.wait_for()
        await self.page.locator("main .loading").first.wait_for(state="detached")
        return (await heading.first.inner_text()).strip()

    async def click(self, name: str, role: Any = "button", *, exact: bool = True) -> None:
        """Press a control by its name, and count it."""
        self.clicks += 1
        await self.page.get_by_role(role, name=name, exact=exact).first.click()

    async def clicked(self, control: Locator) -> None:
        """Press a control that a name alone does not find, and count it."""
        self.clicks += 1
        await control.click()

    async def fill(self, label: str, text: str) -> None:
        """Type into a field by its label, and count it as one press."""
        self.clicks += 1
        await self.page.get_by_label(label, exact=True).first.fill(text)

    async def scan(self, code: str) -> None:
        """What a scanner does: it types into the field that has the focus, and presses Enter. It is no press."""
        await self.page.locator("main input:focus").wait_for()
        await self.page.keyboard.type(code)
        await self.page.keyboard.press("Enter")

    async def focused(self) -> str:
        """The label of the field that has the focus."""
        label = "(element) => element.ariaLabel || element.labels?.[0]?.textContent || ''"
        return str(await self.page.evaluate(f"({label})(document.activeElement)"))

    async def text(self) -> str:
        """All text of the open page."""
        return await self.page.locator("main").inner_text()

    async def see(self, text: str, within_ms: float = 10_000) -> None:
        """Wait until the page shows a text."""
        await self.page.locator("main").get_by_text(text).first.wait_for(timeout=within_ms)

    async def check(self, name: str) -> None:
        """Hold the open page to what every page promises, and keep a picture of it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        size = self.page.viewport_size
        assert size is not None
        await self.page.screenshot(path=SCREENSHOTS / f"{name}-{size['width']}.png", full_page=True)
        faults = list(await self.page.evaluate(_FAULTS))
        results = await Axe().run(self.page)
        faults += [
            f"axe {violation['id']}: {violation['help']}: {[node['html'][:160] for node in violation['nodes'][:3]]}"
            for violation in results.response["violations"]
        ]
        assert not faults, f"{name} at {size['width']} px:\n" + "\n".join(faults)


@asynccontextmanager
async def profile(
    browser: Browser, *, width: int = WIDE, language: str = "en-GB", dark: bool = False
) -> AsyncIterator[BrowserContext]:
    """What one user of the browser has: a screen, a language, a cache and a memory that begins empty."""
    context = await browser.new_context(
        viewport={"width": width, "height": HEIGHTS.get(width, 900)},
        locale=language,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def window(context: BrowserContext, url: str) -> AsyncIterator[Visit]:
    """A window of a user. Fails the test if the page had a fault."""
    visit = Visit(await context.new_page(), url)
    try:
        yield visit
    finally:
        await visit.page.close()
    assert not visit.faults, "\n".join(visit.faults)


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, width: int = WIDE, language: str = "en-GB", dark: bool = False
) -> AsyncIterator[Visit]:
    """A window with nothing remembered. Fails the test if the page had a fault."""
    async with (
        profile(browser, width=width, language=language, dark=dark) as context,
        window(context, url) as visit,
    ):
        yield visit
