"""The WebSocket contract, row by row: refused frames, in the order of the checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.websocket.client import message
from quartapp_contract_suite.websocket.lesson import (
    ID,
    INVALID,
    NO_SESSION,
    NOT_ENROLLED,
    STUDENT_ONLY,
    TEACHER_ONLY,
    UNKNOWN,
    counted,
    mark,
)

if TYPE_CHECKING:
    from quartapp_contract_suite.websocket.lesson import Cast, Connect, Lesson


# The tests follow the order of the checks: each frame here would fail every later check too.

NOT_MESSAGES: list[str | bytes] = [
    b"",
    b"\x00",
    b'{"event":"TODAY_SUMMARY"}',
    "",
    " ",
    "x",
    "{",
    "null",
    "1",
    '"TODAY_SUMMARY"',
    '["TODAY_SUMMARY"]',
    "{}",
    '{"data":{}}',
    '{"event":null}',
    '{"event":1}',
    '{"event":["NOTHING"]}',
    '{"event":"NOTHING","data":null}',
    '{"event":"NOTHING","data":[]}',
    '{"event":"NOTHING","data":"{}"}',
    '{"event":"MY_ATTENDANCE","data":null}',
    '{"event":"DONE","data":[]}',
    '{"event":"NOTHING"} x',
    '{"event":"NOTHING","x":NaN}',
    '{"event":"NOTHING","x":-Infinity}',
    '{"event":"NOTHING","x":"\\ud800"}',
    '{"event":"NOTHING","x":"\x00"}',
    '{"event":"NOTHING","x":' + "[" * 300 + "]" * 300 + "}",
    '{"event":"NOTHING","x":' + "9" * 5_000 + "}",
    '\ufeff{"event":"NOTHING"}',
]


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_malformed_message_is_an_invalid_format(role: str, cast: Cast, connect: Connect) -> None:
    socket = connect(cast.of_role(role))
    for frame in NOT_MESSAGES:
        assert socket.ask(frame) == INVALID, frame


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("event", ["NOTHING", "", "done", "DONE ", "ERROR", "DONE\x00", "__init__"])
def test_unknown_event_is_refused(event: str, role: str, cast: Cast, connect: Connect) -> None:
    socket = connect(cast.of_role(role))
    assert socket.ask(message(event)) == UNKNOWN
    assert socket.ask(message(event, studentId=1)) == UNKNOWN


@pytest.mark.parametrize("event", ["ATTENDANCE_MARKED", "TODAY_SUMMARY", "DONE"])
def test_teacher_event_from_student_is_forbidden_before_its_data_is_checked(
    event: str, lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    for socket in (lesson.first_socket, connect(cast.stranger)):
        assert socket.ask(message(event)) == TEACHER_ONLY
        assert socket.ask(message(event, classId="x", studentId=1, status="?")) == TEACHER_ONLY
        assert socket.ask(mark(lesson.first, "present").replace("ATTENDANCE_MARKED", event)) == (
            TEACHER_ONLY
        )


def test_student_event_from_teacher_is_forbidden_before_its_data_is_checked(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    for socket in (lesson.teacher_socket, connect(cast.other_teacher)):
        assert socket.ask(message("MY_ATTENDANCE")) == STUDENT_ONLY
        assert socket.ask(message("MY_ATTENDANCE", classId="x")) == STUDENT_ONLY


BAD_IDS: list[object] = [
    "",
    "x",
    ID[:-1],
    ID + "0",
    ID[:-1] + "g",
    ID + "\n",
    f" {ID}",
    None,
    1,
    True,
    [ID],
    {},
]
BAD_STATUSES: list[object] = [
    "",
    "Present",
    "late ",
    "not yet updated",
    None,
    True,
    1,
    ["present"],
    {},
]


def test_invalid_data_is_an_invalid_format_before_the_session_is_looked_for(
    cast: Cast, connect: Connect
) -> None:
    teacher, student = connect(cast.other_teacher), connect(cast.stranger)
    good = {"studentId": ID, "status": "present"}
    bad_marks = [
        {},
        {"studentId": ID},
        {"status": "present"},
        {"studentid": ID, "status": "present"},
        *({**good, "studentId": bad} for bad in BAD_IDS),
        *({**good, "classId": bad} for bad in BAD_IDS),
        *({**good, "status": bad} for bad in BAD_STATUSES),
    ]
    for data in bad_marks:
        frame = json.dumps({"event": "ATTENDANCE_MARKED", "data": data})
        assert teacher.ask(frame) == INVALID, frame
    assert teacher.ask(message("ATTENDANCE_MARKED")) == INVALID
    for bad in BAD_IDS:
        for socket, event in (
            (teacher, "TODAY_SUMMARY"),
            (teacher, "DONE"),
            (student, "MY_ATTENDANCE"),
        ):
            assert socket.ask(json.dumps({"event": event, "data": {"classId": bad}})) == INVALID


def test_every_event_without_a_session_is_refused(cast: Cast, connect: Connect) -> None:
    teacher, student = connect(cast.other_teacher), connect(cast.stranger)
    for frame in (
        message("ATTENDANCE_MARKED", studentId=ID, status="present"),
        message("TODAY_SUMMARY"),
        message("TODAY_SUMMARY", classId=ID),
        '{"event":"TODAY_SUMMARY","data":{}}',
        message("DONE"),
    ):
        assert teacher.ask(frame) == NO_SESSION, frame
    assert student.ask(message("MY_ATTENDANCE")) == NO_SESSION


def test_session_does_not_exist_for_people_whom_it_does_not_concern(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    other_teacher, stranger = connect(cast.other_teacher), connect(lesson.stranger)
    # The session is looked for first, so the answer does not tell whether a student is enrolled.
    for student in (lesson.first, lesson.stranger):
        assert other_teacher.ask(mark(student, "present")) == NO_SESSION
    assert other_teacher.ask(message("TODAY_SUMMARY")) == NO_SESSION
    assert other_teacher.ask(message("DONE")) == NO_SESSION
    assert stranger.ask(message("MY_ATTENDANCE")) == NO_SESSION


def test_mark_for_a_person_outside_the_roll_is_refused(lesson: Lesson) -> None:
    for student_id in (lesson.stranger.id, lesson.teacher.id, ID):
        frame = message("ATTENDANCE_MARKED", studentId=student_id, status="present")
        assert lesson.teacher_socket.ask(frame) == NOT_ENROLLED
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(0, 0)
