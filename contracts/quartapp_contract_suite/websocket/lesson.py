"""A class with a live session, and the frames of its people, for tests of single rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.documents.documents import asyncapi_authority
from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import Socket, error, message
from quartapp_contract_suite.websocket.document import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_contract_suite.people import People, Person

    Connect = Callable[..., Socket]

NO_SESSION = error("No active attendance session")
INVALID = error("Invalid message format")
UNKNOWN = error("Unknown event")
TEACHER_ONLY = error("Forbidden, teacher event only")
STUDENT_ONLY = error("Forbidden, student event only")
NOT_ENROLLED = error("Student not enrolled in class")
UNAUTHORIZED = error("Unauthorized or invalid token")
ID = "0123456789abcdefABCDEF01"


@pytest.fixture(scope="session")
def document(asyncapi: dict[str, Any]) -> Document:
    return Document(asyncapi, asyncapi_authority())


@pytest.fixture
def connect(base_url: str, document: Document) -> Iterator[Connect]:
    sockets: list[Socket] = []

    def read(text: str) -> dict[str, Any]:
        # The rows compare fields of the contract; plugins may add further fields to frames.
        return document.base_part(document.check_server_frame(text))

    def open_one(person: Person, compression: str | None = None) -> Socket:
        name = f"{person.role} {len(sockets) + 1}"
        sockets.append(Socket(name, base_url, person, read, compression=compression))
        # After this answer the socket takes part in broadcasts.
        assert sockets[-1].ask(message("HELLO")) == UNKNOWN
        return sockets[-1]

    yield open_one
    for socket in sockets:
        socket.close()


class Cast:
    """The people of all rows, shared because a password hash is slow on purpose."""

    def __init__(self, people: People) -> None:
        self.teacher, self.other_teacher = people.teacher(), people.teacher()
        self.first, self.second, self.stranger, self.late = (people.student() for _ in range(4))

    def of_role(self, role: str) -> Person:
        return self.other_teacher if role == "teacher" else self.stranger


@pytest.fixture(scope="module")
def cast(people: People) -> Cast:
    return Cast(people)


class Lesson:
    """A class of two students with a live session, and a third student outside the class."""

    def __init__(self, people: People, cast: Cast, teacher: Person, connect: Connect) -> None:
        self.people = people
        self.teacher = teacher
        self.first, self.second, self.stranger = cast.first, cast.second, cast.stranger
        self.class_id = people.class_of(self.teacher, self.first, self.second)
        people.start(self.teacher, self.class_id)
        self.teacher_socket = connect(self.teacher)
        self.first_socket = connect(self.first)

    def status_of(self, student: Person) -> str | None:
        path = f"{API}/attendance/{self.class_id}/my-attendance"
        answer = self.people.http.get(path, headers=student.headers)
        status: str | None = answer.json()["data"]["status"]
        return status


@pytest.fixture
def lesson(people: People, cast: Cast, connect: Connect) -> Iterator[Lesson]:
    made = Lesson(people, cast, cast.teacher, connect)
    yield made
    # A test may leave broadcasts unread. The session has ended once what follows is answered, and
    # no socket of the next test sees its end.
    made.teacher_socket.send(message("DONE"))
    made.teacher_socket.send(message("MY_ATTENDANCE"))
    made.teacher_socket.until(STUDENT_ONLY)


def mark(student: Person, status: str, **more: object) -> str:
    return message("ATTENDANCE_MARKED", studentId=student.id, status=status, **more)


def marked(student: Person, status: str) -> dict[str, object]:
    return {"event": "ATTENDANCE_MARKED", "data": {"studentId": student.id, "status": status}}


def counted(present: int, absent: int) -> dict[str, object]:
    return {"event": "TODAY_SUMMARY", "data": _counts(present, absent)}


def done(present: int, absent: int) -> dict[str, object]:
    data = {"message": "Attendance persisted", **_counts(present, absent)}
    return {"event": "DONE", "data": data}


def _counts(present: int, absent: int) -> dict[str, object]:
    return {"present": present, "absent": absent, "total": present + absent}


def own(status: str) -> dict[str, object]:
    return {"event": "MY_ATTENDANCE", "data": {"status": status}}
