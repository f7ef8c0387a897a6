"""What the tests of calendars share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.testing import Person, TestServer

HOLIDAYS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//school//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20270107\r\nSUMMARY:Christmas\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


@dataclass(frozen=True)
class Office:
    """An administrator at work on one server."""

    server: TestServer
    admin: Person

    async def ask(
        self, method: str, path: str, body: Any = None, by: Person | None = None
    ) -> tuple[int, Any]:
        """Send a request; return the status, and the data or the message of the refusal."""
        more = {} if body is None else {"json": body}
        headers = (by or self.admin).headers
        answer = await self.server.api.request(method, path, headers=headers, **more)
        told = answer.json()
        return answer.status_code, told["data"] if answer.is_success else told["error"]

    async def done(self, method: str, path: str, body: Any = None, by: Person | None = None) -> Any:
        """Send a request that succeeds; return the data."""
        status, told = await self.ask(method, path, body, by)
        assert status in (200, 201), told
        return told

    async def term(self, first: str, last: str) -> dict[str, Any]:
        body = {"name": "Term", "from": first, "to": last}
        return await self.done("POST", "/calendar/terms", body)

    async def holiday(self, first: str, last: str) -> dict[str, Any]:
        body = {"name": "Holiday", "from": first, "to": last}
        return await self.done("POST", "/calendar/holidays", body)

    async def meeting(
        self, class_id: str, weekday: int, term_id: str | None = None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"weekday": weekday, "from": "09:45", "to": "11:15"}
        if term_id is not None:
            body["termId"] = term_id
        return await self.done("POST", f"/class/{class_id}/meetings", body)

    async def imported(self, source: str, calendar: str = HOLIDAYS) -> tuple[int, Any]:
        body = {"source": source, "calendar": calendar}
        return await self.ask("POST", "/calendar/imports", body)

    async def days(self) -> list[tuple[str, str, str | None]]:
        """Return the first and the last day and the source of each holiday."""
        found = await self.done("GET", "/calendar/holidays?limit=500")
        return [(one["from"], one["to"], one["source"]) for one in found]


@pytest.fixture
def office() -> Callable[[TestServer], Awaitable[Office]]:
    """Return a function that hires an administrator: ``await office(server)``."""

    async def hire(server: TestServer) -> Office:
        return Office(server, await server.person("admin"))

    return hire
