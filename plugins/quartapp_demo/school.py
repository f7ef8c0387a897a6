"""The demo's people and class, made through the HTTP API as any client would."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from quartapp_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

CLASS_NAME = "Physics 101"
TEACHER = "Miriam Okafor"
STUDENTS = (
    "Aiko Tanaka",
    "Amara Nwosu",
    "Anna Kowalska",
    "Ben Carter",
    "Camila Rojas",
    "Chen Wei",
    "Daniel Meyer",
    "Elif Demir",
    "Emma Lindqvist",
    "Farah Haddad",
    "Finn O'Brien",
    "Grace Mensah",
    "Hugo Martin",
    "Ines Ferreira",
    "Ivan Petrov",
    "Jonas Weber",
    "Julia Rossi",
    "Kwame Boateng",
    "Layla Aziz",
    "Leo Fischer",
    "Mateo Silva",
    "Mei Ling Tan",
    "Nadia Rahman",
    "Noah Williams",
    "Olga Ivanova",
    "Priya Sharma",
    "Rahul Verma",
    "Sofia Costa",
    "Thabo Dlamini",
    "Yusuf Kaya",
)
# bcrypt keeps a core busy for each request; more requests at once would only wait in the server.
AT_ONCE = 4
REQUEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in account."""

    id: str
    name: str
    email: str
    role: str
    token: str


@dataclass(frozen=True, slots=True)
class School:
    """A class with its teacher and its students.

    Attributes:
        class_id: Id of the class.
        teacher: Teacher and owner of the class.
        students: Enrolled students, in the order of enrolment.
        password: Password of every account.
    """

    class_id: str
    teacher: Person
    students: tuple[Person, ...]
    password: str


class Office:
    """The requests that the demo makes to the HTTP API.

    Args:
        api: Base URL of the HTTP API.
    """

    def __init__(self, api: str) -> None:
        # A proxy from the environment must not be used for requests to this machine.
        self._client = httpx.AsyncClient(base_url=api, trust_env=False, timeout=REQUEST_SECONDS)
        self._password = f"demo-{secrets.token_hex(4)}"
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Office:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def register_all(self, registered: Callable[[int], None]) -> list[Person]:
        """Register and sign in the teacher and every student.

        Args:
            registered: Called after each registration with the number of accounts so far.

        Returns:
            The teacher, then the students.
        """
        people: list[Person] = []

        async def register(name: str, role: str) -> Person:
            async with self._room:
                person = await self._register(name, role)
            people.append(person)
            registered(len(people))
            return person

        names = [(TEACHER, "teacher"), *((name, "student") for name in STUDENTS)]
        return list(await asyncio.gather(*(register(name, role) for name, role in names)))

    async def open_class(self, people: list[Person]) -> School:
        """Create the class, and enrol the students.

        Args:
            people: The teacher, then the students.
        """
        teacher, *students = people
        made = await self.ask(teacher, "POST", "/class", {"className": CLASS_NAME})
        class_id: str = made["data"]["_id"]
        for student in students:
            body = {"studentId": student.id}
            await self.ask(teacher, "POST", f"/class/{class_id}/add-student", body)
        return School(class_id, teacher, tuple(students), self._password)

    async def roll_size(self, school: School) -> int:
        """Return the number of students on the class's roll, as the server reports it."""
        answer = await self.ask(school.teacher, "GET", f"/class/{school.class_id}")
        return len(answer["data"][0]["studentsIds"])

    async def start_session(self, school: School) -> None:
        """Start the class's session."""
        body = {"classId": school.class_id}
        await self.ask(school.teacher, "POST", "/attendance/start", body)

    async def ask(
        self,
        person: Person | None,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request, and return the ``data`` of its answer.

        Args:
            person: Account that sends the request; None before there is an account.
            method: HTTP method.
            path: Path below the base URL.
            body: Request body, sent as JSON; None sends no body.

        Raises:
            DemoError: The answer is no success.
        """
        headers = {"Authorization": f"Bearer {person.token}"} if person else {}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise DemoError(f"{method} {path} got no answer: {error!r}") from error
        if not answer.is_success:
            raise DemoError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json()

    async def _register(self, name: str, role: str) -> Person:
        plain = "".join(letter for letter in name.lower() if letter.isalpha() or letter == " ")
        email = f"{plain.replace(' ', '.')}@school.example"
        credentials = {"email": email, "password": self._password}
        made = await self.ask(
            None, "POST", "/auth/register", {**credentials, "name": name, "role": role}
        )
        signed_in = await self.ask(None, "POST", "/auth/login", credentials)
        return Person(made["data"]["_id"], name, email, role, signed_in["data"]["token"])
