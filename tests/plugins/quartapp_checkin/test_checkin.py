"""Students check themselves in, with the code that the teacher's client shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from quartapp import QuartappError
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room

PREFIX = "QUARTAPP_CHECKIN_"
STEP_SECONDS = 15
WRONG = "Check-in code is wrong or has expired"


@pytest.fixture
async def lecture(serve, turned_clock):
    async def begin(students=2, **settings):
        server = await serve(extra_plugins=("checkin",), clock=turned_clock, **settings)
        teacher = await server.person("teacher")
        enrolled = await server.people("student", students)
        room = await class_room(server, teacher, enrolled)
        await server.api.post(
            "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
        )

        async def shown():
            answer = await server.api.get("/attendance/checkin-code", headers=teacher.headers)
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        return SimpleNamespace(
            server=server, teacher=teacher, students=enrolled, room=room, shown=shown
        )

    return begin


def refusal(message):
    return {"event": "ERROR", "data": {"message": message}}


async def test_the_shown_code_marks_the_student_present_for_everybody(lecture):
    maths = await lecture()
    teacher = await maths.server.socket(maths.teacher)
    student = await maths.server.socket(maths.students[0])
    code = (await maths.shown())["code"]
    marked = await student.ask("CHECK_IN", {"code": code})
    assert marked == {
        "event": "ATTENDANCE_MARKED",
        "data": {"studentId": maths.students[0].id, "status": "present"},
    }
    assert await teacher.receive() == marked


async def test_the_record_says_how_the_mark_came(lecture):
    maths = await lecture()
    teacher = await maths.server.socket(maths.teacher)
    student = await maths.server.socket(maths.students[0])
    await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    await teacher.send("DONE")
    await teacher.until("DONE")
    records = await maths.server.documents["attendance"].find().sort("status", -1).to_list()
    assert [(record["status"], record.get("via")) for record in records] == [
        ("present", "checkin"),
        ("absent", "unmarked"),
    ]


async def test_the_code_is_for_the_teacher_alone_and_changes_with_time(lecture, turned_clock):
    maths = await lecture()
    data = await maths.shown()
    assert data["classId"] == maths.room["_id"]
    left = data["expiresInSeconds"]
    assert 0 < left <= STEP_SECONDS
    await turned_clock.advance(left - 0.5)
    assert await maths.shown() == {**data, "expiresInSeconds": 0.5}
    await turned_clock.advance(0.5)
    codes = {data["code"]}
    for _ in range(20):
        shown = await maths.shown()
        assert shown["expiresInSeconds"] == STEP_SECONDS
        codes.add(shown["code"])
        await turned_clock.advance(STEP_SECONDS)
    assert len(codes) > 15, "two may be the same by chance"
    refused = await maths.server.api.get(
        "/attendance/checkin-code", headers=maths.students[0].headers
    )
    assert refused.status_code == 403


async def test_the_qr_code_is_an_svg(lecture):
    maths = await lecture()
    answer = await maths.server.api.get(
        "/attendance/checkin-code.svg", headers=maths.teacher.headers
    )
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert ET.fromstring(answer.text).tag.endswith("svg")  # noqa: S314 - our own


async def test_code_is_valid_for_one_further_step_only(lecture, turned_clock):
    maths = await lecture()
    first, second = [await maths.server.socket(student) for student in maths.students]
    data = await maths.shown()
    await turned_clock.advance(data["expiresInSeconds"] + STEP_SECONDS - 0.5)
    answer = await first.ask("CHECK_IN", {"code": data["code"]})
    assert answer["event"] == "ATTENDANCE_MARKED"
    assert await second.receive() == answer
    await turned_clock.advance(0.5)
    assert await second.ask("CHECK_IN", {"code": data["code"]}) == refusal(WRONG)


async def test_a_wrong_code_is_refused_and_attempts_are_limited(lecture, monkeypatch, turned_clock):
    monkeypatch.setenv(f"{PREFIX}ATTEMPTS", "3")
    monkeypatch.setenv(f"{PREFIX}ATTEMPTS_SECONDS", "20")
    maths = await lecture()
    student = await maths.server.socket(maths.students[0])
    right = (await maths.shown())["code"]
    wrong = str((int(right) + 1) % 1_000_000).zfill(6)
    answers = [(await student.ask("CHECK_IN", {"code": wrong}))["data"] for _ in range(5)]
    late = {"message": "Too many attempts, wait a moment"}
    assert answers == [{"message": WRONG}] * 3 + [late] * 2
    assert await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]}) == refusal(
        late["message"]
    )
    other = await maths.server.socket(maths.students[1])
    code = (await maths.shown())["code"]
    assert (await other.ask("CHECK_IN", {"code": code}))["event"] == "ATTENDANCE_MARKED"
    await student.receive()
    await turned_clock.advance(20)
    code = (await maths.shown())["code"]
    assert (await student.ask("CHECK_IN", {"code": code}))["event"] == "ATTENDANCE_MARKED"


@pytest.mark.parametrize("data", [{}, {"code": 123456}, {"code": "12345"}, {"code": "12345a"}])
async def test_malformed_code_is_an_invalid_message(lecture, data):
    maths = await lecture(students=1)
    student = await maths.server.socket(maths.students[0])
    assert await student.ask("CHECK_IN", data) == refusal("Invalid message format")


async def test_mark_of_a_teacher_stands(lecture):
    maths = await lecture()
    teacher = await maths.server.socket(maths.teacher)
    student = await maths.server.socket(maths.students[0])
    await teacher.ask("ATTENDANCE_MARKED", {"studentId": maths.students[0].id, "status": "absent"})
    await student.receive()
    answer = await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    assert answer == refusal("You are marked already")


async def test_only_the_configured_networks_may_check_in(lecture, monkeypatch):
    monkeypatch.setenv(f"{PREFIX}SUBNETS", '["10.1.0.0/16", "2001:db8::/32"]')
    maths = await lecture(students=1)
    student = await maths.server.socket(maths.students[0])
    answer = await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    assert answer == refusal("Check-in is not possible from this network")


async def test_inside_a_configured_network_check_in_works(lecture, monkeypatch):
    monkeypatch.setenv(f"{PREFIX}SUBNETS", '["127.0.0.0/8"]')
    maths = await lecture(students=1)
    student = await maths.server.socket(maths.students[0])
    answer = await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    assert answer["event"] == "ATTENDANCE_MARKED"


async def test_check_in_needs_a_session(serve):
    server = await serve(extra_plugins=("checkin",))
    teacher, student = await server.person("teacher"), await server.person("student")
    answer = await server.api.get("/attendance/checkin-code", headers=teacher.headers)
    assert (answer.status_code, answer.json()["error"]) == (404, "No active attendance session")
    socket = await server.socket(student)
    assert await socket.ask("CHECK_IN", {"code": "123456"}) == refusal(
        "No active attendance session"
    )


async def test_a_stranger_to_the_class_has_no_session(lecture):
    maths = await lecture()
    stranger = await maths.server.socket(await maths.server.person("student"))
    answer = await stranger.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    assert answer == refusal("No active attendance session")


async def test_a_bad_setting_names_the_plugin(serve, monkeypatch):
    monkeypatch.setenv(f"{PREFIX}STEP_SECONDS", "1")
    with pytest.raises(QuartappError, match="plugin checkin: QUARTAPP_CHECKIN_STEP_SECONDS"):
        await serve(extra_plugins=("checkin",))


OUTSIDE = "Check-in is not possible from this network"


@pytest.mark.parametrize(
    ("proxies", "headers", "inside"),
    [
        (1, {"X-Forwarded-For": "10.1.2.3"}, True),
        (0, {"X-Forwarded-For": "10.1.2.3"}, False),
        (1, {"X-Forwarded-For": "10.1.2.3:4711"}, True),
        (1, {"X-Forwarded-For": "[::ffff:10.1.2.3]:4711"}, True),
        (1, {"X-Forwarded-For": "[2001:db8::7%25wlan0]:80"}, True),
        (1, {"Forwarded": 'for="[2001:db8::7]:80";proto=https'}, True),
        (1, {"Forwarded": "for=10.2.0.1"}, False),
        (1, {"X-Forwarded-For": "10.1.2.3, 10.2.0.1"}, False),
        (1, {"X-Forwarded-For": "unknown"}, False),
        (1, {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=192.0.2.1"}, False),
    ],
)
async def test_address_comes_from_the_trusted_proxy(lecture, monkeypatch, proxies, headers, inside):
    monkeypatch.setenv(f"{PREFIX}SUBNETS", '["10.1.0.0/16", "2001:db8::/32"]')
    maths = await lecture(students=1, trusted_proxies=proxies)
    student = await maths.server.socket(maths.students[0], additional_headers=headers)
    answer = await student.ask("CHECK_IN", {"code": (await maths.shown())["code"]})
    if inside:
        assert answer["event"] == "ATTENDANCE_MARKED"
    else:
        assert answer == refusal(OUTSIDE)


async def test_of_two_sockets_with_one_code_one_checks_in(lecture):
    maths = await lecture(students=20)
    code = (await maths.shown())["code"]
    teacher = await maths.server.socket(maths.teacher)
    for student in maths.students:
        pair = [await maths.server.socket(student) for _ in range(2)]
        for socket in pair:
            await socket.send("CHECK_IN", {"code": code})
        marked = {
            "event": "ATTENDANCE_MARKED",
            "data": {"studentId": student.id, "status": "present"},
        }
        answers = [await socket.drain() for socket in pair]
        told = [answer for frames in answers for answer in frames]
        assert told.count(marked) == 2
        assert told.count(refusal("You are marked already")) == 1
        assert len(told) == 3
        assert await teacher.drain() == [marked]


async def test_what_the_teacher_says_stands_in_every_race(lecture):
    maths = await lecture(students=20)
    code = (await maths.shown())["code"]
    teacher = await maths.server.socket(maths.teacher)
    for student in maths.students:
        socket = await maths.server.socket(student)
        data = {"studentId": student.id, "status": "absent"}
        await asyncio.gather(
            teacher.send("ATTENDANCE_MARKED", data), socket.send("CHECK_IN", {"code": code})
        )
        own = await socket.drain()
        shown = await teacher.drain()
        # Whichever came first, the teacher's mark is the last one.
        assert shown[-1] == {"event": "ATTENDANCE_MARKED", "data": data}
        refused = refusal("You are marked already") in own
        assert len(shown) == (1 if refused else 2)
    session = await maths.server.api.get("/attendance/session", headers=maths.teacher.headers)
    assert session.json()["data"]["attendance"] == dict.fromkeys(
        [student.id for student in maths.students], "absent"
    )


@pytest.mark.parametrize(
    ("tolerance", "ahead", "accepted"), [(1, 1, True), (1, 2, False), (3, 2, False), (0, 1, False)]
)
async def test_next_code_is_accepted_as_the_code_before_is(
    serve, monkeypatch, tolerance, ahead, accepted
):
    monkeypatch.setenv(f"{PREFIX}TOLERANCE_STEPS", str(tolerance))
    now = datetime.now(UTC)
    clocks = [TurnedClock(now), TurnedClock(now)]
    here, there = [await serve(extra_plugins=("checkin",), clock=clock) for clock in clocks]
    teacher, student = await here.person("teacher"), await here.person("student")
    room = await class_room(here, teacher, [student])
    await here.api.post("/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers)
    await clocks[0].advance(ahead * STEP_SECONDS)
    shown = await here.api.get("/attendance/checkin-code", headers=teacher.headers)
    socket = await there.socket(student)
    answer = await socket.ask("CHECK_IN", {"code": shown.json()["data"]["code"]})
    if accepted:
        assert answer["event"] == "ATTENDANCE_MARKED"
    else:
        assert answer == refusal(WRONG)
