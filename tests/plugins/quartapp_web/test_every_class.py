"""The administrator's pages about classes, without a browser."""

from __future__ import annotations

import html
import re

import pytest

from quartapp_classes.testing import class_room

PASSWORD = "a new password"


async def office(serve):
    """Return a server, and the browser of an administrator."""
    server = await serve()
    return server, server.page(await server.person("admin"))


async def roll_of(server, teacher, class_id):
    answer = await server.api.get(f"/class/{class_id}/roll", headers=teacher.headers)
    return [one["displayName"] for one in answer.json()["data"]]


async def test_office_reaches_every_class_and_its_register_and_report(serve):
    server, page = await office(serve)
    teacher = await server.person("teacher", name="<Ada> Teacher")
    room = await class_room(server, teacher, name="Zzq <7b>")
    other = await class_room(server, teacher, name="Zzq 8")
    listed = (await page.get("/app/classes/?search=zzq")).text
    assert "<bdi>Zzq &lt;7b&gt;</bdi>" in listed
    assert "<bdi>&lt;Ada&gt; Teacher</bdi>" in listed
    for pages in ("register", "report"):
        found = (await page.get(f"/app/{pages}/?search=ZZQ+8")).text
        assert f'href="/app/{pages}/{other["_id"]}"' in found
        assert room["_id"] not in found
        assert (await page.get(f"/app/{pages}/{room['_id']}")).status_code == 200
        assert "No class was found" in (await page.get(f"/app/{pages}/?search=nothing+like")).text
    assert (await page.get("/app/classes/?after=x")).status_code == 400
    teacher_page = server.page(await server.person("teacher"))
    assert other["_id"] not in (await teacher_page.get("/app/register/?search=zzq")).text


async def test_many_classes_come_in_pages(serve, monkeypatch):
    monkeypatch.setattr("quartapp_web.class_lists.SHOWN", 2)
    server, page = await office(serve)
    teacher = await server.person("teacher")
    names = ("Qqz 1", "Qqz 2", "Qqz 3")
    made = [(await class_room(server, teacher, name=name))["_id"] for name in names]
    for path in ("classes", "register", "report"):
        first = await page.get(f"/app/{path}/?search=qqz")
        (more,) = re.findall(rf'href="(/app/{path}/\?[^"]+)"', first.text)
        second = await page.get(html.unescape(more))
        shown = [[key in answer.text for key in made] for answer in (first, second)]
        assert shown == [[True, True, False], [False, False, True]]


async def test_class_is_created_for_a_teacher_renamed_and_deleted(serve):
    server, page = await office(serve)
    ada = await server.person("teacher", name="Ada Qqlovelace")
    made = await page.submit("/app/classes/new", name=" Maths 7 ", teacher="qqlovelace, ADA")
    shown = await page.follow(made)
    assert "The class is created" in shown.text
    path = made.headers["location"].partition("?")[0]
    classes = (await server.api.get("/class", headers=ada.headers)).json()["data"]
    assert [(one["className"], path.endswith(one["_id"])) for one in classes] == [("Maths 7", True)]
    for fields, told in (
        ({"name": "Maths 7", "teacher": ada.email}, "has a class of this name"),
        ({"name": "ab", "teacher": ada.email}, "3 to 100 characters"),
        ({"name": "Maths 8", "teacher": "no such person"}, "Nobody with this name"),
    ):
        refused = await page.submit("/app/classes/new", **fields)
        assert (refused.status_code, told in refused.text) == (422, True), refused.text
    done = await page.submit(f"{path}/name", name="<Maths> 9")
    assert "<h1><bdi>&lt;Maths&gt; 9</bdi></h1>" in (await page.follow(done)).text
    refused = await page.submit(f"{path}/name", name=" ")
    assert (refused.status_code, "3 to 100 characters" in refused.text) == (422, True)
    assert (await page.submit(f"{path}/delete")).headers["location"] == "/app/classes/"
    assert (await page.get(path)).status_code == 404


async def test_class_with_a_running_roll_call_is_not_deleted(serve):
    server, page = await office(serve)
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    start = {"classId": room["_id"]}
    assert (
        await server.api.post("/attendance/start", json=start, headers=teacher.headers)
    ).is_success
    refused = await page.submit(f"/app/classes/{room['_id']}/delete")
    assert (refused.status_code, "A roll call of the class is running" in refused.text) == (
        422,
        True,
    )


