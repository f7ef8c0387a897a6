"""Sessions that nobody ends: they expire after their hours, and with the start of another day."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from bson import ObjectId

from quartapp import QuartappError, create_app, hookimpl, load_settings
from quartapp.testing import SECRET, TurnedClock, running
from quartapp_attendance import SessionExpired

DEADLINE_SECONDS = 60
HOUR = 3600
NO_SESSION = {"event": "ERROR", "data": {"message": "No active attendance session"}}


class Listener:
    """Keeps the events of expired sessions."""

    name = "listener"

    def __init__(self):
        self.expired = []

    @hookimpl
    async def on_event(self, event):
        if isinstance(event, SessionExpired):
            self.expired.append(event)


async def turned_until(clock, condition):
    """Turn the clock, two seconds at a time, until a condition holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():
            await clock.advance(2)


def put_forward(clock, hours):
    """Set the time alone, so that no periodic task runs."""
    before = clock.time
    clock.time = lambda: before() + hours * HOUR


@pytest.fixture(params=["global", "class"])
def of_scope(serve, turned_clock, monkeypatch, request):
    """Return a function that starts a server of either scope, on the turned clock."""
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", request.param)

    async def start(**given):
        # A silent socket would be closed, and a write be given up, while the clock is turned.
        long = {"websocket_silence": 1e6, "database_timeout": 60}
        return await serve(clock=turned_clock, **long, **given)

    return start


@pytest.mark.parametrize("hours", [12, 0.25])
async def test_session_of_which_nobody_thinks_expires_once(
    of_scope, lesson, mark, turned_clock, session_states, monkeypatch, hours
):
    if hours != 12:
        monkeypatch.setenv("QUARTAPP_ATTENDANCE_SESSION_HOURS", str(hours))
    listeners = [Listener(), Listener()]
    one, other = [await of_scope(beside=[listener]) for listener in listeners]
    maths = await lesson(one, students=3)
    await maths.start()
    plain = await other.socket(maths.teacher)
    told = [
        await server.socket(person, version=1)
        for server in (one, other)
        for person in (maths.teacher, maths.students[0])
    ]
    first, second, unmarked = maths.students
    await plain.ask("ATTENDANCE_MARKED", mark(first))
    await plain.ask("ATTENDANCE_MARKED", mark(second, "absent"))
    seq = (await maths.session())["seq"]
    for socket in told:
        await socket.drain()

    put_forward(turned_clock, hours - 1 / HOUR)
    assert await session_states(one) == ["active"]
    assert (await plain.ask("ATTENDANCE_MARKED", mark(first)))["data"] == mark(first)
    for socket in told:
        await socket.drain()

    async def is_over():
        return await session_states(one) == ["expired"]

    await turned_until(turned_clock, is_over)
    for socket in told:
        ended = await socket.until("SESSION_ENDED")
        assert ended == {
            "event": "SESSION_ENDED",
            "data": {"outcome": "expired"},
            "classId": maths.class_id,
            "seq": seq + 2,
        }
        assert await socket.drain() == []
    assert await plain.drain() == []
    assert await plain.ask("ATTENDANCE_MARKED", mark(unmarked)) == NO_SESSION
    assert await maths.session() is None
    assert await maths.records() == ["present", "absent", None]
    counts = {"present": 1, "absent": 1, "total": 2}
    (document,) = await one.documents["sessions"].find().to_list()
    assert document["summary"] == counts
    for server in (one, other):
        await server.settled()
    (event,) = [event for listener in listeners for event in listener.expired]
    assert event == SessionExpired(str(document["_id"]), maths.class_id, **counts)
    shown = [(await server.api.get(f"{server.url}/metrics")).text for server in (one, other)]
    counted = 'quartapp_sessions_ended_total{outcome="expired"} 1.0'
    assert sum(counted in text for text in shown) == 1


