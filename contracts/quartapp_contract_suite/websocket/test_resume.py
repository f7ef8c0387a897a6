"""The WebSocket contract, row by row: reconnection with ``since``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import Socket, message
from quartapp_contract_suite.websocket.lesson import (
    INVALID,
    NO_SESSION,
    UNKNOWN,
    counted,
    done,
    mark,
    marked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast, Lesson

    Return = Callable[[Person, object], list[dict[str, Any]]]


@pytest.fixture
def come_back(base_url: str, document: Document) -> Iterator[Return]:
    """Provide a function that connects with ``since``, and returns the frames of the server."""
    sockets: list[Socket] = []

    def read(text: str) -> dict[str, Any]:
        return document.base_part(document.check_server_frame(text))

    def open_one(person: Person, since: object) -> list[dict[str, Any]]:
        sockets.append(Socket(person.role, base_url, person, read, since))
        sockets[-1].send(message("HELLO"))
        return sockets[-1].until(UNKNOWN)

    yield open_one
    for socket in sockets:
        socket.close()


def session_of(lesson: Lesson, person: Person) -> dict[str, Any]:
    answer = lesson.people.http.get(f"{API}/attendance/session", headers=person.headers)
    session: dict[str, Any] = answer.json()["data"]
    return session


def test_missed_broadcasts_come_once_and_in_order(lesson: Lesson, come_back: Return) -> None:
    teacher = lesson.teacher_socket
    teacher.ask(mark(lesson.first, "absent"))
    known = session_of(lesson, lesson.first)["seq"]
    assert come_back(lesson.first, known) == []
    teacher.ask(mark(lesson.second, "present"))
    teacher.ask(message("TODAY_SUMMARY"))
    teacher.ask(mark(lesson.first, "present"))
    missed = [marked(lesson.second, "present"), counted(1, 1), marked(lesson.first, "present")]
    for person in (lesson.teacher, lesson.first):
        assert come_back(person, known) == missed
        assert come_back(person, known + 1) == missed[1:]
        assert come_back(person, known + 3) == []


def test_since_0_brings_the_whole_session(lesson: Lesson, come_back: Return) -> None:
    teacher = lesson.teacher_socket
    teacher.ask(mark(lesson.first, "absent"))
    teacher.ask(mark(lesson.second, "present"))
    whole = [marked(lesson.first, "absent"), marked(lesson.second, "present")]
    for person in (lesson.teacher, lesson.first):
        assert come_back(person, 0) == whole


def test_done_can_be_missed(lesson: Lesson, come_back: Return) -> None:
    known = session_of(lesson, lesson.teacher)["seq"]
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.teacher_socket.ask(message("DONE"))
    for person in (lesson.teacher, lesson.second):
        assert come_back(person, known) == [marked(lesson.first, "present"), done(1, 1)]


def test_session_state_replaces_broadcasts_that_are_not_kept(
    lesson: Lesson, come_back: Return
) -> None:
    for student in (lesson.first, lesson.second):
        lesson.teacher_socket.ask(mark(student, "present"))
    for person in (lesson.teacher, lesson.first):
        state = session_of(lesson, person)
        del state["className"]
        assert come_back(person, 1) == [{"event": "SESSION_STATE", "data": state}]
    assert state["attendance"] == {lesson.first.id: "present"}


def test_person_without_a_session_is_told_so(lesson: Lesson, cast: Cast, come_back: Return) -> None:
    known = session_of(lesson, lesson.teacher)["seq"]
    for person in (cast.other_teacher, lesson.stranger):
        assert come_back(person, known) == [NO_SESSION]


@pytest.mark.parametrize("since", ["", "-1", "+1", "1.0", "one", "0x1", "12345678901234567"])
def test_since_without_a_number_is_an_error(since: str, lesson: Lesson, come_back: Return) -> None:
    assert come_back(lesson.teacher, since) == [INVALID]


@pytest.mark.parametrize("class_id", ["", "x", "0" * 23, "0" * 25, "%00"])
@pytest.mark.parametrize("since", [1, "known"])
def test_class_id_without_an_identifier_is_an_error(
    class_id: str, since: object, lesson: Lesson, come_back: Return
) -> None:
    known = session_of(lesson, lesson.teacher)["seq"] if since == "known" else since
    assert come_back(lesson.teacher, f"{known}&classId={class_id}") == [INVALID]
