"""The WebSocket contract, row by row: tickets, each of which opens one socket."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp_contract_suite.people import API, PASSWORD
from quartapp_contract_suite.websocket.client import (
    DEADLINE_SECONDS,
    message,
    open_socket,
    websocket_url,
)
from quartapp_contract_suite.websocket.lesson import STUDENT_ONLY, TEACHER_ONLY, UNAUTHORIZED

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person
    from quartapp_contract_suite.websocket.lesson import Cast

AT_ONCE = 8
ASKED = message("MY_ATTENDANCE")


def ticket_of(people: People, person: Person) -> str:
    """Return a fresh ticket of a person."""
    answer = people.http.post(f"{API}/auth/ticket", headers=person.headers)
    assert answer.status_code == 200, answer.text
    ticket: str = answer.json()["data"]["ticket"]
    return ticket


def first_answer(base_url: str, query: str, asked: str = ASKED) -> tuple[object, int | None]:
    """Open a socket, ask once, and return the first frame with the code of a close after it."""
    with open_socket(websocket_url(base_url, query)) as connection:
        # What a server says before it closes a socket can still be read.
        with suppress(ConnectionClosed):
            connection.send(asked)
        frame: object = json.loads(connection.recv(DEADLINE_SECONDS))
        if frame != UNAUTHORIZED:
            return frame, None
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    return frame, closed.value.rcvd.code if closed.value.rcvd else None


def test_a_ticket_opens_one_socket_of_its_person(people: People, cast: Cast, base_url: str) -> None:
    for person, asked, expected in (
        (cast.teacher, ASKED, STUDENT_ONLY),
        (cast.stranger, message("DONE"), TEACHER_ONLY),
    ):
        query = f"?ticket={ticket_of(people, person)}"
        assert first_answer(base_url, query, asked) == (expected, None), f"of the {person.role}"
        for again in (query, f"{query}&token={person.token}"):
            assert first_answer(base_url, again) == (UNAUTHORIZED, 1008), (
                f"a ticket of the {person.role} that was used before"
            )


def test_a_ticket_opens_one_of_several_sockets_at_once(
    people: People, cast: Cast, base_url: str
) -> None:
    query, begin = f"?ticket={ticket_of(people, cast.teacher)}", Barrier(AT_ONCE)

    def enter(_: int) -> tuple[object, int | None]:
        begin.wait()
        return first_answer(base_url, query)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(enter, range(AT_ONCE)))

    assert found.count((STUDENT_ONLY, None)) == 1, f"{AT_ONCE} sockets with one ticket: {found}"
    assert found.count((UNAUTHORIZED, 1008)) == AT_ONCE - 1, found


def test_a_ticket_is_no_token_and_a_token_is_no_ticket(
    people: People, cast: Cast, base_url: str
) -> None:
    ticket = ticket_of(people, cast.teacher)
    refused = people.http.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {ticket}"})
    assert refused.status_code == 401, refused.text
    for query in (
        f"?token={ticket}",
        f"?ticket={cast.teacher.token}",
        "?ticket=",
        f"?ticket={'x' * 22}",
        f"?ticket={ticket.swapcase()}",
        f"?ticket=%00%ff&token={cast.teacher.token}",
    ):
        assert first_answer(base_url, query) == (UNAUTHORIZED, 1008), query
    assert first_answer(base_url, f"?ticket={ticket}") == (STUDENT_ONLY, None)


def test_a_ticket_ends_with_the_token_that_it_was_fetched_with(
    people: People, cast: Cast, base_url: str
) -> None:
    leaving = people.signed_in(cast.teacher.email, PASSWORD)
    ticket, kept = ticket_of(people, leaving), ticket_of(people, cast.teacher)
    out = people.http.post(f"{API}/auth/logout", headers=leaving.headers)
    assert out.status_code == 200, out.text
    assert first_answer(base_url, f"?ticket={ticket}") == (UNAUTHORIZED, 1008)
    assert first_answer(base_url, f"?ticket={kept}") == (STUDENT_ONLY, None)
