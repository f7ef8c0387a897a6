"""A connection that is cut fifty times: every mark is stored once, and the focus stays."""

from __future__ import annotations

import json
from itertools import cycle

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts

CUTS = 50
KEYS = {"p": "present", "a": "absent"}


class Cuts:
    """Cuts the connections of a page, at a moment that the test chooses.

    Attributes:
        wanted: Moment of the next cut: ``before`` a mark reaches the server, before its ``answer``
            reaches the page, or ``after`` both; empty for none.
        made: Number of cuts.
    """

    def __init__(self) -> None:
        self.wanted = ""
        self.made = 0

    def between(self, socket) -> None:
        """Stand between a page and the server."""
        server, is_open = socket.connect_to_server(), True

        async def cut():
            nonlocal is_open
            is_open, self.wanted = False, ""
            await server.close()
            await socket.close()
            self.made += 1

        async def sent(text):
            if not is_open:
                return
            if self.wanted == "before" and json.loads(text)["event"] == "ATTENDANCE_MARKED":
                await cut()
            else:
                server.send(text)

        async def heard(text):
            if not is_open:
                return
            is_answer = json.loads(text)["event"] == "ATTENDANCE_MARKED"
            if self.wanted != "answer" or not is_answer:
                socket.send(text)
            if self.wanted in {"answer", "after"} and is_answer:
                await cut()

        socket.on_message(sent)
        server.on_message(heard)


async def test_fifty_cuts_lose_no_mark_and_no_focus(serve, visit, eventually):
    names = [f"Student {number:02}" for number in range(CUTS)]
    visitor, *_ = await called_lesson(serve, visit, names)
    page, cuts = visitor.page, Cuts()
    await page.route_web_socket("**/ws?*", cuts.between)
    await page.reload()
    await page.wait_for_selector("main[data-connection=ready]")
    begun = int(await page.get_attribute("main", "data-seq"))
    moments, keys = cycle(("before", "answer", "after")), cycle("paa")
    wanted = []

    for number in range(CUTS):
        cuts.wanted, key = next(moments), next(keys)
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press(key)

        async def is_cut(number=number):
            return cuts.made == number + 1

        await eventually(is_cut)
        # What a browser says when the network is back: nobody waits for the next attempt.
        await page.evaluate("dispatchEvent(new Event('online'))")
        wanted.append(KEYS[key])
        focused = page.get_by_role("listitem").nth(number).locator(":focus")
        await expect(focused).to_have_count(1)

    present = wanted.count("present")
    await counts(page, present, CUTS - present, 0)
    await expect(page.locator("[data-state=stored]")).to_have_count(CUTS)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("listitem").nth(CUTS - 1).locator(":focus")).to_have_count(1)
    await page.reload()
    stored = await page.locator("[data-student]").evaluate_all(
        "items => items.map((item) => item.dataset.status)"
    )
    assert stored == wanted
    # Each mark has counted once.
    assert int(await page.get_attribute("main", "data-seq")) == begun + CUTS
