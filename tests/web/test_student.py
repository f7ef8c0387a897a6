"""What a student sees of a roll call."""

from __future__ import annotations

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts, row


async def test_student_sees_the_own_mark_live(serve, visit):
    visitor, _, students, _ = await called_lesson(serve, visit)
    ada = await visit(visitor.server, students[0])
    await ada.goto("/app/")
    page, own = ada.page, ada.page.get_by_role("status")
    await expect(page.get_by_role("heading", name="Now")).to_be_visible()
    await expect(own).to_contain_text("You are not marked yet")
    await ada.look("now-unmarked")
    await row(visitor.page, "Grace").get_by_role("radio", name="Absent").check()
    await row(visitor.page, "Ada").get_by_role("radio", name="Present").check()
    await expect(own).to_contain_text("You are marked: Present")
    await ada.look("now-marked")
    await visitor.page.get_by_role("button", name="Undo").click()
    await expect(own).to_contain_text("You are not marked yet")
    await visitor.page.get_by_role("button", name="Mark the rest present").click()
    await expect(own).to_contain_text("You are marked: Present")
    await page.get_by_role("link", name="My attendance").click()
    await expect(page.get_by_role("main")).to_contain_text("No record yet")
    await page.get_by_role("link", name="Now").click()
    await visitor.page.get_by_role("button", name="Review and finish").click()
    await visitor.page.get_by_role("button", name="Finish roll call").click()
    await expect(own).to_contain_text("Recorded: Present")
    await page.get_by_role("link", name="My attendance").click()
    await expect(page.get_by_role("listitem").filter(has_text="Maths 7b")).to_contain_text(
        "Present"
    )
    await ada.look("my-attendance")


async def test_roll_call_appears_at_the_student_by_itself(serve, visit):
    visitor, _, students, _ = await called_lesson(serve, visit)
    await counts(visitor.page, 0, 0, 5)
    await visitor.page.get_by_role("button", name="Review and finish").click()
    await visitor.page.get_by_role("button", name="Finish roll call").click()
    await expect(visitor.page.get_by_role("heading", name="is finished")).to_be_visible()
    ada = await visit(visitor.server, students[0])
    async with ada.page.expect_websocket():
        await ada.goto("/app/now")
    await expect(ada.page.get_by_role("heading", name="No roll call is live")).to_be_visible()
    await ada.look("now-nothing")
    await ada.page.wait_for_function("document.querySelector('main[data-connection=ready]')")
    await visitor.page.get_by_role("link", name="Back to Today").click()
    await visitor.page.get_by_role("button", name="Start roll call").click()
    await expect(ada.page.get_by_role("status")).to_contain_text("You are not marked yet")


async def test_person_without_classes_is_told_what_to_do(serve, visit):
    server = await serve()
    for role, told in (("teacher", "no classes yet"), ("student", "No roll call is live")):
        visitor = await visit(server, await server.person(role))
        await visitor.goto("/app/")
        await expect(visitor.page.get_by_role("main")).to_contain_text(told)
        await visitor.look(f"empty-{role}")
