"""A real browser on a real server. ``tox -e web`` runs these tests, with Debian's Chromium."""

from __future__ import annotations

import os
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page

    from quartapp.testing import Person, TestServer

PASSWORD = "correct horse"
WIDTHS = {"phone": 360, "tablet": 768, "desk": 1280}
# Ends a test that hangs.
DEADLINE_MS = 60_000
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
# What Chromium says where a test leaves service workers out.
BLOCKED = "Service Worker registration blocked by Playwright"
# Pictures of the pages, where somebody wants to look at them.
PICTURES = os.environ.get("QUARTAPP_TEST_PICTURES")


expect.set_options(timeout=DEADLINE_MS)


class Visitor:
    """Somebody in front of a browser; whatever the browser complains about fails the test."""

    def __init__(self, server: TestServer, context: BrowserContext, page: Page) -> None:
        self.server = server
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("console", lambda told: self._heard(told.type, told.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(
            part in text for part in (BLOCKED, *self.expected)
        ):
            self.complaints.append(text)

    async def goto(self, path: str) -> None:
        await self.page.goto(self.server.url + path)

    async def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Sign in on the page that is open."""
        await self.page.get_by_role("textbox", name="E-mail or username").fill(name)
        await self.page.get_by_role("textbox", name="Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def become(self, person: Person) -> None:
        """Have the session cookie of a person."""
        cookie = {"name": "quartapp_session", "value": person.token, "url": self.server.url}
        await self.context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Lax"}])

    async def look(self, name: str) -> None:
        """Look at the page in light and dark, at all widths; axe finds nothing."""
        before = self.page.viewport_size
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = await Axe().run(self.page, options=RULES)
            assert found.violations_count == 0, found.generate_report()
            for size, width in WIDTHS.items():
                await self.page.set_viewport_size({"width": width, "height": 800})
                wide = await self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} px wide at {width} px"
                if PICTURES:
                    picture = Path(PICTURES) / f"{name}-{size}-{scheme}.png"
                    await self.page.screenshot(path=picture, full_page=True)
        await self.page.emulate_media(color_scheme="light")
        if before:
            await self.page.set_viewport_size(before)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program, "these tests need Chromium, such as Debian's package chromium"
    async with async_playwright() as playwright:
        # Tests run as root in containers, where Chromium's own sandbox cannot start.
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def visit(browser: Browser) -> AsyncIterator[object]:
    """Provide ``await visit(server, person)``: a browser of one person, with cookies of its own."""
    visitors = []
    async with AsyncExitStack() as stack:

        async def begin(server: TestServer, person: Person | None = None, **options) -> Visitor:
            size = {"width": WIDTHS["desk"], "height": 800}
            usual = {"viewport": size, "locale": "en-GB", "service_workers": "block"}
            context = await browser.new_context(**{**usual, **options})
            stack.push_async_callback(context.close)
            context.set_default_timeout(DEADLINE_MS)
            visitor = Visitor(server, context, await context.new_page())
            visitors.append(visitor)
            if person is not None:
                await visitor.become(person)
            return visitor

        yield begin
    assert [told for visitor in visitors for told in visitor.complaints] == []
