"""Lists of people and invitations: searches, filters, order, and pages that have each once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.people import API

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp_contract_suite.people import People, Person

pytestmark = pytest.mark.needs_admin
ROLES = ("student", "teacher", "student", "student")


@dataclass(frozen=True, slots=True)
class Staff:
    """People whose names have a word of their own.

    Attributes:
        word: The word, which is neither the first nor the last of a name.
        ids: The people, by the order of their making.
        students: Those who are students.
    """

    word: str
    ids: Sequence[str]
    students: Sequence[str]


@pytest.fixture(scope="module")
def staff(people: People, admin: Person) -> Staff:
    """Return people, whom the administrator has made without passwords."""
    word, made = uuid.uuid4().hex, []
    for number, role in enumerate(ROLES):
        body = {"name": f"Zora {word} Neale", "username": f"{word}-{number}", "role": role}
        answer = people.http.post(f"{API}/admin/people", json=body, headers=admin.headers)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["data"]["_id"])
    return Staff(
        word, made, [one for one, role in zip(made, ROLES, strict=True) if role != "teacher"]
    )


def ids_in(people: People, person: Person, path: str, **query: str | int) -> list[str]:
    """Return the ids in a list, none when the list is not found."""
    answer = people.http.get(f"{API}{path}", params=query, headers=person.headers)
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, f"GET {answer.url}: {answer.text}"
    return [one["_id"] for one in answer.json()["data"]]


def test_people_are_found_by_role_and_by_the_beginning_of_any_word(
    people: People, admin: Person, staff: Staff
) -> None:
    path = "/admin/people"
    for search in (staff.word, staff.word[:-1].upper()):
        assert ids_in(people, admin, path, search=search) == staff.ids, search
    assert ids_in(people, admin, path, search=staff.word[1:]) == [], "the middle of a word"
    for role in ("student", "teacher", "admin"):
        expected = [one for one, own in zip(staff.ids, ROLES, strict=True) if own == role]
        assert ids_in(people, admin, path, search=staff.word, role=role) == expected, role


def test_pages_of_people_begin_behind_the_last_and_are_no_longer_than_asked(
    people: People, admin: Person, staff: Staff
) -> None:
    pages = _pages(people, admin, "/admin/people", staff.word, most=len(staff.ids))
    assert pages == [[one] for one in staff.ids]
    two = ids_in(people, admin, "/admin/people", search=staff.word, limit=2, after=staff.ids[0])
    assert two == staff.ids[1:3]


def test_pages_of_students_begin_behind_the_last_and_are_no_longer_than_asked(
    people: People, staff: Staff
) -> None:
    teacher = people.teacher()
    class_id = people.class_of(teacher)
    for student in staff.students:
        # On some servers, teachers find the students of their own classes alone.
        answer = people.http.post(
            f"{API}/class/{class_id}/add-student",
            json={"studentId": student},
            headers=teacher.headers,
        )
        assert answer.status_code == 201, answer.text

    pages = _pages(people, teacher, "/class/students", staff.word, most=len(staff.students))

    assert pages == [[one] for one in staff.students]


@pytest.mark.needs_registration
def test_the_newest_invitation_comes_first_and_pages_go_back_in_time(
    people: People, admin: Person
) -> None:
    path = "/admin/invitations"
    made: list[str] = []
    for _ in range(3):
        answer = people.http.post(f"{API}{path}", json={"role": "teacher"}, headers=admin.headers)
        assert answer.status_code == 201, answer.text
        made.insert(0, answer.json()["data"]["_id"])

    assert ids_in(people, admin, path, limit=3) == made
    assert ids_in(people, admin, path, limit=1, after=made[0]) == made[1:2]


def _pages(people: People, person: Person, path: str, word: str, most: int) -> list[list[str]]:
    """Return the pages of one entry each; a list without an end has one more than it should."""
    pages: list[list[str]] = []
    query: dict[str, str | int] = {"search": word, "limit": 1}
    while len(pages) <= most and (page := ids_in(people, person, path, **query)):
        pages.append(page)
        query["after"] = page[-1]
    return pages
