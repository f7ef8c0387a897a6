"""Teachers of classes: who may do what, who changes them, and until when substitutes teach."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quartapp import hookimpl
from quartapp.testing import TurnedClock
from quartapp_classes import TeachersChanged
from quartapp_classes.testing import class_room

ROLES = ("primary", "co_teacher", "substitute", "former", "stranger", "admin", "student")
# Noon in the time zone of these tests: a token outlives the next midnight.
NOON = datetime(2026, 3, 9, 7, 0, tzinfo=UTC)
ZONE = "Asia/Karachi"
TODAY, TOMORROW = "2026-03-09", "2026-03-10"
TO_MIDNIGHT = 12 * 3600.0


@pytest.fixture
def clock():
    return TurnedClock(NOON)


@pytest.fixture
async def school(serve, clock):
    """A server, and people who are something else to every class of ``shared``."""
    server = await serve(clock=clock, timezone=ZONE)
    server.api.headers["Connection"] = "close"
    roles = dict.fromkeys(ROLES, "teacher") | {"admin": "admin", "student": "student"}
    server.cast = {name: await server.person(role) for name, role in roles.items()}
    return server


async def ask(server, person, method, path, body=None):
    more = {} if body is None else {"json": body}
    return await server.api.request(method, path, headers=person.headers, **more)


async def set_teacher(server, by, class_id, user, body=None):
    return await ask(server, by, "PUT", f"/class/{class_id}/teachers/{user.id}", body)


async def shared(server, *, name=None):
    """A class of ``primary``; ``former`` is a substitute whose last day is today."""
    cast = server.cast
    room = await class_room(server, cast["primary"], [cast["student"]], name=name)
    for person, body in (
        ("co_teacher", None),
        ("substitute", {"until": TOMORROW}),
        ("former", {"until": TODAY}),
    ):
        answer = await set_teacher(server, cast["primary"], room["_id"], cast[person], body)
        assert answer.status_code == 200, answer.text
    return room["_id"]


def told(answer):
    """What an answer says: its status, or also its message when it refuses."""
    refused = answer.status_code >= 400
    return f"{answer.status_code} {answer.json()['error']}" if refused else answer.status_code


def table(**outcomes):
    """Expected outcomes by role; ``others`` are those that are not named."""
    others = outcomes.pop("others")
    return {role: outcomes.get(role, others) for role in ROLES}


TEACHERS = ("primary", "co_teacher", "substitute")
NOT_TEACHER = "403 Forbidden, teacher access required"
FOREIGN = "403 Forbidden, not class teacher"
NO_SESSION = "No active attendance session"

ALL_TEACHERS = dict.fromkeys(TEACHERS, 200)
EXPECTED = {
    "read": table(**ALL_TEACHERS, admin=200, student=200, others=FOREIGN),
    "roll": table(**ALL_TEACHERS, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "teachers": table(**ALL_TEACHERS, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "list": table(**dict.fromkeys((*TEACHERS, "student"), True), others=False),
    "start": table(**ALL_TEACHERS, student=NOT_TEACHER, others="404 class not found"),
    "start by name": table(**ALL_TEACHERS, student=NOT_TEACHER, others="404 class not found"),
    "session": table(**ALL_TEACHERS, admin=200, student=200, others=f"404 {NO_SESSION}"),
    "mark": table(
        **dict.fromkeys(TEACHERS, "ATTENDANCE_MARKED"),
        student="Forbidden, teacher event only",
        others=NO_SESSION,
    ),
    "summary": table(
        **dict.fromkeys(TEACHERS, "TODAY_SUMMARY"),
        student="Forbidden, teacher event only",
        others=NO_SESSION,
    ),
    "done": table(
        **dict.fromkeys(TEACHERS, "DONE"),
        student="Forbidden, teacher event only",
        others=NO_SESSION,
    ),
    "add student": table(
        **dict.fromkeys(TEACHERS, 201), admin=201, student=NOT_TEACHER, others=FOREIGN
    ),
    "remove student": table(**ALL_TEACHERS, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "rename": table(primary=200, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "add teacher": table(primary=200, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "remove teacher": table(primary=200, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "hand over": table(primary=200, admin=200, student=NOT_TEACHER, others=FOREIGN),
    "delete": table(primary=200, admin=200, student=NOT_TEACHER, others=FOREIGN),
}


async def over_http(server, person, class_id, *, extra):
    """Try every operation over HTTP; what ends a class comes last."""
    path = f"/class/{class_id}"
    spare = server.spare
    listed = (await ask(server, person, "GET", "/class")).json()["data"]

    async def does(method, at, body=None):
        return told(await ask(server, person, method, at, body))

    return {
        "list": class_id in [room["_id"] for room in listed],
        "read": await does("GET", path),
        "roll": await does("GET", f"{path}/roll"),
        "teachers": await does("GET", f"{path}/teachers"),
        "start": await does("POST", "/attendance/start", {"classId": class_id}),
        "start by name": await does("POST", "/attendance/start", {"className": extra}),
        "add student": await does("POST", f"{path}/add-student", {"studentId": spare.id}),
        "remove student": await does("DELETE", f"{path}/students/{server.cast['student'].id}"),
        "rename": await does("PATCH", path, {"className": f"{extra} renamed"}),
        "add teacher": await does("PUT", f"{path}/teachers/{server.helper.id}", {}),
        "remove teacher": await does("DELETE", f"{path}/teachers/{server.cast['co_teacher'].id}"),
        "hand over": await does("PUT", f"{path}/teachers/{server.helper.id}", {"primary": True}),
    }


async def over_socket(server, person, class_id):
    """Try every event in a live session of the class."""
    socket = await server.socket(person)
    mark = {"studentId": server.cast["student"].id, "status": "present"}
    found = {"session": told(await ask(server, person, "GET", "/attendance/session"))}
    for name, event, data in (
        ("mark", "ATTENDANCE_MARKED", mark),
        ("summary", "TODAY_SUMMARY", {}),
        ("done", "DONE", {}),
    ):
        frame = await socket.ask(event, {**data, "classId": class_id})
        found[name] = frame["data"]["message"] if frame["event"] == "ERROR" else frame["event"]
    await socket.close()
    return found


async def test_each_operation_is_for_those_whom_the_table_names(school, clock):
    server, cast = school, school.cast
    server.spare, server.helper = await server.person("student"), await server.person("teacher")
    rooms = {role: await shared(server, name=f"Room of {role}") for role in ROLES}
    deleted = {role: await shared(server) for role in ROLES}
    clock._began += TO_MIDNIGHT

    found = {operation: {} for operation in EXPECTED}
    for role in ROLES:
        start = {"classId": rooms[role]}
        assert (await ask(server, cast["primary"], "POST", "/attendance/start", start)).is_success
        outcomes = await over_socket(server, cast[role], rooms[role])
        outcomes |= await over_http(server, cast[role], rooms[role], extra=f"Room of {role}")
        outcomes["delete"] = told(
            await ask(server, cast[role], "DELETE", f"/class/{deleted[role]}")
        )
        for operation, outcome in outcomes.items():
            found[operation][role] = outcome
    assert found == EXPECTED


async def test_teachers_are_listed_and_a_setting_replaces_the_one_before(school, clock):
    server, cast = school, school.cast
    class_id = await shared(server)

    async def listed():
        answer = await ask(server, cast["primary"], "GET", f"/class/{class_id}/teachers")
        return [(t["_id"], t["primary"], t["until"]) for t in answer.json()["data"]]

    first = (cast["primary"].id, True, None)
    co_teacher = (cast["co_teacher"].id, False, None)
    substitute = (cast["substitute"].id, False, TOMORROW)
    assert await listed() == [first, co_teacher, substitute, (cast["former"].id, False, TODAY)]
    clock._began += TO_MIDNIGHT
    assert await listed() == [first, co_teacher, substitute]
    path = f"/class/{class_id}/teachers/{cast['former'].id}"
    gone = await ask(server, cast["primary"], "DELETE", path)
    assert told(gone) == "404 Teacher not found"
    await set_teacher(server, cast["primary"], class_id, cast["former"], {"until": "2026-03-11"})
    await set_teacher(server, cast["primary"], class_id, cast["substitute"])
    assert await listed() == [
        *(first, co_teacher),
        (cast["former"].id, False, "2026-03-11"),
        (cast["substitute"].id, False, None),
    ]
    clock._began += 2 * 24 * 3600.0
    token = await server.sign_in(cast["former"].email, cast["former"].password)
    answer = await server.api.get("/class", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"] == []


async def test_a_class_is_handed_over_with_its_name_and_its_co_teachers(school):
    server, cast = school, school.cast
    class_id = await shared(server, name="Logic")
    own = await class_room(server, cast["stranger"], name="LOGIC")
    await class_room(server, cast["co_teacher"], name="Algebra")
    by = cast["primary"]
    taken = await set_teacher(server, by, class_id, cast["stranger"], {"primary": True})
    assert told(taken) == "409 class already exist"
    await ask(server, cast["stranger"], "DELETE", f"/class/{own['_id']}")

    answer = await set_teacher(server, by, class_id, cast["co_teacher"], {"primary": True})

    ids = [teacher["_id"] for teacher in answer.json()["data"]]
    assert ids == [cast[name].id for name in ("co_teacher", "substitute", "former")]
    assert told(await ask(server, by, "PATCH", f"/class/{class_id}", {"className": "x" * 5})) == (
        FOREIGN
    )
    assert told(await set_teacher(server, by, class_id, by, {"primary": True})) == FOREIGN
    details = await ask(server, cast["co_teacher"], "GET", f"/class/{class_id}")
    assert details.json()["data"][0]["teacherId"]["email"] == cast["co_teacher"].email
    named = {"className": "logic"}
    started = await ask(server, cast["substitute"], "POST", "/attendance/start", named)
    assert started.json()["data"]["_id"] == class_id


async def test_a_change_of_teachers_is_a_change_of_the_class(school):
    server, cast = school, school.cast
    class_id = await shared(server)
    path = f"/class/{class_id}"
    read = await ask(server, cast["primary"], "GET", path)
    tag = {**cast["primary"].headers, "If-Match": read.headers["ETag"]}
    teacher = f"{path}/teachers/{cast['stranger'].id}"
    assert (await server.api.put(teacher, headers=tag)).status_code == 200
    for method in ("PUT", "DELETE"):
        answer = await server.api.request(method, teacher, headers=tag)
        assert answer.status_code == 412
    former = f"{path}/teachers/{cast['former'].id}"
    assert (await server.api.delete(former, headers=tag)).status_code == 412
    assert (await ask(server, cast["primary"], "DELETE", former)).status_code == 200


async def test_the_roll_has_ids_and_names_to_sort_by(school):
    server, cast = school, school.cast
    students = [
        await server.person("student", name=name)
        for name in ("Grace Brewster Hopper", "Sukarno", "Ada Lovelace")
    ]
    room = await class_room(server, cast["primary"], students)
    answer = await ask(server, cast["primary"], "GET", f"/class/{room['_id']}/roll")
    sort_names = ("Hopper, Grace Brewster", "Sukarno", "Lovelace, Ada")
    assert answer.json()["data"] == [
        {
            "_id": student.id,
            "name": student.name,
            "displayName": name,
            "email": student.email,
            "sortName": sort_name,
        }
        for student, name, sort_name in zip(
            students, ("Grace Brewster Hopper", "Sukarno", "Ada Lovelace"), sort_names, strict=True
        )
    ]


async def test_plugins_hear_of_each_change_of_teachers(serve, eventually):
    heard = []

    class Listener:
        name = "listener"

        @hookimpl
        def on_event(self, event):
            if isinstance(event, TeachersChanged):
                heard.append(event.class_id)

    server = await serve(beside=[Listener])
    primary, other = await server.person("teacher"), await server.person("teacher")
    room = await class_room(server, primary)
    path = f"/class/{room['_id']}/teachers/{other.id}"
    for method, body in (("PUT", None), ("DELETE", None), ("PUT", {"primary": True})):
        assert (await ask(server, primary, method, path, body)).status_code == 200

    async def three():
        return len(heard) == 3

    await eventually(three)
    assert set(heard) == {room["_id"]}


async def test_an_administrator_acts_in_a_session_once_they_are_a_co_teacher(school):
    server, cast = school, school.cast
    class_id, admin = await shared(server), cast["admin"]
    start = {"classId": class_id}
    assert (await ask(server, cast["primary"], "POST", "/attendance/start", start)).is_success
    socket = await server.socket(admin)
    mark = {"studentId": cast["student"].id, "status": "present", **start}
    refused = await socket.ask("ATTENDANCE_MARKED", mark)
    assert refused["data"]["message"] == NO_SESSION
    primary = await set_teacher(server, admin, class_id, admin, {"primary": True})
    assert told(primary) == "404 Teacher not found"
    other = await server.person("admin")
    assert told(await set_teacher(server, admin, class_id, other)) == "404 Teacher not found"

    assert told(await set_teacher(server, admin, class_id, admin)) == 200

    assert (await socket.ask("ATTENDANCE_MARKED", mark))["event"] == "ATTENDANCE_MARKED"
    again = await ask(server, admin, "POST", "/attendance/start", start)
    assert again.json()["data"]["_id"] == class_id
    taught = (await ask(server, admin, "GET", "/class")).json()["data"]
    assert [room["_id"] for room in taught] == [class_id]
    assert told(await ask(server, admin, "DELETE", f"/class/{class_id}/teachers/{admin.id}")) == 200
    refused = await socket.ask("ATTENDANCE_MARKED", mark)
    assert refused["data"]["message"] == NO_SESSION


async def test_an_administrator_reads_every_session(school, monkeypatch):
    server, cast = school, school.cast
    class_id = await shared(server)
    path = f"/attendance/session?classId={class_id}"
    assert told(await ask(server, cast["admin"], "GET", path)) == f"404 {NO_SESSION}"
    start = {"classId": class_id}
    assert (await ask(server, cast["primary"], "POST", "/attendance/start", start)).is_success
    socket = await server.socket(cast["primary"])
    student = cast["student"].id
    await socket.ask("ATTENDANCE_MARKED", {"studentId": student, "status": "present", **start})
    answer = await ask(server, cast["admin"], "GET", path)
    assert answer.json()["data"]["attendance"] == {student: "present"}
    assert told(await ask(server, cast["stranger"], "GET", path)) == f"404 {NO_SESSION}"


async def test_administrators_list_all_classes_page_by_page(school):
    server, cast = school, school.cast
    names = ("Algebra", "algorithms", "Logic")
    made = [
        (await class_room(server, cast["primary"], [cast["student"]], name=name))["_id"]
        for name in names
    ]
    await set_teacher(server, cast["primary"], made[0], cast["co_teacher"])

    async def page(**query):
        answer = await server.api.get("/admin/classes", params=query, headers=cast["admin"].headers)
        return answer.json()["data"]

    found = await page(search="ALG")
    assert [one["className"] for one in found] == ["Algebra", "algorithms"]
    teachers = [(one["_id"], one["primary"]) for one in found[0]["teachers"]]
    assert teachers == [(cast["primary"].id, True), (cast["co_teacher"].id, False)]
    assert found[0]["students"] == 1
    assert await page(search="al.*") == await page(search="\0") == []
    listed, query = [], {"limit": 2}
    while some := await page(**query):
        listed += [one["_id"] for one in some]
        query["after"] = listed[-1]
    assert listed == made
    for person in (cast["primary"], cast["student"]):
        answer = await ask(server, person, "GET", "/admin/classes")
        assert told(answer) == "403 Forbidden, admin access required"
