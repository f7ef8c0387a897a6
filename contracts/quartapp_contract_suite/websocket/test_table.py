"""The WebSocket contract, row by row: the events, and the promises of the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from quartapp_contract_suite.documents.additions import messages
from quartapp_contract_suite.documents.documents import asyncapi_authority
from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import message
from quartapp_contract_suite.websocket.lesson import (
    ID,
    NO_SESSION,
    NOT_ENROLLED,
    UNAUTHORIZED,
    UNKNOWN,
    counted,
    done,
    mark,
    marked,
    own,
)

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People
    from quartapp_contract_suite.websocket.lesson import Cast, Connect, Lesson


def test_a_mark_goes_to_all_and_errors_to_the_sender(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    others = [lesson.first_socket, connect(lesson.stranger), connect(cast.other_teacher)]
    assert lesson.teacher_socket.ask(message("NOTHING")) == UNKNOWN
    assert lesson.teacher_socket.ask(mark(lesson.stranger, "present")) == NOT_ENROLLED
    assert lesson.teacher_socket.ask(mark(lesson.first, "present")) == marked(
        lesson.first, "present"
    )
    for socket in others:
        assert socket.receive() == marked(lesson.first, "present")
        assert socket.ask(message("NOTHING")) == UNKNOWN


def test_the_case_of_an_id_and_further_fields_do_not_matter(lesson: Lesson) -> None:
    frame = json.dumps(
        {
            "event": "ATTENDANCE_MARKED",
            "data": {"studentId": lesson.first.id.upper(), "status": "absent", "note": "ill"},
            "sentAt": 1,
        }
    )
    assert lesson.teacher_socket.ask(frame) == marked(lesson.first, "absent")


def test_a_class_id_changes_nothing_in_scope_global(lesson: Lesson) -> None:
    for class_id in (lesson.class_id, ID):
        frame = mark(lesson.first, "present", classId=class_id)
        assert lesson.teacher_socket.ask(frame) == marked(lesson.first, "present")
        assert lesson.first_socket.receive() == marked(lesson.first, "present")
        assert lesson.first_socket.ask(message("MY_ATTENDANCE", classId=class_id)) == own("present")


def test_the_last_mark_counts_and_the_summary_goes_to_all(lesson: Lesson, connect: Connect) -> None:
    watcher = connect(lesson.stranger)
    expected = [counted(0, 0)]
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(0, 0)
    for student, status, counts in (
        (lesson.first, "present", counted(1, 0)),
        (lesson.second, "present", counted(2, 0)),
        (lesson.first, "absent", counted(1, 1)),
    ):
        assert lesson.teacher_socket.ask(mark(student, status)) == marked(student, status)
        assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counts
        expected += [marked(student, status), counts]
    assert [watcher.receive() for _ in expected] == expected


def test_a_student_sees_their_own_mark_alone(lesson: Lesson, connect: Connect) -> None:
    again = connect(lesson.first)
    assert lesson.first_socket.ask(message("MY_ATTENDANCE")) == own("not yet updated")
    for status in ("present", "absent"):
        lesson.teacher_socket.send(mark(lesson.second, "present"))
        lesson.teacher_socket.send(mark(lesson.first, status))
        for socket in (lesson.teacher_socket, lesson.first_socket, again):
            assert socket.receive() == marked(lesson.second, "present")
            assert socket.receive() == marked(lesson.first, status)
        assert lesson.first_socket.ask(message("MY_ATTENDANCE")) == own(status)
        for socket in (lesson.teacher_socket, again):
            assert socket.ask(message("NOTHING")) == UNKNOWN


def test_done_keeps_all_records_ends_the_session_and_goes_to_all_once(
    lesson: Lesson, connect: Connect
) -> None:
    again = connect(lesson.teacher)
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.teacher_socket.send(message("DONE"))
    lesson.teacher_socket.send(message("DONE"))
    lesson.teacher_socket.send(mark(lesson.second, "present"))
    frames = [lesson.teacher_socket.receive() for _ in range(3)]
    assert frames == [done(1, 1), NO_SESSION, NO_SESSION]
    for socket in (again, lesson.first_socket):
        assert socket.receive() == marked(lesson.first, "present")
        assert socket.receive() == done(1, 1)
        assert socket.ask(message("NOTHING")) == UNKNOWN
    assert lesson.first_socket.ask(message("MY_ATTENDANCE")) == NO_SESSION
    assert lesson.status_of(lesson.first) == "present"
    assert lesson.status_of(lesson.second) == "absent"


def test_frames_of_one_connection_are_handled_in_the_order_sent(lesson: Lesson) -> None:
    socket, sent, expected = lesson.teacher_socket, [], []
    for number in range(20):
        status = ("present", "absent")[number % 2]
        sent += [mark(lesson.first, status), message("TODAY_SUMMARY"), message("NOTHING")]
        counts = counted(1, 0) if status == "present" else counted(0, 1)
        expected += [marked(lesson.first, status), counts, UNKNOWN]
    for frame in sent:
        socket.send(frame)
    assert [socket.receive() for _ in expected] == expected


def test_repeated_start_keeps_the_live_session(lesson: Lesson) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.people.start(lesson.teacher, lesson.class_id)
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(1, 0)


def test_session_of_another_class_supersedes_silently_and_stores_the_marks(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    assert lesson.first_socket.receive() == marked(lesson.first, "present")
    other = connect(cast.other_teacher)
    people = lesson.people
    people.start(cast.other_teacher, people.class_of(cast.other_teacher, cast.late))
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == NO_SESSION
    assert lesson.first_socket.ask(message("MY_ATTENDANCE")) == NO_SESSION
    assert lesson.status_of(lesson.first) == "present"
    assert lesson.status_of(lesson.second) is None
    assert other.ask(message("DONE")) == done(0, 1)
    assert lesson.first_socket.receive() == done(0, 1)


def test_enrolments_during_a_session_count_at_once(lesson: Lesson, cast: Cast) -> None:
    late, people = cast.late, lesson.people
    path = f"{API}/class/{lesson.class_id}"
    headers = lesson.teacher.headers
    assert lesson.teacher_socket.ask(mark(late, "present")) == NOT_ENROLLED
    added = people.http.post(f"{path}/add-student", json={"studentId": late.id}, headers=headers)
    assert added.status_code == 201
    assert lesson.teacher_socket.ask(mark(late, "present")) == marked(late, "present")
    removed = people.http.delete(f"{path}/students/{lesson.first.id}", headers=headers)
    assert removed.status_code == 200
    assert lesson.teacher_socket.ask(mark(lesson.first, "present")) == NOT_ENROLLED
    assert lesson.teacher_socket.ask(message("DONE")) == done(1, 1)


def test_whoever_was_marked_and_taken_off_the_roll_is_recorded_and_not_counted(
    lesson: Lesson, people: People
) -> None:
    for student, status in ((lesson.first, "absent"), (lesson.second, "present")):
        lesson.teacher_socket.ask(mark(student, status))
    path = f"{API}/class/{lesson.class_id}"
    headers = lesson.teacher.headers
    people.http.delete(f"{path}/students/{lesson.first.id}", headers=headers).raise_for_status()
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(1, 0)
    assert lesson.teacher_socket.ask(message("DONE")) == done(1, 0)
    assert recorded(people, lesson) == {lesson.first.id: "absent", lesson.second.id: "present"}


def test_a_student_reads_the_record_of_the_newest_session(lesson: Lesson) -> None:
    for status in ("present", "absent", "present"):
        lesson.people.start(lesson.teacher, lesson.class_id)
        lesson.teacher_socket.ask(mark(lesson.first, status))
        lesson.teacher_socket.send(message("DONE"))
        counts = done(1, 1) if status == "present" else done(0, 2)
        assert lesson.teacher_socket.receive() == counts
        assert lesson.status_of(lesson.first) == status


def recorded(people: People, lesson: Lesson) -> dict[str, str]:
    """Return the statuses in the records of the only session of a class that has ended."""
    headers = lesson.teacher.headers
    listed = people.http.get(f"{API}/class/{lesson.class_id}/sessions", headers=headers)
    (session,) = listed.json()["data"]
    answer = people.http.get(f"{API}/session/{session['_id']}", headers=headers)
    return {one["studentId"]: one["status"] for one in answer.json()["data"]["records"]}


def test_reconnecting_client_reads_the_session_over_http(lesson: Lesson, people: People) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.teacher_socket.ask(mark(lesson.second, "absent"))
    seen = {}
    for person in (lesson.teacher, lesson.first):
        answer = people.http.get(f"{API}/attendance/session", headers=person.headers)
        assert answer.json()["data"]["classId"] == lesson.class_id
        seen[person] = answer.json()["data"]["attendance"]
    marks = {lesson.first.id: "present", lesson.second.id: "absent"}
    assert seen == {lesson.teacher: marks, lesson.first: {lesson.first.id: "present"}}


def test_the_documents_examples_are_valid_frames(cast: Cast, connect: Connect) -> None:
    sockets = {role: connect(cast.of_role(role)) for role in ("teacher", "student")}
    for action, example in messages(asyncapi_authority()):
        if action == "receive":
            for frame in example["examples"]:
                socket = sockets[example.get("x-role", "student")]
                # The token in the document's example belongs to nobody.
                expected = UNAUTHORIZED if example["name"] == "AUTH" else NO_SESSION
                assert socket.ask(json.dumps(frame["payload"])) == expected
