"""Servers whose machines have other times use that of the database."""

from __future__ import annotations

from structlog.testing import capture_logs

from quartapp import core
from quartapp.clock import Clock, SharedClock
from quartapp.database.shared_time import MEASURE_SECONDS
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room

HOUR = 3600.0
# Far more than a measurement on the busiest machine takes, and far less than the hour.
CLOSE_SECONDS = 300.0


class Wrong(Clock):
    """The clock of a machine that is ahead by some seconds."""

    def __init__(self, seconds):
        super().__init__()
        real = self.time
        self.time = lambda: real() + seconds


async def test_servers_with_different_clocks_share_the_time_of_the_database(serve):
    with capture_logs() as lines:
        fast, slow = [await serve(clock=SharedClock(Wrong(by))) for by in (HOUR, -HOUR)]
    ahead = [core(server.app).clock.ahead for server in (fast, slow)]
    assert abs(ahead[0] + HOUR) < CLOSE_SECONDS
    assert abs(ahead[1] - HOUR) < CLOSE_SECONDS
    told = [line["database_is_ahead_by"] for line in lines if "database_is_ahead_by" in line]
    assert told == [round(seconds, 3) for seconds in ahead]


async def test_code_of_a_server_is_fresh_on_a_server_with_another_clock(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_CHECKIN_STEP_SECONDS", "300")
    fast, slow = [
        await serve(extra_plugins=("checkin",), clock=SharedClock(Wrong(by)))
        for by in (HOUR, -HOUR)
    ]
    teacher, student = await fast.person("teacher"), await fast.person("student")
    room = await class_room(fast, teacher, [student])
    await fast.api.post("/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers)
    shown = await fast.api.get("/attendance/checkin-code", headers=teacher.headers)
    socket = await slow.socket(student)
    answer = await socket.ask("CHECK_IN", {"code": shown.json()["data"]["code"]})
    assert answer["event"] == "ATTENDANCE_MARKED"


async def test_time_is_measured_again_every_minute(serve, eventually):
    machine = TurnedClock()
    server = await serve(clock=SharedClock(machine))
    clock = core(server.app).clock
    await machine.asked(MEASURE_SECONDS)
    before = clock.ahead
    # The machine's clock runs on by an hour, in which the database's hardly does.
    machine._passed += HOUR
    await machine.advance(MEASURE_SECONDS)

    async def measured():
        return abs(before - clock.ahead - HOUR) < CLOSE_SECONDS

    await eventually(measured)
    shown = (await server.api.get(f"{server.url}/metrics")).text
    assert "quartapp_clock_ahead_seconds -3" in shown


async def test_clock_that_a_test_turns_is_left_alone(serve, turned_clock):
    before = turned_clock.time()
    server = await serve(clock=turned_clock)
    await core(server.app).shared_time.measure()
    assert core(server.app).clock is turned_clock
    assert turned_clock.time() == before
