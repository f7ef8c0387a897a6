"""What the tests of the office share: a server, an administrator, and classes with roll calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from quartapp import core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.testing import Person, TestServer

ABSENCES = "/attendance/absences"


@dataclass
class Desk:
    """One server, and an administrator at it."""

    server: TestServer
    admin: Person

    @property
    def today(self) -> str:
        return core(self.server.app).local_day().isoformat()

    async def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        who = more.pop("by", None) or self.admin
        headers = {**who.headers, **more.pop("headers", {})}
        given = {} if body is None else {"json": body}
        return await self.server.api.request(method, path, headers=headers, **given, **more)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Send a request; return the status, and the data or the message of the refusal."""
        answer = await self.request(method, path, body, **more)
        told = answer.json()
        return answer.status_code, told["data"] if answer.is_success else told["error"]

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, told = await self.ask(method, path, body, **more)
        assert status in (200, 201), told
        return told

    async def absences(self, **query: Any) -> Any:
        return await self.done("GET", ABSENCES, params=query)

    async def enter(self, *students: Person, **more: Any) -> Any:
        """Enter a status for students; return the entry and the results by student and session."""
        body = {
            "date": self.today,
            "studentIds": [student.id for student in students],
            "status": "absent",
            "reason": "Called in sick",
            **more,
        }
        told = await self.done("POST", ABSENCES, body)
        return told["entry"], {(one["studentId"], one["sessionId"]): one for one in told["results"]}

    async def added(self, maths: Any, *statuses: str, **more: Any) -> str:
        """Enter a roll call after the event; return the id of its session."""
        body = {"date": self.today, **more}
        body["records"] = [
            {"studentId": student.id, "status": status}
            for student, status in zip(maths.students, statuses, strict=False)
        ]
        path = f"/class/{maths.class_id}/sessions"
        return (await self.done("POST", path, body, by=maths.teacher))["_id"]

    async def hold(self, maths: Any, **marks: str) -> str:
        """Hold a roll call with marks by the number of the student; return the session's id."""
        await maths.start()
        await self.server.settled()
        teacher = await self.server.socket(maths.teacher)
        for place, status in marks.items():
            student = maths.students[int(place.removeprefix("s"))]
            await teacher.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": status})
        await teacher.ask("DONE")
        await teacher.close()
        await self.server.settled()
        path = f"/class/{maths.class_id}/sessions"
        return (await self.done("GET", path, by=maths.teacher))[-1]["_id"]

    async def record(self, session: str, student: Person) -> Any:
        return await self.done("GET", f"/session/{session}/attendance/{student.id}")

    async def history(self, session: str, student: Person) -> Any:
        return await self.done("GET", f"/session/{session}/attendance/{student.id}/history")

    async def correct(self, session: str, student: Person, status: str, v: int, **more: Any) -> Any:
        path = f"/session/{session}/attendance/{student.id}"
        body = {"status": status, "v": v, "reason": "seen"}
        return await self.done("PATCH", path, body, **more)


@pytest.fixture
async def desk(serve) -> Callable[..., Awaitable[Desk]]:
    """Return a function that opens an office: ``await desk(**settings)``."""

    async def opened(**settings: Any) -> Desk:
        server = await serve(**settings)
        return Desk(server, await server.person("admin"))

    return opened
