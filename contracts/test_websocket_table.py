"""Every row of the WebSocket contract, one by one, with its exact strings."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from contract_support.people import API
from websockets.exceptions import ConnectionClosed
from ws_client import DEADLINE_SECONDS, Socket, error, message, open_socket, websocket_url
from ws_document import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_support.people import People, Person
    from websockets.sync.client import ClientConnection

    Connect = Callable[[Person], Socket]

NO_SESSION = error("No active attendance session")
INVALID = error("Invalid message format")
UNKNOWN = error("Unknown event")
TEACHER_ONLY = error("Forbidden, teacher event only")
STUDENT_ONLY = error("Forbidden, student event only")
NOT_ENROLLED = error("Student not enrolled in class")
UNAUTHORIZED = error("Unauthorized or invalid token")
ID = "0123456789abcdefABCDEF01"
LIMIT_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def connect(base_url: str, document: Document) -> Iterator[Connect]:
    sockets = []

    def open_one(person: Person) -> Socket:
        name = f"{person.role} {len(sockets) + 1}"
        sockets.append(Socket(name, base_url, person, document))
        # Once this is answered, the socket takes part in broadcasts.
        assert sockets[-1].ask(message("HELLO")) == UNKNOWN
        return sockets[-1]

    yield open_one
    for socket in sockets:
        socket.close()


class Cast:
    """Everybody who takes part; accounts are the slowest thing to make, on purpose."""

    def __init__(self, people: People) -> None:
        self.teacher, self.other_teacher = people.teacher(), people.teacher()
        self.first, self.second, self.stranger, self.late = (people.student() for _ in range(4))

    def of_role(self, role: str) -> Person:
        return self.other_teacher if role == "teacher" else self.stranger


@pytest.fixture(scope="module")
def cast(people: People) -> Cast:
    return Cast(people)


class Lesson:
    """A class with a live session, of two students; a third is not enrolled."""

    def __init__(self, people: People, cast: Cast, teacher: Person, connect: Connect) -> None:
        self.people = people
        self.teacher = teacher
        self.first, self.second, self.stranger = cast.first, cast.second, cast.stranger
        self.class_id = people.class_of(self.teacher, self.first, self.second)
        people.start(self.teacher, self.class_id)
        self.teacher_socket = connect(self.teacher)
        self.first_socket = connect(self.first)

    def status_of(self, student: Person) -> str | None:
        path = f"{API}/attendance/{self.class_id}/my-attendance"
        answer = self.people.http.get(path, headers=student.authorization)
        return answer.json()["data"]["status"]


@pytest.fixture
def lesson(people: People, cast: Cast, connect: Connect) -> Iterator[Lesson]:
    made = Lesson(people, cast, cast.teacher, connect)
    yield made
    made.teacher_socket.ask(message("DONE"))


def mark(student: Person, status: str, **more: object) -> str:
    return message("ATTENDANCE_MARKED", studentId=student.id, status=status, **more)


def marked(student: Person, status: str) -> dict[str, object]:
    return {"event": "ATTENDANCE_MARKED", "data": {"studentId": student.id, "status": status}}


def counted(present: int, absent: int) -> dict[str, object]:
    data = {"present": present, "absent": absent, "total": present + absent}
    return {"event": "TODAY_SUMMARY", "data": data}


def done(present: int, absent: int) -> dict[str, object]:
    counts = counted(present, absent)["data"]
    return {"event": "DONE", "data": {"message": "Attendance persisted", **counts}}


def own(status: str) -> dict[str, object]:
    return {"event": "MY_ATTENDANCE", "data": {"status": status}}


# Connecting.


def forged(token: str) -> str:
    head, _, signature = token.split(".")
    claims = {"id": ID, "role": "teacher", "iat": 1, "exp": 9_999_999_999}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def unsigned(_: str) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"id": ID, "role": "teacher", "exp": 9_999_999_999})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b""]).decode()


@pytest.mark.parametrize(
    "query",
    [
        lambda _: "",
        lambda _: "?token=",
        lambda _: "?token=nonsense",
        lambda _: "?token=a.b.c",
        lambda _: "?token=%00%ff",
        lambda token: f"?token={token}x",
        lambda token: f"?token={forged(token)}",
        lambda token: f"?token={unsigned(token)}",
        lambda token: f"?jwt={token}",
    ],
    ids=[
        "missing",
        "empty",
        "nonsense",
        "three parts",
        "bytes",
        "signature",
        "forged",
        "unsigned",
        "other name",
    ],
)
def test_a_bad_token_is_told_once_and_closed_with_1008(
    query: Callable[[str], str], cast: Cast, base_url: str, document: Document
) -> None:
    with open_socket(websocket_url(base_url, query(cast.teacher.token))) as connection:
        text = connection.recv(DEADLINE_SECONDS)
        assert isinstance(text, str)
        assert document.check_server_frame(text) == UNAUTHORIZED
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_may_come_as_a_header(scheme: str, cast: Cast, base_url: str) -> None:
    headers = {"Authorization": f"{scheme} {cast.teacher.token}"}
    with open_socket(websocket_url(base_url), headers) as connection:
        connection.send(message("MY_ATTENDANCE"))
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == STUDENT_ONLY


def test_a_bad_header_is_told_once_and_closed_with_1008(base_url: str) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    with open_socket(websocket_url(base_url), headers) as connection:
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == UNAUTHORIZED
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


# Sizes.


@pytest.mark.parametrize("character", ["x", "\u20ac"], ids=["one byte", "three bytes"])
def test_a_frame_of_64_kib_is_taken(character: str, cast: Cast, connect: Connect) -> None:
    frame = sized(LIMIT_BYTES, character)
    assert connect(cast.teacher).ask(frame) == UNKNOWN


@pytest.mark.parametrize(
    "frame",
    [
        lambda: sized(LIMIT_BYTES + 1, "x"),
        lambda: sized(LIMIT_BYTES + 1, "\u20ac"),
        lambda: bytes(LIMIT_BYTES + 1),
        lambda: sized(16 * LIMIT_BYTES, "x"),
    ],
    ids=["a byte more", "a byte more of fewer characters", "binary", "a MiB"],
)
def test_a_larger_frame_is_closed_with_1009(
    frame: Callable[[], str | bytes], cast: Cast, base_url: str
) -> None:
    url = websocket_url(base_url, f"?token={cast.teacher.token}")
    with open_socket(url) as connection, pytest.raises(ConnectionClosed) as closed:
        send_and_receive(connection, frame())
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def send_and_receive(connection: ClientConnection, frame: str | bytes) -> None:
    # Which of the two notices that the server has closed is a matter of moments.
    connection.send(frame)
    connection.recv(DEADLINE_SECONDS)


def sized(size: int, character: str) -> str:
    head, tail = '{"event":"HELLO","x":"', '"}'
    room = size - len(head) - len(tail)
    width = len(character.encode())
    text = head + character * (room // width) + "." * (room % width) + tail
    assert len(text.encode()) == size
    return text


# Checks, in their order: each frame here would fail every later check too.

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
def test_what_is_no_message_is_an_invalid_format(role: str, cast: Cast, connect: Connect) -> None:
    socket = connect(cast.of_role(role))
    for frame in NOT_MESSAGES:
        assert socket.ask(frame) == INVALID, frame


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("event", ["NOTHING", "", "done", "DONE ", "ERROR", "DONE\x00", "__init__"])
def test_an_event_that_there_is_not_is_unknown(
    event: str, role: str, cast: Cast, connect: Connect
) -> None:
    socket = connect(cast.of_role(role))
    assert socket.ask(message(event)) == UNKNOWN
    assert socket.ask(message(event, studentId=1)) == UNKNOWN


@pytest.mark.parametrize("event", ["ATTENDANCE_MARKED", "TODAY_SUMMARY", "DONE"])
def test_a_students_teacher_event_is_forbidden_before_its_data_is_looked_at(
    event: str, lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    for socket in (lesson.first_socket, connect(cast.stranger)):
        assert socket.ask(message(event)) == TEACHER_ONLY
        assert socket.ask(message(event, classId="x", studentId=1, status="?")) == TEACHER_ONLY
        assert socket.ask(mark(lesson.first, "present").replace("ATTENDANCE_MARKED", event)) == (
            TEACHER_ONLY
        )


def test_a_teachers_student_event_is_forbidden_before_its_data_is_looked_at(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    for socket in (lesson.teacher_socket, connect(cast.other_teacher)):
        assert socket.ask(message("MY_ATTENDANCE")) == STUDENT_ONLY
        assert socket.ask(message("MY_ATTENDANCE", classId="x")) == STUDENT_ONLY


BAD_IDS = ["", "x", ID[:-1], ID + "0", ID[:-1] + "g", ID + "\n", f" {ID}", None, 1, True, [ID], {}]
BAD_STATUSES = ["", "Present", "late ", "not yet updated", None, True, 1, ["present"], {}]


def test_data_that_does_not_fit_is_an_invalid_format_before_the_session_is_looked_for(
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


def test_without_a_session_every_event_says_so(cast: Cast, connect: Connect) -> None:
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


def test_a_session_is_none_of_those_whom_it_does_not_concern(
    lesson: Lesson, cast: Cast, connect: Connect
) -> None:
    other_teacher, stranger = connect(cast.other_teacher), connect(lesson.stranger)
    # Not even that the student is unknown: the session is looked for first.
    for student in (lesson.first, lesson.stranger):
        assert other_teacher.ask(mark(student, "present")) == NO_SESSION
    assert other_teacher.ask(message("TODAY_SUMMARY")) == NO_SESSION
    assert other_teacher.ask(message("DONE")) == NO_SESSION
    assert stranger.ask(message("MY_ATTENDANCE")) == NO_SESSION


def test_a_mark_for_somebody_who_is_not_on_the_roll_is_refused(lesson: Lesson) -> None:
    for student_id in (lesson.stranger.id, lesson.teacher.id, ID):
        frame = message("ATTENDANCE_MARKED", studentId=student_id, status="present")
        assert lesson.teacher_socket.ask(frame) == NOT_ENROLLED
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(0, 0)


# Events.


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


def test_a_session_goes_on_when_it_is_started_again(lesson: Lesson) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.people.start(lesson.teacher, lesson.class_id)
    assert lesson.teacher_socket.ask(message("TODAY_SUMMARY")) == counted(1, 0)


def test_another_classs_session_supersedes_without_a_word_and_keeps_the_marks_made(
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


def test_the_roll_is_the_one_of_the_moment(lesson: Lesson, cast: Cast) -> None:
    late, people = cast.late, lesson.people
    path = f"{API}/class/{lesson.class_id}"
    headers = lesson.teacher.authorization
    assert lesson.teacher_socket.ask(mark(late, "present")) == NOT_ENROLLED
    added = people.http.post(f"{path}/add-student", json={"studentId": late.id}, headers=headers)
    assert added.status_code == 201
    assert lesson.teacher_socket.ask(mark(late, "present")) == marked(late, "present")
    removed = people.http.delete(f"{path}/students/{lesson.first.id}", headers=headers)
    assert removed.status_code == 200
    assert lesson.teacher_socket.ask(mark(lesson.first, "present")) == NOT_ENROLLED
    assert lesson.teacher_socket.ask(message("DONE")) == done(1, 1)


def test_a_client_that_comes_back_finds_the_session_over_http(
    lesson: Lesson, people: People
) -> None:
    lesson.teacher_socket.ask(mark(lesson.first, "present"))
    lesson.teacher_socket.ask(mark(lesson.second, "absent"))
    seen = {}
    for person in (lesson.teacher, lesson.first):
        answer = people.http.get(f"{API}/attendance/session", headers=person.authorization)
        assert answer.json()["data"]["classId"] == lesson.class_id
        seen[person] = answer.json()["data"]["attendance"]
    marks = {lesson.first.id: "present", lesson.second.id: "absent"}
    assert seen == {lesson.teacher: marks, lesson.first: {lesson.first.id: "present"}}


def test_the_documents_examples_are_answered_as_frames_of_their_event(
    document: Document, cast: Cast, connect: Connect
) -> None:
    sockets = {role: connect(cast.of_role(role)) for role in ("teacher", "student")}
    for operation in document.raw["operations"].values():
        for reference in operation["messages"]:
            example = document.follow(reference)
            if operation["action"] == "receive":
                for frame in example["examples"]:
                    socket = sockets[example["x-role"]]
                    assert socket.ask(json.dumps(frame["payload"])) == NO_SESSION
