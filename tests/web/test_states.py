"""What the roll call shows when something comes between: nothing is lost, nothing is hidden."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from playwright.async_api import expect

from quartapp import timestamp
from quartapp.testing import SECRET
from quartapp_classes.testing import class_room
from tests.web.rolls import called_lesson, counts, row

COLOUR = "element => getComputedStyle(element).color"
# What Chromium says of a server that is away, or has closed the door.
AWAY = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection", "ERR_CONNECTION")


def present(page, name):
    return row(page, name).get_by_role("radio", name="Present")


def absent(page, name):
    return row(page, name).get_by_role("radio", name="Absent")


async def test_marks_without_a_connection_are_kept_and_sent(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    visitor.expected = AWAY
    page = visitor.page
    await present(page, "Zoë").check()
    await counts(page, 1, 0, 4)
    await visitor.context.set_offline(True)
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    await expect(page.get_by_text("Not connected")).to_be_visible()
    live = page.locator(".live")
    assert await live.evaluate(COLOUR) == await page.locator(".quiet").first.evaluate(COLOUR)
    await present(page, "Ada").check()
    await absent(page, "Grace").check()
    await absent(page, "Ada").check()
    await expect(page.locator("[data-state=waiting]")).to_have_count(2)
    await counts(page, 1, 0, 4)
    await visitor.look("roll-offline")
    await visitor.context.set_offline(False)
    await counts(page, 1, 2, 2)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_text("Not connected")).to_be_hidden()
    await page.get_by_role("button", name="Undo").click()
    await expect(present(page, "Ada")).to_be_checked()
    await counts(page, 2, 1, 2)


async def test_conflict_is_put_to_the_teacher(serve, visit):
    visitor, teacher, _, room = await called_lesson(serve, visit)
    visitor.expected = AWAY
    page, other = visitor.page, await visit(visitor.server, teacher)
    await other.goto(f"/app/roll/{room['_id']}")
    await counts(other.page, 0, 0, 5)
    await visitor.context.set_offline(True)
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    for name in ("Ada", "Grace", "Zoë"):
        await absent(page, name).check()
        await present(other.page, name).check()
    await absent(other.page, "Zoë").check()
    await counts(other.page, 2, 1, 2)
    await visitor.context.set_offline(False)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Ada Lovelace is Present now")
    await visitor.look("roll-conflict")
    await page.get_by_role("button", name="Keep Present").click()
    await expect(alert).to_contain_text("Grace Brewster Murray Hopper is Present now")
    await counts(page, 2, 1, 2)
    await page.get_by_role("button", name="Change to Absent").click()
    await expect(alert).to_have_count(0)
    await counts(other.page, 1, 2, 2)
    await expect(present(other.page, "Ada")).to_be_checked()


async def test_marks_outlive_a_reload(serve, visit, eventually):
    visitor, *_ = await called_lesson(serve, visit)
    visitor.expected = AWAY
    page = visitor.page
    await page.route_web_socket("**/ws?*", lambda socket: socket.close())
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    await present(page, "Ada").check()
    await page.reload()
    await expect(page.locator("[data-state=waiting]")).to_have_count(1)
    await expect(present(page, "Ada")).to_be_checked()
    asked = []

    async def has_asked():
        return asked

    async def stay(dialog):
        asked.append(dialog.message)
        await dialog.dismiss()

    page.once("dialog", stay)
    await page.get_by_role("button", name="Sign out").click()
    await eventually(has_asked)
    await counts(page, 0, 0, 5)
    assert asked == [
        "Marks that are not sent yet: 1. If you sign out now, they are lost. Sign out all the same?"
    ]
    fresh = await visitor.context.new_page()
    await fresh.goto(page.url)
    await counts(fresh, 1, 0, 4)
    # What another page of this browser has sent is stored, and no question.
    await page.close()


async def test_expired_sign_in_keeps_marks_until_the_next_one(serve, visit):
    visitor, teacher, *_ = await called_lesson(serve, visit)
    page = visitor.page
    await counts(page, 0, 0, 5)
    answer = await visitor.server.api.post("/auth/logout-all", headers=teacher.headers)
    assert answer.status_code == 200
    await expect(page.get_by_role("alert")).to_contain_text("You are signed out")
    await present(page, "Ada").check()
    await expect(page.locator("[data-state=waiting]")).to_have_count(1)
    await page.get_by_role("link", name="Sign in").click()
    await visitor.sign_in(teacher.email, teacher.password)
    await counts(page, 1, 0, 4)


async def test_page_that_stays_open_stays_signed_in(serve, visit, turned_clock, monkeypatch):
    monkeypatch.setenv("QUARTAPP_TOKEN_HOURS", "2")
    visitor, *_ = await called_lesson(serve, visit, clock=turned_clock)
    page, told = visitor.page, []

    def heard(frame):
        if json.loads(frame)["event"] == "AUTH":
            told.append(json.loads(frame)["data"]["expiresAt"])

    page.on("websocket", lambda socket: socket.on("framereceived", heard))
    await page.clock.install()
    await page.reload()
    await page.wait_for_selector("main[data-connection=ready]")
    # A longer turn would be taken for the silence of a lost browser.
    await turned_clock.advance(5)
    async with page.expect_response("**/api/v1/auth/refresh") as renewed:
        await page.clock.fast_forward("01:00:00")
    cookie = (await (await renewed.value).all_headers())["set-cookie"]
    assert "Max-Age=7200; HttpOnly" in cookie
    # The answer to the mark comes after the one to the renewal, on the same socket.
    await present(page, "Ada").check()
    await counts(page, 1, 0, 4)
    assert told == [timestamp(turned_clock.now() + timedelta(hours=2))]


async def test_start_that_ends_another_roll_call_says_whose_and_asks(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    alan = await visitor.server.person("teacher", name="Alan Turing")
    await class_room(visitor.server, alan, name="Physics")
    other = await visit(visitor.server, alan)
    await present(visitor.page, "Ada").check()
    await counts(visitor.page, 1, 0, 4)
    await other.goto("/app/today")
    await other.look("today")
    await other.page.get_by_role("button", name="Start roll call").click()
    await expect(other.page.get_by_role("main")).to_contain_text("The roll call of Maths 7b by")
    await other.look("start-instead")
    await present(visitor.page, "Zoë").check()
    await counts(visitor.page, 2, 0, 3)
    await other.page.get_by_role("button", name="End it, and start Physics").click()
    await expect(other.page.get_by_role("heading", name="Physics")).to_be_visible()
    alert = visitor.page.get_by_role("alert")
    await expect(alert).to_contain_text("because another one was started")
    await expect(present(visitor.page, "Grace")).to_be_disabled()
    await other.look("roll-empty")


async def test_class_that_was_given_away_takes_no_marks(serve, visit):
    visitor, teacher, _, room = await called_lesson(serve, visit)
    alan = await visitor.server.person("teacher")
    given = await visitor.server.api.put(
        f"/class/{room['_id']}/teachers/{alan.id}",
        json={"primary": True},
        headers=teacher.headers,
    )
    assert given.status_code == 200, given.text
    removed = await visitor.server.api.delete(
        f"/class/{room['_id']}/teachers/{teacher.id}", headers=alan.headers
    )
    assert removed.status_code in {200, 404}, removed.text
    page = visitor.page
    # The refusal may take the choice back before anybody sees it.
    await present(page, "Ada").click()
    await expect(page.get_by_role("alert")).to_contain_text("given to somebody else")
    await expect(page.get_by_role("alert")).to_contain_text("too late to be stored: Ada Lovelace")
    await counts(page, 0, 0, 5)


async def test_killed_server_loses_nothing(serve_process, visit, mongodb_uri):
    environment = {"MONGODB_URI": mongodb_uri, "JWT_SECRET": SECRET}
    first = await serve_process(**environment)
    port = first.client.url.rpartition(":")[2]
    client = first.client
    teacher = await client.person("teacher")
    students = [await client.person("student", name=name) for name in ("Ada", "Grace")]
    room = await class_room(client, teacher, students, name="Maths 7b")
    visitor = await visit(client, teacher)
    visitor.expected = AWAY
    page = visitor.page
    await visitor.goto("/app/today")
    await page.get_by_role("button", name="Start roll call").click()
    await present(page, "Ada").check()
    await counts(page, 1, 0, 1)
    await first.kill()
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    await absent(page, "Grace").check()
    second = await serve_process("--port", port, **environment)
    assert second.client.url == client.url
    await counts(page, 1, 1, 0)
    await page.get_by_role("button", name="Review and finish").click()
    await page.get_by_role("button", name="Finish roll call").click()
    await expect(page.get_by_role("heading", name="The roll call is finished")).to_be_visible()
    for student, status in zip(students, ("present", "absent"), strict=True):
        path = f"/attendance/{room['_id']}/my-attendance"
        answer = await second.client.api.get(path, headers=student.headers)
        assert answer.json()["data"]["status"] == status


async def test_address_of_an_ended_roll_call_offers_a_new_one(serve, visit):
    visitor, *_ = await called_lesson(serve, visit)
    page = visitor.page
    await page.get_by_role("button", name="Mark the rest present").click()
    await counts(page, 5, 0, 0)
    await page.get_by_role("button", name="Review and finish").click()
    await page.get_by_role("button", name="Finish roll call").click()
    await expect(page.get_by_role("heading", name="The roll call is finished")).to_be_visible()
    await page.reload()
    await visitor.look("roll-over")
    await page.get_by_role("button", name="Start roll call").click()
    await counts(page, 0, 0, 5)
    await expect(page).to_have_url(re.compile("/app/roll/"))
