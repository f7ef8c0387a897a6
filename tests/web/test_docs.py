"""The page of the HTTP contract: the examples work at the first click, in their order."""

from __future__ import annotations

import json


async def tried(page, tag, operation):
    """Open an operation, try it as it stands there, and return the status and the answer."""
    block = page.locator(f"#operations-{tag}-{operation}")
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Try it out").click()
    await block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    status = await live.locator("tbody .response-col_status").first.inner_text()
    answer = await live.locator("tbody .response-col_description pre").first.inner_text()
    return status.split()[0], json.loads(answer)


async def test_try_it_out_works_at_the_first_click(serve, visit):
    server = await serve()
    visitor = await visit(server)
    page = visitor.page
    await visitor.goto("/docs")

    status, made = await tried(page, "auth", "registerUser")
    assert (status, made["data"]["email"]) == ("201", "ada@school.example")
    status, signed_in = await tried(page, "auth", "login")
    assert status == "200"

    await page.locator(".auth-wrapper .authorize").first.click()
    await page.locator(".auth-container input").fill(signed_in["data"]["token"])
    await page.locator(".auth-btn-wrapper .authorize").click()
    await page.locator(".btn-done").click()
    status, me = await tried(page, "auth", "getMe")
    assert (status, me["data"]["email"]) == ("200", "ada@school.example")
    status, created = await tried(page, "class", "createClass")
    assert (status, created["data"]["className"]) == ("201", "Mathematics 101")
    status, classes = await tried(page, "class", "listClasses")
    assert (status, classes["data"]) == ("200", [created["data"]])
