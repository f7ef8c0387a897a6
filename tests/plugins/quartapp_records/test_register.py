"""Registers: one row for each student, the same as a recount of the records."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quartapp import DatabaseUnavailableError, core
from quartapp_records import Columns, Registers, SessionRecords, StudentRegisters
from quartapp_records.columns import OLD

DEADLINE_SECONDS = 60


def refusal(answer):
    return answer.status_code, answer.json()["error"]


async def recount(server, class_id):
    """Return what the records say: for each student, a status by session."""
    sessions = await server.documents["sessions"].find({"state": {"$ne": "active"}}).to_list()
    ours = [one for one in sessions if str(one["classId"]) == class_id]
    ours.sort(key=lambda one: (one["date"], one["startedAt"], one["_id"]))
    rows = {}
    for place, session in enumerate(ours):
        found = dict.fromkeys(session.get("roll", ()), "")
        async for record in server.documents["attendance"].find({"sessionId": session["_id"]}):
            found[record["studentId"]] = record["status"]
        for student, status in found.items():
            rows.setdefault(student, [None] * len(ours))[place] = status
    return rows


async def as_read(server, class_id):
    register = (
        await core(server.app)
        .services.get(Registers)
        .read(ObjectId(class_id), "0001-01-01", "9999-12-31")
    )
    return {student: list(row) for student, row in register.rows.items()}


async def by_student(server, class_id):
    """Return what single students are told, in the shape of a register without empty places."""
    students, key = core(server.app).services.get(StudentRegisters), ObjectId(class_id)
    index = await server.documents["register_index"].find_one({"_id": key}) or {}
    found = {one: (await students.read(one, [key]))[key] for one in index.get("students", ())}
    return {one: [status for _, status in row] for one, row in found.items() if row}


def without_empty_places(rows):
    return {
        student: [status for status in row if status is not None] for student, row in rows.items()
    }


async def test_register_is_a_grid_of_sessions_and_students(server, lesson, held, as_person):
    maths = await lesson(server, students=2)
    first = await held(maths, "present")
    late = await server.person("student")
    added = await server.api.post(
        f"/class/{maths.class_id}/add-student",
        json={"studentId": late.id},
        headers=maths.teacher.headers,
    )
    assert added.status_code == 201
    second = await held(maths, None, "present")
    teacher = as_person(server, maths.teacher)
    answer = await teacher.get(f"/class/{maths.class_id}/register")
    assert answer.status_code == 200, answer.text
    register = answer.json()["data"]
    assert [one["_id"] for one in register["sessions"]] == [first, second]
    rows = {one["studentId"]: one["statuses"] for one in register["students"]}
    one, other = maths.students
    assert rows == {
        one.id: ["present", "absent"],
        other.id: ["absent", "present"],
        late.id: [None, "absent"],
    }
    names = [one["sortName"] for one in register["students"]]
    assert names == sorted(names, key=str.casefold)
    # A correction shows at once.
    assert (await teacher.correct(first, other, "present", 1)).is_success
    again = (await teacher.get(f"/class/{maths.class_id}/register")).json()["data"]
    rows = {one["studentId"]: one["statuses"] for one in again["students"]}
    assert rows[other.id] == ["present", "present"]


async def test_whoever_was_on_the_roll_and_unmarked_has_a_place(server, lesson, as_person):
    maths, physics = await lesson(server, students=1), await lesson(server)
    await maths.start()
    await physics.start()
    teacher, path = as_person(server, maths.teacher), f"/class/{maths.class_id}/register"
    (row,) = (await teacher.get(path)).json()["data"]["students"]
    assert row["statuses"] == [""]
    (session,) = (await teacher.get(path)).json()["data"]["sessions"]
    assert (await teacher.post(f"/session/{session['_id']}/finish")).is_success
    (row,) = (await teacher.get(path)).json()["data"]["students"]
    assert row["statuses"] == ["absent"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from": "2026-02-02", "to": "2026-02-01"}, "from is after to"),
        ({"from": "1926-02-01", "to": "2026-02-01"}, "range is longer than two years"),
        ({"from": "0001-01-01"}, "range is longer than two years"),
        ({"from": "2026-02-30"}, "Invalid request schema"),
        ({"to": "now"}, "Invalid request schema"),
    ],
)
async def test_unfit_ranges_are_refused(server, lesson, as_person, query, message):
    maths = await lesson(server, students=0)
    teacher = as_person(server, maths.teacher)
    answer = await teacher.get(f"/class/{maths.class_id}/register", **query)
    assert refusal(answer) == (400, message)


@pytest.mark.parametrize("query", [{"to": "0001-01-01"}, {"from": "9999-12-31"}])
async def test_the_first_and_the_last_day_are_days(server, lesson, held, as_person, query):
    maths = await lesson(server, students=1)
    await held(maths)
    teacher = as_person(server, maths.teacher)
    answer = await teacher.get(f"/class/{maths.class_id}/register", **query)
    assert answer.json()["data"]["sessions"] == []


async def test_only_who_may_reads_a_register(server, lesson, held, as_person):
    maths, physics = await lesson(server, students=1), await lesson(server)
    await held(maths)
    path = f"/class/{maths.class_id}/register"
    stranger = await as_person(server, physics.teacher).get(path)
    assert refusal(stranger) == (403, "Forbidden, not class teacher")
    student = await as_person(server, maths.students[0]).get(path)
    assert refusal(student) == (403, "Forbidden, teacher access required")
    office = as_person(server, await server.person("admin"))
    assert (await office.get(path)).status_code == 200


async def column(server, session_id):
    return await server.documents["register_columns"].find_one({"_id": ObjectId(session_id)})


async def test_column_is_there_after_the_end_of_a_session(server, lesson, held, eventually):
    maths = await lesson(server, students=2)
    session = await held(maths, "present")

    async def built():
        found = await column(server, session)
        return found and "cells" in found and not found["pending"]

    await eventually(built)


async def test_column_of_a_change_that_died_is_not_believed_until_it_is_built_anew(
    server, lesson, held, eventually
):
    maths = await lesson(server, students=1)
    session, (student,) = await held(maths), maths.students
    columns = core(server.app).services.get(Columns)
    document = await core(server.app).services.get(SessionRecords).get(session)
    await server.settled()
    assert await as_read(server, maths.class_id) == {ObjectId(student.id): ["absent"]}

    async def dies():
        async with columns.changing(document):
            await server.documents["attendance"].update_one(
                {"studentId": ObjectId(student.id)}, {"$set": {"status": "present"}}
            )
            # As a process that is killed between the record and the column.
            raise DatabaseUnavailableError("no answer in time")

    with pytest.raises(DatabaseUnavailableError):
        await dies()
    (pending,) = (await column(server, session))["pending"]
    assert await as_read(server, maths.class_id) == {ObjectId(student.id): ["present"]}
    # The token stays while its process may be at work, and goes with a later build.
    assert (await column(server, session))["pending"] == [pending]
    await server.documents["register_columns"].update_one(
        {}, {"$set": {"pending.0.at": pending["at"] - OLD - timedelta(seconds=1)}}
    )
    assert await as_read(server, maths.class_id) == {ObjectId(student.id): ["present"]}
    assert (await column(server, session))["pending"] == []
    assert await as_read(server, maths.class_id) == {ObjectId(student.id): ["present"]}


async def test_late_build_does_not_overwrite_a_later_one(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, (student,) = await held(maths), maths.students
    teacher = as_person(server, maths.teacher)
    columns = core(server.app).services.get(Columns)
    document = await core(server.app).services.get(SessionRecords).get(session)
    read = columns.cells_of
    reads = []

    async def slowly(one):
        found = await read(one)
        if not reads:
            reads.append(found)
            # Between this build's look at the records and its end, the record is corrected.
            assert (await teacher.correct(session, student, "present", 1)).is_success
        return found

    columns.cells_of = slowly
    assert await columns.build(document)
    columns.cells_of = read
    stored = await column(server, session)
    assert (stored["cells"], stored["pending"]) == ((await read(document))[1], [])
    assert await as_read(server, maths.class_id) == {ObjectId(student.id): ["present"]}


async def test_counts_by_columns_are_those_by_records(server, lesson, held, as_person):
    maths, physics = await lesson(server, students=3), await lesson(server)
    await held(maths, "present")
    await maths.start()
    await physics.start()
    teacher, path = as_person(server, maths.teacher), f"/class/{maths.class_id}/sessions"
    await server.settled()
    columns = server.documents["register_columns"]
    ours = {"classId": ObjectId(maths.class_id), "cells": {"$exists": True}, "pending": []}
    assert await columns.count_documents(ours) == 2
    by_columns = (await teacher.get(path)).json()["data"]
    await columns.delete_many({})
    assert (await teacher.get(path)).json()["data"] == by_columns
    assert [one["counts"]["statuses"] for one in by_columns] == [{"absent": 2, "present": 1}, {}]


@pytest.mark.processes
async def test_rebuild_makes_every_column_anew_beside_a_running_server(
    serve, lesson, held, run_cli, mongodb_uri, monkeypatch
):
    server = await serve(mongodb_uri=mongodb_uri)
    maths = await lesson(server, students=2)
    sessions = [await held(maths, "present"), await held(maths, None, "present")]
    await server.settled()
    before = {one: (await column(server, one))["cells"] for one in sessions}
    await server.documents["register_columns"].delete_many({})
    await server.documents["register_columns"].insert_one(
        {
            "_id": ObjectId(sessions[0]),
            "classId": ObjectId(maths.class_id),
            "date": "2026-01-01",
            "cells": "wrong",
            "n": 7,
            "pending": [],
        }
    )
    status, told, errors = await run_cli("records", "rebuild", MONGODB_URI=mongodb_uri)
    assert status == 0, errors
    assert "2 columns are built." in told
    assert {one: (await column(server, one))["cells"] for one in sessions} == before
    assert await as_read(server, maths.class_id) == await recount(server, maths.class_id)


async def test_deletion_of_a_class_takes_its_columns(server, lesson, held):
    maths = await lesson(server, students=1)
    await held(maths)
    await server.settled()
    gone = await server.api.delete(
        f"/class/{maths.class_id}?records=delete", headers=maths.teacher.headers
    )
    assert gone.status_code == 200
    for name in ("register_columns", "register_index"):
        assert await server.documents[name].count_documents({}) == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.lists(st.sampled_from([None, "present", "absent"]))),
        st.tuples(st.just("supersede"), st.sampled_from([None, "present", "absent"])),
        st.tuples(st.just("correct"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("together"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("join"), st.none()),
        st.tuples(st.just("leave"), st.integers(0, 9)),
        st.tuples(st.just("finish"), st.integers(0, 9)),
        st.tuples(st.just("rebuild"), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("read"), st.none()),
    ),
    min_size=3,
    max_size=10,
)


class School:
    """One class, to which the steps of an example happen."""

    def __init__(self, server, maths, physics, held, as_person):
        self.server, self.maths, self.physics, self.held = server, maths, physics, held
        self.teacher = as_person(server, maths.teacher)
        self.sessions = []

    async def take(self, step):
        name, *values = step
        await getattr(self, name)(*values)

    def chosen(self, number):
        return self.sessions[number % len(self.sessions)] if self.sessions else None

    async def hold(self, statuses):
        self.sessions.append(await self.held(self.maths, *statuses))

    async def supersede(self, status):
        await self.maths.start()
        if status is not None and self.maths.students:
            socket = await self.server.socket(self.maths.teacher)
            student = self.maths.students[0]
            await socket.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": status})
            await socket.close()
        await self.physics.start()
        listed = await self.teacher.get(f"/class/{self.maths.class_id}/sessions", limit=500)
        self.sessions.append(listed.json()["data"][-1]["_id"])

    async def correct(self, number, which):
        if (session := self.chosen(number)) is None:
            return
        records = (await self.teacher.session(session))["records"]
        if records:
            one = records[which % len(records)]
            status = "absent" if one["status"] == "present" else "present"
            path = f"/session/{session}/attendance/{one['studentId']}"
            answer = await self.teacher.patch(path, {"status": status, "v": one["v"]})
            assert answer.status_code == 200, answer.text

    async def together(self, number, which):
        await asyncio.gather(
            self.correct_or_lose(number, which),
            self.correct_or_lose(number, which + 1),
            self.rebuild(number),
        )

    async def correct_or_lose(self, number, which):
        # Of two corrections of one record, one counts.
        try:
            await self.correct(number, which)
        except AssertionError as error:
            if "record has changed" not in str(error):
                raise

    async def join(self, _):
        student = await self.server.person("student")
        answer = await self.server.api.post(
            f"/class/{self.maths.class_id}/add-student",
            json={"studentId": student.id},
            headers=self.maths.teacher.headers,
        )
        assert answer.status_code == 201
        self.maths.students.append(student)

    async def leave(self, which):
        if self.maths.students:
            student = self.maths.students.pop(which % len(self.maths.students))
            await self.server.api.delete(
                f"/class/{self.maths.class_id}/students/{student.id}",
                headers=self.maths.teacher.headers,
            )

    async def finish(self, number):
        if (session := self.chosen(number)) is not None:
            answer = await self.teacher.post(f"/session/{session}/finish")
            assert answer.status_code in (200, 409)

    async def rebuild(self, number):
        if (session := self.chosen(number)) is not None:
            parts = core(self.server.app)
            document = await parts.services.get(SessionRecords).get(session)
            await parts.services.get(Columns).build(document)

    async def lose(self, number):
        if (session := self.chosen(number)) is not None:
            await self.server.documents["register_columns"].delete_one({"_id": ObjectId(session)})

    async def read(self, _):
        await as_read(self.server, self.maths.class_id)


EXAMPLES = 12


@pytest.mark.parametrize("number", range(EXAMPLES))
async def test_any_order_of_changes_gives_the_register_of_a_recount(
    server, lesson, held, as_person, number
):
    examples = []

    @settings(
        max_examples=4 * EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    def collect(steps):
        examples.append(steps)

    collect()
    maths, physics = await lesson(server, students=2), await lesson(server)
    school = School(server, maths, physics, held, as_person)
    # The first ones are the smallest.
    for step in examples[-1 - number]:
        await school.take(step)
        expected = await recount(server, maths.class_id)
        # Before the register is read, which builds columns.
        assert await by_student(server, maths.class_id) == without_empty_places(expected)
        assert await as_read(server, maths.class_id) == expected
