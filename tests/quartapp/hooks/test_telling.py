"""``on_event`` after the answer: in order, bounded, and to the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from quartapp import create_app, load_settings
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.hooks.telling import MOST_WAITING, STOP_SECONDS
from quartapp.parts import core
from quartapp.testing import SECRET, running


@dataclass(frozen=True)
class Happened:
    number: int


class Slow:
    """A plugin that is told of events only when the test lets it."""

    name = "slow"

    def __init__(self):
        self.heard = []
        self.begun = asyncio.Event()
        self.may_go = asyncio.Event()

    @hookimpl
    async def on_event(self, event):
        self.begun.set()
        await self.may_go.wait()
        self.heard.append(event)


async def waiting(server):
    text = (await server.api.get(f"{server.url}/metrics")).text
    line = next(one for one in text.splitlines() if one.startswith("quartapp_events_waiting "))
    return float(line.split()[1])


async def test_slow_plugin_delays_no_caller_and_the_backlog_is_counted(serve, lesson, mark):
    slow = Slow()
    server = await serve(beside=[slow], hook_timeout=600)
    maths = await lesson(server, students=1)
    await maths.start()
    socket = await server.socket(maths.teacher)
    shown = await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert shown["event"] == "ATTENDANCE_MARKED"
    await socket.drain()
    # Two accounts, a class, an enrolment, a session and a mark; the first is being told.
    assert slow.heard == []
    assert await waiting(server) == 6
    slow.may_go.set()
    await server.settled()
    assert await waiting(server) == 0
    assert [type(event).__name__ for event in slow.heard] == [
        *("UserRegistered", "UserRegistered", "ClassCreated", "StudentAdded"),
        *("SessionStarted", "AttendanceMarked"),
    ]


async def test_events_are_told_one_after_another_in_their_order(serve):
    class Reversing:
        """Would end later events first, if it were told of them before it has ended."""

        name = "reversing"

        def __init__(self):
            self.heard = []

        @hookimpl
        async def on_event(self, event):
            for _ in range(100 - event.number):
                await asyncio.sleep(0)
            self.heard.append(event.number)

    plugin = Reversing()
    server = await serve([plugin])
    for number in range(100):
        await core(server.app).plugins.on_event(Happened(number))
    await server.settled()
    assert plugin.heard == list(range(100))


async def test_a_full_backlog_holds_up_its_causes_and_loses_nothing(serve):
    slow = Slow()
    server = await serve([slow], hook_timeout=600)
    plugins = core(server.app).plugins
    for number in range(MOST_WAITING):
        await plugins.on_event(Happened(number))
    held_up = [
        asyncio.create_task(plugins.on_event(Happened(number)))
        for number in range(MOST_WAITING, MOST_WAITING + 3)
    ]
    await slow.begun.wait()
    assert not any(task.done() for task in held_up)
    # Whoever leaves takes no event along.
    held_up[0].cancel()
    slow.may_go.set()
    await asyncio.gather(*held_up, return_exceptions=True)
    assert held_up[0].cancelled()
    await server.settled()
    assert [event.number for event in slow.heard] == list(range(MOST_WAITING + 3))


async def test_plugin_may_cause_events_inside_on_event(serve):
    class Echo:
        name = "echo"

        def __init__(self):
            self.heard = 0

        @hookimpl
        def startup(self, app):
            self.app = app

        @hookimpl
        async def on_event(self, event):
            self.heard += 1
            # More than a full backlog: it cannot wait for what it holds up itself.
            for _ in range(event.number):
                await core(self.app).plugins.on_event(Happened(0))

    echo = Echo()
    server = await serve([echo], hook_timeout=600)
    await core(server.app).plugins.on_event(Happened(MOST_WAITING + 2))
    await server.settled()
    assert echo.heard == MOST_WAITING + 3


async def test_a_listener_finds_the_app_and_its_log_lines_the_request(serve):
    class Finding:
        name = "finding"

        @hookimpl
        async def on_event(self, event):
            core().services.get(Finding)

    server = await serve(beside=[Finding])
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logs:
        await server.person("student")
        await server.settled()
    (line,) = [line for line in logs if line["event"] == "hook failed"]
    assert "there is no service" in str(line["exc_info"])
    assert line["request_id"]


async def test_a_stop_tells_the_last_events(mongodb_uri):
    class Late:
        name = "late"

        def __init__(self):
            self.heard = []
            self.open = False

        @hookimpl
        def startup(self):
            self.open = True

        @hookimpl
        def shutdown(self):
            self.open = False

        @hookimpl
        async def on_event(self, event):
            await asyncio.sleep(0)
            self.heard.append((event.number, self.open))

    late = Late()
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    async with running(create_app(settings, [*discover(), late])) as server:
        for number in range(50):
            await core(server.app).plugins.on_event(Happened(number))
    assert late.heard == [(number, True) for number in range(50)]


async def test_a_stop_does_not_wait_for_a_plugin_that_hangs(mongodb_uri, turned_clock):
    slow = Slow()
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET, hook_timeout=600)
    with structlog.testing.capture_logs() as logs:
        async with running(create_app(settings, [slow], clock=turned_clock)) as server:
            for number in range(3):
                await core(server.app).plugins.on_event(Happened(number))
            await slow.begun.wait()
            turning = asyncio.create_task(_turn(turned_clock))
        await turning
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert line["event"] == "plugins were not told of the last events"
    assert line["events"] == 3


async def _turn(clock):
    await clock.asked(STOP_SECONDS)
    await clock.advance(STOP_SECONDS)


@dataclass(frozen=True)
class Frequent:
    number: int


class Picky:
    """A plugin that wants to hear of one type of events alone."""

    name = "picky"
    hears = (Happened,)

    def __init__(self):
        self.heard = []

    @hookimpl
    async def on_event(self, event):
        self.heard.append(event)


async def test_a_plugin_hears_of_the_types_that_it_names_alone(serve):
    picky, slow = Picky(), Slow()
    server = await serve(beside=[picky, slow], hook_timeout=600)
    slow.may_go.set()
    plugins = core(server.app).plugins
    events = [Frequent(1), Happened(2), Frequent(3)]
    for event in events:
        await plugins.on_event(event)
    await plugins.on_events(events)
    await server.settled()
    assert picky.heard == [Happened(2), Happened(2)]
    assert slow.heard == [*events, *events]


async def test_an_event_that_nobody_hears_does_not_wait(serve):
    picky = Picky()
    server = await serve(beside=[picky])
    plugins = core(server.app).plugins
    await plugins.on_event(Frequent(1))
    assert await waiting(server) == 0
    assert picky.heard == []
