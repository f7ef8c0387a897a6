"""Several servers on one database, streams that break, and processes that are killed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
from websockets.exceptions import ConnectionClosed

from quartapp import QuartappError
from quartapp_classes.testing import class_room

pytestmark = pytest.mark.processes


async def test_two_servers_show_one_order_and_each_reads_its_own_writes(serve, lesson, mark):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=3)
    await maths.start()
    teachers = [await one.socket(maths.teacher), await other.socket(maths.teacher)]
    students = [
        await (one, other, other)[n].socket(student) for n, student in enumerate(maths.students)
    ]

    async def mark_and_sum(socket, offset):
        for n in range(30):
            status = "present" if (n + offset) % 2 else "absent"
            await socket.send("ATTENDANCE_MARKED", mark(maths.students[n % 3], status))
            await socket.send("TODAY_SUMMARY")

    await asyncio.gather(*(mark_and_sum(socket, n) for n, socket in enumerate(teachers)))
    for teacher in teachers:
        await teacher.drain()
    # The other server's last frames may still be on their way to this socket: read up to DONE.
    await teachers[0].send("DONE")
    done, *_ = [await socket.until("DONE") for socket in (*teachers, *students)]
    orders = [socket.history for socket in (*teachers, *students)]
    assert len(orders[0]) == 2 * 2 * 30 + 1
    assert all(order == orders[0] for order in orders)

    marks = {}
    for frame in orders[0]:
        if frame["event"] == "ATTENDANCE_MARKED":
            marks[frame["data"]["studentId"]] = frame["data"]["status"]
        elif frame["event"] == "TODAY_SUMMARY":
            present = list(marks.values()).count("present")
            assert frame["data"]["present"] == present
            assert frame["data"]["total"] == len(marks)
    assert done["data"]["total"] == 3


async def test_a_session_begun_on_one_server_is_at_once_live_on_the_other(serve, lesson, mark):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=1)
    teacher = await other.socket(maths.teacher)
    student = await other.socket(maths.students[0])
    for status in ("present", "absent"):
        await maths.start()
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0], status))
        assert (await teacher.receive())["event"] == "ATTENDANCE_MARKED"
        await student.until("ATTENDANCE_MARKED")
        assert (await student.ask("MY_ATTENDANCE"))["data"] == {"status": status}
        assert (await teacher.ask("DONE"))["event"] == "DONE"
        await student.until("DONE")
        assert await maths.records() == [status]


LATE_MILLISECONDS = 300


@pytest.fixture
def scope_is_class(monkeypatch):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")


@pytest.fixture
async def one_that_hears_late(own_mongod, serve):
    """Two servers on one MongoDB, which tells the second of every change a moment late."""
    mongod = await asyncio.to_thread(
        own_mongod, "--replSet", "test", "--setParameter", "enableTestCommands=1"
    )
    with pymongo.MongoClient(mongod.uri) as client:
        await asyncio.to_thread(
            client.admin.command,
            {
                "configureFailPoint": "failCommand",
                "mode": "alwaysOn",
                "data": {
                    "failCommands": ["getMore"],
                    "blockConnection": True,
                    "blockTimeMS": LATE_MILLISECONDS,
                    "appName": "late",
                },
            },
        )
    one = await serve(mongodb_uri=mongod.uri)
    return one, await serve(mongodb_uri=f"{mongod.uri}&appName=late")


async def test_frame_for_a_session_unknown_to_the_server_reaches_the_live_session(
    one_that_hears_late, lesson, mark
):
    one, late = one_that_hears_late
    maths = await lesson(one, students=1)
    physics = await lesson(one, students=1, teacher=maths.teacher)
    teacher = await late.socket(maths.teacher)
    for begun, event in ((maths, "DONE"), (physics, "TODAY_SUMMARY"), (maths, "DONE")):
        await begun.start()  # which supersedes the one before, and the late one hears of neither
        student = begun.students[0]
        assert await teacher.ask("ATTENDANCE_MARKED", mark(student)) == {
            "event": "ATTENDANCE_MARKED",
            "data": mark(student),
        }
        assert (await begun.session())["attendance"] == {student.id: "present"}
        await (physics if begun is maths else maths).start()
        await begun.start()
        answer = await teacher.ask(event)
        assert (answer["event"], answer["data"]["total"]) == (event, int(event == "DONE"))


@pytest.mark.usefixtures("scope_is_class")
async def test_in_scope_class_a_late_server_knows_the_newest_session(
    one_that_hears_late, lesson, mark
):
    """Both classes have the student, so the wrong one would take the mark."""
    one, late = one_that_hears_late
    maths = await lesson(one, students=1)
    physics = replace(maths, class_room=await class_room(one, maths.teacher, maths.students))
    teacher = await late.socket(maths.teacher)
    await maths.start()
    await teacher.ask("TODAY_SUMMARY")
    await physics.start()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.ask("DONE")
    assert (await physics.records(), await maths.records()) == (["present"], [None])


async def test_racing_done_on_two_servers_end_a_session_once(serve, lesson, session_states):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=1)
    await maths.start()
    sockets = [await server.socket(maths.teacher) for server in (one, other) * 5]
    watchers = [await server.socket(maths.students[0]) for server in (one, other)]
    await asyncio.gather(*(socket.send("DONE") for socket in sockets))
    for socket in (*sockets, *watchers):
        await socket.until("DONE")
    for socket in (*sockets, *watchers):
        await socket.drain()
        assert [frame["event"] for frame in socket.history].count("DONE") == 1
    assert await session_states(one) == ["closed"]


def fail_the_stream(client, code):
    """Every getMore and aggregate fails with ``code`` from now on; no other command does."""
    client.admin.command(
        {
            "configureFailPoint": "failCommand",
            "mode": "alwaysOn",
            "data": {"errorCode": code, "failCommands": ["getMore", "aggregate"]},
        }
    )


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(286, id="history lost"),
        pytest.param(136, id="capped position lost"),
        pytest.param(11600, id="interrupted at shutdown"),
    ],
)
async def test_changes_during_a_broken_stream_are_shown_afterwards(
    own_mongod, serve, lesson, mark, code
):
    mongod = await asyncio.to_thread(
        own_mongod, "--replSet", "test", "--setParameter", "enableTestCommands=1"
    )
    server = await serve(mongodb_uri=mongod.uri)
    maths = await lesson(server, students=3)
    await maths.start()
    teacher, (student, *_) = await maths.sockets()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    with pymongo.MongoClient(mongod.uri) as client:
        await asyncio.to_thread(fail_the_stream, client, code)
        for person in maths.students[1:]:
            await teacher.send("ATTENDANCE_MARKED", mark(person))
        await teacher.send("TODAY_SUMMARY")
        off = {"configureFailPoint": "failCommand", "mode": "off"}
        await asyncio.to_thread(client.admin.command, off)
    shown = await teacher.drain()
    counts = {"present": 3, "absent": 0, "total": 3}
    assert [frame["data"] for frame in shown] == [
        *(mark(person) for person in maths.students[1:]),
        counts,
    ]
    assert (await teacher.ask("DONE"))["data"]["present"] == 3
    await student.until("DONE")
    assert student.history[1:-1] == shown


async def test_a_mark_that_the_stream_shows_late_is_no_failure(
    own_mongod, serve, lesson, mark, eventually, turned_clock
):
    mongod = await asyncio.to_thread(
        own_mongod, "--replSet", "test", "--setParameter", "enableTestCommands=1"
    )
    server = await serve(
        mongodb_uri=mongod.uri, clock=turned_clock, hook_timeout=5.0, websocket_silence=1e6
    )
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    first, second = (mark(student) for student in maths.students)
    late = {"failCommands": ["getMore"], "blockConnection": True, "blockTimeMS": 3000}
    with pymongo.MongoClient(mongod.uri) as client:
        point = {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": late}
        await asyncio.to_thread(client.admin.command, point)
        # The stream is waiting for this change already.
        await teacher.ask("ATTENDANCE_MARKED", first)
        await teacher.send("ATTENDANCE_MARKED", second)

        async def stored():
            return len((await maths.session())["attendance"]) == 2

        await eventually(stored)
        await turned_clock.advance(30)
        off = {"configureFailPoint": "failCommand", "mode": "off"}
        await asyncio.to_thread(client.admin.command, off)
    assert await teacher.receive() == {"event": "ATTENDANCE_MARKED", "data": second}


async def test_sessions_that_ended_while_the_stream_was_broken_end_here_too(
    own_mongod, serve, lesson, mark
):
    mongod = await asyncio.to_thread(
        own_mongod, "--replSet", "test", "--setParameter", "enableTestCommands=1"
    )
    one = await serve(mongodb_uri=mongod.uri)
    maths = await lesson(one, students=1)
    await maths.start()
    teacher, (student,) = await maths.sockets()
    with pymongo.MongoClient(mongod.uri) as client:
        await asyncio.to_thread(fail_the_stream, client, 286)
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
        await teacher.send("DONE")
        off = {"configureFailPoint": "failCommand", "mode": "off"}
        await asyncio.to_thread(client.admin.command, off)
    for socket in (teacher, student):
        done = await socket.until("DONE")
        assert done["data"]["present"] == 1
        assert [frame["event"] for frame in socket.history] == ["ATTENDANCE_MARKED", "DONE"]


async def test_standalone_mongod_serves_one_process_with_all_guarantees(
    own_mongod, serve, lesson, mark
):
    mongod = await asyncio.to_thread(own_mongod)
    server = await serve(mongodb_uri=mongod.uri)
    with pytest.raises(QuartappError, match=r"one quartapp process only, and process [0-9]+ on"):
        await serve(mongodb_uri=mongod.uri)

    maths = await lesson(server, students=2)
    await maths.start()
    teacher, students = await maths.sockets()
    second = await server.socket(maths.teacher)
    for n in range(20):
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[n % 2]))
        await second.send("ATTENDANCE_MARKED", mark(maths.students[n % 2], "absent"))
        await teacher.send("TODAY_SUMMARY")
    await second.drain()
    await teacher.drain()
    done = await teacher.ask("DONE")
    for socket in (second, *students):
        await socket.until("DONE")
    assert len(teacher.history) == 61
    for socket in (second, *students):
        assert socket.history == teacher.history
    assert done["data"]["total"] == 2


async def test_lease_without_renewal_runs_out(own_mongod, serve):
    mongod = await asyncio.to_thread(own_mongod)
    with pymongo.MongoClient(mongod.uri) as client:
        client.quartapp.leases.insert_one(
            {
                "_id": "single-process",
                "owner": "somebody who lost power",
                "host": "another machine",
                "pid": 1,
                "until": datetime.now(UTC) - timedelta(seconds=1),
            }
        )
    server = await serve(mongodb_uri=mongod.uri)
    assert (await server.api.get(f"{server.url}/readyz")).status_code == 200


async def test_marks_that_were_shown_survive_kill_9(serve_process, lesson, mark):
    process = await serve_process()
    maths = await lesson(process.client, students=4)
    await maths.start()
    began = (await maths.session())["seq"]
    sent = []
    for round_ in range(3):
        teacher = await process.client.socket(maths.teacher)
        watcher = await process.client.socket(maths.students[0])
        stored_before = (await maths.session())["seq"] - began

        async def mark_on(teacher=teacher, students=maths.students):
            try:
                while True:
                    status = "present" if len(sent) % 3 else "absent"
                    data = mark(students[len(sent) % 4], status)
                    sent.append(data)
                    await teacher.send("ATTENDANCE_MARKED", data)
            except ConnectionClosed:
                pass

        del sent[stored_before:]
        marking = asyncio.create_task(mark_on())
        for _ in range(20 + 35 * round_):
            await watcher.receive()
        assert await process.kill() == -9
        await watcher.closed()
        await marking
        shown = [frame["data"] for frame in watcher.history]
        assert shown == sent[stored_before : stored_before + len(shown)]

        await process.start()
        maths = type(maths)(process.client, maths.teacher, maths.students, maths.class_room)
        session = await maths.session()
        # One mark is one number, so their number says which marks made the session what it is.
        stored = session["seq"] - began
        assert stored >= stored_before + len(shown)
        expected = {data["studentId"]: data["status"] for data in sent[:stored]}
        assert session["attendance"] == expected
    teacher = await process.client.socket(maths.teacher)
    done = await teacher.ask("DONE")
    assert done["data"]["total"] == 4
