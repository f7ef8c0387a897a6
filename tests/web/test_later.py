"""What is left to do on Today, and a roll call after the event, in a browser."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.async_api import expect

from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room
from tests.web.rolls import NAMES

# A Monday, ten minutes before midnight.
NOW = datetime(2027, 3, 8, 23, 50, tzinfo=UTC)
WIDE = "W" * 100
LESSON = 300.0
MIDNIGHT = 600.0


async def forgotten(serve, visit):
    """Return a teacher whose classes met on Monday and whose roll call was cut off; on Tuesday."""
    clock = TurnedClock(NOW)
    server = await serve(clock=clock, timezone="UTC")
    # The turned clock ends connections that wait for a further request.
    server.api.headers["Connection"] = "close"
    teacher = await server.person("teacher")
    names = (*NAMES, WIDE, "Zoë 👩🏽‍🚀")
    students = [await server.person("student", name=name) for name in names]
    rooms = [
        await class_room(server, teacher, students, name=name)
        for name in ("Maths 7b", "<b>Art</b> محمد")
    ]
    for room in rooms:
        body = {"weekday": 1, "from": "23:51", "to": "23:54"}
        path = f"/class/{room['_id']}/meetings"
        answer = await server.api.post(path, json=body, headers=teacher.headers)
        assert answer.status_code == 201, answer.text
    await clock.advance(LESSON)
    physics = await class_room(server, teacher, students[:2], name="Physics 8")
    for room in (physics, rooms[1]):
        answer = await server.api.post(
            "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
        )
        assert answer.status_code == 200, answer.text
    socket = await server.socket(teacher)
    await socket.send("DONE")
    await clock.advance(MIDNIGHT)
    visitor = await visit(server, teacher)
    await visitor.goto("/app/today")
    return visitor, server, teacher, rooms[0]


async def test_forgotten_roll_call_is_entered_with_the_keyboard(serve, visit):
    visitor, server, teacher, room = await forgotten(serve, visit)
    page = visitor.page
    await expect(page.get_by_role("heading", name="Not taken")).to_be_visible()
    await visitor.look("today-due")
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("link", name="Today").click()
    await expect(page.get_by_role("button", name="Finish")).to_have_count(0)
    await page.get_by_role("link", name="Enter roll call").press("Enter")
    await expect(page.get_by_role("list", name="Roll")).to_be_visible()
    row = page.get_by_role("radiogroup", name="<b>Bobby</b> & Co")
    await row.get_by_role("radio", name="Present").focus()
    await page.keyboard.press("ArrowRight")
    await expect(row.get_by_role("radio", name="Absent")).to_be_checked()
    await visitor.look("later")
    rest = page.get_by_role("group", name="Whoever you have not marked")
    await rest.get_by_role("radio", name="Present").check()
    # Somebody else is faster.
    path = f"/class/{room['_id']}/sessions"
    body = {"date": "2027-03-08", "cancelled": True, "reason": "Snow"}
    stored = await server.api.post(path, json=body, headers=teacher.headers)
    assert stored.status_code == 201, stored.text
    visitor.expected = ("status of 409",)
    await page.get_by_role("button", name="Store the roll call").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("meanwhile")
    await expect(row.get_by_role("radio", name="Absent")).to_be_checked()
    await visitor.look("later-meanwhile")
    await page.get_by_role("button", name="Store the roll call").press("Enter")
    await expect(page.get_by_role("link", name="Absent")).to_have_count(1)
    await page.get_by_role("link", name="Today").click()
    await expect(page.get_by_text("Nothing is left to do")).to_be_visible()
    await visitor.look("today-done")
