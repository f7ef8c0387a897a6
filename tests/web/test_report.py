"""The report of a class in a browser, and one student over time."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import expect

from quartapp import core
from quartapp_classes.testing import class_room


async def test_report_and_student_have_pictures_with_tables_behind(serve, visit, monkeypatch):
    monkeypatch.setenv("QUARTAPP_REPORTS_WARN_AFTER", "3")
    monkeypatch.setenv("QUARTAPP_RECORDS_EDIT_DAYS", "60")
    server = await serve()
    teacher = await server.person("teacher")
    names = ("Ada Lovelace", "<b>Bobby</b> & Co", "محمد بن موسى")
    students = [await server.person("student", name=name) for name in names]
    room = await class_room(server, teacher, students, name="Maths 7b")
    today = core(server.app).local_day()
    for number in range(8):
        records = [
            {"studentId": one.id, "status": "absent" if (place + number) % 3 == 0 else "present"}
            for place, one in enumerate(students)
        ]
        day = today - timedelta(days=3 * number)
        body = {"date": day.isoformat(), "records": records[: 2 + number % 2]}
        path = f"/class/{room['_id']}/sessions"
        answer = await server.api.post(path, json=body, headers=teacher.headers)
        assert answer.status_code == 201, answer.text
    visitor = await visit(server, teacher)
    page = visitor.page
    await visitor.goto("/app/today")
    await page.get_by_role("link", name="Reports").click()
    await page.get_by_role("link", name="Open the report").click()
    await expect(page.get_by_role("img", name="Bars of the weeks")).to_be_visible()
    await visitor.look("report")
    await page.get_by_text("The figures").click()
    await expect(page.get_by_role("columnheader", name="Week of")).to_be_visible()
    await visitor.look("report-figures")
    await expect(page.get_by_role("row", name="<b>Bobby</b> & Co")).to_be_visible()
    await expect(page.get_by_role("img", name="Heat map of weekdays and weeks")).to_be_visible()
    await page.get_by_text("Figures by weekday").first.click()
    await visitor.look("report-heat")
    await page.get_by_role("link", name="Ada Lovelace").click()
    await expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    await expect(page.get_by_role("row", name="Maths 7b")).to_be_visible()
    await expect(page.get_by_role("row", name="All of these")).to_be_visible()
    await visitor.look("student")
