"""An institution's own statuses, seen from the socket and from the routes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quartapp import QuartappError
from quartapp_attendance import Status
from quartapp_classes.testing import class_room


@pytest.fixture
async def school(serve):
    async def open_school(**settings):
        server = await serve(extra_plugins=("statuses",), **settings)
        teacher = await server.person("teacher")
        students = await server.people("student", 4)
        room = await class_room(server, teacher, students)
        started = await server.api.post(
            "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
        )
        assert started.status_code == 200
        return server, teacher, students, room, await server.socket(teacher)

    return open_school


def mark(student, status):
    return {"studentId": student.id, "status": status}


async def test_the_default_statuses_are_stored_shown_and_counted(school):
    server, _, students, room, socket = await school()
    for student, status in zip(students, ("present", "late", "excused"), strict=False):
        shown = await socket.ask("ATTENDANCE_MARKED", mark(student, status))
        assert shown == {"event": "ATTENDANCE_MARKED", "data": mark(student, status)}
    by_code = {"present": 1, "absent": 0, "late": 1, "excused": 1, "left_early": 0}
    summary = await socket.ask("TODAY_SUMMARY")
    assert summary["data"] == {"present": 2, "absent": 1, "total": 3, "statuses": by_code}
    done = await socket.ask("DONE")
    assert done["data"] == {
        "message": "Attendance persisted",
        "present": 2,
        "absent": 2,
        "total": 4,
        "statuses": {**by_code, "absent": 1},
    }
    mine = await server.api.get(
        f"/attendance/{room['_id']}/my-attendance", headers=students[1].headers
    )
    assert mine.json()["data"]["status"] == "late"


async def test_a_student_sees_their_own_code(school):
    server, _, students, _, socket = await school()
    await socket.ask("ATTENDANCE_MARKED", mark(students[0], "excused"))
    student = await server.socket(students[0])
    assert (await student.ask("MY_ATTENDANCE"))["data"] == {"status": "excused"}


async def test_unknown_code_is_an_invalid_message(school):
    _, _, students, _, socket = await school()
    refused = await socket.ask("ATTENDANCE_MARKED", mark(students[0], "tardy"))
    assert refused == {"event": "ERROR", "data": {"message": "Invalid message format"}}


async def shown_for(socket, student, status):
    return (await socket.ask("ATTENDANCE_MARKED", mark(student, status)))["data"]["status"]


@pytest.fixture
async def grace(school, monkeypatch, turned_clock):
    """Provide the students and the teacher's socket of a session with five minutes of grace."""
    monkeypatch.setenv("QUARTAPP_STATUSES_GRACE_MINUTES", "5")
    # A silent socket would be closed meanwhile.
    _, _, students, _, socket = await school(clock=turned_clock, websocket_silence=3600)
    return students, socket


async def test_after_the_grace_period_a_first_present_is_late(grace, turned_clock):
    students, socket = grace
    await turned_clock.advance(300)
    assert await shown_for(socket, students[0], "present") == "present"
    await turned_clock.advance(0.1)
    assert await shown_for(socket, students[1], "present") == "late"
    assert await shown_for(socket, students[2], "absent") == "absent"


@pytest.mark.parametrize("before", ["present", "absent", "excused", "late"])
@pytest.mark.parametrize("sent", ["present", "absent", "excused"])
async def test_what_follows_a_first_mark_is_stored_as_it_was_sent(
    grace, turned_clock, before, sent
):
    students, socket = grace
    assert await shown_for(socket, students[0], before) == before
    await turned_clock.advance(600)
    assert await shown_for(socket, students[0], sent) == sent


async def test_a_late_student_is_corrected_to_present(grace, turned_clock):
    students, socket = grace
    await turned_clock.advance(600)
    assert await shown_for(socket, students[0], "present") == "late"
    assert await shown_for(socket, students[0], "present") == "present"


