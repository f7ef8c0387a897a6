"""A roll of several hundred students: every one of them gets a record, and is counted once."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import DEADLINE_SECONDS, open_socket, websocket_url

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

STUDENTS = 300
MARKED = 7
PAGE = 100


@pytest.fixture(scope="module")
def roll(people: People, admin: Person) -> list[str]:
    """Return the ids of students whom the administrator has made, without passwords."""
    fresh, made = uuid.uuid4().hex, []
    for number in range(STUDENTS):
        body = {"name": f"Student {number:03}", "username": f"{fresh}-{number}", "role": "student"}
        answer = people.http.post(f"{API}/admin/people", json=body, headers=admin.headers)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["data"]["_id"])
    return made


@pytest.mark.needs_admin
def test_every_student_of_a_long_roll_is_counted_and_recorded_once(
    people: People, base_url: str, roll: list[str]
) -> None:
    teacher = people.teacher()
    class_id = people.class_of(teacher)
    for student in roll:
        answer = people.http.post(
            f"{API}/class/{class_id}/add-student",
            json={"studentId": student},
            headers=teacher.headers,
        )
        assert answer.status_code == 201, answer.text
    (room,) = _data(people, teacher, f"/class/{class_id}")
    assert len(room["studentsIds"]) == STUDENTS
    people.start(teacher, class_id)

    done = _taken(base_url, teacher, roll[:MARKED])

    counts = {"present": MARKED, "absent": STUDENTS - MARKED, "total": STUDENTS}
    assert {name: done[name] for name in counts} == counts
    (listed,) = _data(people, teacher, f"/class/{class_id}/sessions")
    assert {name: listed["counts"][name] for name in counts} == counts
    session = _data(people, teacher, f"/session/{listed['_id']}")
    found = {one["studentId"]: one["status"] for one in session["records"]}
    assert len(session["records"]) == STUDENTS, "the session has not a record of each student"
    expected = {**dict.fromkeys(roll, "absent"), **dict.fromkeys(roll[:MARKED], "present")}
    assert found == expected


@pytest.mark.needs_admin
def test_pages_of_people_have_each_person_once(
    people: People, admin: Person, roll: list[str]
) -> None:
    found: list[str] = []
    after = roll[0]
    while page := _data(people, admin, f"/admin/people?limit={PAGE}&after={after}"):
        assert len(page) <= PAGE
        # A list that began anew behind each page would have no end.
        assert after not in {one["_id"] for one in page}, "a page has the person it begins behind"
        found += [one["_id"] for one in page]
        after = found[-1]

    assert found == sorted(set(found)), "people are listed twice, or out of order"
    missing = set(roll[1:]) - set(found)
    assert not missing, f"{len(missing)} people are on no page"


def _taken(base_url: str, teacher: Person, present: list[str]) -> dict[str, Any]:
    """Mark students present, end the session, and return what DONE says."""
    with open_socket(websocket_url(base_url, f"?token={teacher.token}")) as socket:
        for student in present:
            data = {"studentId": student, "status": "present"}
            socket.send(json.dumps({"event": "ATTENDANCE_MARKED", "data": data}))
        socket.send(json.dumps({"event": "DONE"}))
        while (frame := json.loads(socket.recv(DEADLINE_SECONDS)))["event"] != "DONE":
            assert frame["event"] == "ATTENDANCE_MARKED", frame
    counts: dict[str, Any] = frame["data"]
    return counts


def _data(people: People, person: Person, path: str) -> Any:  # noqa: ANN401 - JSON
    answer = people.http.get(f"{API}{path}", headers=person.headers)
    assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
    return answer.json()["data"]
