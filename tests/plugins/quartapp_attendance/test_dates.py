"""What an ended session keeps for its records: its local date, who ended it, and its roll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
from bson import ObjectId

from quartapp.testing import TurnedClock

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
    async with asyncio.timeout(60):
        while await session_states(server) != ["expired"]:
            await turned_clock.advance(HOUR)
    (session,) = await server.documents["sessions"].find().to_list()
    assert {str(one) for one in session["roll"]} == {one.id for one in maths.students}
    assert "endedBy" not in session
