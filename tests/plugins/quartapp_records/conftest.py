"""Ended sessions, made as people make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from quartapp.testing import Client, Person


@dataclass
class Office:
    """Requests about records, in the name of one person."""

    client: Client
    person: Person

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.api.get(path, params=query, headers=self.person.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.api.post(
            path, json=body, headers={**self.person.headers, **headers}
        )

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.client.api.put(path, json=body, headers=self.person.headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.api.patch(
            path, json=body, headers={**self.person.headers, **headers}
        )

    async def session(self, session_id: str) -> dict[str, Any]:
        answer = await self.get(f"/session/{session_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def correct(
        self, session_id: str, student: Person, status: str, v: int, **more: Any
    ) -> httpx.Response:
        return await self.patch(
            f"/session/{session_id}/attendance/{student.id}", {"status": status, "v": v, **more}
        )

    async def history(self, session_id: str, student: Person, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(f"/session/{session_id}/attendance/{student.id}/history", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture
def as_person() -> Callable[[Client, Person], Office]:
    """Return a function that makes the requests of a person: ``as_person(server, teacher)``."""
    return Office


@pytest.fixture
def held(mark) -> Callable[..., Awaitable[str]]:
    """Return a function that holds a roll call, and returns the id of its session."""

    async def hold(maths, *statuses: str | None) -> str:
        await maths.start()
        teacher = await maths.client.socket(maths.teacher)
        for student, status in zip(maths.students, statuses, strict=False):
            if status is not None:
                await teacher.ask("ATTENDANCE_MARKED", mark(student, status))
        await teacher.ask("DONE")
        await teacher.close()
        listed = await Office(maths.client, maths.teacher).get(f"/class/{maths.class_id}/sessions")
        return listed.json()["data"][-1]["_id"]

    return hold