@pytest.mark.parametrize("scope", ["global", "class"])
async def test_session_on_a_standalone_database_expires_and_everybody_is_told(
    own_mongod, serve, lesson, mark, turned_clock, session_states, monkeypatch, scope
):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", scope)
    mongod = await asyncio.to_thread(own_mongod)
    listener = Listener()
    long = {"websocket_silence": 1e6, "database_timeout": 60}
    server = await serve(beside=[listener], clock=turned_clock, mongodb_uri=mongod.uri, **long)
    assert (await server.documents.client.admin.command("hello")).get("setName") is None
    maths = await lesson(server, students=2)
    await maths.start()
    plain = await server.socket(maths.teacher)
    told = await server.socket(maths.students[0], version=1)
    await plain.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    put_forward(turned_clock, 12)
    assert await session_states(server) == ["active"]

    async def is_over():
        return await session_states(server) == ["expired"]

    await turned_until(turned_clock, is_over)
    ended = await told.until("SESSION_ENDED")
    assert ended["data"] == {"outcome": "expired"}
    assert await plain.ask("ATTENDANCE_MARKED", mark(maths.students[1])) == NO_SESSION
    assert await maths.session() is None
    assert await maths.records() == ["present", None]
    await server.settled()
    (event,) = listener.expired
    assert (event.class_id, event.present, event.total) == (maths.class_id, 1, 1)


async def test_marks_of_students_who_left_the_roll_are_kept_and_not_counted(
    of_scope, lesson, mark, turned_clock
):
    listener = Listener()
    server = await of_scope(beside=[listener])
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    for student in maths.students:
        await teacher.ask("ATTENDANCE_MARKED", mark(student))
    gone = maths.students[0]
    await server.api.delete(
        f"/class/{maths.class_id}/students/{gone.id}", headers=maths.teacher.headers
    )
    put_forward(turned_clock, 12)
    assert await maths.session() is None
    await server.settled()
    (event,) = listener.expired
    assert (event.present, event.absent, event.total) == (1, 0, 1)
    record = await server.documents["attendance"].find_one({"studentId": ObjectId(gone.id)})
    assert record["status"] == "present"


@pytest.mark.parametrize("event", ["ATTENDANCE_MARKED", "TODAY_SUMMARY", "MARK_REST", "DONE"])
async def test_session_past_its_hours_takes_nothing_and_is_ended_by_who_looks(
    of_scope, lesson, mark, turned_clock, session_states, event
):
    server = await of_scope()
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    put_forward(turned_clock, 12)
    data = {"ATTENDANCE_MARKED": mark(maths.students[1]), "MARK_REST": {"status": "present"}}
    assert await teacher.ask(event, data.get(event, {})) == NO_SESSION
    assert await session_states(server) == ["expired"]
    assert await maths.records() == ["present", None]


async def test_session_expires_although_all_servers_were_down(
    lesson, mark, mongodb_uri, session_states
):
    clock = TurnedClock(datetime(2026, 5, 5, 16, tzinfo=UTC))
    # The turns of the clock must not end a write.
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET, database_timeout=60)
    async with running(create_app(settings, clock=clock)) as server:
        maths = await lesson(server)
        await maths.start()
        teacher = await server.socket(maths.teacher)
        await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[1], "absent"))
    later = TurnedClock(datetime(2026, 5, 6, 4, tzinfo=UTC))
    async with running(create_app(settings, clock=later)) as server:

        async def is_over():
            return await session_states(server) == ["expired"]

        await turned_until(later, is_over)
        records = await server.documents["attendance"].find().to_list()
        assert [(str(record["studentId"]), record["status"]) for record in records] == [
            (maths.students[1].id, "absent")
        ]


BERLIN, SAO_PAULO, KATHMANDU = "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"


