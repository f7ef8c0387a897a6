"""The errors that a client raises."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """The base of all errors of this package."""


class ApiError(ClientError):
    """An error that the server answered over HTTP.

    Attributes:
        status: HTTP status code.
        error: The message, a fixed text of the contract.
        code: Stable name of the error in kebab-case; None from servers and paths without one.
        request_id: Id of the request in the server's log; None if the server told none.
        fields: Errors of the fields of the request, each with ``field``, ``code`` and ``message``.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.error = str(body.get("error", "no answer of quartapp"))
        self.code: str | None = body.get("code")
        self.request_id: str | None = body.get("requestId")
        self.fields: list[dict[str, str]] = body.get("errors", [])
        super().__init__(f"{status} {self.error}")


class RefusedError(ClientError):
    """The server refused an event of a roll call.

    Attributes:
        message: The message, a fixed text of the contract.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ConflictError(RefusedError):
    """A mark was refused, since somebody else has changed the student's mark meanwhile.

    Attributes:
        current: The student's mark; None for none.
    """

    def __init__(self, current: str | None) -> None:
        self.current = current
        super().__init__("Conflict")


class SessionEndedError(ClientError):
    """An event was not answered before its session ended, and belongs to no other session."""


class StoppedError(ClientError):
    """The roll call is closed, or cannot go on; the message has the reason."""


class UnreachableError(StoppedError):
    """The server did not answer a request, however often it was asked."""
