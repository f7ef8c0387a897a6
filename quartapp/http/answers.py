"""Answers of HTTP routes: JSON, and the one error envelope."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from quart.wrappers import Response
from structlog.contextvars import get_contextvars
from werkzeug.exceptions import HTTPException

from quartapp.encoding import to_json
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Quart

log = structlog.get_logger("quartapp.errors")

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


class ApiError(Exception):
    """Ends a request with the error envelope.

    Args:
        status: HTTP status code.
        message: The string under ``error``; part of the contract.
        headers: Response headers to add.
        extra: Further top-level fields of the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def response(self) -> Response:
        """The answer to send."""
        body = {"success": False, "error": self.message, **self.extra}
        return json_response(body, self.status, self.headers)


def unavailable() -> ApiError:
    """The answer while the database is out of reach."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Service Unavailable",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def register_error_handlers(app: Quart) -> None:
    """Make every error of ``app`` answer in the JSON envelope.

    Args:
        app: The application under construction.
    """

    async def on_api_error(error: ApiError) -> Response:
        return error.response()

    async def on_database_unavailable(error: DatabaseUnavailableError) -> Response:
        log.warning("database unavailable", reason=str(error))
        return unavailable().response()

    async def on_http_exception(error: HTTPException) -> Response:
        # Routing, size limits and methods: werkzeug's reason phrases are the contract's messages,
        # but for 413, which it calls by its newer name.
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        message = "Payload Too Large" if too_large else error.name
        headers = {
            name: value
            for name, value in error.get_headers()
            if name.lower() not in {"content-type", "content-length"}
        }
        return ApiError(status, message, headers=headers).response()

    async def on_unforeseen(error: Exception) -> Response:
        request_id = get_contextvars().get("request_id", "")
        log.error("unforeseen error", request_id=request_id, exc_info=error)
        return ApiError(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Internal Server Error",
            headers={"X-Request-Id": request_id},
        ).response()

    app.register_error_handler(ApiError, on_api_error)
    app.register_error_handler(DatabaseUnavailableError, on_database_unavailable)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(Exception, on_unforeseen)
