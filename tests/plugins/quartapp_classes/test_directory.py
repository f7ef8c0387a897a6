"""Whom a teacher may list, and who sees whose address."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from quartapp import core
from quartapp.http.routes import routes
from quartapp_auth import UserService
from quartapp_classes.directory import PAGE
from quartapp_classes.testing import class_room
from tests.support.plugins import OPTIONAL

NONE_FOUND = (404, "No students found")


@pytest.fixture
def closed(monkeypatch):
    """Lets nobody register without an invitation."""
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")


async def listed(server, reader, **query):
    answer = await server.api.get("/class/students", params=query, headers=reader.headers)
    if answer.status_code != 200:
        return answer.status_code, answer.json()["error"]
    return [student["email"] for student in answer.json()["data"]]


async def people_of(server, reader, room):
    answer = await server.api.get(f"/class/{room['_id']}", headers=reader.headers)
    (details,) = answer.json()["data"]
    return [details["teacherId"]["email"], *(one["email"] for one in details["studentsIds"])]


def addresses(people):
    return [person.email for person in people]


async def test_teacher_lists_own_students_and_finds_others_by_the_whole_name_or_address(
    serve, closed
):
    server = await serve()
    teacher, other = await server.people("teacher", 2)
    own = await server.person("student", name="Grace Hopper")
    foreign = await server.person("student", name="Grace Jones")
    assert await listed(server, teacher) == NONE_FOUND
    maths = await class_room(server, teacher, [own])
    await class_room(server, other, [foreign])
    assert await listed(server, teacher) == [own.email]
    assert await listed(server, teacher, search="grace") == [own.email]
    assert await listed(server, teacher, search="Jones") == NONE_FOUND
    assert await listed(server, teacher, search=foreign.email[:-1]) == NONE_FOUND
    for whole in ("grace JONES", foreign.email, foreign.email.upper()):
        assert await listed(server, teacher, search=whole) == [foreign.email]
    assert await listed(server, teacher, search=foreign.email, after=foreign.id) == NONE_FOUND
    # A co-teacher knows the students too, and a teacher who has left does not.
    path = f"/class/{maths['_id']}/teachers/{other.id}"
    await server.api.put(path, headers=teacher.headers)
    assert await listed(server, other) == [own.email, foreign.email]
    await server.api.delete(path, headers=teacher.headers)
    assert await listed(server, other) == [foreign.email]


@pytest.mark.parametrize("text", ["\0", ".*", "a" * 100, "@", " ", "é", "%00"])
async def test_odd_search_finds_nobody_of_other_classes(serve, closed, text):
    server = await serve()
    teacher = await server.person("teacher")
    await server.person("student")
    assert await listed(server, teacher, search=text) == NONE_FOUND


async def test_page_has_a_hundred_students_and_the_next_follows(serve, closed, monkeypatch):
    monkeypatch.setenv("QUARTAPP_CLASSES_DIRECTORY", "all")
    monkeypatch.setattr("quartapp_classes.directory.PAGE", 3)
    assert PAGE == 100
    server = await serve()
    teacher = await server.person("teacher")
    students = addresses(sorted(await server.people("student", 7), key=lambda one: one.id))
    assert await listed(server, teacher) == students[:3]
    assert await listed(server, teacher, limit=2) == students[:2]
    assert await listed(server, teacher, limit=500) == students[:3]
    last = await server.api.get("/class/students", headers=teacher.headers)
    after = last.json()["data"][-1]["_id"]
    assert await listed(server, teacher, after=after) == students[3:6]


async def test_pages_of_own_students_leave_none_out(serve, closed, monkeypatch):
    monkeypatch.setattr("quartapp_classes.directory.PAGE", 2)
    monkeypatch.setattr("quartapp_classes.directory._READ", 3)
    server = await serve()
    teacher = await server.person("teacher")
    students = sorted(await server.people("student", 9), key=lambda one: one.id)
    await class_room(server, teacher, students[::2])
    pages, after = [], {}
    while isinstance(page := await listed(server, teacher, **after), list):
        pages.append(page)
        last = next(one for one in students if one.email == page[-1])
        after = {"after": last.id}
    assert page == NONE_FOUND
    assert list(map(len, pages)) == [2, 2, 1]
    assert [email for page in pages for email in page] == addresses(students[::2])


async def test_open_server_shows_everybody_as_before(serve):
    server = await serve()
    teacher = await server.person("teacher")
    students = sorted(await server.people("student", 4), key=lambda one: one.id)
    room = await class_room(server, teacher, students[:2])
    assert await listed(server, teacher) == addresses(students)
    for reader in (teacher, students[0]):
        assert await people_of(server, reader, room) == [teacher.email, *addresses(students[:2])]


@pytest.mark.parametrize("registration", ["open", "invite"])
async def test_settings_decide_whatever_registration_is(serve, monkeypatch, registration):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", registration)
    monkeypatch.setenv("QUARTAPP_CLASSES_DIRECTORY", "classes")
    monkeypatch.setenv("QUARTAPP_CLASSES_SHOW_EMAILS", "on" if registration == "invite" else "off")
    server = await serve()
    teacher = await server.person("teacher")
    one, two, three = await server.people("student", 3)
    room = await class_room(server, teacher, [one, two])
    assert set(await listed(server, teacher)) == {one.email, two.email}
    assert await listed(server, teacher, search=three.email) == [three.email]
    everything = [teacher.email, one.email, two.email]
    seen = everything if registration == "invite" else [None, one.email, None]
    assert await people_of(server, one, room) == seen
    assert await people_of(server, teacher, room) == everything


async def test_classmates_see_names_and_only_teachers_see_addresses(serve, closed):
    server = await serve()
    teacher = await server.person("teacher", name="Ada")
    one, two = await server.people("student", 2)
    room = await class_room(server, teacher, [one, two])
    assert await people_of(server, two, room) == [None, None, two.email]
    answer = await server.api.get(f"/class/{room['_id']}", headers=one.headers)
    (details,) = answer.json()["data"]
    assert details["teacherId"]["name"] == "ada"
    assert [student["name"] for student in details["studentsIds"]] == [one.name, two.name]
    assert await people_of(server, teacher, room) == [teacher.email, one.email, two.email]


async def test_no_answer_shows_a_student_the_address_of_another_person(serve, closed):
    server = await serve(extra_plugins=OPTIONAL)
    teacher, colleague = await server.people("teacher", 2)
    student, mate, stranger = await server.people("student", 3)
    room = await class_room(server, teacher, [student, mate])
    users = core(server.app).services.get(UserService)
    root = await users.register("Root", "root@school.example", "correct horse", "admin")
    sockets = [await server.socket(student, version=version) for version in (0, 1)]
    started = await server.api.post(
        "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
    )
    assert started.status_code == 200
    stream = await server.stream(student, "/attendance/events?since=0")
    leading = await server.socket(teacher)
    await leading.ask("ATTENDANCE_MARKED", {"studentId": mate.id, "status": "present"})

    told, answered = [], set()
    ids = defaultdict(lambda: str(root.id))
    ids |= {"class_id": room["_id"], "student_id": mate.id, "user_id": colleague.id}
    bodies = (None, {}, {"classId": room["_id"]}, {"studentId": mate.id}, {"className": "Mine"})
    for route in routes(server.app):
        if "logout" in route.path or "sign-out" in route.path:
            continue
        if route.operation.media_type == "text/event-stream":  # goes on, and is read above
            continue
        for body in bodies:
            answer = await server.api.request(
                route.method,
                server.url + route.path.format_map(ids),
                json=body,
                headers=student.headers,
            )
            told.append(answer.text)
            if answer.is_success:
                answered.add(route.path)
    await leading.ask("DONE")
    await stream.until("DONE")
    told.append(json.dumps(stream.history))
    for socket in sockets:
        for event in ("MY_ATTENDANCE", "TODAY_SUMMARY", "DONE", "CHECK_IN"):
            await socket.send(event, {})
        await socket.drain()
        told.append(json.dumps(socket.history))
    assert {"/api/v1/class/{class_id}", "/class/{class_id}", "/api/v1/auth/me"} <= answered
    assert mate.id in told[-1]
    for person in (teacher, colleague, mate, stranger):
        assert [text for text in told if person.email in text] == []
    assert root.email not in "".join(told)
    assert student.email in "".join(told)
