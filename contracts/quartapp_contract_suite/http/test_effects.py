"""What a change does in every other view: lists, documents, order, times and entity tags."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API, told_time

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

# A busy server answers late.
LATE = timedelta(minutes=1)
SHOWN = {"data", "ExistingClass", "error"}


class Room:
    """A class of a teacher, with one student on the roll and another one beside."""

    def __init__(self, people: People, teacher: Person, student: Person, other: Person) -> None:
        self.people, self.teacher, self.student, self.other = people, teacher, student, other
        self.name = f"Logic {uuid.uuid4().hex}"
        self.id = people.class_of(teacher, student, name=self.name)

    def send(self, method: str, path: str, status: int, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send a request as the teacher, and return what the answer has beside ``success``."""
        answer = self.people.http.request(
            method, f"{API}{path}", headers=self.teacher.headers, json=body
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        # The answer to an addition to a roll has another name for what others call ``data``.
        (found,) = (value for name, value in answer.json().items() if name in SHOWN)
        return found

    def listed(self, person: Person) -> dict[str, Any] | None:
        """Return the class in the list of a person; None when it is not there."""
        answer = self.people.http.get(f"{API}/class", headers=person.headers)
        found = [one for one in answer.json()["data"] if one["_id"] == self.id]
        assert len(found) < 2, f"the list has the class {len(found)} times"
        return found[0] if found else None

    def seen(self) -> dict[str, Any]:
        """Return the class in the list of its teacher."""
        found = self.listed(self.teacher)
        assert found is not None, f"the teacher's list lacks the class {self.name}"
        return found

    def etag(self) -> str:
        """Return the entity tag of the class."""
        answer = self.people.http.get(f"{API}/class/{self.id}", headers=self.teacher.headers)
        return answer.headers["etag"]

    def details(self) -> dict[str, Any]:
        """Return the class with its people."""
        (found,) = self.send("GET", f"/class/{self.id}", 200)
        return dict(found)


@pytest.fixture(scope="module")
def staff(people: People) -> tuple[Person, Person, Person]:
    """Return a teacher and two students, who are shared: a password's hash is slow on purpose."""
    return people.teacher(), people.student("Mary Jackson"), people.student("Annie Easley")


@pytest.fixture
def room(people: People, staff: tuple[Person, Person, Person]) -> Room:
    """Return a class of its own."""
    return Room(people, *staff)


def moment(text: str) -> datetime:
    """Return the time that an answer has."""
    return datetime.fromisoformat(text)


def assert_is_now(people: People, text: str, what: str) -> None:
    """Assert that an answer has the present time of the server."""
    now = told_time(people.http.get("/healthz"))
    assert abs(moment(text) - now) < LATE, f"{what} is {text}, and now is {now}"


def test_what_is_made_is_of_now(room: Room) -> None:
    found = room.seen()

    assert_is_now(room.people, found["createdAt"], "createdAt")
    assert moment(found["updatedAt"]) >= moment(found["createdAt"])
    assert_is_now(room.people, room.teacher.created_at, "createdAt of an account")


def test_a_session_starts_now(room: Room) -> None:
    room.people.start(room.teacher, room.id)

    found = room.send("GET", f"/attendance/session?classId={room.id}", 200)

    assert_is_now(room.people, found["startedAt"], "startedAt")
    assert found["className"] == room.name


@pytest.mark.parametrize("change", ["rename", "add", "remove"])
def test_a_change_shows_in_every_view_and_moves_time_and_tag(room: Room, change: str) -> None:
    before, tag, name = room.seen(), room.etag(), f"Algebra {uuid.uuid4().hex}"
    students = {"rename": [room.student], "add": [room.student, room.other], "remove": []}[change]
    requests = {
        "rename": ("PATCH", f"/class/{room.id}", 200, {"className": name}),
        "add": ("POST", f"/class/{room.id}/add-student", 201, {"studentId": room.other.id}),
        "remove": ("DELETE", f"/class/{room.id}/students/{room.student.id}", 200, None),
    }

    answered = room.send(*requests[change])

    after, details = room.seen(), room.details()
    assert answered == after, "the answer to the change differs from the list after it"
    assert after["className"] == details["className"] == (name if change == "rename" else room.name)
    assert after["studentsIds"] == [one.id for one in students]
    assert [one["name"] for one in details["studentsIds"]] == [one.name for one in students]
    assert moment(after["updatedAt"]) > moment(before["updatedAt"]), "updatedAt stays"
    assert after["createdAt"] == before["createdAt"], "createdAt moves"
    assert room.etag() != tag, "the entity tag stays, although the class has changed"
    for person in (room.student, room.other):
        assert (room.listed(person) is not None) == (person in students), (
            f"the list of {person.name} is wrong after {change}"
        )


def test_a_name_is_free_once_its_class_is_called_otherwise_or_gone(room: Room) -> None:
    other = f"Algebra {uuid.uuid4().hex}"
    room.send("PATCH", f"/class/{room.id}", 200, {"className": other})

    second = room.people.class_of(room.teacher, name=room.name)
    room.send("PATCH", f"/class/{second}", 409, {"className": other})
    room.send("DELETE", f"/class/{second}", 200)
    third = room.people.class_of(room.teacher, name=room.name)

    assert third not in {room.id, second}


def test_a_name_means_the_class_of_the_teacher_who_says_it(people: People) -> None:
    name, teachers = f"Logic {uuid.uuid4().hex}", [people.teacher(), people.teacher()]
    own = {teacher: people.class_of(teacher, name=name) for teacher in teachers}
    for teacher, class_id in own.items():
        headers = teacher.headers
        started = people.http.post(
            f"{API}/attendance/start", headers=headers, json={"className": name}
        )
        assert started.status_code == 200, started.text
        session = people.http.get(f"{API}/attendance/session", headers=headers)
        assert session.json()["data"]["classId"] == class_id, "the class of somebody else"


def test_a_deleted_class_is_in_no_view(room: Room) -> None:
    room.people.start(room.teacher, room.people.class_of(room.teacher))
    room.send("DELETE", f"/class/{room.id}", 200)

    for person in (room.teacher, room.student):
        assert room.listed(person) is None, f"{person.role} still has a deleted class in the list"
        answer = room.people.http.get(f"{API}/class/{room.id}", headers=person.headers)
        assert answer.status_code == 404, answer.text
    start = room.people.http.post(
        f"{API}/attendance/start", headers=room.teacher.headers, json={"className": room.name}
    )
    assert start.status_code == 404, start.text


@pytest.mark.needs_admin
@pytest.mark.needs_registration
def test_an_invitation_lasts_for_seven_days(people: People, admin: Person) -> None:
    made = people.http.post(
        f"{API}/admin/invitations", json={"role": "teacher"}, headers=admin.headers
    ).json()["data"]

    assert_is_now(people, made["createdAt"], "createdAt")
    lasts = moment(made["expiresAt"]) - moment(made["createdAt"])
    assert lasts == timedelta(days=7), f"the invitation lasts {lasts}"


@pytest.mark.needs_admin
def test_nobody_finds_the_name_or_the_address_of_an_erased_person(
    people: People, admin: Person, staff: tuple[Person, Person, Person]
) -> None:
    teacher, gone = staff[0], people.student("Chien-Shiung Wu")
    class_id = people.class_of(teacher, gone)
    path = f"{API}/admin/people/{gone.id}"
    erased = people.http.post(f"{path}/erase", json={}, headers=admin.headers)
    assert erased.status_code == 200, erased.text

    answers = [
        people.http.get(path, headers=admin.headers),
        people.http.get(f"{API}/class/{class_id}", headers=teacher.headers),
        people.http.get(f"{API}/class/students?search=chien", headers=teacher.headers),
        people.http.get(f"{API}/admin/people?search={gone.email}", headers=admin.headers),
    ]

    for answer in answers:
        for told in ("chien", gone.email):
            assert told not in answer.text.lower(), f"{answer.url} tells {told!r}: {answer.text}"
    again = people.http.get(f"{API}/auth/me", headers=gone.headers)
    assert again.status_code == 401, again.text


@pytest.mark.needs_admin
def test_a_change_of_an_account_moves_its_time_alone(people: People, admin: Person) -> None:
    student = people.student()
    path = f"{API}/admin/people/{student.id}"
    before = people.http.get(path, headers=admin.headers).json()["data"]

    people.http.put(f"{path}/role", json={"role": "teacher"}, headers=admin.headers)

    after = people.http.get(path, headers=admin.headers).json()["data"]
    assert moment(after["updatedAt"]) > moment(before["updatedAt"]), "updatedAt stays"
    assert after == {**before, "role": "teacher", "updatedAt": after["updatedAt"]}


def test_the_newest_class_comes_first(people: People) -> None:
    teacher = people.teacher()
    made = [people.class_of(teacher) for _ in range(3)]

    answer = people.http.get(f"{API}/class", headers=teacher.headers)

    assert [one["_id"] for one in answer.json()["data"]] == made[::-1]
