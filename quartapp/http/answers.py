"""Answers of HTTP routes: JSON, and the one error envelope."""

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
    """A response with ``body`` as JSON.

    Args:
        body: The whole body, envelope included.
        status: HTTP status code.
        headers: Response headers to add.
    """
    response = Response(to_json(body), status=status, mimetype="application/json")
    response.headers.update(headers or {})
    return response


class FieldError(BaseModel):
    """What is wrong with one field of a body or of a query."""

    field: str
    code: str
    message: str


class ApiError(Exception):
    """Ends a request with the error envelope.

    Args:
        status: HTTP status code.
        message: The string under ``error``; part of the contract.
        headers: Response headers to add.
        extra: Further top-level fields of the body.
        code: Stable name of the error, in kebab-case; made from the message when left out.
        fields: What is wrong with which field, where the request does not fit.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
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
        """Return the answer with the two members that every client knows, and no others."""
        body = {"success": False, "error": self.message, **self.extra}
        return json_response(body, self.status, self.headers)


def unavailable() -> ApiError:
    """The answer while the database is out of reach."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Service Unavailable",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
