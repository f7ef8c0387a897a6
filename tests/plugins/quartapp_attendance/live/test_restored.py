"""Sessions whose documents were put back from a backup, and servers whose clock was set back."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from quartapp import core
from quartapp_attendance.live.sessions import LiveSessions

HOUR = 3600


async def drop_and_insert(sessions, saved):
    await sessions.drop()
    await sessions.insert_one(saved)


async def delete_and_insert(sessions, saved):
    await sessions.delete_one({"_id": saved["_id"]})
    await sessions.insert_one(saved)


async def replace(sessions, saved):
    await sessions.replace_one({"_id": saved["_id"]}, saved)


async def update(sessions, saved):
    fields = {name: saved[name] for name in ("seq", "attendance")}
    await sessions.update_one({"_id": saved["_id"]}, {"$set": fields})


@pytest.mark.parametrize("put_back", [drop_and_insert, delete_and_insert, replace, update])
async def test_session_that_was_put_back_is_loaded_anew_and_shows_later_marks(
    serve, lesson, mark, eventually, put_back
):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=3)
    await maths.start()
    teacher = await one.socket(maths.teacher, version=1)
    watching = await other.socket(maths.teacher, version=1)
    first, second, third = maths.students
    await teacher.ask("ATTENDANCE_MARKED", mark(first, "present"))
    saved = await one.documents["sessions"].find_one({})
    lost = [mark(first, "absent"), mark(second), mark(third), mark(third, "absent")]
    for data in lost:
        await teacher.ask("ATTENDANCE_MARKED", data)
    while (await watching.receive())["data"] != lost[-1]:
        pass

    with capture_logs() as lines:
        await put_back(one.documents["sessions"], saved)

        async def loaded():
            found = [
                core(server.app).services.get(LiveSessions).get(saved["_id"])
                for server in (one, other)
            ]
            return all(live is not None and live.seq == saved["seq"] for live in found)

        await eventually(loaded)
    told = [line for line in lines if "put back" in line["event"]]
    assert [(line["seq"], line["known"]) for line in told] == [
        (saved["seq"], saved["seq"] + len(lost))
    ] * 2

    # Both servers show what the restore changed, and then what follows.
    back = [mark(first, "present"), mark(second, None), mark(third, None)]
    for socket in (teacher, watching):
        shown = [await socket.receive() for _ in back]
        assert sorted((frame["data"] for frame in shown), key=str) == sorted(back, key=str)
        assert {frame["seq"] for frame in shown} == {saved["seq"]}
    answer = await teacher.ask("ATTENDANCE_MARKED", mark(second, "absent"))
    assert (answer["data"], answer["seq"]) == (mark(second, "absent"), saved["seq"] + 1)
    assert await watching.receive() == answer


async def test_session_that_was_dropped_for_good_is_over(server, lesson, mark, eventually):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    with capture_logs() as lines:
        await server.documents["sessions"].drop()

        async def gone():
            return not list(core(server.app).services.get(LiveSessions))

        await eventually(gone)
    assert any("were dropped" in line["event"] for line in lines)
    refused = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert refused["data"] == {"message": "No active attendance session"}
    await maths.start()
    shown = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert shown["data"] == mark(maths.students[0])


async def test_newest_record_is_of_the_last_session_after_the_clock_was_set_back(
    server, lesson, mark, monkeypatch
):
    maths = await lesson(server, students=1)

    async def session_of(status):
        await maths.start()
        teacher = await server.socket(maths.teacher)
        await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], status))
        await teacher.ask("DONE")

    await session_of("present")
    before = await server.documents["sessions"].find_one({})
    set_back = time.time_ns() - HOUR * 10**9
    monkeypatch.setattr(
        "quartapp_attendance.live.session_log.time", SimpleNamespace(time_ns=lambda: set_back)
    )
    await session_of("absent")
    (newest,) = await server.documents["sessions"].find({"_id": {"$ne": before["_id"]}}).to_list()
    assert newest["seq"] > before["seq"]
    # The times of the records are by the clock, too.
    await server.documents["attendance"].update_many(
        {"sessionId": before["_id"]},
        [{"$set": {"createdAt": {"$add": ["$createdAt", HOUR * 1000]}}}],
    )
    mine = await server.api.get(
        f"/attendance/{maths.class_id}/my-attendance", headers=maths.students[0].headers
    )
    assert mine.json()["data"]["status"] == "absent"
