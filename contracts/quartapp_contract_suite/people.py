"""People with accounts, made through the API as any client would."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from types import TracebackType

API = "/api/v1"
PASSWORD = "analytical-engine"  # noqa: S105 - of accounts that are made for a test
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        id: Their ``_id``.
        name: As the API answers it, in lower case.
        email: Their address, unique on the server.
        role: ``teacher`` or ``student``.
        token: Their JWT.
        created_at: As the API answered it.
    """

    id: str
    name: str
    email: str
    role: str
    token: str
    created_at: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that goes with each of their requests."""
        return {"Authorization": f"Bearer {self.token}"}


class People:
    """Makes accounts, and speaks for them. Addresses are unique, so any server will do.

    Args:
        base_url: Where the server is.
    """

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> People:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self.http.close()

    def teacher(self, name: str = "Ada Lovelace") -> Person:
        """A new teacher, signed in."""
        return self.person(name, "teacher")

    def student(self, name: str = "Grace Hopper") -> Person:
        """A new student, signed in."""
        return self.person(name, "student")

    def person(self, name: str, role: str) -> Person:
        """A new account, signed in.

        Raises:
            AssertionError: The server did not answer as the contract says.
        """
        email = f"{uuid.uuid4().hex}@school.example"
        body = {"name": name, "email": email, "password": PASSWORD, "role": role}
        account = self._data("POST", "/auth/register", 201, json=body)
        credentials = {"email": email, "password": PASSWORD}
        token = self._data("POST", "/auth/login", 200, json=credentials)["token"]
        return Person(
            account["_id"], account["name"], email, role, token, created_at=account["createdAt"]
        )

    def class_of(self, teacher: Person, *students: Person, name: str | None = None) -> str:
        """A new class of ``teacher`` with ``students`` on its roll; its ``_id``."""
        class_name = name or f"Class {uuid.uuid4().hex}"
        class_room = self._data(
            "POST",
            "/class/create-class",
            201,
            json={"className": class_name},
            headers=teacher.headers,
        )
        class_id = str(class_room["_id"])
        for student in students:
            answer = self.http.post(
                f"{API}/class/{class_id}/add-student",
                json={"studentId": student.id},
                headers=teacher.headers,
            )
            assert answer.status_code == 201, answer.text
        return class_id

    def start(self, teacher: Person, class_id: str) -> None:
        """Make the class's session the live one."""
        self._data(
            "POST",
            "/attendance/start",
            200,
            json={"classId": class_id},
            headers=teacher.headers,
        )

    def _data(self, method: str, path: str, status: int, **request: Any) -> Any:  # noqa: ANN401
        answer = self.http.request(method, API + path, **request)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]
