"""What the tests of excuses share: a class, and everybody who has to do with its excuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from quartapp import core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.testing import Person, TestServer


@dataclass
class School:
    """One server, one class, and an administrator."""

    server: TestServer
    maths: Any  # tests.conftest.Lesson, which tests cannot import
    admin: Person

    @property
    def today(self) -> str:
        return core(self.server.app).local_day().isoformat()

    async def request(self, who: Person, method: str, path: str, body: Any = None) -> Any:
        more = {} if body is None else {"json": body}
        return await self.server.api.request(method, path, headers=who.headers, **more)

    async def ask(self, who: Person, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request; return the status, and the data or the message of the refusal."""
        answer = await self.request(who, method, path, body)
        told = answer.json()
        return answer.status_code, told["data"] if answer.is_success else told["error"]

    async def done(self, who: Person, method: str, path: str, body: Any = None) -> Any:
        status, told = await self.ask(who, method, path, body)
        assert status in (200, 201), told
        return told

    async def hand_in(self, who: Person, **more: Any) -> Any:
        body = {"from": self.today, "to": self.today, "reason": "In bed with flu", **more}
        return await self.done(who, "POST", "/excuses", body)

    async def accepted(self, student: Person, **more: Any) -> Any:
        excuse = await self.hand_in(student, **more)
        return await self.done(self.maths.teacher, "POST", f"/excuses/{excuse['_id']}/accept", {})

    async def hold(self, **marks: str) -> str:
        """Hold a roll call with marks by the number of the student; return the session's id."""
        await self.maths.start()
        teacher = await self.server.socket(self.maths.teacher)
        for place, status in marks.items():
            student = self.maths.students[int(place.removeprefix("s"))]
            await teacher.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": status})
        await teacher.ask("DONE")
        await teacher.close()
        path = f"/class/{self.maths.class_id}/sessions"
        return (await self.done(self.maths.teacher, "GET", path))[-1]["_id"]

    async def record(self, session: str, student: Person) -> Any:
        path = f"/session/{session}/attendance/{student.id}"
        return await self.done(self.maths.teacher, "GET", path)


@pytest.fixture
async def school(serve, lesson) -> Callable[..., Awaitable[School]]:
    """Return a function that opens a school: ``await school(students=2, **settings)``."""

    async def opened(students: int = 2, **settings: Any) -> School:
        plugins = settings.pop("extra_plugins", ("excuses",))
        server = await serve(extra_plugins=plugins, **settings)
        return School(server, await lesson(server, students), await server.person("admin"))

    return opened
