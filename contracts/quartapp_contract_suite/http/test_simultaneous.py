"""Requests of one kind at the same moment, of which exactly one may succeed."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from quartapp_contract_suite.people import People, Person

AT_ONCE = 8


@pytest.fixture(scope="module")
def teacher(people: People) -> Person:
    """Return a teacher."""
    return people.teacher()


@pytest.fixture(scope="module")
def student(people: People) -> Person:
    """Return a student."""
    return people.student()


def at_once(
    people: People,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    different: Callable[[int], Mapping[str, Any]] = lambda _: {},
) -> list[httpx.Response]:
    """Send the same request from several connections at the same moment."""
    begin = Barrier(AT_ONCE)

    def send(number: int) -> httpx.Response:
        begin.wait()
        sent = None if body is None else {**body, **different(number)}
        return people.http.request(method, f"{API}{path}", headers=headers, json=sent)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(send, range(AT_ONCE)))


def assert_one_succeeds(answers: list[httpx.Response], success: int, refusal: int) -> None:
    """Assert that one request has succeeded, and that the others are refused in one way."""
    found = sorted(answer.status_code for answer in answers)
    expected = sorted([success, *[refusal] * (AT_ONCE - 1)])
    texts = "\n".join(answer.text[:200] for answer in answers)
    assert found == expected, f"{AT_ONCE} equal requests at once were answered {found}:\n{texts}"


@pytest.mark.registration("open")
def test_an_address_gets_one_account(people: People) -> None:
    email = f"{uuid.uuid4().hex}@school.example"
    body = {"name": "Ada", "email": email, "password": PASSWORD, "role": "teacher"}

    assert_one_succeeds(at_once(people, "POST", "/auth/register", body, {}), 201, 403)
    assert people.signed_in(email, PASSWORD).role == "teacher"


def test_a_name_gets_one_class(people: People, teacher: Person) -> None:
    name = f"Logic {uuid.uuid4().hex}"

    found = at_once(people, "POST", "/class", {"className": name}, teacher.headers)

    assert_one_succeeds(found, 201, 409)
    listed = people.http.get(f"{API}/class", headers=teacher.headers).json()["data"]
    assert [one["className"] for one in listed].count(name) == 1


def test_a_name_gets_one_of_several_classes(people: People, teacher: Person) -> None:
    made = [people.class_of(teacher) for _ in range(AT_ONCE)]
    body, begin = {"className": f"Logic {uuid.uuid4().hex}"}, Barrier(AT_ONCE)

    def rename(class_id: str) -> httpx.Response:
        begin.wait()
        return people.http.patch(f"{API}/class/{class_id}", json=body, headers=teacher.headers)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert_one_succeeds(list(threads.map(rename, made)), 200, 409)


def test_a_student_is_put_on_a_roll_once(people: People, teacher: Person, student: Person) -> None:
    class_id = people.class_of(teacher)
    path = f"/class/{class_id}/add-student"

    found = at_once(people, "POST", path, {"studentId": student.id}, teacher.headers)

    assert_one_succeeds(found, 201, 409)
    (room,) = people.http.get(f"{API}/class/{class_id}", headers=teacher.headers).json()["data"]
    assert len(room["studentsIds"]) == 1


def test_a_student_is_taken_off_a_roll_once(
    people: People, teacher: Person, student: Person
) -> None:
    path = f"/class/{people.class_of(teacher, student)}/students/{student.id}"

    assert_one_succeeds(at_once(people, "DELETE", path, None, teacher.headers), 200, 404)


def test_starts_for_one_class_are_one_session(people: People, teacher: Person) -> None:
    class_id = people.class_of(teacher)

    found = at_once(people, "POST", "/attendance/start", {"classId": class_id}, teacher.headers)

    assert {answer.status_code for answer in found} == {200}, [one.text for one in found]
    sessions = {
        people.http.get(
            f"{API}/attendance/session?classId={class_id}", headers=teacher.headers
        ).json()["data"]["startedAt"]
        for _ in range(2)
    }
    assert len(sessions) == 1


def test_a_correction_of_one_version_is_made_once(
    people: People, teacher: Person, student: Person
) -> None:
    session = people.session_of(teacher, people.class_of(teacher, student), student)
    path = f"/session/{session}/attendance/{student.id}"
    body = {"status": "absent", "v": 1, "reason": "a slip"}

    assert_one_succeeds(at_once(people, "PATCH", path, body, teacher.headers), 200, 409)


@pytest.mark.needs_admin
@pytest.mark.needs_registration
def test_an_invitation_makes_one_account(people: People, admin: Person) -> None:
    made = people.http.post(
        f"{API}/admin/invitations", json={"role": "teacher"}, headers=admin.headers
    )
    fresh = uuid.uuid4().hex
    body = {
        "name": "Ada",
        "password": PASSWORD,
        "role": "teacher",
        "invitation": made.json()["data"]["invitation"],
    }

    found = at_once(
        people,
        *("POST", "/auth/register", body, {}),
        lambda number: {"email": f"{fresh}-{number}@school.example"},
    )

    assert_one_succeeds(found, 201, 403)
