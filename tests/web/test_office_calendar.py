"""The administrator's pages about the calendar and missing roll calls, in a browser."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import expect

from quartapp import core
from quartapp_classes.testing import class_room

ICS = """\
BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//school//EN\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART;VALUE=DATE:{first}\r
SUMMARY:<b>Ferien</b> 🙂 عطلة {long}\r
END:VEVENT\r
END:VCALENDAR\r
"""


async def test_office_keeps_the_calendar_and_sees_what_was_not_taken(serve, visit):
    server = await serve()
    room = await class_room(
        server, await server.person("teacher", name="Ada Qq"), name="صف " + "W" * 70
    )
    visitor = await visit(server, await server.person("admin", name="The office"))
    page = visitor.page
    today = core(server.app).local_day()
    await visitor.goto(f"/app/classes/{room['_id']}")
    await page.get_by_role("combobox", name="Day of the week").select_option(
        str(today.isoweekday())
    )
    await page.get_by_role("textbox", name="Begins").fill("08:00")
    await page.get_by_role("textbox", name="Ends").fill("08:45")
    await page.get_by_role("textbox", name="Room").fill("R 12")
    await page.get_by_role("button", name="Add the meeting").click()
    await expect(page.get_by_role("status")).to_contain_text("The meetings are changed")
    await visitor.look("class-meetings")
    await page.get_by_role("link", name="Office", exact=True).click()
    await expect(
        page.get_by_role("list", name="Not taken today").get_by_role("listitem")
    ).to_have_count(1)
    await visitor.look("office")

    await page.get_by_role("link", name="Calendar", exact=True).click()
    await page.get_by_role("link", name="Add a term").click()
    await page.get_by_role("textbox", name="Name").fill("First term")
    await page.get_by_role("textbox", name="First day").fill(today.isoformat())
    await page.get_by_role("textbox", name="Last day").fill((today - timedelta(1)).isoformat())
    visitor.expected = ("422",)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("before the first one")
    await visitor.look("term")
    await page.get_by_role("textbox", name="Last day").fill((today + timedelta(90)).isoformat())
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("list", name="Terms").get_by_role("listitem")).to_have_count(1)

    await page.get_by_role("link", name="Import a calendar").click()
    first = f"{today + timedelta(7):%Y%m%d}"
    content = ICS.format(first=first, long="W" * 60).encode()
    file = {"name": "ferien.ics", "mimeType": "text/calendar", "buffer": content}
    await page.get_by_label("iCalendar file").set_input_files(file)
    await visitor.look("calendar-import")
    await page.get_by_role("button", name="Import the file").click()
    holidays = page.get_by_role("list", name="Holidays from today on")
    await expect(holidays.get_by_role("listitem")).to_have_count(1)
    await visitor.look("calendar")


async def test_office_looks_at_the_audit_and_the_settings(serve, visit):
    server = await serve()
    visitor = await visit(server, await server.person("admin", name="<b>The</b> office 🙂 محمد"))
    page = visitor.page
    await visitor.goto("/app/office/")
    await page.get_by_role("link", name="Audit").click()
    await page.get_by_role("textbox", name="Who").fill("nobody like this")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nobody with this name")
    await page.get_by_role("textbox", name="Who").fill("")
    await page.get_by_role("button", name="Find").click()
    await page.get_by_role("button", name="Verify all entries").click()
    await expect(page.get_by_role("status")).to_contain_text("are as they were written")
    await visitor.look("audit")
    await visitor.goto("/app/office/settings?all=1")
    await expect(page.get_by_role("list", name="quartapp")).to_contain_text("jwt_secret")
    await visitor.look("settings")
