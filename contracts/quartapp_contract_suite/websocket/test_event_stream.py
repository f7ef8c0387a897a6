"""The event stream: the frames of a socket of version 1, for clients that only read."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import message
from quartapp_contract_suite.websocket.lesson import NO_SESSION, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.lesson import Lesson

PATH = f"{API}/attendance/events"
INVALID_ID = ("x", "5", "a:1", f"{'a' * 24}:", f"{'a' * 24}:1;{'b' * 24}:1")


def events(answer: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the ids and frames of a stream; an event without an id has an empty one."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields and "event" not in fields:
            yield fields.get("id", ""), json.loads(fields["data"])
        fields = {}


@contextmanager
def reading(
    lesson: Lesson, person: Person, query: str = "", last: str | None = None
) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    headers = person.headers if last is None else {**person.headers, "Last-Event-ID": last}
    with lesson.people.http.stream("GET", PATH + query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer)


def names(told: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [frame["event"] for _, frame in told]


def test_stream_has_the_frames_with_their_positions(lesson: Lesson) -> None:
    with reading(lesson, lesson.first) as stream:
        lesson.teacher_socket.ask(mark(lesson.first, "absent"))
        lesson.teacher_socket.ask(mark(lesson.second, "present"))
        lesson.teacher_socket.ask(message("DONE"))
        told = [next(stream) for _ in range(3)]
    assert names(told) == ["ATTENDANCE_MARKED", "ATTENDANCE_MARKED", "DONE"]
    numbers = [frame["seq"] for _, frame in told]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert [position for position, _ in told] == [
        f"{lesson.class_id}:{number}" for number in numbers
    ]


@pytest.mark.parametrize("way", ["header", "since"])
def test_reader_comes_back_to_what_was_missed(lesson: Lesson, way: str) -> None:
    with reading(lesson, lesson.first) as stream:
        lesson.teacher_socket.ask(mark(lesson.first, "absent"))
        known, _ = next(stream)
    lesson.teacher_socket.ask(mark(lesson.second, "present"))
    asked = ("", known) if way == "header" else (f"?since={known}", None)
    with reading(lesson, lesson.first, *asked) as stream:
        (_, missed), (_, resumed) = next(stream), next(stream)
        lesson.teacher_socket.ask(mark(lesson.first, "present"))
        _, live = next(stream)
    assert missed["data"] == {"studentId": lesson.second.id, "status": "present"}
    assert (resumed["event"], resumed["data"]) == ("RESUMED", {"missed": 1})
    assert live["seq"] == missed["seq"] + 1


def test_position_that_is_not_kept_brings_the_session(lesson: Lesson) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    with reading(lesson, lesson.first, last=f"{lesson.class_id}:1") as stream:
        _, state = next(stream)
    assert state["event"] == "SESSION_STATE"
    assert state["data"]["attendance"] == {lesson.first.id: "present"}


def test_class_without_a_session_is_told(lesson: Lesson) -> None:
    with reading(lesson, lesson.stranger, last=f"{'f' * 24}:1") as stream:
        assert next(stream) == ("", NO_SESSION)


@pytest.mark.parametrize("last", INVALID_ID)
def test_position_of_another_form_is_refused(lesson: Lesson, last: str) -> None:
    headers = {**lesson.first.headers, "Last-Event-ID": last}
    answer = lesson.people.http.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid request schema")
