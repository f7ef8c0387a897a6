"""The WebSocket contract, row by row: a fresh token for an open socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ws_client import message
from ws_lesson import INVALID, UNAUTHORIZED, counted
from ws_model import renewed

if TYPE_CHECKING:
    from ws_lesson import Cast, Connect, Lesson


def test_a_token_of_ones_own_is_taken_whoever_one_is(cast: Cast, connect: Connect) -> None:
    for person in (cast.teacher, cast.stranger):
        assert connect(person).ask(message("AUTH", token=person.token)) == renewed(person)


def test_another_persons_token_and_a_bad_one_are_refused_and_nothing_changes(
    lesson: Lesson, cast: Cast
) -> None:
    socket, token = lesson.teacher_socket, lesson.teacher.token
    others = [cast.other_teacher.token, lesson.first.token]
    for other in [*others, "", "x", "a.b.c", token + "x", token[:-6] + "AAAAAA", token.upper()]:
        assert socket.ask(message("AUTH", token=other)) == UNAUTHORIZED, other
    assert socket.ask(message("TODAY_SUMMARY")) == counted(0, 0)


@pytest.mark.parametrize("token", [None, 1, True, [], {}, ["x"]])
def test_what_is_no_string_is_an_invalid_format(
    token: object, cast: Cast, connect: Connect
) -> None:
    socket = connect(cast.teacher)
    assert socket.ask(json.dumps({"event": "AUTH", "data": {"token": token}})) == INVALID
    assert socket.ask(message("AUTH")) == INVALID
