"""The client for Python plays roll calls with servers that are killed, and loses nothing."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import asynccontextmanager, suppress

import pytest
from quartapp_client import (
    ApiError,
    Client,
    ConflictError,
    Done,
    Ended,
    Marked,
    RefusedError,
    SessionEndedError,
    StoppedError,
)

# Only ends a hang: three starts of a server take their time on a busy machine.
DEADLINE_SECONDS = 600


@pytest.fixture
def joined():
    """Return a context with the client of a person: ``joined(server, person)``."""

    @asynccontextmanager
    async def join(server, person, kind=Client, **more):
        given = {"email": person.email, "password": person.password, "longest_pause": 0.3, **more}
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            kind(server.url, trust_env=False, **given) as client,
        ):
            yield client

    return join


def free_port():
    """Return a port that nobody listens at, outside those that systems choose by themselves."""
    # Processes that run tests side by side have one seed, and may not choose the same port.
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


@pytest.fixture
def serve_at(serve_process):
    """Return a function that starts a server which is at the same address after each start."""

    async def start():
        return await serve_process("--port", str(free_port()))

    return start


async def until(events, wanted):
    """Read events up to the first that ``wanted`` accepts, and return all of them."""
    seen = []
    async for event in events:
        seen.append(event)
        if wanted(event):
            return seen
    raise AssertionError(f"the events ended before: {seen}")


async def test_a_roll_call_from_the_class_to_the_records(server, joined):
    teacher = await server.person("teacher")
    students = [await server.person("student") for _ in range(3)]
    async with joined(server, teacher) as client:
        made = await client.create_class("Logic")
        for student in students:
            await client.add_student(made["_id"], student.id)
        assert [one["_id"] for one in await client.classes()] == [made["_id"]]
        await client.start(made["_id"])
        async with client.roll_call(made["_id"]) as roll:
            events = roll.events()
            await roll.mark(students[0].id, "present")
            await roll.mark(students[1].id, "present")
            await roll.mark(students[1].id, None)
            assert roll.marks == {students[0].id: "present"}
            assert (await roll.summary()).present == 1
            assert await roll.mark_rest("absent") == 2
            assert roll.marks == {
                **{one.id: "absent" for one in students},
                students[0].id: "present",
            }
            done = await roll.done()
            assert (done.present, done.absent, done.total) == (1, 2, 3)
            seen = await until(events, lambda event: isinstance(event, Done))
            assert [event.seq for event in seen] == sorted({event.seq for event in seen})
            with pytest.raises(RefusedError, match="No active attendance session"):
                await roll.mark(students[0].id, "present")
        sessions = [one async for one in client.entries(f"/class/{made['_id']}/sessions?limit=1")]
        assert [one["counts"]["present"] for one in sessions] == [1]


async def test_a_student_hears_the_own_mark(server, joined, lesson):
    maths = await lesson(server)
    async with (
        joined(server, maths.teacher) as teacher,
        joined(server, maths.students[0]) as student,
        student.roll_call(maths.class_id) as hearing,
    ):
        events = hearing.events()
        await teacher.start(maths.class_id)
        async with teacher.roll_call(maths.class_id) as roll:
            await roll.mark(maths.students[0].id, "present")
            await until(events, lambda event: isinstance(event, Marked))
            assert hearing.marks == {maths.students[0].id: "present"}
            assert await hearing.own_status() == "present"
            with pytest.raises(RefusedError, match="Forbidden, teacher event only"):
                await hearing.mark(maths.students[0].id, "absent")


async def test_a_colleagues_mark_is_overwritten_only_where_the_caller_decides_so(
    server, joined, lesson
):
    maths = await lesson(server)
    first, second = (one.id for one in maths.students)
    asked = []

    async def decide(conflict):
        asked.append((conflict.student_id, conflict.wanted, conflict.current))
        return conflict.student_id == second

    async with joined(server, maths.teacher) as client:
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id, on_conflict=decide) as roll:
            for student in (first, second):
                await roll.mark(student, "present")
            roll.marks.clear()  # what a screen shows that has not heard of the marks
            with pytest.raises(ConflictError) as caught:
                await roll.mark(first, "absent", if_shown=True)
            assert caught.value.current == "present"
            await roll.mark(second, "absent", if_shown=True)
            assert asked == [(first, "absent", "present"), (second, "absent", "present")]
        found = await client.session(maths.class_id)
        assert found["attendance"] == {first: "present", second: "absent"}


async def test_marks_that_follow_one_another_are_no_conflict(server, joined, lesson):
    maths = await lesson(server)
    first, second = (one.id for one in maths.students)
    async with joined(server, maths.teacher) as client:
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id) as roll:
            marks = [roll.mark(first, status, if_shown=True) for status in ("present", "absent")]
            rest = asyncio.create_task(roll.mark_rest("absent"))
            assert (roll.shown(first), roll.shown(second)) == ("absent", None)
            await asyncio.gather(*marks, rest)
            assert roll.marks == {first: "absent", second: "absent"}


async def test_a_question_ends_with_the_session_and_with_the_roll_call(server, joined, lesson):
    maths = await lesson(server)
    (first, *_) = (one.id for one in maths.students)
    asked = asyncio.Semaphore(0)

    async def think(conflict):
        asked.release()
        await asyncio.Event().wait()

    async with joined(server, maths.teacher) as client:
        for ends in ("the session", "the roll call"):
            await client.start(maths.class_id)
            async with (
                client.roll_call(maths.class_id) as other,
                client.roll_call(maths.class_id, on_conflict=think) as roll,
            ):
                events = roll.events()
                await other.mark(first, "present")
                await until(events, lambda event: isinstance(event, Marked))
                roll.marks.clear()  # what a screen shows that has not heard of the mark
                mark = roll.mark(first, "absent", if_shown=True)
                await asked.acquire()
                assert roll.unanswered == 1
                if ends == "the session":
                    await other.done()
                    with pytest.raises(SessionEndedError):
                        await mark
                    assert roll.unanswered == 0
            with pytest.raises(SessionEndedError if ends == "the session" else StoppedError):
                await mark


async def test_what_waits_for_a_session_that_was_superseded_is_refused(server, joined, lesson):
    maths, other = await lesson(server), await lesson(server)
    async with joined(server, maths.teacher) as client:
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id) as roll:
            events = roll.events()
            await other.start()
            seen = await until(events, lambda event: isinstance(event, Ended))
            assert seen[-1].outcome == "superseded"
            with pytest.raises(RefusedError):
                await roll.mark(maths.students[0].id, "present")


async def test_wrong_credentials_and_no_server_are_one_error(server, joined, lesson):
    maths = await lesson(server)
    async with joined(server, maths.teacher, password="wrong password") as client:
        with pytest.raises(ApiError) as caught:
            await client.me()
        assert (caught.value.status, caught.value.code is not None) == (400, True)
        with pytest.raises(ApiError):
            async with client.roll_call(maths.class_id):
                pass
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        Client(
            "http://127.0.0.1:9",
            email="a@b.example",
            password="x",
            attempts=2,
            longest_pause=0.1,
            trust_env=False,
        ) as nowhere,
    ):
        with pytest.raises(StoppedError, match="does not answer"):
            await nowhere.me()


@pytest.mark.processes
async def test_nothing_is_lost_or_doubled_through_killed_servers(serve_at, joined, lesson):
    process = await serve_at()
    maths = await lesson(process.client, students=30)
    chosen = random.Random(5)  # noqa: S311 - no secret
    async with joined(process.client, maths.teacher) as client:
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id) as roll:
            first, events = roll.seq, roll.events()
            for round_number in range(3):
                # Each mark changes something, so each has a number of its own.
                status = ("present", "absent")[round_number % 2]
                marks = [roll.mark(one.id, status) for one in maths.students]
                await asyncio.wait([marks[chosen.randrange(len(marks))]])
                await process.kill()
                late = roll.mark(maths.students[0].id, None)
                await process.start()
                answers = [frame["seq"] for frame in await asyncio.gather(*marks, late)]
                begun = first + round_number * (len(marks) + 1)
                assert answers == list(range(begun + 1, begun + len(marks) + 2))
            total = 3 * (len(maths.students) + 1)
            seen = await until(events, lambda event: event.seq == first + total)
            assert [event.seq for event in seen] == list(range(first + 1, first + total + 1))
            assert roll.connections == 4
            assert roll.marks == {one.id: "present" for one in maths.students[1:]}
            assert (await client.session(maths.class_id))["attendance"] == roll.marks
            done = await roll.done()
            assert (done.present, done.absent) == (29, 1)


class Held(Client):
    """A client that comes back no sooner than it is let."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.may_come = asyncio.Event()
        self.may_come.set()

    async def token(self, *, fresh=False):
        await self.may_come.wait()
        return await super().token(fresh=fresh)


