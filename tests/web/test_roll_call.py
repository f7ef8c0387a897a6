"""The roll call: marks by keyboard and thumb, by several people, and to its end."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts, row


async def test_roll_call_from_start_to_finish(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    page = visitor.page
    await visitor.look("roll-unmarked")
    await counts(page, 0, 0, 5)
    await row(page, "Ada").get_by_role("radio", name="Present").check()
    await row(page, "Zoë").get_by_role("radio", name="Absent").check()
    await counts(page, 1, 1, 3)
    await page.get_by_role("button", name="Undo").click()
    await counts(page, 1, 0, 4)
    await expect(row(page, "Zoë").get_by_role("radio", name="Absent")).not_to_be_checked()
    await page.get_by_role("button", name="Review and finish").click()
    await expect(page.get_by_role("heading", name="Review")).to_be_focused()
    await visitor.look("roll-review")
    await page.get_by_role("button", name="Back to the roll").click()
    await page.get_by_role("button", name="Mark the rest present").click()
    await counts(page, 5, 0, 0)
    await visitor.look("roll-marked")
    await page.get_by_role("button", name="Review and finish").click()
    await page.get_by_role("button", name="Finish roll call").click()
    await expect(page.get_by_role("heading", name="The roll call is finished")).to_be_focused()
    await counts(page, 5, 0, 0)
    await visitor.look("roll-finished")
    await page.get_by_role("link", name="Back to Today").click()
    await expect(page.get_by_role("button", name="Start roll call")).to_be_visible()


async def test_roll_is_called_by_keyboard_alone(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    page = visitor.page
    await counts(page, 0, 0, 5)
    for key in ("ArrowDown", "p", "ArrowDown", "a", "ArrowRight", "Space"):
        await page.keyboard.press(key)
    await counts(page, 1, 1, 3)
    await page.keyboard.press("Control+z")
    await counts(page, 1, 0, 4)
    await page.keyboard.press("/")
    await page.keyboard.type("zoe")
    await expect(page.get_by_role("list", name="Roll").get_by_role("listitem")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.keyboard.press("a")
    await counts(page, 1, 1, 3)
    await page.keyboard.press("/")
    await page.keyboard.press("Escape")
    await expect(row(page, "Ada").get_by_role("radio", name="Present")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(row(page, "Ada").get_by_role("radio", name="Absent")).to_be_focused()
    await expect(row(page, "Ada").get_by_role("radio", name="Present")).to_be_checked()


async def test_mark_before_the_script_is_there_counts(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    page, arrived = visitor.page, asyncio.Event()

    async def late(route):
        await arrived.wait()
        await route.continue_()

    await page.route("**/roll.js", late)
    await page.reload(wait_until="commit")
    await row(page, "Zoë").get_by_role("radio", name="Absent").check()
    await expect(page.get_by_role("button", name="Mark the rest present")).to_be_disabled()
    arrived.set()
    await counts(page, 0, 1, 4)
    await page.get_by_role("button", name="Undo").click()
    await counts(page, 0, 0, 5)


async def test_names_with_markup_are_text(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    page = visitor.page
    await expect(page.get_by_role("radiogroup", name="<b>Bobby</b> & Co")).to_be_visible()
    await page.get_by_role("button", name="Review and finish").click()
    await expect(page.get_by_role("listitem").filter(has_text="<b>Bobby</b>")).to_be_visible()


async def test_marks_of_another_device_appear(serve, visit):
    visitor, teacher, _, room = await called_lesson(serve, visit)
    other = await visit(visitor.server, teacher)
    await other.goto(f"/app/roll/{room['_id']}")
    await row(visitor.page, "Ada").get_by_role("radio", name="Present").check()
    await expect(row(other.page, "Ada").get_by_role("radio", name="Present")).to_be_checked()
    await counts(other.page, 1, 0, 4)
    await other.page.get_by_role("button", name="Mark the rest present").click()
    await counts(visitor.page, 5, 0, 0)
    await other.page.get_by_role("button", name="Undo").click()
    await counts(visitor.page, 1, 0, 4)


async def test_many_marks_are_on_their_way_at_once(serve, visit, eventually):
    names = [f"Student {number:02}" for number in range(30)]
    visitor, *_ = await called_lesson(serve, visit, names)
    page, sockets, held = visitor.page, [], []

    def hold(socket):
        server = socket.connect_to_server()
        # What the server says after the beginning waits until everything is sent.
        server.on_message(lambda text: held.append(text) if "seq" in text else socket.send(text))
        socket.on_message(lambda text: server.send(text))
        sockets.append(socket)

    async def have_come(number):
        return len(held) == number

    await page.route_web_socket("**/ws?*", hold)
    await page.reload()
    await eventually(lambda: have_come(1))
    sockets[0].send(held.pop())
    for number in range(30):
        await page.get_by_role("radio", name="Present").nth(number).check()
    await expect(page.locator("[data-state=sending]")).to_have_count(30)
    await counts(page, 0, 0, 30)
    await eventually(lambda: have_come(30))
    for frame in held:
        sockets[0].send(frame)
    await counts(page, 30, 0, 0)
    await expect(page.locator("[data-state=stored]")).to_have_count(30)
