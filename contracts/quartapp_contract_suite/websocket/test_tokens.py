"""The WebSocket contract, row by row: a fresh token for an open socket."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp_contract_suite.http.scene import forged_tokens, token_for
from quartapp_contract_suite.websocket.client import (
    DEADLINE_SECONDS,
    message,
    open_socket,
    websocket_url,
)
from quartapp_contract_suite.websocket.lesson import INVALID, UNAUTHORIZED, UNKNOWN, counted
from quartapp_contract_suite.websocket.model import renewed

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast, Connect, Lesson

# A token that is long enough to open two sockets with, and how late its end may be noticed.
SHORT_SECONDS = 4
LATE_SECONDS = 5


def test_a_token_of_ones_own_is_taken_whoever_one_is(cast: Cast, connect: Connect) -> None:
    for person in (cast.teacher, cast.stranger):
        assert connect(person).ask(message("AUTH", token=person.token)) == renewed(person)


def test_another_persons_token_and_a_bad_one_are_refused_and_nothing_changes(
    lesson: Lesson, cast: Cast, jwt_secret: str | None
) -> None:
    socket, token = lesson.teacher_socket, lesson.teacher.token
    others = [cast.other_teacher.token, lesson.first.token]
    if jwt_secret is not None:
        others.append(token_for(jwt_secret, replace(lesson.teacher, role="student"), 3600))
    bad = forged_tokens(jwt_secret, lesson.teacher).values()
    for other in [*others, *bad, "", "a.b.c", token + "x", token.upper()]:
        assert socket.ask(message("AUTH", token=other)) == UNAUTHORIZED, other
    assert socket.ask(message("TODAY_SUMMARY")) == counted(0, 0)


@pytest.mark.parametrize("token", [None, 1, True, [], {}, ["x"]])
def test_what_is_no_string_is_an_invalid_format(
    token: object, cast: Cast, connect: Connect
) -> None:
    socket = connect(cast.teacher)
    assert socket.ask(json.dumps({"event": "AUTH", "data": {"token": token}})) == INVALID
    assert socket.ask(message("AUTH")) == INVALID


@pytest.mark.needs_jwt_secret
def test_a_socket_ends_with_its_token_and_lives_on_with_a_fresh_one(
    cast: Cast, jwt_secret: str, connect: Connect, base_url: str, document: Document
) -> None:
    short = replace(cast.first, token=token_for(jwt_secret, cast.first, SHORT_SECONDS))
    ends = time.monotonic() + SHORT_SECONDS
    staying = connect(short)
    with open_socket(websocket_url(base_url, f"?token={short.token}")) as ending:
        assert staying.ask(message("AUTH", token=cast.first.token)) == renewed(cast.first)
        assert until_closed(ending, document) == ([UNAUTHORIZED], 1008)
        assert time.monotonic() < ends + LATE_SECONDS
    assert staying.ask(message("HELLO")) == UNKNOWN


def until_closed(
    connection: ClientConnection, document: Document
) -> tuple[list[dict[str, object]], int | None]:
    """What comes up to the close, and its code."""
    frames = []
    try:
        while True:
            text = connection.recv(SHORT_SECONDS + DEADLINE_SECONDS)
            assert isinstance(text, str)
            frames.append(document.check_server_frame(text))
    except ConnectionClosed as closed:
        return frames, closed.rcvd.code if closed.rcvd else None
