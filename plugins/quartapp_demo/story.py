"""The steps of the demo, in order. Every figure shown was measured a moment before."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from time import perf_counter
from typing import TYPE_CHECKING

from quartapp_attendance import DONE, MARKED, MY_ATTENDANCE, SUMMARY
from quartapp_demo.contents import read_contents
from quartapp_demo.crowd import gathered
from quartapp_demo.errors import DemoError
from quartapp_demo.next_steps import next_steps
from quartapp_demo.roll import Roll
from quartapp_demo.school import CLASS_NAME, Office
from quartapp_demo.server import running_server
from quartapp_demo.words import milliseconds

if TYPE_CHECKING:
    from quartapp_demo.contents import Contents
    from quartapp_demo.crowd import Crowd
    from quartapp_demo.school import Person, School
    from quartapp_demo.screen import Screen
    from quartapp_demo.server import Server

# Pauses for the reader, in seconds.
BETWEEN_MARKS = 0.3
AFTER_REMARK = 1.6
SUMMARY_AFTER = 12
QUESTION_AFTER = 18


class Story:
    """One run of the demo.

    Args:
        screen: Screen that shows the story.
        waits: Whether to pause, so that a reader can follow.
        keeps: Whether to keep the server running after the end.

    Attributes:
        finished: Whether the story came to its end.
    """

    def __init__(self, screen: Screen, *, waits: bool, keeps: bool) -> None:
        self._screen = screen
        self._waits = waits
        self._keeps = keeps
        self.finished = False

    async def tell(self) -> None:
        """Run all steps, from an empty folder to the last record.

        Raises:
            DemoError: A requirement is missing, or the server did not do what it promises.
        """
        screen = self._screen
        screen.opening("quartapp demo", "A live roll call, on a real server with a real database.")
        async with AsyncExitStack() as stack:
            began = perf_counter()
            with screen.working("Starting a server and its MongoDB"):
                server = await stack.enter_async_context(running_server())
            screen.done("Server and MongoDB are up", f"http://{server.address} · {_since(began)}")
            school = await self._assemble(server)
            await self._call(server, school)
            self.finished = True
            if self._keeps:
                await self._keep(server, school)
                return
            with screen.working("Stopping the server"):
                await stack.aclose()
            screen.line()
            screen.line(" The server is stopped, and its data is gone.")
            screen.line(" Look around in it yourself: quartapp demo --keep")
            screen.line(" Run one that keeps its data: quartapp serve")

    async def _assemble(self, server: Server) -> School:
        screen = self._screen
        async with Office(server.api) as office:
            began = perf_counter()
            with screen.working("Registering a teacher and 30 students") as progress:
                people = await office.register_all(lambda number: progress(f"{number}"))
            students = len(people) - 1
            screen.done(
                "Accounts are registered", f"1 teacher, {students} students · {_since(began)}"
            )
            began = perf_counter()
            with screen.working("Enrolling the students"):
                school = await office.open_class(people)
                stored = await office.roll_size(school)
            if stored != students:
                raise DemoError(f"{students} students were enrolled, and {stored} are on the roll")
            screen.done(
                "The class is made", f"{CLASS_NAME}, {stored} on its roll · {_since(began)}"
            )
        return school

    async def _call(self, server: Server, school: School) -> None:
        screen = self._screen
        everybody = (school.teacher, *school.students)
        began = perf_counter()
        async with gathered(server.socket, everybody) as crowd:
            roll = Roll(school.students, sockets=len(crowd.listeners))
            screen.done("Sockets are open", f"{roll.sockets}, one for each · {_since(began)}")
            async with Office(server.api) as office:
                began = perf_counter()
                await office.start_session(school)
            screen.done("The session is live", f"{school.teacher.name} calls · {_since(began)}")
            screen.done(
                "Watch it in a browser", f"http://{server.address}/app/roll/{school.class_id}"
            )
            screen.done("Sign in there as", f"{school.teacher.email} · {school.password}")
            await self._pause(AFTER_REMARK / 2)
            with screen.calling(roll):
                await self._marks(crowd, roll, school.teacher)
                called = set(roll.marks)
                await self._done(crowd, roll, school.teacher)
            broadcasts = crowd.one_order()
        contents = await read_contents(server.mongodb, school.class_id)
        _check_records(roll, contents)
        self._facts(roll, broadcasts, contents)
        screen.heading(f"MongoDB {contents.version} now holds")
        screen.contents(contents, called)

    async def _marks(self, crowd: Crowd, roll: Roll, teacher: Person) -> None:
        for number, (student, status) in enumerate(roll.calls(), start=1):
            late = student.id in roll.marks
            if late:
                self._screen.remark(f"{student.name} comes in late: absent becomes present.")
                await self._pause(AFTER_REMARK)
            mark = {"studentId": student.id, "status": status}
            seen, latency = await crowd.broadcast(teacher, MARKED, mark)
            if seen != mark:
                raise DemoError(f"The mark {mark} was broadcast as {seen}")
            roll.mark(student, status, latency)
            self._screen.called(roll, student)
            await self._pause(BETWEEN_MARKS)
            if number == SUMMARY_AFTER:
                await self._summary(crowd, roll, teacher)
            if number == QUESTION_AFTER:
                await self._question(crowd, roll, student)

    async def _summary(self, crowd: Crowd, roll: Roll, teacher: Person) -> None:
        summary, latency = await crowd.broadcast(teacher, SUMMARY)
        _check_counts(SUMMARY, summary, roll)
        self._screen.remark(
            f"{SUMMARY} to all {roll.sockets} sockets in {milliseconds(latency)}: "
            f"{summary['present']} present, {summary['absent']} absent."
        )
        await self._pause(AFTER_REMARK)

    async def _question(self, crowd: Crowd, roll: Roll, student: Person) -> None:
        asked = perf_counter()
        status = (await crowd.ask(student, MY_ATTENDANCE))["status"]
        if status != roll.marks[student.id]:
            raise DemoError(f"{MY_ATTENDANCE} told {student.name} {status}")
        self._screen.remark(
            f"{student.name} asks {MY_ATTENDANCE} and alone is told: {status} ({_since(asked)})."
        )
        await self._pause(AFTER_REMARK)

    async def _done(self, crowd: Crowd, roll: Roll, teacher: Person) -> None:
        unmarked = len(roll.students) - len(roll.marks)
        self._screen.remark(f"{unmarked} were not called. The teacher sends DONE …")
        await self._pause(AFTER_REMARK)
        counts, latency = await crowd.broadcast(teacher, DONE)
        roll.close()
        _check_counts(DONE, counts, roll)
        self._screen.remark(
            f"DONE in {milliseconds(latency)}: {counts['present']} present, "
            f"{counts['absent']} absent ({unmarked} by DONE), {counts['total']} enrolled."
        )

    def _facts(self, roll: Roll, broadcasts: int, contents: Contents) -> None:
        screen = self._screen
        screen.heading("What was seen")
        screen.done(
            "One order for all", f"{roll.sockets} sockets, {broadcasts} broadcasts each, one order"
        )
        screen.done(
            "From mark to last socket",
            f"median {milliseconds(roll.typical_latency)}, "
            f"slowest {milliseconds(max(roll.latencies))}, {len(roll.latencies)} marks",
        )
        screen.done(
            "Stored as called", f"{len(contents.records)} records, each with the status called"
        )

    async def _keep(self, server: Server, school: School) -> None:
        for line in next_steps(server, school):
            self._screen.line(line)
        if await server.process.wait():
            raise DemoError(f"The server ended by itself, status {server.process.returncode}")

    async def _pause(self, seconds: float) -> None:
        if self._waits:
            await asyncio.sleep(seconds)


def _check_counts(event: str, counts: dict[str, object], roll: Roll) -> None:
    told = {name: counts[name] for name in ("present", "absent", "total")}
    if told != roll.summary:
        raise DemoError(f"{event} said {told}, and {roll.summary} were called")


def _check_records(roll: Roll, contents: Contents) -> None:
    stored = {record.student_id: record.status for record in contents.records}
    if len(contents.records) != len(stored) or stored != roll.marks:
        raise DemoError("The records in the database are not what was called")


def _since(began: float) -> str:
    seconds = perf_counter() - began
    return f"{seconds:.1f} s" if seconds >= 0.1 else milliseconds(seconds)
