"""Answers to the errors that end requests: the JSON envelope of all errors, or a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from quart import current_app, has_websocket_context, request
from structlog.contextvars import get_contextvars
from werkzeug.exceptions import HTTPException

from quartapp.errors import DatabaseUnavailableError, HookFailedError
from quartapp.http.answers import ApiError, unavailable
from quartapp.http.browsers.headers import REFUSED
from quartapp.http.browsers.pages import error_page, is_among_pages
from quartapp.http.operation import operation_for
from quartapp.http.problems import error_response
from quartapp.identity.principal import SignInUnavailableError
from quartapp.parts import core

if TYPE_CHECKING:
    from quart import Quart
    from quart.wrappers import Request, Response

log = structlog.get_logger("quartapp.errors")

BASE = "/api/v1"
"""Under this path, an answer to a missing route has all members of an error."""


def register_error_handlers(app: Quart) -> None:
    """Register the handlers that answer every error in the JSON envelope, or with a page.

    Args:
        app: The app that is being built.
    """

    async def on_api_error(error: ApiError) -> Response:
        return await _answer(error)

    async def on_database_unavailable(error: DatabaseUnavailableError) -> Response:
        log.warning("database unavailable", reason=str(error))
        return await _answer(unavailable())

    async def on_sign_in_unavailable(error: SignInUnavailableError) -> Response:
        log.warning("sign-in unavailable", reason=str(error))
        return await _answer(unavailable())

    async def on_http_exception(error: HTTPException) -> Response:
        # Routing, size limits and methods. The contract's messages are werkzeug's reason phrases,
        # except for 413, for which werkzeug has the newer phrase.
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        message = "Payload Too Large" if too_large else error.name
        headers = {
            name: value
            for name, value in error.get_headers()
            if name.lower() not in {"content-type", "content-length"}
        }
        return await _answer(ApiError(status, message, headers=headers))

    async def on_unforeseen(error: Exception) -> Response:
        request_id = get_contextvars().get("request_id", "")
        log.error("unforeseen error", request_id=request_id, exc_info=error)
        return await _answer(ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"))

    app.register_error_handler(ApiError, on_api_error)
    app.register_error_handler(DatabaseUnavailableError, on_database_unavailable)
    app.register_error_handler(SignInUnavailableError, on_sign_in_unavailable)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(Exception, on_unforeseen)


async def _answer(error: ApiError) -> Response:
    if has_websocket_context():
        # The handshake of a socket where there is none. Clients show its status alone.
        refused = error.response()
        refused.headers.update(REFUSED)
        return refused
    current: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    app: Quart = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - as above
    operation = operation_for(app, current)
    if operation is None and current.url_rule is None:
        if is_among_pages(app, current.path):
            return await _page(error)
        # Clients of paths outside of the API were promised no further members of errors.
        plain = not f"{current.path}/".startswith(f"{BASE}/")
        return error_response(error, current, plain=plain)
    if operation is not None and operation.page:
        return await _page(error)
    plain = operation is not None and operation.plain_errors
    return error_response(error, current, plain=plain)


async def _page(error: ApiError) -> Response:
    try:
        page = await core().plugins.error_page(error.status, error.message)
    except HookFailedError as failure:
        log.exception("hook failed", hook="error_page", exc_info=failure.__cause__ or failure)
        page = None
    if page is None:
        return error_page(error)
    for name, value in error.headers.items():
        page.headers.setdefault(name, value)
    return page
