"""People who use every kind of HTTP route while the database is away."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import httpx

AT_ONCE = 16
REFUSAL = "Service Unavailable"


class Visitors:
    """People who use every kind of route at once, and note what they are answered.

    Args:
        maths: The class, and whose server it is.

    Attributes:
        slowest: The longest answer of each route, seconds.
        refused: How many requests were answered 503.
        surprises: Answers that are neither what is asked for nor a proper 503.
    """

    def __init__(self, maths):
        self._maths = maths
        self.slowest = Counter()
        self.refused = 0
        self.surprises = []
        teacher, student = maths.teacher.headers, maths.students[0].headers
        room = f"/class/{maths.class_id}"
        account = {"email": maths.teacher.email, "password": maths.teacher.password}
        newcomer = {
            "name": "New",
            "email": "new@example.org",
            "password": "secret!",
            "role": "student",
        }
        # What comes in crowds: half of it works in threads, half of it does not.
        self._crowded = [
            ("GET", "/class/students", teacher, None),
            ("POST", "/class", teacher, {"className": "another class"}),
            ("GET", "/auth/me", student, None),
            ("GET", "/attendance/session", teacher, None),
        ]
        self._single = [
            ("GET", "/class", teacher, None),
            ("GET", room, student, None),
            ("PATCH", room, teacher, {"className": "a new name"}),
            ("POST", f"{room}/add-student", teacher, {"studentId": maths.students[0].id}),
            ("GET", f"/attendance/{maths.class_id}/my-attendance", student, None),
            ("POST", "/attendance/start", teacher, {"classId": maths.class_id}),
            ("POST", "/auth/login", {}, account),
            ("POST", "/auth/register", {}, newcomer),
            ("GET", f"{maths.client.url}/readyz", {}, None),
        ]

    async def come(self):
        """Send all requests at once; check the refusals, and the routes without a database."""
        crowd = [self._refused(*request) for request in self._crowded for _ in range(AT_ONCE)]
        await asyncio.gather(
            *crowd,
            *(self._refused(*request) for request in self._single),
            self._served("/healthz"),
            self._served("/docs"),
            self._served("/openapi.json"),
        )

    async def welcome(self):
        """Whether each reading route answers as it should."""
        reading = [request for request in (*self._crowded, *self._single) if request[0] == "GET"]
        answers = await asyncio.gather(*(self._ask(*request) for request in reading))
        return all(answer.status_code == 200 for answer in answers)

    async def _served(self, path):
        answer = await self._ask("GET", f"{self._maths.client.url}{path}", {}, None)
        if answer.status_code != 200:
            self.surprises.append((path, answer.status_code, answer.text))

    async def _refused(self, *request):
        answer = await self._ask(*request)
        self.refused += 1
        proper = (
            answer.status_code == 503
            and answer.json()["error"] == REFUSAL
            and int(answer.headers["Retry-After"]) > 0
        )
        if not proper:
            self.surprises.append((request[:2], answer.status_code, answer.text))

    async def _ask(self, method, path, headers, body):
        began = time.monotonic()
        answer = await self._maths.client.api.request(method, path, headers=headers, json=body)
        seconds = time.monotonic() - began
        name = f"{method} {httpx.URL(path).path}".replace(self._maths.class_id, ":id")
        self.slowest[name] = max(self.slowest[name], seconds)
        return answer
