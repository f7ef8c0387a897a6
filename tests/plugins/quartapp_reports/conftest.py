"""A class whose sessions people enter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
FIRST = date(2026, 3, 2)


class School:
    """A class whose sessions an administrator enters, one a day."""

    def __init__(self, server, admin, teacher, students, room):
        self.server, self.admin, self.teacher = server, admin, teacher
        self.students, self.class_id = students, room["_id"]
        self.days = 0

    async def ask(self, who, method, path, body=None):
        more = {} if body is None else {"json": body}
        return await self.server.api.request(method, path, headers=who.headers, **more)

    async def enter(self, *statuses, cancelled=False):
        """Enter a session with the statuses of the first students."""
        body = {"date": (FIRST + timedelta(days=self.days)).isoformat()}
        self.days += 1
        if cancelled:
            body |= {"cancelled": True, "reason": "Snow"}
        else:
            body["records"] = [
                {"studentId": student.id, "status": status}
                for student, status in zip(self.students, statuses, strict=False)
            ]
        made = await self.ask(self.admin, "POST", f"/class/{self.class_id}/sessions", body)
        assert made.status_code == 201, made.text

    async def join(self, student):
        self.students.append(student)
        path = f"/class/{self.class_id}/add-student"
        added = await self.ask(self.teacher, "POST", path, {"studentId": student.id})
        assert added.status_code == 201, added.text

    async def report(self, query=""):
        found = await self.ask(self.teacher, "GET", f"/class/{self.class_id}/report{query}")
        assert found.status_code == 200, found.text
        return found.json()["data"]

    async def of(self, *names, query=""):
        """Return some members of the report of each student, in the order in which they joined."""
        found = {one["studentId"]: one for one in (await self.report(query))["students"]}
        return [tuple(found[student.id][name] for name in names) for student in self.students]


@pytest.fixture
def school(serve):
    async def open_school(students=1, *, class_name=None, names=(), **settings):
        server = await serve(clock=TurnedClock(NOW), timezone="UTC", **settings)
        admin, teacher = await server.person("admin"), await server.person("teacher")
        people = [await server.person("student", name=name) for name in names]
        people += await server.people("student", students - len(people))
        room = await class_room(server, teacher, people, name=class_name)
        return School(server, admin, teacher, people, room)

    return open_school