async def test_the_codes_of_quartapp_toml_replace_the_default(school, monkeypatch, tmp_path):
    (tmp_path / "quartapp.toml").write_text(
        """
        [[plugins.statuses.statuses]]
        code = "remote"
        label = "Remote"
        counts_as = "present"
        points = 0.8

        [[plugins.statuses.statuses]]
        code = "suspected"
        label = "Suspected"
        counts_as = "absent"
        set_by = []
        """
    )
    monkeypatch.chdir(tmp_path)
    server, _, students, _, socket = await school()
    shown = await socket.ask("ATTENDANCE_MARKED", mark(students[0], "remote"))
    assert shown["data"]["status"] == "remote"
    for not_to_be_sent in ("late", "suspected"):
        refused = await socket.ask("ATTENDANCE_MARKED", mark(students[0], not_to_be_sent))
        assert refused["data"] == {"message": "Invalid message format"}
    headers = (await server.person("student")).headers
    listed = (await server.api.get("/attendance/statuses", headers=headers)).json()["data"]
    assert [(one["code"], one["points"], one["setBy"]) for one in listed] == [
        ("present", "1", ["teacher"]),
        ("absent", "0", ["teacher"]),
        ("remote", "0.8", ["teacher"]),
        ("suspected", None, []),
    ]
    document = (await server.api.get(f"{server.url}/openapi.json")).json()
    assert '"remote"' in str(document).replace("'", '"')


@pytest.mark.parametrize(
    ("points", "worth"),
    [
        (0.8, "0.8"),
        ("0.8", "0.8"),
        (Decimal("0.80"), "0.8"),
        (1, "1"),
        (0.1 + 0.2, "0.30000000000000004"),
        ("1e2", "100"),
        (0, "0"),
        ("-0", "0"),
        (None, "0"),
    ],
)
def test_points_count_exactly_as_they_are_written(points, worth):
    status = Status(code="late", label="Late", counts_as="present", points=points)
    assert status.worth == Decimal(worth)


@pytest.mark.parametrize("points", ["some", "", "nan", "inf", -1, "-0.1", 1001, float("nan")])
def test_points_that_are_none_are_refused(points):
    with pytest.raises(ValueError, match="status late: "):
        Status(code="late", label="Late", counts_as="present", points=points)


@pytest.mark.parametrize("key", ["", "L", "ll", "/", "é"])
def test_a_key_is_a_small_letter_or_a_digit(key):
    with pytest.raises(ValueError, match="key has to be"):
        Status(code="late", label="Late", counts_as="present", key=key)


async def test_without_the_plugin_nothing_is_counted_by_code(server):
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    await server.api.post(
        "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
    )
    socket = await server.socket(teacher)
    assert (await socket.ask("TODAY_SUMMARY"))["data"] == {"present": 0, "absent": 0, "total": 0}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GRACE_MINUTES", "soon", "QUARTAPP_STATUSES_GRACE_MINUTES"),
        ("STATUSES", '[{"code": "Late!", "label": "x", "counts_as": "present"}]', "code"),
        (
            "STATUSES",
            '[{"code": "absent", "label": "x", "counts_as": "absent"}]',
            "the code absent is there already",
        ),
    ],
)
async def test_a_bad_setting_names_the_plugin_and_the_setting(
    serve, monkeypatch, variable, value, said
):
    monkeypatch.setenv(f"QUARTAPP_STATUSES_{variable}", value)
    with pytest.raises(QuartappError, match="plugin statuses") as caught:
        await serve(extra_plugins=("statuses",))
    assert said.lower() in str(caught.value).lower()


async def test_unknown_late_status_is_refused(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_STATUSES_GRACE_MINUTES", "5")
    monkeypatch.setenv("QUARTAPP_STATUSES_LATE_STATUS", "tardy")
    with pytest.raises(QuartappError, match="late_status tardy is none of present, absent, late"):
        await serve(extra_plugins=("statuses",))
