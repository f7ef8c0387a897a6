"""What a row of the table is made of.

A word in angle brackets stands for something of the row's own scene (see ``scene.py``): ``<class>``
is the class of ``teacher`` with ``student`` in it, ``<other>`` one of the same teacher without
anybody, ``<foreign>`` one of ``stranger``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, PERHAPS_NO_TEXT, TEXT, TIME, Like, ListOf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quartapp_contract_suite.http.scene import Scene

NOBODY = None
REQUEST_ID = Like(r"[A-Za-z0-9._-]{1,64}")
KEBAB = Like(r"[a-z0-9]+(-[a-z0-9]+)*")
# Errors whose code is not their message in kebab-case.
CODES = {
    "please send jwt token": "token-missing",
    "Unauthorized, token missing or invalid": "token-invalid",
    "you are not enrolled in the class": "not-enrolled",
    "You are not in the class, please contact your professor/admin": "not-in-class",
    "Idempotency-Key has to be 1 to 255 printable characters": "idempotency-key-unusable",
    "Idempotency-Key was used for another request": "idempotency-key-reused",
}
JSON_TYPE = {"content-type": "application/json"}
HTML_TYPE = {"content-type": "text/html; charset=utf-8"}
TEXT_TYPE = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request and its answer.

    Attributes:
        operation: Its operationId.
        case: What is special about it.
        method: HTTP method.
        path: With its query, if any.
        who: Who asks: teacher, stranger, student, outsider, newcomer; None for nobody.
        status: Of the answer.
        body: The whole body, or what text begins with.
        json: What is sent; ... for nothing.
        given: What happened before.
        headers: Headers of the answer.
    """

    operation: str
    case: str
    method: str
    path: str
    who: str | None
    status: int
    body: Any
    json: Any = ...
    given: Callable[[Scene], None] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_TYPE)

    def __str__(self) -> str:
        return f"{self.operation}: {self.case}"


def ok(data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A body with data."""
    return {"success": True, "data": data}


def plain_error(message: str, /) -> dict[str, Any]:
    """Return the body of an error outside the base path, with the members of old alone."""
    return {"success": False, "error": message}


def error(message: str, /, **more: str) -> dict[str, Any]:
    """Return the body of an error under the base path."""
    code = CODES.get(message) or re.sub(r"[^a-z0-9]+", "-", message.lower())
    facts = {**plain_error(message), **more, "code": code, "requestId": REQUEST_ID}
    if message.lower() == "invalid request schema":
        facts["errors"] = ListOf({"field": PERHAPS_NO_TEXT, "code": KEBAB, "message": TEXT})
    return facts


def user(name: str, email: str, role: str) -> dict[str, Any]:
    """An account, as it is answered."""
    return {
        "_id": ID,
        "name": name,
        "email": email,
        "role": role,
        "createdAt": TIME,
        "updatedAt": TIME,
    }


def class_room(
    name: str,
    students: list[Any],
    key: Any = "<class>",  # noqa: ANN401 - JSON
    teacher: Any = "<teacher_id>",  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """A class, as it is answered."""
    return {
        "_id": key,
        "className": name,
        "teacherId": teacher,
        "studentsIds": students,
        "createdAt": TIME,
        "updatedAt": TIME,
    }
