"""The WebSocket contract, row by row: a fresh token for an open socket."""

from __future__ import annotations

import json
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

    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast, Connect, Lesson

# Lifetimes of the token that runs out; a slow machine that misses one moves on to the next.
SHORT_SECONDS = (4, 8, 16, 32)


def test_own_token_is_accepted_for_every_role(cast: Cast, connect: Connect) -> None:
    for person in (cast.teacher, cast.stranger):
        assert connect(person).ask(message("AUTH", token=person.token)) == renewed(person)


def test_foreign_and_bad_tokens_are_refused_and_change_nothing(
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
def test_token_that_is_no_string_is_an_invalid_format(
    token: object, cast: Cast, connect: Connect
) -> None:
    socket = connect(cast.teacher)
    assert socket.ask(json.dumps({"event": "AUTH", "data": {"token": token}})) == INVALID
    assert socket.ask(message("AUTH")) == INVALID


@pytest.mark.needs_jwt_secret
def test_socket_closes_with_its_token_and_stays_open_with_a_fresh_one(
    cast: Cast, jwt_secret: str, base_url: str, document: Document
) -> None:
    for seconds in SHORT_SECONDS:
        short = replace(cast.first, token=token_for(jwt_secret, cast.first, seconds))
        with (
            open_socket(websocket_url(base_url, f"?token={short.token}")) as ending,
            open_socket(websocket_url(base_url, f"?token={short.token}")) as staying,
        ):
            if not is_renewed(staying, cast.first):
                continue
            assert until_closed(ending, document) == ([UNAUTHORIZED], 1008)
            staying.send(message("HELLO"))
            assert json.loads(staying.recv(DEADLINE_SECONDS)) == UNKNOWN
            return
    pytest.fail("no fresh token was taken before the one of the socket ran out")


def is_renewed(connection: ClientConnection, person: Person) -> bool:
    """Send a fresh token; return False if the connection's token has run out before."""
    try:
        connection.send(message("AUTH", token=person.token))
        heard: object = json.loads(connection.recv(DEADLINE_SECONDS))
    except ConnectionClosed:
        return False
    return heard == renewed(person)


def until_closed(
    connection: ClientConnection, document: Document
) -> tuple[list[dict[str, object]], int | None]:
    """Return the frames before the close, and the close code."""
    frames = []
    try:
        while True:
            text = connection.recv(DEADLINE_SECONDS)
            assert isinstance(text, str)
            frames.append(document.check_server_frame(text))
    except ConnectionClosed as closed:
        return frames, closed.rcvd.code if closed.rcvd else None
