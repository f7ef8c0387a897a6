"""``quartapp serve --workers``: several processes, which to clients are one server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from contextlib import suppress
from socket import AF_UNIX, SOCK_DGRAM
from socket import socket as unix_socket
from urllib.parse import unquote

import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from quartapp.testing.clients import DEADLINE_SECONDS
from quartapp.testing.proc import at_work_on
from tests.support.processes import runs

pytestmark = pytest.mark.processes

STARTS_NOT = """
from quartapp.hooks.specs import hookimpl

class Plugin:
    name = "moody"

    @hookimpl
    async def startup(self, app):
        raise RuntimeError("not in the mood")
"""


@pytest.fixture
def serve_workers(serve_process, mongodb_uri):
    """Return a function that starts a server of several processes on the run's MongoDB."""

    async def start(count, *arguments, **environment):
        given = {"MONGODB_URI": mongodb_uri, "JWT_SECRET": "s" * 32, **environment}
        return await serve_process("--workers", str(count), *arguments, **given)

    return start


async def on_each_worker(process, person):
    """Open a socket of ``person`` on each worker."""
    return {pid: await process.socket_on(pid, person) for pid in process.workers}


async def test_it_is_ready_once_when_all_workers_are(serve_workers, mongodb_uri):
    process = await serve_workers(3)
    # The password of the database is in no line.
    address = unquote(mongodb_uri.split("/")[2].rpartition("@")[2])
    port = process.client.url.rsplit(":", 1)[1]
    ready = re.findall(r'"worker": (\d+), "event": "a worker is ready"', process.stderr)
    assert {int(pid) for pid in ready} == process.workers
    assert len(ready) == 3
    assert await process.terminate() == 0
    assert process.stdout == [f"Mongodb connected {address}", f"server running on PORT {port}"]


async def test_connections_that_come_at_once_are_shared_out(serve_workers):
    process = await serve_workers(2)
    student = await process.client.person("student")
    sockets = await asyncio.gather(*(process.client.socket(student) for _ in range(60)))
    shares = Counter(map(process.worker_of, sockets))
    assert set(shares) == process.workers
    assert min(shares.values()) >= 10, shares


async def test_connections_that_come_one_by_one_are_shared_out_evenly(serve_workers):
    process = await serve_workers(3)
    student = await process.client.person("student")
    sockets = [await process.client.socket(student) for _ in range(60)]
    shares = Counter(map(process.worker_of, sockets))
    # Evenly, but a worker that gets no processor in time may miss some.
    assert min(shares.values()) >= 14, shares
    # And of those who leave, the places are taken first.
    emptied = process.worker_of(sockets[0])
    for socket in sockets:
        if process.worker_of(socket) == emptied:
            await socket.close()
    fresh = [await process.client.socket(student) for _ in range(shares[emptied] - 3)]
    assert Counter(map(process.worker_of, fresh)).most_common(1)[0][0] == emptied


async def test_connections_for_a_worker_that_hangs_are_taken_by_the_others(serve_workers):
    process = await serve_workers(2)
    student = await process.client.person("student")
    hanging, spared = process.workers
    await process.socket_on(hanging, student)
    os.kill(hanging, signal.SIGSTOP)
    try:
        fresh = [await process.client.socket(student) for _ in range(20)]
        assert {process.worker_of(socket) for socket in fresh} == {spared}
    finally:
        os.kill(hanging, signal.SIGCONT)


async def is_open(socket):
    """Tell whether a socket is within the limits."""
    try:
        return await socket.drain() == []
    except ConnectionClosed:
        return False


async def test_limit_of_a_user_is_for_all_workers_and_a_killed_one_gives_its_places_back(
    serve_workers, eventually
):
    process = await serve_workers(2, QUARTAPP_MAX_SOCKETS_PER_USER="6")
    person, other = await process.client.people("student", 2)
    first = [await process.client.socket(person) for _ in range(6)]
    assert [await is_open(socket) for socket in first] == [True] * 6
    places = Counter(map(process.worker_of, first))
    assert set(places) == process.workers, "each worker has some of them"

    async def another():
        # The place of a socket is free shortly after its end.
        with suppress(OSError, WebSocketException):
            socket = await process.client.socket(person)
            return await is_open(socket) and socket

    async def assert_full():
        assert [await another() for _ in range(6)] == [False] * 6
        assert await is_open(await process.client.socket(other))

    await assert_full()
    await first.pop().close()
    first.append(await eventually(another))
    await assert_full()
    killed, _ = process.workers
    hit = [socket for socket in first if process.worker_of(socket) == killed]
    os.kill(killed, signal.SIGKILL)
    assert [await socket.closed() for socket in hit] == [1006] * len(hit)
    for _ in hit:
        assert await eventually(another)
    await assert_full()
    told = (await process.client.api.get(f"{process.client.url}/metrics")).text
    assert 'quartapp_sockets_limit{of="user"} 6.0' in told


