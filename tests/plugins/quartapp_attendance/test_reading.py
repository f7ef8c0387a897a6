"""Server-sent events: the broadcasts of a roll call for clients that only read."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from quartapp import core, encode
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_auth import UserService

EVENTS = "/attendance/events"
UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
NO_SESSION = {"event": "ERROR", "data": {"message": "No active attendance session"}}


@pytest.fixture
async def room(server, lesson):
    """A live session of three students."""
    maths = await lesson(server, students=3)
    await maths.start()
    return maths


async def marked(teacher, *marks):
    """Let a teacher make marks; return their frames in version 1."""
    return [await teacher.ask("ATTENDANCE_MARKED", data) for data in marks]


async def frames(reader, count):
    return [await reader.receive() for _ in range(count)]


async def test_stream_and_socket_are_told_the_same_in_the_same_order(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    watching = await server.socket(room.students[0], version=1)
    reading = await server.stream(room.students[0], EVENTS)
    for turn in range(10):
        await teacher.send("ATTENDANCE_MARKED", mark(room.students[turn % 3]))
        await teacher.send("ATTENDANCE_MARKED", mark(room.students[turn % 3], "absent"))
    await teacher.send("MARK_REST", {"status": "absent"})
    await teacher.send("DONE")
    told = await watching.until("DONE")
    assert await reading.until("DONE") == told
    assert reading.history == watching.history
    assert len(reading.history) == 21
    assert reading.last_id == f"{room.class_room['_id']}:{told['seq']}"


async def test_answer_is_for_nobody_to_keep_or_to_collect(server, room):
    answer = (await server.stream(room.teacher, EVENTS)).answer
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("form", ["number", "classes", "header"])
async def test_reader_comes_back_to_what_was_missed(server, room, mark, form):
    teacher = await server.socket(room.teacher, version=1)
    reading = await server.stream(room.students[1], EVENTS)
    await marked(teacher, mark(room.students[0]))
    known = (await reading.receive())["seq"]
    await reading.close()
    missed = await marked(teacher, mark(room.students[1]), mark(room.students[2], "absent"))
    of_class = f"{room.class_room['_id']}:{known}"
    assert reading.last_id == of_class
    path = {"number": f"?since={known}", "classes": f"?since={of_class}", "header": "?since=0"}
    back = await server.stream(
        room.students[1], EVENTS + path[form], last_id=of_class if form == "header" else None
    )
    *told, resumed = await frames(back, 3)
    assert told == missed
    assert (resumed["event"], resumed["data"]) == ("RESUMED", {"missed": 2})
    assert await marked(teacher, mark(room.students[0], "absent")) == await frames(back, 1)


async def test_since_0_is_everything_from_the_start(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    shown = await marked(teacher, mark(room.students[0]), mark(room.students[1]))
    reading = await server.stream(room.students[0], f"{EVENTS}?since=0")
    assert await frames(reading, 2) == shown


async def test_end_of_a_session_can_be_missed_too(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    reading = await server.stream(room.students[0], EVENTS)
    await marked(teacher, mark(room.students[0]))
    await reading.receive()
    await reading.close()
    done = await teacher.ask("DONE")
    back = await server.stream(room.students[0], EVENTS, last_id=reading.last_id)
    assert await back.receive() == done
    again = await server.stream(room.students[0], EVENTS, last_id=back.last_id)
    assert await again.receive() == NO_SESSION


async def test_unknown_position_brings_the_state_of_the_session(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    (made,) = await marked(teacher, mark(room.students[0]))
    class_id = room.class_room["_id"]
    reading = await server.stream(room.students[0], EVENTS, last_id=f"{class_id}:1")
    state = await reading.receive()
    assert state["event"] == "SESSION_STATE"
    assert state["data"]["attendance"] == {room.students[0].id: "present"}
    assert reading.last_id == f"{class_id}:{made['seq']}"


async def test_unknown_class_is_told_and_the_stream_goes_on(server, room, mark):
    reading = await server.stream(room.students[0], EVENTS, last_id=f"{'a' * 24}:5")
    assert await reading.receive() == NO_SESSION
    assert reading.last_id == ""
    teacher = await server.socket(room.teacher, version=1)
    (made,) = await marked(teacher, mark(room.students[0]))
    while (frame := await reading.receive()) != made:
        assert frame["event"] == "RESUMED"
    assert reading.last_id == f"{room.class_room['_id']}:{made['seq']}"


@pytest.mark.parametrize("last", ["x", "5", f"{'a' * 24}:", f"{'a' * 24}:1,", "a:1", "\u0661"])
async def test_malformed_position_is_refused(server, room, last):
    headers = {**room.teacher.headers, "Last-Event-ID": last.encode()}
    answer = await server.api.get(EVENTS, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request schema"


@pytest.mark.parametrize("query", ["since=x", "since=-1", "classId=5", "since=1&since=2"])
async def test_malformed_query_is_refused(server, room, query):
    answer = await server.api.get(f"{EVENTS}?{query}", headers=room.teacher.headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid request schema")


@pytest.fixture
async def by_class(serve, monkeypatch):
    """A server on which each class can have a session."""
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")
    return await serve()


async def test_position_is_kept_in_each_of_several_sessions(by_class, lesson, mark):
    maths, art = await lesson(by_class, students=1), await lesson(by_class, students=1)
    (student,) = maths.students
    added = await by_class.api.post(
        f"/class/{art.class_room['_id']}/add-student",
        json={"studentId": student.id},
        headers=art.teacher.headers,
    )
    assert added.is_success, added.text
    await maths.start()
    teacher = await by_class.socket(maths.teacher, version=1)
    reading = await by_class.stream(student, EVENTS)
    (made,) = await marked(teacher, mark(student))
    assert await reading.receive() == made
    await reading.close()
    # The other session begins while the reader is away.
    await art.start()
    artist = await by_class.socket(art.teacher, version=1)
    (painted,) = await marked(artist, mark(student, "absent"))
    (late,) = await marked(teacher, mark(student, "absent"))
    back = await by_class.stream(student, EVENTS, last_id=reading.last_id)
    told = [frame for frame in await frames(back, 4) if frame["event"] == "ATTENDANCE_MARKED"]
    assert told == [late, painted]
    positions = (
        f"{maths.class_room['_id']}:{late['seq']}",
        f"{art.class_room['_id']}:{painted['seq']}",
    )
    assert back.last_id == ",".join(positions)
    await teacher.ask("DONE")
    await back.until("DONE")
    assert len(back.last_id.split(",")) == 2
    (last,) = await marked(artist, mark(student))
    assert await back.receive() == last
    assert back.last_id == f"{art.class_room['_id']}:{last['seq']}"


async def test_stranger_cannot_read(server):
    assert (await server.api.get(EVENTS)).status_code == 401
    answer = await server.api.get(EVENTS, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")


async def test_revoked_person_is_told_and_reads_no_further(server, room, mark):
    reading = await server.stream(room.students[0], EVENTS)
    other = await server.stream(room.students[1], EVENTS)
    await core(server.app).services.get(UserService).revoke(room.students[0].id)
    assert await reading.closed() == 1008
    assert reading.history == [UNAUTHORIZED]
    teacher = await server.socket(room.teacher, version=1)
    assert await marked(teacher, mark(room.students[0])) == await frames(other, 1)
    answer = await server.api.get(EVENTS, headers=room.students[0].headers)
    assert answer.status_code == 401


async def test_stream_ends_with_its_token(serve, turned_clock, lesson):
    server = await serve(clock=turned_clock, token_hours=1)
    maths = await lesson(server, students=1)
    reading = await server.stream(maths.students[0], EVENTS)
    closed = asyncio.create_task(reading.closed())
    while not closed.done():
        await turned_clock.advance(600)
    assert (await closed, reading.history) == (1008, [UNAUTHORIZED])


async def test_student_who_left_the_roll_is_told_nothing(by_class, lesson, mark, eventually):
    maths = await lesson(by_class, students=3)
    await maths.start()
    leaving, *_ = maths.students
    teacher = await by_class.socket(maths.teacher, version=1)
    reading = await by_class.stream(leaving, EVENTS)
    assert await marked(teacher, mark(maths.students[1])) == await frames(reading, 1)
    path = f"/class/{maths.class_room['_id']}/students/{leaving.id}"
    answer = await by_class.api.delete(path, headers=maths.teacher.headers)
    assert answer.is_success, answer.text
    live = core(by_class.app).services.get(LiveSessions)

    async def class_has_noticed():
        await marked(teacher, mark(maths.students[2]))
        return not live.concerning(leaving.id)

    await eventually(class_has_noticed)
    await marked(teacher, mark(maths.students[2], "absent"))
    # What is told to this person alone comes after the mark that it is not told.
    core(by_class.app).hub.broadcast(encode("OWN", {}), {leaving.id})
    assert (await reading.until("OWN"))["data"] == {}
    assert {"studentId": maths.students[2].id, "status": "absent"} not in [
        frame["data"] for frame in reading.history
    ]


async def test_streams_and_sockets_share_the_limit_of_a_user(serve, lesson, eventually):
    server = await serve(max_sockets_per_user=2)
    maths = await lesson(server, students=1)
    student = maths.students[0]
    held = await server.socket(student)
    reading = await server.stream(student, EVENTS)
    answer = await server.api.get(EVENTS, headers=student.headers)
    assert (answer.status_code, answer.json()["error"]) == (429, "Too many sockets")
    assert int(answer.headers["Retry-After"]) >= 1
    assert await (await server.socket(student)).closed() == 1013
    await reading.close()

    async def there_is_a_place():
        with suppress(AssertionError):
            return await server.stream(student, EVENTS)

    await eventually(there_is_a_place)
    assert (await held.ask("HELLO"))["data"] == {"message": "Unknown event"}


async def test_streams_and_sockets_share_the_limit_of_a_process(serve, lesson):
    server = await serve(max_sockets=1)
    maths = await lesson(server, students=1)
    await server.stream(maths.students[0], EVENTS)
    answer = await server.api.get(EVENTS, headers=maths.teacher.headers)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


async def test_who_leaves_is_counted_no_longer(server, room, eventually):
    hub = core(server.app).hub
    streams = [await server.stream(room.teacher, EVENTS) for _ in range(5)]
    assert len(hub) == 5
    for stream in streams:
        await stream.close()

    async def nobody_is_there():
        return len(hub) == 0

    await eventually(nobody_is_there)
    told = (await server.api.get(f"{server.url}/metrics")).text
    assert "quartapp_sockets 0.0" in told


async def test_head_opens_no_stream(server, room):
    answer = await server.api.head(EVENTS, headers=room.teacher.headers)
    assert (answer.status_code, len(core(server.app).hub)) == (200, 0)


async def test_quiet_stream_has_heartbeats_and_outlasts_the_silence(serve, turned_clock, lesson):
    server = await serve(clock=turned_clock, websocket_ping_interval=15, websocket_silence=45)
    maths = await lesson(server, students=1)
    reading = await server.stream(maths.students[0], EVENTS)
    for _ in range(10):
        await turned_clock.asked(15)
        await turned_clock.advance(15)
    core(server.app).hub.broadcast(encode("OWN", {}), {maths.students[0].id})
    assert (await reading.receive())["event"] == "OWN"
    assert reading.heartbeats >= 8


async def slow_reader(server, person):
    """Open a stream whose client reads nothing, and return the client's socket."""
    host, port = server.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    head = (
        f"GET /api/v1{EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n\r\n"
    )
    await loop.sock_sendall(client, head.encode())
    return client