@pytest.mark.parametrize(
    ("zone", "began", "hours", "anew"),
    [
        # A day and an evening without a change of the clocks.
        ("UTC", "2026-05-05T00:00", 23.9, False),
        ("UTC", "2026-05-05T00:00", 24, True),
        ("UTC", "2026-05-05T18:00", 5.99, False),
        ("UTC", "2026-05-05T18:00", 6, True),
        ("UTC", "2026-05-05T23:00", 5.99, False),
        ("UTC", "2026-05-05T23:00", 6, True),
        # 23:30 in Kathmandu, which is 5:45 h ahead.
        (KATHMANDU, "2026-05-05T17:45", 5.99, False),
        (KATHMANDU, "2026-05-05T17:45", 6, True),
        (KATHMANDU, "2026-05-05T04:00", 14.2, False),
        (KATHMANDU, "2026-05-05T04:00", 14.25, True),
        # 00:30 on the day of 23 hours, and on the one of 25 hours.
        (BERLIN, "2026-03-28T23:30", 22.4, False),
        (BERLIN, "2026-03-28T23:30", 22.5, True),
        (BERLIN, "2026-10-24T22:30", 24.4, False),
        (BERLIN, "2026-10-24T22:30", 24.5, True),
        # 22:00 on the evening before a change: six hours are what passes, not what clocks show.
        (BERLIN, "2026-03-28T21:00", 5.99, False),
        (BERLIN, "2026-03-28T21:00", 6, True),
        # The clocks were changed at midnight: the day began at 01:00, and its last hour came twice.
        (SAO_PAULO, "2018-11-04T03:00", 22.9, False),
        (SAO_PAULO, "2018-11-04T03:00", 23, True),
        (SAO_PAULO, "2018-02-17T02:00", 24.9, False),
        (SAO_PAULO, "2018-02-17T02:00", 25, True),
    ],
)
async def test_start_on_another_day_begins_anew_after_six_hours(
    serve, lesson, session_states, monkeypatch, zone, began, hours, anew
):
    # Longer than any day, so that the date alone decides.
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SESSION_HOURS", "30")
    clock = TurnedClock(datetime.fromisoformat(began).replace(tzinfo=UTC))
    server = await serve(clock=clock, timezone=zone, token_hours=48)
    maths = await lesson(server)
    await maths.start()
    before = await maths.session()
    put_forward(clock, hours)
    await maths.start()
    after = await maths.session()
    if anew:
        assert await session_states(server) == ["expired", "active"]
        assert after["startedAt"] == f"{clock.now():%Y-%m-%dT%H:%M:%S.000Z}"
    else:
        assert after == before


async def test_starts_at_once_on_the_next_day_begin_one_session(
    of_scope, lesson, mark, turned_clock, session_states
):
    servers = [await of_scope(), await of_scope()]
    maths = await lesson(servers[0])
    await maths.start()
    teacher = await servers[1].socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], "absent"))
    put_forward(turned_clock, 30)
    # The token is for a day.
    account = {"email": maths.teacher.email, "password": maths.teacher.password}
    answer = await servers[0].api.post("/auth/login", json=account)
    headers = {"Authorization": f"Bearer {answer.json()['data']['token']}"}
    answers = await asyncio.gather(
        *(
            server.api.post("/attendance/start", json={"classId": maths.class_id}, headers=headers)
            for server in servers * 6
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await session_states(servers[0]) == ["expired", "active"]
    answer = await servers[1].api.get("/attendance/session", headers=headers)
    assert answer.json()["data"]["attendance"] == {}


async def test_next_days_start_of_another_class_ends_the_session_as_expired(
    serve, lesson, turned_clock, session_states
):
    server = await serve(clock=turned_clock, token_hours=48)
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    put_forward(turned_clock, 24)
    await physics.start()
    assert await session_states(server) == ["expired", "active"]


async def test_since_an_expired_session_is_told(of_scope, lesson, mark, turned_clock):
    server = await of_scope()
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    watching = await server.socket(maths.teacher, version=1)
    known = (await maths.session())["seq"]
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    put_forward(turned_clock, 12)
    assert await maths.session() is None
    # Whoever comes back before the server has shown the end misses nothing.
    await watching.until("SESSION_ENDED")
    token = maths.teacher.token
    for since, marks in ((known, ["ATTENDANCE_MARKED"]), (known + 1, [])):
        plain = await server.socket(path=f"/ws?token={token}&since={since}")
        got = await plain.drain()
        assert [frame["event"] for frame in got] == [*marks, "ERROR"]
        assert got[-1]["data"] == NO_SESSION["data"]
        full = await server.socket(path=f"/ws?token={token}&since={since}", version=1)
        got = await full.drain()
        assert [frame["event"] for frame in got] == [*marks, "SESSION_ENDED", "RESUMED"]
        assert got[-2]["data"] == {"outcome": "expired"}
        assert got[-2]["seq"] == known + 2


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "noon"])
async def test_hours_that_are_none_end_the_start(serve, monkeypatch, value):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SESSION_HOURS", value)
    with pytest.raises(QuartappError) as caught:
        await serve()
    said = str(caught.value)
    assert "plugin attendance: QUARTAPP_ATTENDANCE_SESSION_HOURS" in said
    assert len(said.splitlines()) == 1