async def test_everybody_sees_one_order_of_marks_made_on_several_workers(
    serve_workers, lesson, mark
):
    process = await serve_workers(3)
    maths = await lesson(process.client, students=4)
    await maths.start()
    teachers = await on_each_worker(process, maths.teacher)
    watching = await on_each_worker(process, maths.students[0])
    marks = [mark(maths.students[n % 4], "present" if n % 3 else "absent") for n in range(300)]

    async def call(number, teacher):
        for data in marks[number::3]:
            await teacher.send("ATTENDANCE_MARKED", data)
        await teacher.send("TODAY_SUMMARY")

    await asyncio.gather(*(call(n, teacher) for n, teacher in enumerate(teachers.values())))
    seen = []
    for socket in (*teachers.values(), *watching.values()):
        while Counter(frame["event"] for frame in socket.history)["TODAY_SUMMARY"] < 3:
            await socket.receive()
        seen.append(socket.history)
    assert len(seen[0]) == len(marks) + 3
    assert all(frames == seen[0] for frames in seen)
    statuses = {}
    for frame in seen[0]:
        if frame["event"] == "ATTENDANCE_MARKED":
            statuses[frame["data"]["studentId"]] = frame["data"]["status"]
        else:
            counted = Counter(statuses.values())
            assert frame["data"] == {
                "present": counted["present"],
                "absent": counted["absent"],
                "total": len(statuses),
            }
    assert (await maths.session())["attendance"] == statuses


async def test_sender_reads_its_own_writes_on_every_worker(serve_workers, lesson, mark):
    process = await serve_workers(2)
    maths = await lesson(process.client, students=6)
    await maths.start()
    teachers = await on_each_worker(process, maths.teacher)
    for counted, student in enumerate(maths.students, 1):
        teacher = list(teachers.values())[counted % 2]
        await teacher.send("ATTENDANCE_MARKED", mark(student))
        await teacher.send("TODAY_SUMMARY")
        for socket in teachers.values():
            assert (await socket.receive())["event"] == "ATTENDANCE_MARKED"
            summary = await socket.receive()
            assert summary["data"] == {"present": counted, "absent": 0, "total": counted}


async def test_a_session_begun_anywhere_is_live_everywhere_at_once(serve_workers, lesson, mark):
    process = await serve_workers(2)
    first = await lesson(process.client, students=1)
    second = await lesson(process.client, students=1, teacher=first.teacher)
    teachers = await on_each_worker(process, first.teacher)
    for number in range(12):
        now = (first, second)[number % 2]  # which supersedes the one before
        await now.start()
        for teacher in teachers.values():
            await teacher.send("ATTENDANCE_MARKED", mark(now.students[0]))
        for teacher in teachers.values():
            frame = await teacher.receive()
            assert frame["event"] == "ATTENDANCE_MARKED", frame
            assert frame["data"]["studentId"] == now.students[0].id
            assert (await teacher.receive())["event"] == "ATTENDANCE_MARKED"


