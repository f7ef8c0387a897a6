"""Every sequence of what can happen to one student during a roll call, and the record of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import Socket, message
from quartapp_contract_suite.websocket.lesson import NOT_ENROLLED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp_contract_suite.people import People, Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast

MARKS = {"marked present": "present", "marked absent": "absent", "mark taken back": None}
HAPPENINGS = (*MARKS, "taken off the roll", "put on the roll")
STATUSES = {"taken off the roll": (200, 404), "put on the roll": (201, 409)}


@pytest.fixture
def teacher_socket(cast: Cast, base_url: str, document: Document) -> Iterator[Socket]:
    """Provide a socket of version 1, whose marks can be taken back."""

    def read(text: str) -> dict[str, Any]:
        return document.base_part(document.check_server_frame(text))

    with Socket("the teacher", base_url, cast.teacher, read, version=1) as socket:
        assert socket.ask(message("HELLO")) == UNKNOWN
        yield socket


class RollCall:
    """A roll call of some students, with what the server should know of each."""

    def __init__(self, people: People, teacher: Person, socket: Socket, who: list[Person]) -> None:
        self._people, self._teacher, self._socket, self._who = people, teacher, socket, who
        self._class_id = people.class_of(teacher, *who)
        self._on_roll = {student.id for student in who}
        self._marks: dict[str, str] = {}
        people.start(teacher, self._class_id)
        # The start may have ended the session of a test before.
        while socket.receive()["event"] != "SESSION_STARTED":
            pass

    def happen(self, what: str, student: Person) -> None:
        """Let something happen to a student, and compare the answer."""
        is_on_roll = student.id in self._on_roll
        if what in MARKS:
            self._mark(student, MARKS[what], is_on_roll=is_on_roll)
            return
        path = f"{API}/class/{self._class_id}"
        headers, http = self._teacher.headers, self._people.http
        if what == "put on the roll":
            body = {"studentId": student.id}
            answer = http.post(f"{path}/add-student", json=body, headers=headers)
        else:
            answer = http.delete(f"{path}/students/{student.id}", headers=headers)
        is_refused = is_on_roll == (what == "put on the roll")
        assert answer.status_code == STATUSES[what][is_refused], f"{what}: {answer.text}"
        if not is_refused:
            self._on_roll ^= {student.id}

    def _mark(self, student: Person, status: str | None, *, is_on_roll: bool) -> None:
        answer = self._socket.ask(message("ATTENDANCE_MARKED", studentId=student.id, status=status))
        if not is_on_roll:
            assert answer["data"] == NOT_ENROLLED["data"], f"a mark beside the roll: {answer}"
            return
        assert answer["data"] == {"studentId": student.id, "status": status}
        self._marks.pop(student.id, None)
        if status is not None:
            self._marks[student.id] = status

    def check(self) -> None:
        """Compare the summary, end the session, and compare the counts and the records."""
        on_roll = {one: mark for one, mark in self._marks.items() if one in self._on_roll}
        summary = self._socket.ask(message("TODAY_SUMMARY"))["data"]
        assert summary == _counts(on_roll), "TODAY_SUMMARY"
        final = {**dict.fromkeys(self._on_roll, "absent"), **self._marks}
        told = self._socket.ask(message("DONE"))["data"]
        counts = _counts({one: final[one] for one in self._on_roll})
        assert {name: told[name] for name in counts} == counts, "DONE"
        (listed,) = self._data(f"/class/{self._class_id}/sessions")
        # Who is off the roll by then is not counted by DONE, and keeps the record of a mark.
        kept = _counts(final)
        assert {name: listed["counts"][name] for name in kept} == kept, "the list of sessions"
        records = self._data(f"/session/{listed['_id']}")["records"]
        assert len(records) == len({one["studentId"] for one in records}), "a second record"
        assert {one["studentId"]: one["status"] for one in records} == final, "the records"
        vias = {one["studentId"]: one["via"] for one in records}
        expected = {one: None if one in self._marks else "unmarked" for one in final}
        assert vias == expected, "how the records have come"
        for student in self._who:
            if student.id in self._on_roll:
                self._check_own(student, final[student.id])

    def _check_own(self, student: Person, status: str) -> None:
        path = f"/attendance/{self._class_id}/my-attendance"
        answer = self._people.http.get(f"{API}{path}", headers=student.headers)
        assert answer.json()["data"]["status"] == status, "what the student reads"

    def _data(self, path: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._people.http.get(f"{API}{path}", headers=self._teacher.headers)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]


def _counts(statuses: dict[str, str]) -> dict[str, int]:
    found = list(statuses.values())
    present, absent = found.count("present"), found.count("absent")
    return {"present": present, "absent": absent, "total": present + absent}


def test_counts_and_records_are_right_whatever_has_happened(
    people: People, cast: Cast, teacher_socket: Socket, depth: float
) -> None:
    students = [cast.first, cast.second, cast.stranger, cast.late]
    length = 2 if depth < 1 else 3
    sequences = itertools.product(HAPPENINGS, repeat=length)
    while chosen := list(itertools.islice(sequences, len(students))):
        lesson = RollCall(people, cast.teacher, teacher_socket, students)
        told = [f"each of {len(chosen)} students was one after the other:"]
        told += ["  " + ", ".join(sequence) for sequence in chosen]
        try:
            for moment in zip(*chosen, strict=True):
                for what, student in zip(moment, students, strict=False):
                    lesson.happen(what, student)
            lesson.check()
        except AssertionError as error:
            raise AssertionError("\n".join([*told, str(error)])) from None
