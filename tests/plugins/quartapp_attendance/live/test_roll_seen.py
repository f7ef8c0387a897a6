"""Marks that rely on a copy of the roll, while the roll changes."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from quartapp import core
from quartapp_attendance import AttendanceService, Mark, NotOnRollError
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.live.store import SessionStore
from quartapp_classes import Rolls

ROUNDS = 25
ONE_COMMAND = [("sessions", "findAndModify")]


class Caller:
    """The teacher of one live session, on one server."""

    def __init__(self, server, lesson):
        services = core(server.app).services
        self.server, self.lesson = server, lesson
        self.service, self.rolls = services.get(AttendanceService), services.get(Rolls)
        self.live = services.get(LiveSessions)

    @property
    def copy(self):
        return self.rolls.known(ObjectId(self.lesson.class_id))

    async def mark(self, student, status="present"):
        (session,) = self.live
        await self.service.mark(session, Mark(student.id, status, self.lesson.teacher.id))

    async def rest(self):
        (session,) = self.live
        marked, _ = await self.service.mark_rest(session, "present", self.lesson.teacher.id)
        return marked

    async def remove(self, student):
        path = f"/class/{self.lesson.class_id}/students/{student.id}"
        answer = await self.server.api.delete(path, headers=self.lesson.teacher.headers)
        assert answer.status_code == 200, answer.text

    async def add(self, student):
        path, body = f"/class/{self.lesson.class_id}/add-student", {"studentId": student.id}
        headers = self.lesson.teacher.headers
        answer = await self.server.api.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text


@pytest.fixture
async def callers(serve, lesson, eventually, turned_clock):
    # The clock stands still, so copies count until a server hears of a change.
    servers = [await serve(clock=turned_clock), await serve(clock=turned_clock)]
    maths = await lesson(servers[0], students=4)
    await maths.start()
    both = [Caller(server, maths) for server in servers]

    async def known():
        return all(list(caller.live) for caller in both)

    await eventually(known)
    return both


async def with_copies(callers, eventually):
    """Mark until each server has a copy of the roll, and the session has its version."""

    async def copied():
        for caller in callers:
            await caller.mark(caller.lesson.students[0])
        return all(caller.copy for caller in callers)

    await eventually(copied)


async def let_nobody_hear_of_changes():
    """End the watches over classes, as if what they hear of were still on its way."""
    for task in asyncio.all_tasks():
        if task.get_coro().__qualname__ == "ClassWatch.run":
            task.cancel()
            await asyncio.wait([task])


async def commands_of_a_mark(caller, student):
    documents = caller.server.documents
    await documents.command("profile", 2)
    await caller.mark(student)
    await documents.command("profile", 0)
    done = await documents["system.profile"].find({}).to_list()
    await documents.drop_collection("system.profile")
    names = ("sessions", "classes")
    return [
        (one["ns"].partition(".")[2], next(iter(one["command"])))
        for one in done
        if one["ns"].partition(".")[2] in names and "getMore" not in one["command"]
    ]


def one_command(caller, student):
    """Ask whether a mark takes one command; the copy of a roll may just have been dropped."""

    async def is_one():
        return await commands_of_a_mark(caller, student) == ONE_COMMAND

    return is_one


async def test_a_mark_is_one_command(callers, eventually):
    one, _ = callers
    await with_copies(callers, eventually)
    for student in one.lesson.students:
        await eventually(one_command(one, student))


async def test_first_mark_after_a_change_reads_the_roll(callers, eventually):
    one, other = callers
    await with_copies(callers, eventually)
    await other.remove(one.lesson.students[3])
    assert ("classes", "find") in await commands_of_a_mark(one, one.lesson.students[1])
    await eventually(one_command(one, one.lesson.students[1]))


async def test_nobody_off_the_roll_is_marked_and_nobody_on_it_waits(callers, eventually):
    one, other = callers
    maths = one.lesson
    await with_copies(callers, eventually)
    await let_nobody_hear_of_changes()
    for number in range(ROUNDS):
        assert one.copy is not None
        assert other.copy is not None
        student = maths.students[number % 4]
        here, there = (one, other) if number % 2 else (other, one)
        # Before the answer to the removal, a mark may come first or last.
        await asyncio.gather(
            here.remove(student),
            there.mark(student, "absent"),
            here.mark(student, "absent"),
            return_exceptions=True,
        )
        for caller in callers:
            with pytest.raises(NotOnRollError):
                await caller.mark(student)
            assert student.id not in await caller.rest()
        await here.add(student)
        await asyncio.gather(*(caller.mark(student) for caller in callers))
        await with_copies(callers, eventually)


async def test_a_change_comes_between_no_read_of_a_roll_and_its_write(callers, eventually):
    one, other = callers
    await with_copies(callers, eventually)
    services = core(one.server.app).services
    store = SessionStore(core(one.server.app).database, one.rolls, services.get(Projector))
    (session,) = one.live
    for fresh in (False, True):
        basis = await store.basis(session, fresh=fresh)
        assert await store.sessions.count_documents({"_id": session.id, **basis.terms}) == 1
        assert one.lesson.students[1].id in basis.roll.student_ids
        await other.remove(one.lesson.students[1])
        assert await store.sessions.count_documents({"_id": session.id, **basis.terms}) == 0
        await other.add(one.lesson.students[1])
        assert await store.sessions.count_documents({"_id": session.id, **basis.terms}) == 0


async def test_a_new_student_is_known_at_once(callers, eventually):
    one, other = callers
    await with_copies(callers, eventually)
    await let_nobody_hear_of_changes()
    student = await one.server.person("student")
    with pytest.raises(NotOnRollError):
        await other.mark(student)
    await one.add(student)
    await other.mark(student)


async def test_a_process_that_dies_after_a_change_leaves_no_copy_for_long(callers, eventually):
    """The change is stored, and nobody has told of it: what a killed process leaves behind."""
    one, _ = callers
    maths = one.lesson
    await with_copies(callers, eventually)
    student = maths.students[2]
    await one.server.documents["classes"].update_one(
        {"_id": ObjectId(maths.class_id)},
        {"$pull": {"studentsIds": ObjectId(student.id)}, "$inc": {"rollVersion": 1}},
    )

    async def refused():
        try:
            await one.mark(student)
        except NotOnRollError:
            return True
        return False

    await eventually(refused)


async def test_no_copy_counts_while_the_stream_is_silent(serve, lesson, turned_clock, eventually):
    server = await serve(clock=turned_clock)
    maths = await lesson(server, students=4)
    await maths.start()
    caller = Caller(server, maths)
    await with_copies([caller], eventually)
    await turned_clock.advance(2.5)
    assert caller.copy is None
    assert ("classes", "find") in await commands_of_a_mark(caller, maths.students[1])


async def test_an_ended_session_keeps_nothing_of_it(callers, eventually):
    one, _ = callers
    await with_copies(callers, eventually)
    assert await one.server.documents["sessions"].count_documents({"rollSeen": {"$exists": True}})
    socket = await one.server.socket(one.lesson.teacher)
    await socket.send("DONE")
    await socket.until("DONE")
    assert not await one.server.documents["sessions"].count_documents(
        {"rollSeen": {"$exists": True}}
    )
