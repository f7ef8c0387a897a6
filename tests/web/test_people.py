"""The administrator's pages about people, in a browser."""

from __future__ import annotations

from playwright.async_api import expect


async def test_administrator_finds_invites_and_helps_people(serve, visit, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve()
    for name in ("<b>Bobby</b> & Co Qqz", "محمد Qqz", "W" * 90 + " Qqz"):
        await server.person("student", name=name)
    visitor = await visit(server, await server.person("admin", name="The office"))
    page = visitor.page
    await visitor.goto("/app/today")
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("searchbox").fill("qqz")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(3)
    await visitor.look("people")
    await page.get_by_role("link", name="<b>Bobby</b>").click()
    await page.get_by_role("button", name="Make a code for a new password").click()
    await expect(page.get_by_role("status")).to_contain_text("sets a password")
    await visitor.look("person")
    await page.get_by_role("button", name="Disable the account").click()
    await expect(page.get_by_role("status")).to_contain_text("The account is disabled")
    await page.get_by_role("link", name="People", exact=True).first.click()
    await page.get_by_role("link", name="Invite somebody").click()
    await visitor.look("invite")
    await page.get_by_role("button", name="Make the invitation").click()
    await expect(page.get_by_role("status")).to_contain_text("It is shown this once")
    await visitor.look("invited")
