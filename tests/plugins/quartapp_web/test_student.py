"""One student over time, without a browser."""

from __future__ import annotations

import re
from datetime import timedelta

from quartapp import core
from quartapp_classes.testing import class_room

MISSING = "0" * 24


async def two_classes(server):
    """Return the teachers of two classes, a student of both, and the class of each teacher.

    The first class has an absence of two days and a present mark before; the second, one present
    mark.
    """
    admin = await server.person("admin")
    maths, art = await server.person("teacher"), await server.person("teacher")
    student = await server.person("student", name="<Ada>")
    rooms = [
        await class_room(server, maths, [student], name="<Maths>"),
        await class_room(server, art, [student], name="Art"),
    ]
    today = core(server.app).local_day()
    for room, weeks, status in (
        (rooms[0], 2, "present"),
        (rooms[0], 1, "absent"),
        (rooms[0], 0, "absent"),
        (rooms[1], 0, "present"),
    ):
        records = [{"studentId": student.id, "status": status}]
        body = {"date": (today - timedelta(weeks=weeks)).isoformat(), "records": records}
        path = f"/class/{room['_id']}/sessions"
        answer = await server.api.post(path, json=body, headers=admin.headers)
        assert answer.status_code == 201, answer.text
    return admin, (maths, art), student, rooms


def rows(text):
    """Return the cells of each class and of all."""
    table = text[text.index('class="grid report"') :].partition("</table>")[0]
    found = re.findall(r'<th scope="row".*?>(?:<a.*?>)?(?:<bdi>)?(.*?)<.*?</tr>', table, re.DOTALL)
    bodies = re.findall(r'<th scope="row".*?</tr>', table, re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", body) for body in bodies]
    return dict(zip(found, cells, strict=True))


async def test_teacher_sees_a_student_in_their_own_class_alone(serve):
    server = await serve()
    _, (maths, _), student, rooms = await two_classes(server)
    page = server.page(maths)
    for path in ("register", "report"):
        listed = (await page.get(f"/app/{path}/{rooms[0]['_id']}")).text
        (link,) = re.findall(r'href="(/app/student/[^"]+)"', listed)
    shown = (await page.get(link.replace("&amp;", "&"))).text
    assert "<h1><bdi>&lt;Ada&gt;</bdi></h1>" in shown
    assert "<Ada>" not in shown
    figures = rows(shown)
    assert list(figures) == ["&lt;Maths&gt;", "All of these"]
    percentage, taken, present, absent, longest, current, _ = figures["&lt;Maths&gt;"]
    assert (percentage, taken, present, absent) == ("33.3 %", "3", "1", "2")
    assert (longest, current) == ("2", "2")
    assert f'href="/app/register/{rooms[0]["_id"]}' in shown
    assert rooms[1]["_id"] not in shown
    told = await server.api.get(f"/student/{student.id}/attendance", headers=maths.headers)
    assert told.json()["data"]["total"]["percentage"] == 33.3


async def test_office_sees_a_student_in_every_class_and_in_all(serve):
    server = await serve()
    admin, _, student, _ = await two_classes(server)
    shown = (await server.page(admin).get(f"/app/student/{student.id}")).text
    figures = rows(shown)
    assert list(figures) == ["&lt;Maths&gt;", "Art", "All of these"]
    assert figures["Art"][:4] == ["100.0 %", "1", "1", "0"]
    assert figures["All of these"][:6] == ["50.0 %", "4", "2", "2", "2", "2"]
    heights = re.findall(r'height="(\d+)" class="bar-share"', shown)
    assert heights == ["100", "0", "50"]
    assert re.findall(r'<g class="heat-(\d)">', shown) == ["0", "4", "4"]


async def test_days_that_are_asked_for_are_shown_alone(serve):
    server = await serve()
    admin, _, student, _ = await two_classes(server)
    today = core(server.app).local_day().isoformat()
    path = f"/app/student/{student.id}?from={today}&to={today}"
    figures = rows((await server.page(admin).get(path)).text)
    assert figures["All of these"][:2] == ["50.0 %", "2"]
    wrong = (
        await server.page(admin).get(f"/app/student/{student.id}?from={today}&to=2020-01-01")
    ).text
    assert "The first day is after the last one" in wrong


async def test_page_of_a_student_is_shown_to_whom_the_api_shows_it(serve):
    server = await serve()
    admin, (maths, _), student, _ = await two_classes(server)
    path = f"/app/student/{student.id}"
    assert (await server.page(student).get(path)).status_code == 403
    assert (await server.page(await server.person("teacher")).get(path)).status_code == 403
    for key in (MISSING, "ada", maths.id):
        assert (await server.page(admin).get(f"/app/student/{key}")).status_code == 404
    enrolled = await server.person("student")
    empty = await server.page(admin).get(f"/app/student/{enrolled.id}")
    assert "In no class yet" in empty.text
