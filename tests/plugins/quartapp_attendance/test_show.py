"""A plugin's own broadcast, through the log of a session."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from quartapp import EventData, EventType, ServerMessage, core, hookimpl
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.service import AttendanceService


class Fire(BaseModel):
    drill: bool


class FireBell:
    """Lets a teacher ring the bell."""

    requires = ("attendance",)

    @hookimpl
    def register_events(self):
        rung = ServerMessage(name="FIRE_BELL", data=Fire, to_all=True, summary="The bell rings.")
        return [
            EventType(
                name="RING",
                role="teacher",
                data=EventData,
                handler=self.ring,
                answers=(rung,),
                errors={NoActiveSessionError: "No bell without a lesson"},
            )
        ]

    async def ring(self, connection, data):
        service = core().services.get(AttendanceService)
        session = await service.session_for(connection.principal, None)
        await service.show(session, "FIRE_BELL", {"drill": True})


async def test_a_plugins_broadcast_reaches_all_servers_in_the_order_of_the_session(
    serve, lesson, mark
):
    one, other = await serve(beside=[FireBell]), await serve(beside=[FireBell])
    maths = await lesson(one, students=1)
    await maths.start()
    teacher = await one.socket(maths.teacher)
    student = await other.socket(maths.students[0])
    await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.send("RING")
    await teacher.send("TODAY_SUMMARY")
    await teacher.send("DONE")
    expected = ["ATTENDANCE_MARKED", "FIRE_BELL", "TODAY_SUMMARY", "DONE"]
    for socket in (teacher, student):
        await socket.until("DONE")
        assert [frame["event"] for frame in socket.history] == expected
        assert socket.history[1]["data"] == {"drill": True}


@pytest.mark.parametrize("begun", [True, False])
async def test_ended_session_is_not_shown(serve, lesson, begun):
    server = await serve(beside=[FireBell])
    maths = await lesson(server, students=1)
    teacher = await server.socket(maths.teacher)
    if begun:
        await maths.start()
        await teacher.send("DONE")
        await teacher.until("DONE")
    refused = await teacher.ask("RING")
    assert refused["data"] == {"message": "No bell without a lesson"}
