"""Version 1 of frames on a standalone MongoDB, which has no change stream."""

from __future__ import annotations

import asyncio


async def test_standalone_mongod_serves_version_1(own_mongod, serve, lesson, mark):
    mongod = await asyncio.to_thread(own_mongod)
    server = await serve(mongodb_uri=mongod.uri)
    maths = await lesson(server, students=3)
    teacher = await server.socket(maths.teacher, version=1)
    watching = await server.socket(maths.students[0], version=1)
    plain = await server.socket(maths.students[0])
    for socket in (teacher, watching, plain):
        assert await socket.drain() == []
    first, second, third = sorted(maths.students, key=lambda student: student.id)
    await maths.start()
    started = await watching.receive()
    begin = {"classId": maths.class_id, "seq": started["seq"]}
    assert started == {"event": "SESSION_STARTED", "data": started["data"], **begin}
    assert await teacher.receive() == started

    def numbered(event, data, number, **more):
        return {
            "event": event,
            "data": data,
            "classId": maths.class_id,
            "seq": begin["seq"] + number,
            **more,
        }

    async def ask(event, data, ref):
        await teacher.send(event, data, ref=ref)
        return await teacher.drain()

    # A reference is applied once; a condition is checked; a mark is taken back.
    present, absent, none = (mark(first, status) for status in ("present", "absent", None))
    applied = [numbered("ATTENDANCE_MARKED", present, 1, ref="a")]
    assert await ask("ATTENDANCE_MARKED", present, "a") == applied
    assert await ask("ATTENDANCE_MARKED", present, "a") == applied
    conflict = {"message": "Conflict", "current": "present"}
    assert await ask("ATTENDANCE_MARKED", {**absent, "if": None}, "b") == [
        numbered("ERROR", conflict, 1, ref="b")
    ]
    assert await ask("ATTENDANCE_MARKED", {**absent, "if": "present"}, "b") == [
        numbered("ATTENDANCE_MARKED", absent, 2, ref="b")
    ]
    assert await ask("ATTENDANCE_MARKED", none, "c") == [
        numbered("ATTENDANCE_MARKED", none, 3, ref="c")
    ]
    assert await ask("ATTENDANCE_MARKED", absent, "d") == [
        numbered("ATTENDANCE_MARKED", absent, 4, ref="d")
    ]

    # Everybody else is marked in one frame, once.
    rest = {"status": "present", "studentIds": [second.id, third.id]}
    roll_marked = numbered("ROLL_MARKED", rest, 6)
    answer = numbered("MARKED_REST", {"marked": 2}, 6, ref="e")
    assert await ask("MARK_REST", {"status": "present"}, "e") == [roll_marked, answer]
    assert await ask("MARK_REST", {"status": "present"}, "e") == [answer]

    shown = [
        numbered("ATTENDANCE_MARKED", data, number)
        for number, data in enumerate((present, absent, none, absent), start=1)
    ]
    assert await watching.drain() == [*shown, roll_marked]
    assert [frame["data"] for frame in await plain.drain()] == [
        *(present, absent, none, absent),
        *(mark(student) for student in (second, third)),
    ]

    # A client that comes back gets the rest, and the end of it is marked.
    token, since = maths.students[0].token, f"{maths.class_id}:{begin['seq'] + 3}"
    back = await server.socket(path=f"/ws?token={token}&frames=v1&since={since}")
    assert await back.drain() == [shown[3], roll_marked, numbered("RESUMED", {"missed": 2}, 6)]

    other = await lesson(server, teacher=maths.teacher, students=1)
    await other.start()
    ended = numbered("SESSION_ENDED", {"outcome": "superseded"}, 7)
    assert (await watching.drain())[0] == ended
