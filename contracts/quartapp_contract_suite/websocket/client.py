"""A socket of a test: every frame it gets is read, and checked, in the way of that test."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from websockets.sync.client import ClientConnection

    from quartapp_contract_suite.people import Person

    Read = Callable[[str], dict[str, Any]]

# Ends a run that hangs, however busy the machine is; nothing else depends on it.
DEADLINE_SECONDS = 60.0


def websocket_url(base_url: str, query: str = "") -> str:
    """Where the socket of the server at ``base_url`` is."""
    return f"ws{base_url.removeprefix('http')}/ws{query}"


def open_socket(
    url: str, headers: Mapping[str, str] | None = None
) -> AbstractContextManager[ClientConnection]:
    """A plain connection, without a library's own rules about queues and silence."""
    return connect(
        url,
        additional_headers=headers,
        compression=None,
        proxy=None,
        ping_interval=None,
        max_queue=None,
        open_timeout=DEADLINE_SECONDS,
        close_timeout=DEADLINE_SECONDS,
    )


def message(event: str, **data: object) -> str:
    """A client's frame; without ``data`` when there is none."""
    return json.dumps({"event": event, "data": data} if data else {"event": event})


def error(text: str) -> dict[str, Any]:
    """The ``ERROR`` frame that says ``text``."""
    return {"event": "ERROR", "data": {"message": text}}


class Socket:
    """One open socket of one person.

    Args:
        name: What messages of the test call it.
        base_url: Where the server is.
        person: Whose it is.
        read: What makes a frame of the text that came.
        since: Up to which number the client knows its session; None where it does not ask.
    """

    def __init__(
        self, name: str, base_url: str, person: Person, read: Read, since: object = None
    ) -> None:
        self.name = name
        self.person = person
        self._read = read
        self._open = ExitStack()
        query = f"?token={person.token}" + ("" if since is None else f"&since={since}")
        self._connection = self._open.enter_context(open_socket(websocket_url(base_url, query)))

    def __enter__(self) -> Socket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._open.close()

    def send(self, frame: str | bytes) -> None:
        """Send a frame: text, or bytes as a binary one.

        Raises:
            AssertionError: The server has closed the socket.
        """
        try:
            self._connection.send(frame)
        except ConnectionClosed as closed:
            raise self._was_closed(closed) from closed

    def receive(self) -> dict[str, Any]:
        """The next frame.

        Raises:
            AssertionError: None came in time, it does not fit the document, or the server has
                closed the socket.
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
        """Every frame before ``last``, which is read too."""
        frames = []
        while (frame := self.receive()) != last:
            frames.append(frame)
        return frames

    def ask(self, frame: str | bytes) -> dict[str, Any]:
        """Send ``frame``; the next frame that comes."""
        self.send(frame)
        return self.receive()

    def _was_closed(self, closed: ConnectionClosed) -> AssertionError:
        code = closed.rcvd.code if closed.rcvd else None
        return AssertionError(f"{self.name} was closed by the server with {code}")
