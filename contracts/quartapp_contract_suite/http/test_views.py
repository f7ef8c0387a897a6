"""A session of several students: who sees which records, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API, days_ago

if TYPE_CHECKING:
    import httpx

    from quartapp_contract_suite.people import People, Person

# By the order of their accounts; neither their ids nor their capitals are in the order of names.
NAMES = ("Mary Jackson", "zelda Fitzgerald", "Ada Yonath", "grace Hopper")
BY_NAME = ("Ada Yonath", "grace Hopper", "Mary Jackson", "zelda Fitzgerald")
BY_SORT_NAME = ("zelda Fitzgerald", "grace Hopper", "Mary Jackson", "Ada Yonath")


class Held:
    """A session in which each student has a record."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.teacher, self.students = people.teacher(), [people.student(name) for name in NAMES]
        self.class_id = people.class_of(self.teacher, *self.students)
        records = [{"studentId": one.id, "status": "present"} for one in self.students]
        answer = people.http.post(
            f"{API}/class/{self.class_id}/sessions",
            json={"date": days_ago(1), "records": records},
            headers=self.teacher.headers,
        )
        assert answer.status_code == 201, answer.text
        self.session_id = answer.json()["data"]["_id"]

    def get(self, person: Person, path: str) -> httpx.Response:
        """Ask as a person."""
        return self._people.http.get(f"{API}{path}", headers=person.headers)

    def seen(self, person: Person, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what a person sees."""
        answer = self.get(person, path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="module")
def held(people: People) -> Held:
    """Return a session that all tests read: each student's password has a slow hash."""
    return Held(people)


def test_the_teacher_sees_all_records_by_name(held: Held) -> None:
    records = held.seen(held.teacher, f"/session/{held.session_id}")["records"]

    assert [one["displayName"] for one in records] == [*BY_NAME]


def test_a_student_sees_their_own_record_and_nobody_else_s(held: Held) -> None:
    session = f"/session/{held.session_id}"
    for student in held.students:
        records = held.seen(student, session)["records"]
        assert [one["studentId"] for one in records] == [student.id], f"seen by {student.name}"
        for other in held.students:
            for what in ("", "/history"):
                answer = held.get(student, f"{session}/attendance/{other.id}{what}")
                assert other is student or answer.status_code in {403, 404}, (
                    f"{student.name} reads of {other.name}: {answer.text}"
                )


def test_the_register_has_each_student_once_by_family_name(held: Held) -> None:
    students = held.seen(held.teacher, f"/class/{held.class_id}/register")["students"]

    assert [one["displayName"] for one in students] == [*BY_SORT_NAME]
