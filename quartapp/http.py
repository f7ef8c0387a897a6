"""HTTP connections: read to their end before they are answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from quart.asgi import ASGIHTTPConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request

LINGER_SECONDS = 3.0


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
        await super().__call__(receive, send)

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
                await asyncio.wait_for(self._complete.wait(), LINGER_SECONDS)
            except TimeoutError:
                response.headers["Connection"] = "close"
        await super()._send_response(send, response)
