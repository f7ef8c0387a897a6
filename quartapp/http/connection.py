"""HTTP connections: the whole request is read before the answer, and each request is measured."""

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
from quartapp.http.browsers.headers import protect
from quartapp.http.event_stream import EventStream, taken_stream
from quartapp.http.operation import operation_for
from quartapp.parts import core
from quartapp.telemetry.traces import failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from quart.wrappers import Request

log = structlog.get_logger("quartapp.http")

LINGER_SECONDS = 3.0
# A request keeps its id from a proxy or a client, if the id is harmless in logs and headers.
HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
NO_ROUTE = "none"
# Shorter bodies come with the head of their request, but for those of clients that send it apart.
ARRIVES_AT_ONCE = 64 * 1024


class RequestConnection(ASGIHTTPConnection):
    """Quart's ASGI connection, which lets a client send its whole request before the answer.

    Some answers do not need the body: the body is too long, or the sender is not signed in. If the
    server closed at once, the rest of the body would arrive at a closed socket, and the reset would
    overtake the answer (RFC 9112, section 9.6). So the answer waits for the rest of the body, which
    is dropped.
    """

    # What still arrives after a request that is complete: the news that the client has left.
    _rest: Callable[[], Awaitable[Any]] | None = None
    _streams_since: float | None = None

    async def __call__(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the request."""
        self._complete = asyncio.Event()
        if declared_length(self.scope["headers"]) > ARRIVES_AT_ONCE:
            # The answer may not need it, and whoever sends it may wait for the answer.
            await super().__call__(receive, send)
            return
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            # Nearly all requests are complete at once. They need no task that waits for the rest,
            # and are handled to the end even if the client leaves.
            self._complete.set()
            self._rest = receive
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
        """Answer the request, count it, log it and trace it.

        Args:
            request: The request.
            send: Function of the ASGI server that sends a message.
        """
        parts, begun = core(self.app), time.perf_counter()
        request_id = request.headers.get("X-Request-Id", "")
        if HARMLESS_ID.fullmatch(request_id) is None:
            request_id = uuid.uuid4().hex
        bind_contextvars(request_id=request_id)
        self._request_id = request_id
        self._request = request
        self._status = 0
        with parts.traces.span(request.method, headers=request.headers) as span:
            try:
                await super().handle_request(request, send)
            finally:
                if (stream := taken_stream(self.scope)) is not None:
                    await stream.finish()
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
        # A stream lasts for hours, and would hide how fast the server answers.
        seconds = (self._streams_since or time.perf_counter()) - begun
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
        """Receive the body, until the client leaves.

        Args:
            request: The request.
            receive: Function of the ASGI server that returns the next event.
        """

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
        if not isinstance(response, EventStream):
            await super()._send_response(send, response)
            return
        self._streams_since = time.perf_counter()
        leaving = asyncio.ensure_future(self._notice_leaving(response))
        try:
            await super()._send_response(send, response)
        finally:
            leaving.cancel()

    async def _notice_leaving(self, stream: EventStream) -> None:
        while self._rest is not None:
            if (await self._rest())["type"] == "http.disconnect":
                stream.left()
                return


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the length of the body that a request declares, in bytes; 0 if it declares none.

    Args:
        headers: Names in lower case, and values.
    """
    for name, value in headers:
        if name == b"content-length":
            return int(value)  # The parser lets nothing else through.
    return 0