async def test_done_on_all_workers_at_once_is_done_once(serve_workers, lesson, mark):
    process = await serve_workers(3)
    maths = await lesson(process.client, students=2)
    await maths.start()
    teachers = await on_each_worker(process, maths.teacher)
    watching = await on_each_worker(process, maths.students[0])
    one = next(iter(teachers.values()))
    await one.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    await asyncio.gather(*(socket.until("ATTENDANCE_MARKED") for socket in teachers.values()))
    await asyncio.gather(*(teacher.send("DONE") for teacher in teachers.values()))
    for socket in (*teachers.values(), *watching.values()):
        done = await socket.until("DONE")
        assert done["data"]["total"] == 2
        assert not [frame for frame in await socket.drain() if frame["event"] == "DONE"]
    assert await maths.records() == ["present", "absent"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_server_and_workers_cleanly(serve_process, lesson, number):
    process = await serve_process("--workers", "3")
    maths = await lesson(process.client, students=2)
    await maths.start()
    workers = process.workers
    sockets = [*(await on_each_worker(process, maths.teacher)).values()]
    sockets += (await on_each_worker(process, maths.students[0])).values()
    closing = [asyncio.create_task(socket.closed()) for socket in sockets]
    assert await process.stop(number) == 0, process.stderr
    assert await asyncio.gather(*closing) == [1001] * 6
    assert not [pid for pid in workers if runs(pid)]
    assert "Traceback" not in process.stderr
    assert '"level": "error"' not in process.stderr
    await process.start()  # which takes the lock of the data directory
    assert (await process.client.api.get("/auth/me", headers=maths.teacher.headers)).is_success


async def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(
    serve_workers, lesson, mark, eventually
):
    process = await serve_workers(2)
    maths = await lesson(process.client, students=2)
    await maths.start()
    teachers = await on_each_worker(process, maths.teacher)
    (lost, hit), (kept, spared) = teachers.items()
    os.kill(lost, signal.SIGKILL)
    assert await hit.closed() == 1006
    await spared.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert (await spared.receive())["event"] == "ATTENDANCE_MARKED"

    async def replacement():
        return len(process.workers) == 2 and process.workers - {kept, lost}

    (new,) = await eventually(replacement)
    again = await process.socket_on(new, maths.teacher)
    await again.send("TODAY_SUMMARY")
    for socket in (again, spared):
        summary = await socket.until("TODAY_SUMMARY")
        assert summary["data"] == {"present": 1, "absent": 0, "total": 1}
    assert process.worker_of(spared) == kept
    assert await process.terminate() == 0


async def test_failed_start_of_a_plugin_is_reported_once(run_cli, installed, mongodb_uri):
    path = installed("moody", STARTS_NOT)
    status, output, said = await run_cli(
        *("serve", "--workers", "3", "--port", "0"),
        PYTHONPATH=path,
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
    )
    assert status == 2
    assert output == ""
    assert said.count("not in the mood") >= 1
    messages = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(messages) == 1
    assert "moody" in messages[0]


async def test_unknown_plugin_is_reported_once(run_cli, mongodb_uri):
    status, _, said = await run_cli(
        *("serve", "--workers", "3", "--port", "0", "--plugin", "nowhere"),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
    )
    assert status == 2
    assert said.count("nowhere") == 1
    assert said.startswith("Error: ")


async def test_a_standalone_mongodb_refuses_several_workers(run_cli, own_mongod):
    mongod = own_mongod()
    status, output, said = await run_cli(
        *("serve", "--workers", "2", "--port", "0"), MONGODB_URI=mongod.uri, JWT_SECRET="s" * 32
    )
    assert status == 2
    assert output == ""
    assert said.count("standalone") == 1
    assert "replica set" in said


async def test_without_its_manager_the_workers_say_goodbye_and_the_database_ends(
    serve_process, lesson, eventually
):
    process = await serve_process("--workers", "2")
    maths = await lesson(process.client, students=1)
    await maths.start()
    workers = process.workers
    sockets = await on_each_worker(process, maths.teacher)
    closing = [asyncio.create_task(socket.closed()) for socket in sockets.values()]
    await process.kill()
    assert await asyncio.gather(*closing) == [1001] * 2

    async def gone():
        return not [pid for pid in workers if runs(pid)]

    await eventually(gone)
    await process.start()
    answer = await process.client.api.get("/attendance/session", headers=maths.teacher.headers)
    assert answer.json()["data"]["classId"] == maths.class_id


async def test_second_server_on_the_data_directory_shares_the_database(
    serve_process, lesson, mark, eventually, tmp_path
):
    process = await serve_process("--workers", "2")
    other = await serve_process()
    maths = await lesson(other.client, students=1)
    await maths.start()
    (student,) = maths.students
    sockets = await on_each_worker(process, student)
    teacher = await other.client.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(student))
    for socket in sockets.values():
        assert (await socket.receive())["data"] == mark(student)
    # The one that has begun goes, and the other goes on.
    assert await process.terminate() == 0
    assert (await teacher.ask("TODAY_SUMMARY"))["data"]["present"] == 1
    assert await other.terminate() == 0

    async def nothing_is_left():
        return not at_work_on(tmp_path / "data")

    await eventually(nothing_is_left)


async def test_hangup_replaces_the_workers_with_the_settings_of_now(
    serve_workers, lesson, mark, eventually, tmp_path
):
    process = await serve_workers(2)
    maths = await lesson(process.client, students=1)
    await maths.start()
    former = process.workers
    sockets = await on_each_worker(process, maths.teacher)
    closing = [asyncio.create_task(socket.closed()) for socket in sockets.values()]
    (tmp_path / "quartapp.toml").write_text("[plugins.attendance]\nscope = 'class'\n")
    os.kill(process.pid, signal.SIGHUP)
    assert await asyncio.gather(*closing) == [1001] * 2

    async def replaced():
        return len(process.workers) == 2 and not process.workers & former

    await eventually(replaced)
    other = await lesson(process.client, students=1)
    await other.start()
    assert await maths.session(), "of another class, so both are live now"
    teacher = await process.client.socket(maths.teacher)
    await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert (await teacher.receive())["event"] == "ATTENDANCE_MARKED"
    assert await process.terminate() == 0


