"""The register in a browser, on paper, and the correction of a record."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import expect

from quartapp import core
from quartapp_classes.testing import class_room

NAMES = ("Ada Lovelace", "Grace Brewster Murray Hopper", "محمد بن موسى", "<b>Bobby</b> & Co")
WIDE = "W" * 100
SESSIONS = 24


async def register(
    serve, visit, monkeypatch, names=(*NAMES, WIDE, "Zoë 👩🏽‍🚀"), sessions=SESSIONS
):
    """Return a teacher in front of the register of a class with many sessions."""
    monkeypatch.setenv("QUARTAPP_RECORDS_EDIT_DAYS", "60")
    server = await serve()
    teacher = await server.person("teacher")
    students = [await server.person("student", name=name) for name in names]
    room = await class_room(server, teacher, students, name="Maths 7b")
    today = core(server.app).local_day()
    for number in range(sessions):
        records = [
            {"studentId": one.id, "status": "absent" if (place + number) % 5 == 0 else "present"}
            for place, one in enumerate(students)
        ]
        body = {"date": (today - timedelta(days=number)).isoformat(), "records": records}
        path = f"/class/{room['_id']}/sessions"
        answer = await server.api.post(path, json=body, headers=teacher.headers)
        assert answer.status_code == 201, answer.text
    visitor = await visit(server, teacher)
    await visitor.goto("/app/today")
    await visitor.page.get_by_role("link", name="Register", exact=True).click()
    await visitor.page.get_by_role("link", name="Open the register").click()
    await expect(visitor.page.get_by_role("table")).to_be_visible()
    return visitor


async def test_names_and_days_stay_while_the_register_is_scrolled(serve, visit, monkeypatch):
    visitor = await register(serve, visit, monkeypatch)
    page = visitor.page
    await visitor.look("register")
    await page.set_viewport_size({"width": 360, "height": 500})
    box = page.get_by_role("region")
    name = page.get_by_role("rowheader", name="Grace Brewster")
    before = (await name.bounding_box())["x"]
    await box.evaluate("element => element.scrollTo(600, 0)")
    assert (await name.bounding_box())["x"] == before
    head = page.get_by_role("columnheader").nth(SESSIONS)
    top = (await head.bounding_box())["y"]
    await box.evaluate("element => element.scrollTo(600, 100)")
    assert (await head.bounding_box())["y"] == top
    await expect(page.get_by_role("rowheader", name="<b>Bobby</b> & Co")).to_be_attached()


async def test_register_on_paper_is_all_there(serve, visit, monkeypatch):
    visitor = await register(serve, visit, monkeypatch, sessions=SESSIONS * 2)
    days = (await visitor.page.get_by_label("To", exact=True).input_value()).split("-")
    await visitor.page.get_by_label("From").fill(f"{int(days[0]) - 1}-{days[1]}-{days[2]}")
    await visitor.page.get_by_role("button", name="Show").click()
    await expect(visitor.page.get_by_role("columnheader")).to_have_count(SESSIONS * 2 + 1)
    page = visitor.page
    await page.emulate_media(media="print")
    # A4 across, less margins of 12 mm, in CSS pixels.
    await page.set_viewport_size({"width": 1031, "height": 700})
    wide = await page.locator(".grid").evaluate("element => element.scrollWidth")
    assert wide <= 1031
    assert (
        await page.locator(".grid thead").evaluate("element => getComputedStyle(element).display")
        == "table-header-group"
    )
    await expect(page.get_by_role("button", name="Show")).to_be_hidden()


async def test_record_is_corrected_by_keyboard_and_a_change_meanwhile_is_shown(
    serve, visit, monkeypatch
):
    visitor = await register(serve, visit, monkeypatch, names=NAMES, sessions=1)
    visitor.expected = ("status of 409",)
    page = visitor.page
    await (
        page.get_by_role("row", name="Ada Lovelace")
        .get_by_role("link", name="Absent")
        .press("Enter")
    )
    await expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    await visitor.look("record")
    other = await visitor.context.new_page()
    await other.goto(page.url)
    await other.get_by_role("radio", name="Present").check()
    await other.get_by_role("button", name="Correct the record").click()
    await expect(other.get_by_role("status")).to_contain_text("Present")
    await page.get_by_role("radio", name="Absent").check()
    await page.get_by_role("button", name="Correct the record").click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody has changed this record")
    await expect(page.get_by_role("status")).to_contain_text("Present")
    await visitor.look("record-conflict")
    await page.get_by_role("button", name="Correct the record").click()
    await expect(page.get_by_role("status")).to_contain_text("Absent")
    await page.get_by_role("link", name="Maths 7b").click()
    await expect(page.get_by_role("link", name="Absent")).to_have_count(1)
