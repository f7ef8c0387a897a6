"""The WebSocket contract, row by row: sockets that the server refuses, and says why.

The limits and origins are settings, so these tests run against a server that they start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp_contract_suite.people import People
from quartapp_contract_suite.server import server_in
from quartapp_contract_suite.websocket.client import (
    DEADLINE_SECONDS,
    error,
    message,
    open_socket,
    websocket_url,
)
from quartapp_contract_suite.websocket.lesson import UNKNOWN

if TYPE_CHECKING:
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from quartapp_contract_suite.websocket.document import Document

ORIGIN = "https://school.example"


@pytest.mark.needs_own_server
def test_refused_socket_is_told_why_and_closed(
    tmp_path: Path, plugins: list[str], document: Document
) -> None:
    settings = {"QUARTAPP_MAX_SOCKETS_PER_USER": "1", "QUARTAPP_MAX_SOCKETS": "2"}

    def ask(connection: ClientConnection) -> object:
        connection.send(message("HELLO"))
        return _received(connection, document)

    with (
        server_in(tmp_path, *plugins, QUARTAPP_ALLOWED_ORIGINS=ORIGIN, **settings) as url,
        People(url) as people,
    ):
        one, two, three = (websocket_url(url, f"?token={people.student().token}") for _ in range(3))
        with open_socket(one, {"Origin": ORIGIN}) as first:
            assert ask(first) == UNKNOWN
            _assert_refused(document, one, None, "Too many sockets", 1013)
            with open_socket(two) as second:
                assert ask(second) == UNKNOWN
                _assert_refused(document, three, None, "Too many sockets", 1013)
                foreign = {"Origin": "https://other.example"}
                _assert_refused(document, three, foreign, "Forbidden, origin not allowed", 1008)
            assert ask(first) == UNKNOWN


def _assert_refused(
    document: Document, address: str, headers: dict[str, str] | None, text: str, code: int
) -> None:
    with open_socket(address, headers) as connection:
        assert _received(connection, document) == error(text)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def _received(connection: ClientConnection, document: Document) -> object:
    text = connection.recv(DEADLINE_SECONDS)
    assert isinstance(text, str)
    return document.check_server_frame(text)
