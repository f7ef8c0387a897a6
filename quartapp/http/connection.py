"""HTTP connections: read to their end before they are answered, counted, and told apart in logs."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from quart.asgi import ASGIHTTPConnection
from structlog.contextvars import bind_contextvars

from quartapp.http.body_limits import limit_body
from quartapp.http.headers import protect
from quartapp.http.operation import operation_for
from quartapp.parts import core
from quartapp.telemetry.traces import failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request

log = structlog.get_logger("quartapp.http")

LINGER_SECONDS = 3.0
# An id that a proxy or a client gave the request, and that can do no harm in a log or a header.
HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
NO_ROUTE = "none"


class RequestConnection(ASGIHTTPConnection):
    """Quart's ASGI connection, which lets a client send its request to the end.

    A request can be answered before its body is there: it is too long, or its sender not signed
    in. The server then closes, the rest of the body meets a closed socket, and the reset overtakes
    the answer (RFC 9112, section 9.6). So the answer waits for the rest, which is thrown away.
    """

    async def __call__(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the request."""
        self._complete = asyncio.Event()
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            # Nearly all are complete at once. Those need no task that waits for the rest, and are
            # handled to the end, whether their client stays or not.
            self._complete.set()
            request = self._create_request_from_scope(send)
            request.body.append(first.get("body", b""))
            request.body.set_complete()
            await self.handle_request(request, send)
            return
        coming = [first]

        async def received() -> Any:  # noqa: ANN401 - an ASGI event
            return coming.pop() if coming else await receive()

        await super().__call__(received, send)

    def _create_request_from_scope(self, send: Callable[[Any], Awaitable[None]]) -> Request:
        request = super()._create_request_from_scope(send)
        limit_body(self.app, request)
        return request

    async def handle_request(
        self,
        request: Request,
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Answer, count and trace."""
        parts, begun = core(self.app), time.perf_counter()
        request_id = request.headers.get("X-Request-Id", "")
        if HARMLESS_ID.fullmatch(request_id) is None:
            request_id = uuid.uuid4().hex
        bind_contextvars(request_id=request_id)
        self._request_id = request_id
        self._request = request
        self._status = 0
        with parts.traces.span(request.method, headers=request.headers) as span:
            await super().handle_request(request, send)
            route = request.url_rule.rule if request.url_rule is not None else NO_ROUTE
            if span is not None:
                span.update_name(f"{request.method} {route}")
                span.set_attributes(
                    {
                        "http.request.method": request.method,
                        "http.route": route,
                        "http.response.status_code": self._status,
                    }
                )
                if self._status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    failed(span, str(self._status))
        seconds = time.perf_counter() - begun
        parts.metrics.answered(request.method, route, self._status, seconds)
        log.debug(
            "request",
            method=request.method,
            route=route,
            status=self._status,
            milliseconds=round(seconds * 1000, 1),
        )

    async def handle_messages(
        self, request: Request, receive: Callable[[], Awaitable[Any]]
    ) -> None:
        """Take the body, until the client is gone."""

        async def noticed() -> Any:  # noqa: ANN401 - an ASGI event
            event = await receive()
            if not event.get("more_body", False):
                self._complete.set()
            return event

        await super().handle_messages(request, noticed)

    async def _send_response(
        self,
        send: Callable[[Any], Awaitable[None]],
        response: Any,  # noqa: ANN401 - either kind
    ) -> None:
        if not self._complete.is_set():
            try:
                await core(self.app).clock.wait_for(self._complete.wait(), LINGER_SECONDS)
            except TimeoutError:
                response.headers["Connection"] = "close"
        response.headers["X-Request-Id"] = self._request_id
        parts = core(self.app)
        operation = operation_for(self.app, self._request)
        protect(
            response.headers,
            self._request,
            parts.cookies,
            parts.settings.frame_ancestors,
            personal=operation is not None and operation.access.signed_in,
        )
        self._status = response.status_code
        await super()._send_response(send, response)