async def test_students_are_put_on_a_roll_by_pasted_names_and_taken_off(serve):
    server, page = await office(serve)
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    path = f"/app/classes/{room['_id']}"
    grace = await server.person("student", name="Grace Qqhopper")
    await server.person("student", name="محمد Qqz")
    for _ in range(2):
        await server.person("student", name="Twin Qqz")
    twin = await server.person("student", name="Other Qqz")
    pasted = f"\n Qqhopper,  Grace\r\nمحمد Qqz\n{twin.email.upper()}\nTwin Qqz\n<Nobody> Here\n"
    answer = await page.submit(f"{path}/roll", people=pasted)
    assert answer.status_code == 422
    assert "<bdi>Twin Qqz</bdi>: Several people have this name" in answer.text
    assert "<bdi>&lt;Nobody&gt; Here</bdi>: Nobody with this name" in answer.text
    (kept,) = re.findall(r"<textarea[^>]*>([^<]*)</textarea>", answer.text)
    assert html.unescape(kept).split("\n") == ["", "Twin Qqz", "<Nobody> Here", ""]
    wanted = ["Grace Qqhopper", "محمد Qqz", "Other Qqz"]
    assert await roll_of(server, teacher, room["_id"]) == wanted
    # Whoever is on the roll stays there once.
    again = await page.follow(await page.submit(f"{path}/roll", people="Grace Qqhopper"))
    assert "The roll is changed" in again.text
    for _ in range(2):
        done = await page.submit(f"{path}/roll/remove", one=grace.id)
        assert "The roll is changed" in (await page.follow(done)).text
    assert await roll_of(server, teacher, room["_id"]) == wanted[1:]
    for text, told in ((" \n ", "Nobody with this name"), ("x\n" * 201, "more than 200 lines")):
        refused = await page.submit(f"{path}/roll", people=text)
        assert (refused.status_code, told in refused.text) == (422, True)


async def test_teachers_of_a_class_are_changed(serve):
    server, page = await office(serve)
    ada, ben = await server.person("teacher"), await server.person("teacher", name="Ben Qqz")
    room = await class_room(server, ada)
    path = f"/app/classes/{room['_id']}"
    done = await page.submit(f"{path}/teachers", teacher="ben qqz", teaches="beside", until="")
    assert "Co-teacher" in (await page.follow(done)).text
    for _ in range(2):
        done = await page.submit(f"{path}/teachers/remove", one=ben.id)
        assert ben.id not in (await page.follow(done)).text
    until = {"teacher": ben.email, "teaches": "beside", "until": "2999-12-31"}
    done = await page.submit(f"{path}/teachers", **until)
    assert "Substitute until 2999-12-31" in (await page.follow(done)).text
    for fields, told in (
        ({**until, "until": "2001-01-01"}, "Choose a day that is not over"),
        ({**until, "until": "yesterday"}, "Choose a day that is not over"),
        ({**until, "teacher": "nobody like this"}, "Nobody with this name"),
        ({**until, "teacher": ada.email}, "This is the main teacher"),
    ):
        refused = await page.submit(f"{path}/teachers", **fields)
        assert (refused.status_code, told in refused.text) == (422, True), fields
    refused = await page.submit(f"{path}/teachers/remove", one=ada.id)
    assert (refused.status_code, "This is the main teacher" in refused.text) == (422, True)
    assert (await page.submit(f"{path}/teachers", teacher=ben.email, teaches="primary")).is_redirect
    assert await roll_of(server, ben, room["_id"]) == []
    left = await server.api.get(f"/class/{room['_id']}/roll", headers=ada.headers)
    assert left.status_code == 403


async def test_sheet_has_codes_for_those_who_never_had_a_password(serve):
    server, page = await office(serve)
    admin = await server.person("admin")
    teacher, signed_in = await server.person("teacher"), await server.person("student")
    new = {"name": "<New> Student", "username": "new.qqz", "role": "student"}
    answer = await server.api.post("/admin/people", json=new, headers=admin.headers)
    room = await class_room(server, teacher, [signed_in])
    path = f"/app/classes/{room['_id']}"
    await page.submit(f"{path}/roll", people="new.qqz")
    sheet = await page.submit(f"{path}/credentials")
    assert (sheet.status_code, sheet.headers["cache-control"]) == (200, "no-store")
    assert "<bdi>&lt;New&gt; Student</bdi>" in sheet.text
    assert signed_in.name not in sheet.text
    (code,) = re.findall(r'<code class="secret">([^<]+)</code>', sheet.text)
    done = await server.page().submit("/app/reset", code=code, newPassword=PASSWORD)
    assert done.status_code == 303
    body = {"username": "new.qqz", "password": PASSWORD}
    signed = await server.api.post("/auth/login", json=body)
    assert (answer.status_code, signed.status_code) == (201, 200)
    nothing = (await page.submit(f"{path}/credentials")).text
    assert "Everybody on this roll has a password already" in nothing
    assert 'class="secret"' not in nothing


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_nobody_else_reaches_every_class(serve, role):
    server, _ = await office(serve)
    person = await server.person(role)
    page, room = server.page(person), await class_room(server, await server.person("teacher"))
    path = f"/app/classes/{room['_id']}"
    assert "/app/classes/" not in (await page.follow(await page.get("/app/"))).text
    for read in ("/app/classes/", "/app/classes/new", path):
        assert (await page.get(read)).status_code == 403
    for write in ("teachers", "teachers/remove", "roll", "roll/remove", "credentials", "name"):
        answer = await page.submit(f"{path}/{write}", name="Mine", people="x", teacher="x")
        assert answer.status_code == 403, write
    assert (await page.submit(f"{path}/delete")).status_code == 403
    assert (await page.submit("/app/classes/new", name="Mine", teacher="x")).status_code == 403
