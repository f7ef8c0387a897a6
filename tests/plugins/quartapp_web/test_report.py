"""The report of a class and its trend by week, without a browser."""

from __future__ import annotations

import re
from datetime import timedelta

from quartapp import core
from quartapp_classes.testing import class_room


async def reported(server, weeks):
    """Return a teacher's page and the class, with a session in each of the last weeks.

    Args:
        server: The server.
        weeks: Statuses of the two students in each week, the newest first; None for no session.
    """
    teacher, admin = await server.person("teacher"), await server.person("admin")
    students = [await server.person("student", name=name) for name in ("<Ada>", "Ben")]
    room = await class_room(server, teacher, students, name="<Maths>")
    today = core(server.app).local_day()
    for number, statuses in enumerate(weeks):
        if statuses is None:
            continue
        records = [
            {"studentId": student.id, "status": status}
            for student, status in zip(students, statuses, strict=True)
        ]
        body = {"date": (today - timedelta(weeks=number)).isoformat(), "records": records}
        path = f"/class/{room['_id']}/sessions"
        answer = await server.api.post(path, json=body, headers=admin.headers)
        assert answer.status_code == 201, answer.text
    return server.page(teacher), f"/app/report/{room['_id']}", students


def cells(text, name):
    """Return the texts of a student's row."""
    (row,) = re.findall(rf"<tr>\s*<th scope=\"row\" title=\"{name}\">.*?</tr>", text, re.DOTALL)
    return [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]


async def test_report_has_percentages_counts_runs_and_warnings(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_REPORTS_WARN_AFTER", "4")
    server = await serve()
    present, absent = ("present", "present"), ("present", "absent")
    page, path, _ = await reported(server, [absent, absent, absent, present])
    listed = (await page.get("/app/report/")).text
    assert f'href="{path}"' in listed
    shown = (await page.get(path)).text
    assert cells(shown, "&lt;Ada&gt;") == ["100.0 %", "4", "4", "0", "0", ""]
    percentage, taken, *counts, longest, warnings = cells(shown, "Ben")
    assert (percentage, taken, counts, longest) == ("25.0 %", "4", ["1", "3"], "3")
    assert "Low attendance" in warnings
    assert "Absent several times in a row" in warnings
    assert "<Maths>" not in shown
    (csv,) = re.findall(r'href="(/api/v1/[^"]+\.csv[^"]+)"', shown)
    answer = await page.get(csv.replace("&amp;", "&"))
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/csv")
    german = await page.client.get(path, headers={"Accept-Language": "de"})
    assert cells(german.text, "Ben")[0] == "25,0 %"


async def test_trend_has_a_bar_and_a_row_for_each_week_also_without_marks(serve):
    server = await serve()
    page, path, _ = await reported(
        server, [("present", "absent"), None, ("present", "present"), ("absent", "absent")]
    )
    shown = (await page.get(path)).text
    heights = re.findall(r'height="(\d+)" class="bar-share"', shown)
    assert heights == ["0", "100", "0", "50"]
    rows = re.findall(r"<td>(\d)</td><td>(\d)</td><td>(.*?)</td>", shown)
    assert [(present, marks) for present, marks, _ in rows] == [
        ("0", "2"),
        ("2", "2"),
        ("0", "0"),
        ("1", "2"),
    ]
    assert [share for *_, share in rows] == ["0.0 %", "100.0 %", "–", "50.0 %"]  # noqa: RUF001


async def test_report_of_a_class_without_sessions_or_students_is_empty(serve):
    server = await serve()
    page, path, _ = await reported(server, [])
    shown = (await page.get(path)).text
    assert cells(shown, "Ben") == ["–", "0", "0", ""]  # noqa: RUF001
    assert "<svg" not in shown
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    empty = await server.page(teacher).get(f"/app/report/{room['_id']}")
    assert "Nobody is on this roll yet" in empty.text


async def test_only_teachers_of_the_class_read_its_report(serve):
    server = await serve()
    _, path, students = await reported(server, [("present", "absent")])
    for person in (students[0], await server.person("teacher")):
        assert (await server.page(person).get(path)).status_code == 403
    missing = await server.page(await server.person("admin")).get(f"/app/report/{'0' * 24}")
    assert missing.status_code == 404
    student = server.page(students[0])
    assert 'href="/app/report/' not in (await student.get("/app/now")).text


async def test_heat_map_has_a_place_for_each_day_and_a_table_behind(serve):
    server = await serve()
    page, path, _ = await reported(
        server, [("present", "absent"), None, ("present", "present"), ("absent", "absent")]
    )
    shown = (await page.get(path)).text
    places = re.findall(r'<g class="heat-(\d)"><title>([^<]+)</title>.*?>(\d+)</text></g>', shown)
    told = [(level, title.split(": ")[1], whole) for level, title, whole in places]
    assert told == [("4", "0.0 %", "0"), ("0", "100.0 %", "100"), ("4", "50.0 %", "50")]
    weekday = core(server.app).local_day().strftime("%a")
    table = shown[shown.index("Figures by weekday") :].partition("</table>")[0]
    assert f'<th scope="col">{weekday}</th>' in table
    figures = re.findall(r"<td>(.*?)</td>", table)
    assert figures == ["0.0 %", "100.0 %", "–", "50.0 %"]  # noqa: RUF001
