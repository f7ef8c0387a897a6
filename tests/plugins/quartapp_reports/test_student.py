"""What one student has attended, in each class and in all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from bson import ObjectId

from quartapp import Grant, core, hookimpl
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room
from quartapp_records import Columns, SessionRecords, StudentRegisters

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
FIRST = date(2026, 3, 2)


class Years:
    """Classes whose sessions an administrator enters."""

    def __init__(self, server, admin):
        self.server, self.admin = server, admin

    async def ask(self, who, method, path, body=None):
        more = {} if body is None else {"json": body}
        return await self.server.api.request(method, path, headers=who.headers, **more)

    async def enter(self, room, day, **statuses):
        """Enter a session of a class on a day; return its id."""
        records = [
            {"studentId": student.id, "status": status} for student, status in statuses["of"]
        ]
        path = f"/class/{room['_id']}/sessions"
        body = {"date": (FIRST + timedelta(days=day)).isoformat(), "records": records}
        made = await self.ask(self.admin, "POST", path, body)
        assert made.status_code == 201, made.text
        return made.json()["data"]["_id"]

    async def told(self, who, student, query=""):
        path = "/me" if student is None else f"/student/{student.id}"
        answer = await self.ask(who, "GET", f"{path}/attendance{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def refusal(self, who, path):
        answer = await self.ask(who, "GET", path)
        return answer.status_code, answer.json()["error"]


@pytest.fixture
async def years(serve):
    server = await serve(clock=TurnedClock(NOW), timezone="UTC")
    return Years(server, await server.person("admin"))


def short(one):
    return one["taken"], one["percentage"], one["longestAbsence"], one["currentAbsence"]


async def test_a_student_has_no_absences_of_the_time_before(years):
    teacher = await years.server.person("teacher")
    early, late = await years.server.people("student", 2)
    room = await class_room(years.server, teacher, [early])
    await years.enter(room, 0, of=[(early, "present")])
    await years.enter(room, 1, of=[(early, "absent")])
    path = f"/class/{room['_id']}/add-student"
    assert (await years.ask(teacher, "POST", path, {"studentId": late.id})).status_code == 201
    await years.enter(room, 2, of=[(early, "absent"), (late, "present")])
    for who in (teacher, years.admin, None):
        for student, expected in ((early, (3, 33.3, 2, 2)), (late, (1, 100, 0, 0))):
            reader, about = (student, None) if who is None else (who, student)
            told = await years.told(reader, about)
            assert short(told["total"]) == expected
            assert [short(one) for one in told["classes"]] == [expected]
            assert told["studentId"] == student.id
            assert told["rule"] == "points"


async def test_the_report_of_a_student_is_the_row_of_the_report_of_the_class(years):
    teacher = await years.server.person("teacher")
    students = await years.server.people("student", 3)
    room = await class_room(years.server, teacher, students)
    for day, statuses in enumerate(("pap", "aap", "app", "aaa", "pap", "aap", "aap")):
        marks = ["present" if status == "p" else "absent" for status in statuses]
        await years.enter(room, day, of=zip(students, marks, strict=True))
    report = await years.ask(teacher, "GET", f"/class/{room['_id']}/report")
    rows = {one.pop("studentId"): one for one in report.json()["data"]["students"]}
    assert any(row["warnings"] for row in rows.values())
    for student in students:
        (own,) = (await years.told(student, None))["classes"]
        expected = dict(rows[student.id])
        del expected["displayName"], expected["sortName"], expected["raised"]
        assert own == {"classId": room["_id"], "className": room["className"], **expected}


async def test_all_classes_together_and_the_days_that_are_asked_for(years):
    (student,) = await years.server.people("student", 1)
    teacher = await years.server.person("teacher")
    maths, music = [
        await class_room(years.server, teacher, [student], name=name) for name in ("Maths", "art")
    ]
    for day, status in enumerate(("absent", "absent", "present")):
        await years.enter(maths, day, of=[(student, status)])
        await years.enter(music, day, of=[(student, "present")])
    told = await years.told(student, None)
    assert [one["className"] for one in told["classes"]] == ["art", "Maths"]
    assert [short(one) for one in told["classes"]] == [(3, 100, 0, 0), (3, 33.3, 2, 0)]
    assert short(told["total"]) == (6, 66.7, 2, 0)
    assert told["total"]["statuses"] == {"absent": 2, "present": 4}
    assert told["total"]["points"] == "4"
    assert (told["from"], told["to"]) == (None, None)
    day = "2026-03-03"
    told = await years.told(student, None, f"?from={day}&to={day}")
    assert (told["from"], told["to"]) == (day, day)
    assert short(told["total"]) == (2, 50, 1, 1)
    assert short((await years.told(student, None, "?to=2026-03-01"))["total"]) == (0, None, 0, 0)
    assert short((await years.told(student, None, "?from=2026-03-04"))["total"]) == (2, 100, 0, 0)


async def test_sessions_of_one_day_count_in_the_order_of_their_starts(years, monkeypatch):
    """The ids say another order: the first lesson of the day is stored last."""
    (student,) = await years.server.people("student", 1)
    room = await class_room(years.server, await years.server.person("teacher"), [student])
    late, early = [
        await years.enter(room, 0, of=[(student, status)]) for status in ("present", "absent")
    ]
    services = core(years.server.app).services
    for session, hour in ((early, 8), (late, 9)):
        at = datetime(2026, 3, 2, hour, tzinfo=UTC)
        await years.server.documents["sessions"].update_one(
            {"_id": ObjectId(session)}, {"$set": {"startedAt": at}}
        )
        await services.get(Columns).build(await services.get(SessionRecords).get(session))
    assert short((await years.told(student, None))["total"]) == (2, 50, 1, 0)


async def test_a_teacher_sees_common_classes_alone(years):
    (student,) = await years.server.people("student", 1)
    ada, alan, kay = await years.server.people("teacher", 3)
    maths = await class_room(years.server, ada, [student])
    music = await class_room(years.server, alan, [student])
    await years.enter(maths, 0, of=[(student, "present")])
    await years.enter(music, 0, of=[(student, "absent")])
    for reader, rooms, percentage in (
        (ada, [maths], 100),
        (alan, [music], 0),
        (years.admin, [maths, music], 50),
    ):
        told = await years.told(reader, student)
        assert {one["classId"] for one in told["classes"]} == {one["_id"] for one in rooms}
        assert told["total"]["percentage"] == percentage
    path = f"/student/{student.id}/attendance"
    assert await years.refusal(kay, path) == (403, "Forbidden, not class teacher")
    assert await years.refusal(student, path) == (403, "Forbidden, teacher access required")
    # A co-teacher joins those who see the class.
    added = await years.ask(ada, "PUT", f"/class/{maths['_id']}/teachers/{kay.id}")
    assert added.is_success
    assert [one["classId"] for one in (await years.told(kay, student))["classes"]] == [maths["_id"]]


async def test_whoever_left_a_class_keeps_its_attendance(years):
    (student,) = await years.server.people("student", 1)
    teacher = await years.server.person("teacher")
    room = await class_room(years.server, teacher, [student])
    await years.enter(room, 0, of=[(student, "present")])
    path = f"/class/{room['_id']}/students/{student.id}"
    assert (await years.ask(teacher, "DELETE", path)).is_success
    assert short((await years.told(teacher, student))["total"]) == (1, 100, 0, 0)


async def test_ids_that_name_no_student_are_not_found(years):
    teacher, (student,) = (
        await years.server.person("teacher"),
        await years.server.people("student", 1),
    )
    for reader in (years.admin, teacher):
        for key in ("nonsense", "0" * 24, teacher.id):
            found = await years.refusal(reader, f"/student/{key}/attendance")
            assert found == (404, "Student not found")
    # A student without a class is one all the same.
    assert (await years.told(years.admin, student))["classes"] == []
    assert (await years.told(teacher, None))["classes"] == []
    for query in ("from=2026-02-02&to=2026-02-01", "from=2026-02-30", "to=now"):
        found = await years.refusal(student, f"/me/attendance?{query}")
        assert found == (400, "Invalid request schema")


async def test_a_plugin_grants_the_records_of_a_class(serve):
    class Tutors:
        name = "tutors"

        @hookimpl
        def grant(self, principal, permission, resource):
            is_theirs = permission == "records:read" and resource.get("class_id") == granted
            return Grant() if is_theirs else None

    granted = None
    server = await serve(beside=[Tutors], clock=TurnedClock(NOW), timezone="UTC")
    years = Years(server, await server.person("admin"))
    (student,) = await server.people("student", 1)
    teacher, tutor = await server.people("teacher", 2)
    rooms = [await class_room(server, teacher, [student]) for _ in range(2)]
    granted = rooms[1]["_id"]
    assert [one["classId"] for one in (await years.told(tutor, student))["classes"]] == [granted]


async def test_columns_that_are_missing_or_of_an_earlier_version_are_not_believed(years):
    (student,) = await years.server.people("student", 1)
    room = await class_room(years.server, await years.server.person("teacher"), [student])
    sessions = [
        await years.enter(room, day, of=[(student, status)])
        for day, status in enumerate(("absent", "present", "absent"))
    ]
    await years.server.settled()
    columns = years.server.documents["register_columns"]
    services = core(years.server.app).services
    key, class_id = ObjectId(student.id), ObjectId(room["_id"])
    row = [("2026-03-02", "absent"), ("2026-03-03", "present"), ("2026-03-04", "absent")]

    async def read():
        return (await services.get(StudentRegisters).read(key, [class_id]))[class_id]

    plainly = services.get(StudentRegisters)._plainly
    asked = []

    async def counted(*wanted):
        asked.append(wanted)
        return await plainly(*wanted)

    services.get(StudentRegisters)._plainly = counted
    assert (await read(), asked) == (row, [])
    one = {"_id": ObjectId(sessions[1])}
    for change in ({"$unset": {"startedAt": 1}}, {"$set": {"pending": [{"at": NOW}]}}):
        await columns.update_one(one, {**change})
        assert await read() == row
        assert asked.pop()
        assert not asked
    await columns.delete_one(one)
    assert await read() == row
    assert asked.pop()
    # The reading has built the column.
    assert (await read(), asked) == (row, [])
