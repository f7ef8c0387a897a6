"""People with accounts, which the tests create through the API like any client."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp_contract_suite.accounts import Given

API = "/api/v1"
# No example of the documents has it, so that it is found wherever a server tells it.
PASSWORD = "unsaid-analytical-engine"  # noqa: S105 - of accounts that are made for a test
TIMEOUT_SECONDS = 60.0


def days_ago(days: int) -> str:
    """Return a date of UTC; that of one day ago has begun in every time zone."""
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who is signed in.

    Attributes:
        id: The person's ``_id``, 24 hex digits.
        name: The name in answers of the API, in lower case.
        email: The person's address, unique on the server.
        role: ``teacher``, ``student`` or ``admin``.
        token: The person's JWT.
        created_at: Creation time in the answer of the API, an ISO 8601 text.
    """

    id: str
    name: str
    email: str
    role: str
    token: str
    created_at: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the person's requests."""
        return {"Authorization": f"Bearer {self.token}"}


def told_time(answer: httpx.Response) -> datetime:
    """Return when a server has answered, by its own clock: the header ``Date``."""
    assert "date" in answer.headers, "the answer has no header Date (RFC 9110, section 6.6.1)"
    return parsedate_to_datetime(answer.headers["date"])


class People:
    """Creates accounts and classes over HTTP; unique addresses let the tests use any server.

    Args:
        base_url: Address of the server, without a path.

    Attributes:
        inviter: The administrator who invites each person; None where everybody may register.
        maker: Makes an account of a name, an address, a role and a password, where nobody may
            register; None where people register.
        given: The accounts that the run was given instead of new ones; None for new ones.
        last: The last answer of the server, for the text of a failure; None for none yet.
        names: What people and classes are called there, by ``_id``.
    """

    inviter: Person | None = None
    maker: Callable[[str, str, str, str], None] | None = None
    given: Given | None = None
    last: httpx.Response | None = None

    def __init__(self, base_url: str) -> None:
        self.names: dict[str, str] = {}
        self.http = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT_SECONDS,
            event_hooks={"response": [self._remember]},
        )

    def __enter__(self) -> People:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _remember(self, answer: httpx.Response) -> None:
        self.last = answer

    def _call(self, identifier: str, name: str) -> None:
        number = sum(known.startswith(name) for known in self.names.values()) + 1
        self.names.setdefault(identifier, f"{name} {number}" if number > 1 else name)

    def teacher(self, name: str = "Ada Lovelace") -> Person:
        """Register a teacher and sign in; return the person."""
        return self.person(name, "teacher")

    def student(self, name: str = "Grace Hopper") -> Person:
        """Register a student and sign in; return the person."""
        return self.person(name, "student")

    def person(self, name: str, role: str) -> Person:
        """Register an account and sign in; return the person.

        Args:
            name: Name of the person.
            role: ``teacher`` or ``student``.

        Raises:
            AssertionError: The server's answer breaks the contract.
        """
        if self.given is not None:
            return self.given.next(self, role)
        email = f"{uuid.uuid4().hex}@school.example"
        if self.maker is not None:
            self.maker(name, email, role, PASSWORD)
        else:
            self.register(name, email, role=role)
        return self.signed_in(email, PASSWORD)

    def register(self, name: str, email: str, **more: str) -> None:
        """Register an account.

        Args:
            name: Name of the person.
            email: Address of the person.
            more: ``role``, ``invitation``, or both.

        Raises:
            AssertionError: The server's answer breaks the contract.
        """
        if self.inviter is not None and "invitation" not in more:
            more["invitation"] = self._invitation(self.inviter, more["role"])
        body = {"name": name, "email": email, "password": PASSWORD, **more}
        self._data("POST", "/auth/register", 201, json=body)

    def made_by(self, admin: Person) -> Callable[[str, str, str, str], None]:
        """Return the maker by whom an administrator makes accounts.

        Args:
            admin: The administrator.
        """

        def make(name: str, email: str, role: str, password: str) -> None:
            body = {"name": name, "email": email, "role": role, "password": password}
            self._data("POST", "/admin/people", 201, json=body, headers=admin.headers)

        return make

    def _invitation(self, admin: Person, role: str) -> str:
        sent = {"role": role}
        made = self._data("POST", "/admin/invitations", 201, json=sent, headers=admin.headers)
        return str(made["invitation"])

    def signed_in(self, email: str, password: str) -> Person:
        """Sign in to an account, and return its person.

        Args:
            email: Address of the account.
            password: Password in clear text.

        Raises:
            AssertionError: The server's answer breaks the contract.
        """
        credentials = {"email": email, "password": password}
        token = self._data("POST", "/auth/login", 200, json=credentials)["token"]
        headers = {"Authorization": f"Bearer {token}"}
        me = self._data("GET", "/auth/me", 200, headers=headers)
        self._call(me["_id"], f"{me['role']} {me['name']}")
        return Person(me["_id"], me["name"], email, me["role"], token, created_at=me["createdAt"])

    def session_of(self, teacher: Person, class_id: str, student: Person) -> str:
        """Enter a roll call of one student after the event, and return the ``_id`` of its session.

        Args:
            teacher: The teacher of the class.
            class_id: ``_id`` of the class.
            student: The student, who was present.
        """
        made = self._data(
            "POST",
            f"/class/{class_id}/sessions",
            201,
            json={
                "date": days_ago(1),
                "records": [{"studentId": student.id, "status": "present"}],
            },
            headers=teacher.headers,
        )
        return str(made["_id"])

    def class_of(self, teacher: Person, *students: Person, name: str | None = None) -> str:
        """Create a class, and return its ``_id``.

        Args:
            teacher: The teacher of the class.
            students: The students on the roll.
            name: Name of the class; by default a random name.
        """
        class_name = name or f"Class {uuid.uuid4().hex}"
        class_room = self._data(
            "POST",
            "/class/create-class",
            201,
            json={"className": class_name},
            headers=teacher.headers,
        )
        class_id = str(class_room["_id"])
        self._call(class_id, "class" if name is None else f"class {name}")
        for student in students:
            answer = self.http.post(
                f"{API}/class/{class_id}/add-student",
                json={"studentId": student.id},
                headers=teacher.headers,
            )
            assert answer.status_code == 201, answer.text
        return class_id

    def add_teacher(self, class_id: str, teacher: Person, *, by: Person) -> None:
        """Make somebody a co-teacher of a class.

        Args:
            class_id: ``_id`` of the class.
            teacher: The future co-teacher.
            by: The primary teacher, or an administrator.
        """
        path = f"/class/{class_id}/teachers/{teacher.id}"
        self._data("PUT", path, 200, json={}, headers=by.headers)

    def unlock(self, admin: Person) -> None:
        """Let records of all days be changed again.

        Args:
            admin: An administrator.
        """
        self._data("PUT", "/admin/record-lock", 200, json={"through": None}, headers=admin.headers)

    def start(self, teacher: Person, class_id: str) -> None:
        """Start the live session of a class."""
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
