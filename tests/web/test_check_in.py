"""A student checks in with the code that the teacher shows."""

from __future__ import annotations

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts


async def test_student_checks_in_by_code_and_a_wrong_code_is_told(serve, visit):
    async def with_checkin(**options):
        return await serve(extra_plugins=("checkin",), **options)

    visitor, teacher, students, _ = await called_lesson(with_checkin, visit, names=("Ada", "Ben"))
    await counts(visitor.page, 0, 0, 2)
    own = await visit(visitor.server, students[0])
    page = own.page
    await own.goto("/app/now")
    await page.wait_for_selector("main[data-connection=ready]")
    shown = await visitor.server.api.get("/attendance/checkin-code", headers=teacher.headers)
    code = shown.json()["data"]["code"]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    field = page.get_by_role("textbox", name="Code that your teacher shows")
    await field.fill(wrong)
    await page.get_by_role("button", name="Check in").click()
    await expect(page.get_by_role("alert")).to_have_text(
        "This code is wrong or over. Read it once more."
    )
    await own.look("now-check-in")
    shown = await visitor.server.api.get("/attendance/checkin-code", headers=teacher.headers)
    await page.get_by_role("textbox", name="Code that your teacher shows").fill(
        shown.json()["data"]["code"]
    )
    await page.get_by_role("button", name="Check in").click()
    await expect(page.get_by_role("status")).to_contain_text("You are marked: Present")
    await expect(page.get_by_role("button", name="Check in")).to_be_hidden()
    await counts(visitor.page, 1, 0, 1)


async def test_server_without_check_in_asks_for_no_code(serve, visit):
    visitor, _, students, _ = await called_lesson(serve, visit, names=("Ada",))
    own = await visit(visitor.server, students[0])
    await own.goto("/app/now")
    await expect(own.page.get_by_role("status")).to_contain_text("You are not marked yet")
    await expect(own.page.get_by_role("button", name="Check in")).to_have_count(0)
