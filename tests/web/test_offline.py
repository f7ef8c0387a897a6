"""A roll call without a connection, also after the page is loaded again."""

from __future__ import annotations

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts, row

# What Chromium says of a server that is away.
AWAY = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection")


async def kept(visitor):
    """Wait until the page outlives its connection."""
    await visitor.page.wait_for_selector("html[data-kept]", state="attached")


async def test_roll_call_is_loaded_and_called_without_a_connection(serve, visit):
    visitor, *_ = await called_lesson(serve, visit, service_workers="allow")
    visitor.expected = AWAY
    page = visitor.page
    await row(page, "Zoë").get_by_role("radio", name="Present").check()
    await counts(page, 1, 0, 4)
    await kept(visitor)
    await visitor.context.set_offline(True)
    await row(page, "Ada").get_by_role("radio", name="Absent").check()
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    await expect(row(page, "Ada").get_by_role("radio", name="Absent")).to_be_checked()
    await row(page, "Grace").get_by_role("radio", name="Present").check()
    await expect(page.locator("[data-state=waiting]")).to_have_count(2)
    await visitor.context.set_offline(False)
    await counts(page, 2, 1, 2)


async def test_other_pages_say_that_there_is_no_connection(serve, visit):
    visitor, *_ = await called_lesson(serve, visit, service_workers="allow")
    visitor.expected = AWAY
    page = visitor.page
    await kept(visitor)
    await visitor.context.set_offline(True)
    await page.get_by_role("link", name="Today").click()
    await expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    await visitor.look("offline")
    await visitor.context.set_offline(False)
    await page.get_by_role("link", name="Try again").click()
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()


async def test_sign_out_leaves_nothing_in_the_browser(serve, visit):
    visitor, *_ = await called_lesson(serve, visit, service_workers="allow")
    page = visitor.page
    await kept(visitor)
    keys = "caches.keys().then((names) => names.sort())"
    assert await page.evaluate(keys) == ["quartapp-files", "quartapp-pages"]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await page.evaluate(keys) == ["quartapp-files"]
