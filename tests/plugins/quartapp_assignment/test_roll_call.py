"""Rolls and roll calls, begun here and seen from the base, and the other way round."""

from __future__ import annotations

import asyncio
import re

import pytest

from quartapp import Deny, hookimpl
from quartapp_classes.testing import class_room


async def test_the_same_student_added_many_times_at_once_is_added_once(school):
    at = await school()
    body = {"studentId": "<student>"}
    answers = await asyncio.gather(
        *(at.ask("owner", "POST", "/class/<class>/add-student", body) for _ in range(12))
    )
    roll = [at.words["enrolled"], at.words["student"]]
    assert [(a.status_code, a.json()["data"]["studentIds"]) for a in answers] == [(200, roll)] * 12
    of_base = await at.base("owner", "GET", "/class")
    assert of_base.json()["data"][0]["studentsIds"] == roll


async def test_different_students_added_at_once_are_all_added(school):
    at = await school()
    more = await at.server.people("student", 8)
    answers = await asyncio.gather(
        *(
            at.ask("owner", "POST", "/class/<class>/add-student", {"studentId": person.id})
            for person in more
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    room = await at.ask("owner", "GET", "/class/<class>")
    listed = [student["_id"] for student in room.json()["data"]["students"]]
    assert sorted(listed) == sorted([at.words["enrolled"], *(person.id for person in more)])


async def test_a_student_id_in_capitals_is_the_same_student(school):
    at = await school()
    body = {"studentId": at.words["enrolled"].upper()}
    answer = await at.ask("owner", "POST", "/class/<class>/add-student", body)
    assert answer.json()["data"]["studentIds"] == [at.words["enrolled"]]


async def test_a_roll_call_started_here_is_the_session_of_the_base(school):
    at = await school()
    started = await at.ask("owner", "POST", "/attendance/start", {"classId": "<class>"})
    assert started.status_code == 200
    data = started.json()["data"]
    assert data.keys() == {"classId", "startedAt"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["startedAt"])
    session = await at.base("owner", "GET", "/attendance/session")
    assert data == {name: session.json()["data"][name] for name in data}


async def test_starting_again_keeps_the_session_and_its_marks(school):
    at = await school()
    at_base = await at.base("owner", "POST", "/attendance/start", {"classId": "<class>"})
    assert at_base.status_code == 200
    session = (await at.base("owner", "GET", "/attendance/session")).json()["data"]
    socket = await at.server.socket(at.people["owner"])
    mark = {"studentId": at.words["enrolled"], "status": "present"}
    assert (await socket.ask("ATTENDANCE_MARKED", mark))["event"] == "ATTENDANCE_MARKED"
    for _ in range(2):
        again = await at.ask("owner", "POST", "/attendance/start", {"classId": "<class>"})
        assert again.json()["data"]["startedAt"] == session["startedAt"]
    session = (await at.base("owner", "GET", "/attendance/session")).json()["data"]
    assert session["attendance"] == {at.words["enrolled"]: "present"}


async def test_another_class_that_starts_ends_the_session_as_in_the_base(school, session_states):
    at = await school()
    await at.ask("owner", "POST", "/attendance/start", {"classId": "<class>"})
    other = await class_room(at.server, at.people["teacher"])
    started = await at.ask("teacher", "POST", "/attendance/start", {"classId": other["_id"]})
    assert started.json()["data"]["classId"] == other["_id"]
    assert await session_states(at.server) == ["superseded", "active"]


async def test_a_class_of_another_teacher_is_403_here_and_404_in_the_base(school):
    at = await school()
    body = {"classId": "<class>"}
    here = await at.ask("teacher", "POST", "/attendance/start", body)
    assert (here.status_code, here.json()["error"]) == (403, "Forbidden, not class teacher")
    base = await at.base("teacher", "POST", "/attendance/start", body)
    assert (base.status_code, base.json()["error"]) == (404, "class not found")
    assert (await at.base("owner", "GET", "/attendance/session")).status_code == 404


@pytest.mark.parametrize(
    ("plugins", "marked", "answered"),
    [
        ((), "present", "present"),
        ((), None, "absent"),
        (("statuses",), "late", "present"),
        (("statuses",), "excused", "absent"),
    ],
)
async def test_my_attendance_is_the_recorded_status(school, plugins, marked, answered):
    at = await school(*plugins)
    await at.ask("owner", "POST", "/attendance/start", {"classId": "<class>"})
    socket = await at.server.socket(at.people["owner"])
    if marked is not None:
        mark = {"studentId": at.words["enrolled"], "status": marked}
        assert (await socket.ask("ATTENDANCE_MARKED", mark))["event"] == "ATTENDANCE_MARKED"
    live = await at.ask("enrolled", "GET", "/class/<class>/my-attendance")
    assert live.json()["data"]["status"] is None
    assert (await socket.ask("DONE"))["event"] == "DONE"
    mine = await at.ask("enrolled", "GET", "/class/<class>/my-attendance")
    assert mine.json()["data"] == {"classId": at.class_id, "status": answered}


async def test_changes_on_one_side_appear_on_the_other(school):
    at = await school()
    made = (await at.ask("owner", "POST", "/class", {"className": "X"})).json()["data"]
    listed = (await at.base("owner", "GET", "/class")).json()["data"]
    assert [room["className"] for room in listed] == ["X", "Mathematics"]
    by_name = await at.base("owner", "POST", "/attendance/start", {"className": "x"})
    assert by_name.json()["data"]["_id"] == made["_id"]
    account = {"name": "EMMY", "email": "emmy@school.example", "password": "123456"}
    await at.ask(None, "POST", "/auth/signup", {**account, "role": "student"})
    twice = await at.server.api.post("/auth/register", json={**account, "role": "student"})
    assert (twice.status_code, twice.json()["error"]) == (403, "Email already exists")
    students = (await at.base("owner", "GET", "/class/students")).json()["data"]
    assert students[-1]["name"] == "emmy"


class OnlyMaths:
    """An institution's policy, written for the base routes."""

    name = "policy"
    messages = ("Not today", "Only maths")

    def __init__(self):
        self.asked = []

    @hookimpl
    def authorize(self, action, resource):
        self.asked.append(action)
        if action == "startAttendance":
            body = resource["body"]
            return Deny("Not today") if body.class_name is None and body.class_id else None
        return Deny("Only maths") if action.startswith("createClass") else None


async def test_a_policy_for_the_base_holds_here_too(serve):
    policy = OnlyMaths()
    server = await serve(extra_plugins=("assignment",), beside=[policy])
    teacher = await server.person("teacher")
    headers = {"Authorization": teacher.token}
    for path, body, reason in (
        ("/class", {"className": "Art"}, "Only maths"),
        ("/attendance/start", {"classId": teacher.id}, "Not today"),
    ):
        answer = await server.api.post(server.url + path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, reason)
    for path in ("/auth/me", "/students", f"/class/{teacher.id}"):
        await server.api.get(server.url + path, headers=headers)
    await server.api.post(
        f"{server.url}/class/{teacher.id}/add-student",
        json={"studentId": teacher.id},
        headers=headers,
    )
    student = await server.person("student")
    await server.api.get(f"{server.url}/class/{teacher.id}/my-attendance", headers=student.headers)
    assert policy.asked == [
        "registerUser",
        "createClass",
        "startAttendance",
        "getMe",
        "listStudents",
        "getClass",
        "addStudent",
        "registerUser",
        "getMyAttendance",
    ]
