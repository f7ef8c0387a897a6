"""What an ended session keeps for its records: its local date, who ended it, and its roll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_records import Registers, StudentRegisters

HOUR = 3600


@pytest.fixture
def earlier(mongodb_uri):
    """Return the URI of a database as 654012f left it, and the ids of what is in it."""
    class_id, teacher, student = ObjectId(), ObjectId(), ObjectId()
    ended = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    over = {
        "classId": class_id,
        "teacherId": teacher,
        "slot": "global",
        "state": "closed",
        "outcome": "closed",
        "seq": 2,
        "startedAt": ended - timedelta(minutes=5),
        "endedAt": ended,
        "rollVersion": 1,
        "attendance": {str(student): {"status": "present", "at": ended, "by": teacher}},
        "summary": {"present": 1, "absent": 0, "total": 1},
    }
    late = ended + timedelta(hours=2)
    sessions = [
        {"_id": ObjectId(), **over},
        {"_id": ObjectId(), **over, "startedAt": late, "endedAt": late, "outcome": "superseded"},
    ]
    record = {
        "classId": class_id,
        "studentId": student,
        "status": "present",
        "markedAt": ended,
        "markedBy": teacher,
        "createdAt": ended,
        "updatedAt": ended,
    }
    with pymongo.MongoClient(mongodb_uri) as client:
        database = client.get_default_database()
        database["sessions"].insert_many(sessions)
        # More than a page.
        database["attendance"].insert_many(
            {**record, "sessionId": sessions[0]["_id"], "studentId": ObjectId()}
            for _ in range(1500)
        )
    return mongodb_uri, [session["_id"] for session in sessions]


async def test_sessions_and_records_of_654012f_get_dates_and_versions(serve, earlier):
    uri, (first, second) = earlier
    server = await serve(mongodb_uri=uri, timezone="Europe/Berlin")
    found = {one["_id"]: one async for one in server.documents["sessions"].find()}
    # 23:25 in Berlin, and 1:30 on the next day.
    assert found[first]["date"] == "2026-03-02"
    assert found[second]["date"] == "2026-03-03"
    assert found[first]["summary"] == {"present": 1, "absent": 0, "total": 1}
    assert await server.documents["attendance"].distinct("v") == [1]
    assert await server.documents["attendance"].count_documents({"v": 1}) == 1500


async def test_sessions_of_654012f_get_columns_when_a_register_is_read(serve, earlier):
    uri, (first, second) = earlier
    with pymongo.MongoClient(uri) as client:
        record = client.get_default_database()["attendance"].find_one()
    server = await serve(mongodb_uri=uri, timezone="Europe/Berlin")
    columns = server.documents["register_columns"]
    assert await columns.count_documents({}) == 0
    services, class_id = core(server.app).services, record["classId"]
    one = services.get(StudentRegisters)
    expected = [("2026-03-02", "present")]
    assert (await one.read(record["studentId"], [class_id]))[class_id] == expected
    # The reading has built them; the second session has no records.
    found = {column["_id"]: column async for column in columns.find()}
    assert {key: (column["date"], column["pending"]) for key, column in found.items()} == {
        first: ("2026-03-02", []),
        second: ("2026-03-03", []),
    }
    assert (len(found[first]["cells"]), found[second]["cells"]) == (1500, "")
    register = await services.get(Registers).read(class_id, "2026-03-01", "2026-03-31")
    assert [session.id for session in register.sessions] == [first, second]
    assert len(register.rows) == 1500
    assert {tuple(row) for row in register.rows.values()} == {("present", None)}
    assert await one.classes_of(record["studentId"]) == [class_id]


@pytest.mark.parametrize(
    ("zone", "date"), [("Asia/Tokyo", "2027-01-02"), ("America/New_York", "2027-01-01")]
)
async def test_session_keeps_the_date_of_the_institution(serve, lesson, zone, date):
    clock = TurnedClock(datetime(2027, 1, 1, 16, tzinfo=UTC))
    server = await serve(clock=clock, timezone=zone)
    maths = await lesson(server)
    await maths.start()
    await (await server.socket(maths.teacher)).ask("DONE")
    (session,) = await server.documents["sessions"].find().to_list()
    assert (session["date"], session["outcome"]) == (date, "closed")
    assert str(session["endedBy"]) == maths.teacher.id
    assert session["summary"] == {"present": 0, "absent": 2, "total": 2}
    assert "roll" not in session
    assert await server.documents["attendance"].distinct("v") == [1]


async def test_superseded_session_keeps_its_roll_and_who_ended_it(server, lesson, mark):
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await physics.start()
    session = await server.documents["sessions"].find_one({"outcome": "superseded"})
    assert {str(one) for one in session["roll"]} == {one.id for one in maths.students}
    assert str(session["endedBy"]) == physics.teacher.id


async def test_expired_session_keeps_its_roll_and_nobody_ended_it(
    serve, lesson, turned_clock, session_states
):
    server = await serve(clock=turned_clock, websocket_silence=1e6, database_timeout=60)
    maths = await lesson(server)
    await maths.start()
    async with asyncio.timeout(300):
        while await session_states(server) != ["expired"]:
            await turned_clock.advance(HOUR)
    (session,) = await server.documents["sessions"].find().to_list()
    assert {str(one) for one in session["roll"]} == {one.id for one in maths.students}
    assert "endedBy" not in session
