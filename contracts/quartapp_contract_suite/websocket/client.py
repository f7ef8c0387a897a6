"""A test's socket, which parses and checks every frame with a function of the test."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from quartapp_contract_suite.people import Person

    Read = Callable[[str], dict[str, Any]]

# The deadline only ends a run that hangs, so it is long enough for the busiest machine.
DEADLINE_SECONDS = 60.0


def websocket_url(base_url: str, query: str = "") -> str:
    """Return the address of the socket of the server at ``base_url``."""
    return f"ws{base_url.removeprefix('http')}/ws{query}"


def open_socket(
    url: str,
    headers: Mapping[str, str] | None = None,
    compression: str | None = None,
    subprotocols: Sequence[str] | None = None,
) -> AbstractContextManager[ClientConnection]:
    """Open a plain connection, without the library's own queue limit and pings.

    Args:
        url: Address of the socket.
        headers: Further headers of the handshake.
        compression: ``deflate`` to offer compression, which the server may agree to.
        subprotocols: Subprotocols to offer.
    """
    offered = None if subprotocols is None else [*map(Subprotocol, subprotocols)]
    return connect(
        url,
        additional_headers=headers,
        compression=compression,
        subprotocols=offered,
        proxy=None,
        ping_interval=None,
        max_queue=None,
        open_timeout=DEADLINE_SECONDS,
        close_timeout=DEADLINE_SECONDS,
    )


def message(event: str, **data: object) -> str:
    """Return a client's frame; a frame without data has no member ``data``."""
    return json.dumps({"event": event, "data": data} if data else {"event": event})


def error(text: str) -> dict[str, Any]:
    """Return the ``ERROR`` frame with the message ``text``."""
    return {"event": "ERROR", "data": {"message": text}}


class Socket:
    """One open socket of one person.

    Args:
        name: Name of the socket in messages of the test.
        base_url: Address of the server, without a path.
        person: The person who opens the socket.
        read: Function that parses and checks the text of a frame.
        since: Last broadcast number that the client knows; None leaves the parameter out.
        version: Version of frames to ask for; 0 asks for none.
        compression: ``deflate`` to offer compression.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        person: Person,
        read: Read,
        since: object = None,
        version: int = 0,
        compression: str | None = None,
    ) -> None:
        self.name = name
        self.person = person
        self._read = read
        self._open = ExitStack()
        query = f"?token={person.token}" + ("" if since is None else f"&since={since}")
        query += "&frames=v1" if version else ""
        opened = open_socket(websocket_url(base_url, query), compression=compression)
        self._connection = self._open.enter_context(opened)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._open.close()

    def send(self, frame: str | bytes) -> None:
        """Send a text frame, or bytes as a binary frame.

        Raises:
            AssertionError: The server has closed the socket.
        """
        try:
            self._connection.send(frame)
        except ConnectionClosed as closed:
            raise self._was_closed(closed) from closed

    def receive(self) -> dict[str, Any]:
        """Return the next frame.

        Raises:
            AssertionError: No frame came in time, the frame does not fit the document, or the
                server has closed the socket.
        """
        try:
            text = self._connection.recv(DEADLINE_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{self.name} got no frame in {DEADLINE_SECONDS} s") from None
        except ConnectionClosed as closed:
            raise self._was_closed(closed) from closed
        assert isinstance(text, str), f"{self.name} got a binary frame"
        return self._read(text)

    def until(self, last: dict[str, Any]) -> list[dict[str, Any]]:
        """Read up to the frame ``last``, and return the frames before it."""
        frames = []
        while (frame := self.receive()) != last:
            frames.append(frame)
        return frames

    def ask(self, frame: str | bytes) -> dict[str, Any]:
        """Send ``frame``, and return the next frame from the server."""
        self.send(frame)
        return self.receive()

    def _was_closed(self, closed: ConnectionClosed) -> AssertionError:
        code = closed.rcvd.code if closed.rcvd else None
        return AssertionError(f"{self.name} was closed by the server with {code}")
