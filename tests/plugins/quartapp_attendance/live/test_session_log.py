"""The log: what one update of a session holds."""

from __future__ import annotations

import asyncio

from quartapp import core
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.statuses import Mark


async def test_marks_that_come_at_one_moment_are_one_update(serve, lesson):
    server = await serve()
    maths = await lesson(server, students=3)
    await maths.start()
    parts = core(server.app)
    service = parts.services.get(AttendanceService)
    (session,) = parts.services.get(LiveSessions)

    async def come(after, student):
        for _ in range(after):
            await asyncio.sleep(0)
        await service.mark(session, Mark(student.id, "present", maths.teacher.id))

    # As the frames of several sockets do that are read one round of the event loop apart.
    await asyncio.gather(*(come(after, one) for after, one in enumerate(maths.students)))

    stored = await parts.database.documents["sessions"].find_one({"_id": session.id})
    entries = stored["signal"]["entries"]
    assert [entry["studentId"] for entry in entries] == [one.id for one in maths.students]