async def test_slow_reader_is_closed_and_delays_nobody(server, room, eventually, mark):
    slow, quick = room.students[:2]
    hub = core(server.app).hub
    client = await slow_reader(server, slow)
    reading = await server.stream(quick, EVENTS)

    async def both_are_there():
        return len(hub) == 2

    await eventually(both_are_there)
    told = encode("SHOUTED", {"text": "a" * 50_000})

    async def slow_has_overflowed():
        if hub.of(slow.id):
            hub.broadcast(told, {slow.id})
        return not hub.of(slow.id)

    await eventually(slow_has_overflowed)
    teacher = await server.socket(room.teacher, version=1)
    assert await marked(teacher, mark(quick)) == await frames(reading, 1)
    metrics = (await server.api.get(f"{server.url}/metrics")).text
    assert "quartapp_outbox_overflows_total 1.0" in metrics
    # The server drops the connection, whose client still reads nothing.
    loop = asyncio.get_running_loop()
    with client, suppress(ConnectionError):
        async with asyncio.timeout(300):
            while await loop.sock_recv(client, 1 << 16):
                pass


async def test_stream_of_http_1_0_ends_with_its_connection(server, room, mark):
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    authorization = f"Authorization: Bearer {room.students[0].token}"
    writer.write(f"GET /api/v1{EVENTS} HTTP/1.0\r\n{authorization}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert await reader.readuntil(b"\n\n") == b"retry: 2000\n\n"
    teacher = await server.socket(room.teacher, version=1)
    await marked(teacher, mark(room.students[0]))
    assert (await reader.readuntil(b"\n\n")).startswith(b"id: ")
    writer.close()


async def test_drain_closes_streams_as_sockets(server, room):
    reading = await server.stream(room.students[0], EVENTS)
    watching = await server.socket(room.students[0])
    await core(server.app).hub.drain(30)
    assert (await reading.closed(), await watching.closed()) == (1001, 1001)
    answer = await server.api.get(EVENTS, headers=room.students[0].headers)
    assert answer.status_code == 503
