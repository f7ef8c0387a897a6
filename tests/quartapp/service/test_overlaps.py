"""Frames of one socket whose handlers overlap: their order, their answers, their bounds."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import EventData, EventType, SocketParameter, earlier_frames, hookimpl, in_order
from quartapp.realtime.channel import INBOX_FRAMES

INTERNAL = "Internal Server Error"
FRAMES = 40


class Stored(EventData):
    text: str
    about: str = "maths"


class Storing:
    """Events whose handlers wait for what a test decides."""

    name = "storing"

    def __init__(self):
        self.let_in = set()
        self.stored = set()
        self.trail = []
        self.under_way = 0
        self.most = 0
        self._changed = asyncio.Condition()

    async def until(self, condition):
        async with self._changed:
            await self._changed.wait_for(condition)

    async def note(self, *what):
        async with self._changed:
            self.trail.append(what)
            self._changed.notify_all()

    async def store(self, *texts):
        async with self._changed:
            self.stored.update(texts)
            self._changed.notify_all()

    async def admit(self, *texts):
        async with self._changed:
            self.let_in.update(texts)
            self._changed.notify_all()

    @hookimpl
    def register_events(self, app):
        async def store(connection, data):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                if "unfit" in data.text:
                    raise RuntimeError("a bug before the ordered part")
                async with in_order(data.about):
                    await self.note("in", data.text)
                    await self.until(lambda: "slow" not in data.text or data.text in self.let_in)
                    if "refused" in data.text:
                        raise RuntimeError("a bug in the ordered part")
                    await self.note("out", data.text)
                while "hang" in data.text:
                    await asyncio.Event().wait()
                await self.until(lambda: data.text in self.stored)
                await earlier_frames()
                connection.answer("STORED", {"text": data.text})
            finally:
                self.under_way -= 1

        async def other(connection, data):
            await self.note("other", data.text)
            connection.answer("OTHER", {"text": data.text})

        async def alone(connection, data):
            async with in_order(data.about):
                await self.note("alone", data.text)
            await earlier_frames()
            connection.answer("ALONE", {"text": data.text})

        return [
            EventType(name="STORE", data=Stored, handler=store, overlaps=True),
            EventType(name="KEEP", data=Stored, handler=store, overlaps=True),
            EventType(name="OTHER", data=Stored, handler=other),
            EventType(name="ALONE", data=Stored, handler=alone),
        ]

    @hookimpl
    def register_socket_parameters(self):
        async def greet(connection, value):
            self.task = asyncio.current_task()
            return lambda: None

        return [SocketParameter(name="task", pattern="mine", greet=greet)]

    def begun(self):
        return [what[1] for what in self.trail if what[0] == "in"]


@pytest.fixture
def storing():
    return Storing()


@pytest.fixture
async def socket(serve, storing):
    server = await serve(beside=[storing])
    return await server.socket(await server.person("student"))


async def send(socket, *texts, event="STORE", **more):
    for text in texts:
        await socket.send(event, {"text": text, **more})


async def answers(socket, count):
    return [
        frame["data"].get("text", frame["data"].get("message"))
        for frame in [await socket.receive() for _ in range(count)]
    ]


async def test_frames_of_an_event_begin_before_those_before_them_have_ended(socket, storing):
    await send(socket, "a", "b", "c")
    await storing.until(lambda: storing.begun() == ["a", "b", "c"])
    await storing.store("c", "b")
    await storing.store("a")
    assert await answers(socket, 3) == ["a", "b", "c"]


async def test_frames_of_another_event_wait_for_all_before_them(socket, storing):
    await send(socket, "a", "b")
    await send(socket, "look", event="OTHER")
    await send(socket, "c", event="KEEP")
    await send(socket, "d", event="STORE")
    await storing.until(lambda: storing.begun() == ["a", "b"])
    await storing.store("d", "c", "b", "a")
    assert await answers(socket, 5) == ["a", "b", "look", "c", "d"]
    assert [what for what in storing.trail if what[0] != "out"] == [
        ("in", "a"),
        ("in", "b"),
        ("other", "look"),
        ("in", "c"),
        ("in", "d"),
    ]


async def test_ordered_parts_run_one_after_another(socket, storing):
    await send(socket, "slow", "b", "c")
    await storing.until(lambda: storing.trail == [("in", "slow")])
    await storing.store("slow", "b", "c")
    await storing.admit("slow")
    assert await answers(socket, 3) == ["slow", "b", "c"]
    assert storing.trail == [(way, text) for text in ("slow", "b", "c") for way in ("in", "out")]


async def test_a_frame_about_something_else_waits_for_those_before_it(socket, storing):
    await send(socket, "a", "b")
    await send(socket, "c", about="physics")
    await send(socket, "d")
    await storing.until(lambda: storing.begun() == ["a", "b"])
    await storing.store("c", "d", "a")
    assert await answers(socket, 1) == ["a"]
    assert storing.begun() == ["a", "b"], "one about maths is still under way"
    await storing.store("b")
    assert await answers(socket, 3) == ["b", "c", "d"]


async def test_refusals_leave_in_order_and_hold_up_nothing(socket, storing):
    await send(socket, "a")
    await socket.connection.send("no JSON")
    await send(socket, "refused", "unfit", "b")
    await socket.send("STORE", {"wrong": 1})
    await socket.send("NO_SUCH_EVENT")
    await send(socket, "c")
    await storing.until(lambda: storing.begun() == ["a", "refused", "b", "c"])
    await storing.store("c", "b")
    await storing.store("a")
    assert await answers(socket, 8) == [
        "a",
        "Invalid message format",
        INTERNAL,
        INTERNAL,
        "b",
        "Invalid message format",
        "Unknown event",
        "c",
    ]


async def test_a_frame_that_hangs_is_cut_alone(serve, storing, turned_clock):
    server = await serve(beside=[storing], clock=turned_clock, hook_timeout=5.0)
    socket = await server.socket(await server.person("student"))
    await send(socket, "a", "hang", "b", "slow", "c")
    await storing.until(lambda: storing.begun() == ["a", "hang", "b", "slow"])
    await storing.store("a", "b", "c")
    assert await answers(socket, 1) == ["a"]
    # Both hang: the one that waits in its ordered part, and the one that waits after it.
    await turned_clock.advance(8.0)
    assert await answers(socket, 4) == [INTERNAL, "b", INTERNAL, "c"]


async def test_frames_under_way_count_for_the_inbox(socket, storing):
    texts = [str(number) for number in range(FRAMES)]
    await send(socket, *texts)
    await storing.until(lambda: len(storing.begun()) == INBOX_FRAMES)
    await storing.store(*texts)
    assert await answers(socket, FRAMES) == texts
    assert storing.most == INBOX_FRAMES


async def test_frames_of_a_socket_that_leaves_are_handled_to_their_end(socket, storing, eventually):
    texts = [str(number) for number in range(INBOX_FRAMES)]
    await send(socket, *texts)
    await storing.until(lambda: len(storing.begun()) == INBOX_FRAMES)
    await socket.close()
    await storing.store(*texts)

    async def all_ended():
        return storing.under_way == 0 and not running()

    await eventually(all_ended)
    assert [what[1] for what in storing.trail if what[0] == "out"] == texts


async def test_a_socket_whose_task_is_cancelled_leaves_no_frame_behind(serve, storing, eventually):
    server = await serve(beside=[storing])
    student = await server.person("student")
    socket = await server.socket(path=f"/ws?token={student.token}&task=mine")
    await send(socket, "a", "b", "slow")
    await storing.until(lambda: storing.begun() == ["a", "b", "slow"])
    storing.task.cancel()

    async def all_ended():
        return storing.under_way == 0 and not running()

    await eventually(all_ended)


async def test_the_handler_of_another_event_may_use_both(socket, storing):
    await send(socket, "a", "b", event="ALONE")
    assert await answers(socket, 2) == ["a", "b"]


def running():
    return [task for task in asyncio.all_tasks() if "Turns._run" in str(task.get_coro())]
