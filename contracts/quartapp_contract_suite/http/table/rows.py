"""The parts of a row of the table.

A word in angle brackets stands for an id or a name of the row's scene (see ``scene.py``):
``<class>`` is the class of ``teacher`` with ``student`` on the roll, ``<other>`` an empty class of
the same teacher, ``<foreign>`` a class of ``stranger``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, PERHAPS_NO_TEXT, TEXT, TIME, Like, ListOf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quartapp_contract_suite.http.scene import Scene

NOBODY = None
REQUEST_ID = Like(r"[A-Za-z0-9._-]{1,64}")
KEBAB = Like(r"[a-z0-9]+(-[a-z0-9]+)*")
# Error codes by message; the code of any other error is its message in kebab-case.
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
EVENTS_TYPE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
TEXT_TYPE = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request and its answer.

    Attributes:
        operation: The operationId.
        case: Description of the case.
        method: HTTP method in capitals.
        path: Path, with the query if there is one.
        who: Name of the person in the cast, such as ``teacher``; None for no token.
        status: HTTP status of the answer.
        body: The whole body of the answer, or the beginning of a text.
        json: Body of the request; ``...`` for no body.
        given: Method of the scene to call before the request; None for no preparation.
        headers: Headers of the answer.
        by_admin: Whether the row needs an administrator, whom not every run has.
        registration: Setting ``registration`` of the servers that the row is for; None for all.
        mail: Whether the row is for servers that send mail, or for those that do not; None for all.
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
    by_admin: bool = False
    registration: str | None = None
    mail: bool | None = None

    def __str__(self) -> str:
        return f"{self.operation}: {self.case}"


def on(registration: str, *found: Row) -> list[Row]:
    """Return rows that are for servers with a setting ``registration`` alone.

    Args:
        registration: The setting.
        found: The rows.
    """
    return [replace(row, registration=registration) for row in found]


def ok(data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the body of a successful answer with ``data``."""
    return {"success": True, "data": data}


def plain_error(message: str, /) -> dict[str, Any]:
    """Return the body of an error outside the base path, which has no problem details."""
    return {"success": False, "error": message}


def error(message: str, /, **more: str) -> dict[str, Any]:
    """Return the body of an error under the base path."""
    code = CODES.get(message) or re.sub(r"[^a-z0-9]+", "-", message.lower())
    facts = {**plain_error(message), **more, "code": code, "requestId": REQUEST_ID}
    if message.lower() == "invalid request schema":
        facts["errors"] = ListOf({"field": PERHAPS_NO_TEXT, "code": KEBAB, "message": TEXT})
    return facts


def user(name: str, email: str, role: str) -> dict[str, Any]:
    """Return an account as answers have it."""
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
    """Return a class as answers have it."""
    return {
        "_id": key,
        "className": name,
        "teacherId": teacher,
        "studentsIds": students,
        "createdAt": TIME,
        "updatedAt": TIME,
    }