@pytest.mark.processes
async def test_what_waits_offline_never_reaches_the_next_session(serve_at, joined, lesson):
    process = await serve_at()
    maths = await lesson(process.client)
    async with (
        joined(process.client, maths.teacher, kind=Held) as client,
        joined(process.client, maths.teacher) as other,
    ):
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id) as roll:
            await roll.mark(maths.students[0].id, "present")
            client.may_come.clear()
            await process.kill()
            late = roll.mark(maths.students[1].id, "present")
            await process.start()
            async with other.roll_call(maths.class_id) as first:
                await first.done()
            await other.start(maths.class_id)
            client.may_come.set()
            with pytest.raises(SessionEndedError):
                await late
            assert (await other.session(maths.class_id))["attendance"] == {}


async def test_a_socket_lives_on_as_its_token_runs_out(
    serve, turned_clock, joined, lesson, eventually
):
    server = await serve(clock=turned_clock, token_hours=0.1, websocket_silence=86_400)
    maths = await lesson(server)
    clock = {"clock": lambda: turned_clock.now().timestamp()}
    async with joined(server, maths.teacher, **clock) as client:
        await client.start(maths.class_id)
        async with client.roll_call(maths.class_id) as roll:
            await turned_clock.advance(310)  # a token of 6 minutes is replaced after 5

            async def renewed():
                return roll.expires_at

            await eventually(renewed)
            await turned_clock.advance(100)
            await roll.mark(maths.students[0].id, "present")
            assert roll.connections == 1
