"""A teacher in front of a roll, and what is found on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from quartapp_classes.testing import class_room

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

NAMES = ("Ada Lovelace", "Grace Brewster Murray Hopper", "محمد بن موسى", "<b>Bobby</b> & Co", "Zoë")


async def called_lesson(serve, visit, names=NAMES, clock=None, **options):
    """Return a server, a teacher in front of the roll of a live session, and the class."""
    server = await serve() if clock is None else await serve(clock=clock)
    teacher = await server.person("teacher")
    students = [await server.person("student", name=name) for name in names]
    room = await class_room(server, teacher, students, name="Maths 7b")
    visitor = await visit(server, teacher, **options)
    await visitor.goto("/app/today")
    await visitor.page.get_by_role("button", name="Start roll call").click()
    await expect(visitor.page.get_by_role("list", name="Roll")).to_be_visible()
    # What a test does to the class afterwards finds a page that is connected.
    await visitor.page.wait_for_selector("main[data-connection=ready]")
    return visitor, teacher, students, room


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Roll").get_by_role("listitem").filter(has_text=name)


def counts(page: Page, present: int, absent: int, unmarked: int):
    told = f"{present} present, {absent} absent, {unmarked} not marked"
    return expect(page.get_by_role("status").first).to_have_text(told)
