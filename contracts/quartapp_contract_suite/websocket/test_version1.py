"""The WebSocket contract, row by row: version 1 of frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import Socket, message
from quartapp_contract_suite.websocket.lesson import INVALID, NO_SESSION, UNKNOWN, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast, Lesson

    Join = Callable[..., Socket]


@pytest.fixture
def join(base_url: str, document: Document) -> Iterator[Join]:
    """Open sockets of version 1, and read each until it takes part in broadcasts."""
    sockets: list[Socket] = []

    def read(text: str) -> dict[str, Any]:
        return document.base_part(document.check_server_frame(text))

    def open_one(person: Person, since: object = None) -> Socket:
        name = f"{person.role} {len(sockets) + 1}"
        sockets.append(Socket(name, base_url, person, read, since, version=1))
        if since is None:
            assert sockets[-1].ask(message("HELLO")) == UNKNOWN
        return sockets[-1]

    yield open_one
    for socket in sockets:
        socket.close()


def frame(event: str, ref: object = None, **data: object) -> str:
    sent: dict[str, object] = {"event": event, "data": data}
    if ref is not None:
        sent["ref"] = ref
    return json.dumps(sent)


def mark(student: Person, status: str | None, ref: object = None, **more: object) -> str:
    return frame("ATTENDANCE_MARKED", ref, studentId=student.id, status=status, **more)


def session_of(lesson: Lesson) -> dict[str, Any]:
    headers = lesson.teacher.headers
    answer = lesson.people.http.get(f"{API}/attendance/session", headers=headers)
    session: dict[str, Any] = answer.json()["data"]
    return session


def test_frames_about_a_session_name_its_class_and_number(lesson: Lesson, join: Join) -> None:
    teacher, student = join(lesson.teacher), join(lesson.first)
    first = session_of(lesson)["seq"]
    members = {"classId": lesson.class_id}
    assert teacher.ask(mark(lesson.first, "present")) == {
        **marked(lesson.first, "present"),
        **members,
        "seq": first + 1,
    }
    assert student.receive()["seq"] == first + 1
    own = student.ask(frame("MY_ATTENDANCE"))
    assert own == {
        "event": "MY_ATTENDANCE",
        "data": {"status": "present"},
        **members,
        "seq": first + 1,
    }
    assert teacher.ask(frame("TODAY_SUMMARY"))["seq"] == first + 2
    assert lesson.first_socket.receive() == marked(lesson.first, "present")


def test_ref_comes_back_to_the_sender_alone(lesson: Lesson, join: Join) -> None:
    teacher, again = join(lesson.teacher), join(lesson.teacher)
    answer = teacher.ask(mark(lesson.first, "present", "one"))
    assert answer["ref"] == "one"
    assert "ref" not in again.receive()
    assert "ref" not in lesson.first_socket.receive()
    refused = teacher.ask(mark(lesson.stranger, "present", "two"))
    assert (refused["event"], refused["ref"]) == ("ERROR", "two")
    assert teacher.ask(frame("HELLO", "three")) == {**UNKNOWN, "ref": "three"}


def test_same_ref_is_applied_once_and_answered_each_time(lesson: Lesson, join: Join) -> None:
    teacher, again = join(lesson.teacher), join(lesson.teacher)
    first = teacher.ask(mark(lesson.first, "present", "one"))
    again.receive()
    teacher.ask(mark(lesson.first, "absent"))
    again.receive()
    assert teacher.ask(mark(lesson.first, "present", "one")) == first
    # Another socket of the same account, and another frame, get the answer of the first time.
    assert again.ask(mark(lesson.second, "absent", "one")) == first
    assert session_of(lesson)["attendance"] == {lesson.first.id: "absent"}


def test_same_ref_of_another_account_is_another_ref(lesson: Lesson, cast: Cast, join: Join) -> None:
    lesson.people.add_teacher(lesson.class_id, cast.other_teacher, by=lesson.teacher)
    marks = (
        (lesson.teacher, lesson.first, "present"),
        (cast.other_teacher, lesson.second, "absent"),
    )
    for teacher, student, status in marks:
        answer = join(teacher).ask(mark(student, status, "one"))
        assert answer["data"] == marked(student, status)["data"]
        assert answer["ref"] == "one"
    statuses = {student.id: status for _, student, status in marks}
    assert session_of(lesson)["attendance"] == statuses


def test_done_with_the_ref_of_a_mark_ends_nothing(lesson: Lesson, join: Join) -> None:
    teacher = join(lesson.teacher)
    first = teacher.ask(mark(lesson.first, "present", "one"))
    assert teacher.ask(frame("DONE", "one")) == first
    assert session_of(lesson)["attendance"] == {lesson.first.id: "present"}


def test_refused_ref_may_be_sent_again(lesson: Lesson, join: Join) -> None:
    teacher = join(lesson.teacher)
    assert teacher.ask(mark(lesson.stranger, "present", "one"))["event"] == "ERROR"
    assert teacher.ask(mark(lesson.first, "present", "one"))["event"] == "ATTENDANCE_MARKED"


@pytest.mark.parametrize("ref", ["", "x" * 65, 1, True, ["one"], {"one": 1}])
def test_ref_that_is_no_short_text_is_an_error(ref: object, lesson: Lesson, join: Join) -> None:
    assert join(lesson.teacher).ask(mark(lesson.first, "present", ref)) == INVALID


def test_socket_without_version_has_neither_ref_nor_condition(lesson: Lesson) -> None:
    for ref in ("one", "one", "", 1):
        sent = mark(lesson.first, "present", ref, **{"if": "absent"})
        assert lesson.teacher_socket.ask(sent) == marked(lesson.first, "present")
    assert lesson.teacher_socket.ask(mark(lesson.first, None)) == INVALID


def test_mark_is_taken_back(lesson: Lesson, join: Join) -> None:
    teacher = join(lesson.teacher)
    teacher.ask(mark(lesson.first, "present"))
    lesson.first_socket.receive()
    told = teacher.ask(mark(lesson.first, None))
    assert told["data"] == {"studentId": lesson.first.id, "status": None}
    assert lesson.first_socket.receive() == {"event": "ATTENDANCE_MARKED", "data": told["data"]}
    assert session_of(lesson)["attendance"] == {}


@pytest.mark.parametrize("before", [None, "present", "absent"])
@pytest.mark.parametrize("seen", [None, "present", "absent"])
def test_condition_is_about_the_present_mark(
    before: str | None, seen: str | None, lesson: Lesson, join: Join
) -> None:
    teacher = join(lesson.teacher)
    if before is not None:
        teacher.ask(mark(lesson.first, before))
    answer = teacher.ask(mark(lesson.first, "absent", "one", **{"if": seen}))
    if before == seen:
        assert answer["data"] == {"studentId": lesson.first.id, "status": "absent"}
    else:
        assert answer["data"] == {"message": "Conflict", "current": before}
    assert answer["ref"] == "one"


def test_rest_is_marked_at_once(lesson: Lesson, join: Join) -> None:
    teacher, student = join(lesson.teacher), join(lesson.first)
    students = sorted([lesson.first.id, lesson.second.id])
    first = session_of(lesson)["seq"]
    told = {
        "event": "ROLL_MARKED",
        "data": {"status": "present", "studentIds": students},
        "classId": lesson.class_id,
        "seq": first + 2,
    }
    teacher.send(frame("MARK_REST", "one", status="present"))
    assert teacher.receive() == student.receive() == told
    answer = teacher.receive()
    assert (answer["event"], answer["data"]) == ("MARKED_REST", {"marked": 2})
    assert (answer["seq"], answer["ref"]) == (first + 2, "one")
    for student_id in students:
        assert lesson.first_socket.receive() == {
            "event": "ATTENDANCE_MARKED",
            "data": {"studentId": student_id, "status": "present"},
        }
    assert teacher.ask(frame("MARK_REST", "one", status="present")) == answer
    none = teacher.ask(frame("MARK_REST", status="absent"))
    assert (none["data"], none["seq"]) == ({"marked": 0}, first + 2)


def test_the_rest_are_those_without_a_mark(lesson: Lesson, join: Join) -> None:
    teacher = join(lesson.teacher)
    teacher.ask(mark(lesson.first, "absent"))
    teacher.send(frame("MARK_REST", status="present"))
    told = teacher.receive()
    assert told["data"] == {"status": "present", "studentIds": [lesson.second.id]}
    assert teacher.receive()["data"] == {"marked": 1}
    marks = {lesson.first.id: "absent", lesson.second.id: "present"}
    assert session_of(lesson)["attendance"] == marks


def test_end_of_what_was_missed_is_told(lesson: Lesson, join: Join) -> None:
    teacher = join(lesson.teacher)
    known = session_of(lesson)["seq"]
    shown = [teacher.ask(mark(lesson.first, status)) for status in ("present", "absent")]
    members = {"classId": lesson.class_id, "seq": known + 2}
    for since, missed in ((known, shown), (known + 1, shown[1:]), (known + 2, [])):
        back = join(lesson.first, since)
        assert [back.receive() for _ in missed] == missed
        assert back.receive() == {"event": "RESUMED", "data": {"missed": len(missed)}, **members}
    back = join(lesson.teacher, 1)
    assert back.receive()["event"] == "SESSION_STATE"
    assert back.receive() == {"event": "RESUMED", "data": {"missed": 0}, **members}


def test_a_roll_that_was_marked_at_once_comes_again_to_those_alone_who_lack_a_part(
    lesson: Lesson, join: Join
) -> None:
    teacher = join(lesson.teacher)
    known = session_of(lesson)["seq"]
    teacher.send(frame("MARK_REST", status="present"))
    told, _ = teacher.receive(), teacher.receive()
    for since, missed in ((known, [told]), (known + 1, [told]), (known + 2, [])):
        back = join(lesson.first, since)
        assert [back.receive() for _ in missed] == missed, f"since={since - known} of 2"
        resumed = back.receive()
        assert (resumed["event"], resumed["data"]) == ("RESUMED", {"missed": len(missed)}), since


def test_start_and_superseding_are_told(lesson: Lesson, join: Join) -> None:
    watching = join(lesson.stranger)
    before = session_of(lesson)
    other = lesson.people.class_of(lesson.teacher, lesson.first)
    lesson.people.start(lesson.teacher, other)
    after = session_of(lesson)
    assert watching.receive() == {
        "event": "SESSION_ENDED",
        "data": {"outcome": "superseded"},
        "classId": lesson.class_id,
        "seq": before["seq"] + 1,
    }
    assert watching.receive() == {
        "event": "SESSION_STARTED",
        "data": {name: after[name] for name in ("classId", "className", "startedAt")},
        "classId": other,
        "seq": after["seq"],
    }
    back = join(lesson.teacher, f"{lesson.class_id}:{before['seq']},{other}:{after['seq']}")
    assert back.receive()["event"] == "SESSION_ENDED"
    assert [back.receive()["event"] for _ in range(2)] == ["RESUMED", "RESUMED"]


def test_session_of_another_class_is_never_the_answer(lesson: Lesson, join: Join) -> None:
    other = lesson.people.class_of(lesson.teacher, lesson.first)
    path = f"{API}/attendance/session?classId="
    for class_id in (other, "x", "f" * 24):
        answer = lesson.people.http.get(path + class_id, headers=lesson.teacher.headers)
        assert answer.status_code == 404, answer.text
    answer = lesson.people.http.get(path + lesson.class_id, headers=lesson.teacher.headers)
    assert answer.json()["data"]["classId"] == lesson.class_id
    known = session_of(lesson)["seq"]
    back = join(lesson.teacher, f"{other}:{known}")
    assert back.receive() == NO_SESSION
    assert join(lesson.teacher, f"{known}&classId={other}").receive() == NO_SESSION
    assert join(lesson.teacher, f"{known}&classId={lesson.class_id}").receive()["event"] == (
        "RESUMED"
    )