@pytest.mark.parametrize("mistake", ["hook_timeout = -1", "extra_plugins = ['nowhere']"])
async def test_hangup_with_a_mistake_leaves_the_workers_as_they_are(
    serve_workers, eventually, tmp_path, mistake
):
    process = await serve_workers(2)
    student = await process.client.person("student")
    former = process.workers
    sockets = await on_each_worker(process, student)
    (tmp_path / "quartapp.toml").write_text(mistake)
    os.kill(process.pid, signal.SIGHUP)

    async def told():
        return re.search(r"the (old ones|workers) stay", process.stderr)

    await eventually(told)
    assert process.workers == former
    for socket in sockets.values():
        assert (await socket.ask("MY_ATTENDANCE"))["event"] == "ERROR"
    (tmp_path / "quartapp.toml").unlink()
    os.kill(process.pid, signal.SIGHUP)

    async def replaced():
        return len(process.workers) == 2 and not process.workers & former

    await eventually(replaced)
    assert await process.terminate() == 0


async def test_signals_add_and_remove_a_worker(serve_workers, eventually):
    process = await serve_workers(2)
    student = await process.client.person("student")
    os.kill(process.pid, signal.SIGTTIN)

    async def three():
        return len(process.workers) == 3

    await eventually(three)
    sockets = await on_each_worker(process, student)
    os.kill(process.pid, signal.SIGTTOU)

    async def two():
        return len(process.workers) == 2

    await eventually(two)
    left = [socket for pid, socket in sockets.items() if pid in process.workers]
    (gone,) = (socket for pid, socket in sockets.items() if pid not in process.workers)
    assert await gone.closed() == 1001
    for socket in left:
        assert (await socket.ask("MY_ATTENDANCE"))["event"] == "ERROR"
    assert await process.terminate() == 0


async def test_two_servers_can_start_at_once_on_an_empty_database(
    tmp_path, serve_workers, mongodb_uri, lesson, mark
):
    from quartapp.testing import ServerProcess

    folders = [tmp_path / "one", tmp_path / "two"]
    servers = []
    for folder in folders:
        folder.mkdir()
        environment = {"MONGODB_URI": mongodb_uri, "JWT_SECRET": "s" * 32}
        servers.append(ServerProcess(folder, ["--workers", "2"], environment))
    try:
        await asyncio.gather(*(server.start() for server in servers))
        here, there = servers
        maths = await lesson(here.client, students=1)
        await maths.start()
        watching = await there.client.socket(maths.students[0])
        teachers = [await server.client.socket(maths.teacher) for server in servers]
        sent = [mark(maths.students[0], ("present", "absent")[n % 2]) for n in range(100)]
        for number, data in enumerate(sent):
            await teachers[number % 2].send("ATTENDANCE_MARKED", data)
        seen = []
        for socket in (watching, *teachers):
            frames = [(await socket.receive())["data"]["status"] for _ in sent]
            seen.append(frames)
        assert seen[0] == seen[1] == seen[2]
        assert [await server.terminate() for server in servers] == [0, 0]
        assert not any("Traceback" in server.stderr for server in servers)
    finally:
        for server in servers:
            await server.end()


@pytest.fixture
def service_manager(tmp_path):
    """Hears what a service says of itself: sd_notify(3)."""
    with unix_socket(AF_UNIX, SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(DEADLINE_SECONDS)
        yield listening


async def test_the_service_manager_is_told_the_truth(serve_workers, service_manager):
    process = await serve_workers(2, NOTIFY_SOCKET=service_manager.getsockname())

    async def heard():
        return (await asyncio.to_thread(service_manager.recv, 4096)).decode()

    assert await heard() == "READY=1"
    os.kill(process.pid, signal.SIGHUP)
    assert (await heard()).startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert await heard() == "READY=1"
    assert await process.terminate() == 0
    assert await heard() == "STOPPING=1"


async def test_one_process_tells_the_service_manager_too(
    serve_process, service_manager, mongodb_uri
):
    await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        NOTIFY_SOCKET=service_manager.getsockname(),
    )
    assert await asyncio.to_thread(service_manager.recv, 4096) == b"READY=1"
