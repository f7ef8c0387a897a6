"""Answers of HTTP routes: JSON, and the envelope of all errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from quart.wrappers import Response

from quartapp.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


RETRY_AFTER_SECONDS = 2


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with a JSON body.

    Args:
        body: The whole body, including the envelope.
        status: HTTP status code.
        headers: Response headers to add.
    """
    response = Response(to_json(body), status=status, mimetype="application/json")
    response.headers.update(headers or {})
    return response


class FieldError(BaseModel):
    """The error of one field of a body or a query."""

    field: str
    code: str
    message: str


class ApiError(Exception):
    """An error that ends a request with the error envelope.

    Args:
        status: HTTP status code.
        message: The string under ``error``, a part of the contract.
        headers: Response headers to add.
        extra: Further top-level fields of the body.
        code: Stable name of the error, in kebab-case; by default derived from the message.
        fields: Errors of the fields of an invalid request.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        code: str | None = None,
        fields: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.code = code
        self.fields = tuple(fields)

    def response(self) -> Response:
        """Return the answer with the members ``success`` and ``error`` that every client knows."""
        body = {"success": False, "error": self.message, **self.extra}
        return json_response(body, self.status, self.headers)


def unavailable(reason: str | None = None) -> ApiError:
    """Return the error for requests while the database is out of reach.

    Args:
        reason: Why, for operators; only for operations that declare an explained refusal.
    """
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Service Unavailable",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        extra=None if reason is None else {"reason": reason},
    )
