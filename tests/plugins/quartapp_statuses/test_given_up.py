"""A status that is taken out of the settings stays readable, in the form of the documents."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from quartapp_classes.testing import class_room
from quartapp_contract_suite.documents.documents import asyncapi_authority
from quartapp_contract_suite.websocket.document import Document

LATE = '[{"code": "late", "label": "Late", "counts_as": "present"}]'


@pytest.fixture
async def before(serve):
    """A server with the statuses late and excused, and a live session of three students."""
    server = await serve(extra_plugins=("statuses",))
    teacher = await server.person("teacher")
    students = await server.people("student", 3)
    room = await class_room(server, teacher, students)
    started = await server.api.post(
        "/attendance/start", json={"classId": room["_id"]}, headers=teacher.headers
    )
    assert started.status_code == 200
    return server, teacher, students, room["_id"]


async def with_statuses(serve, monkeypatch, configured):
    """Start a server on the same database that has given excused up, or both statuses."""
    if configured is None:
        return await serve()
    monkeypatch.setenv("QUARTAPP_STATUSES_STATUSES", configured)
    return await serve(extra_plugins=("statuses",))


def mark(student, status, **condition):
    return {"studentId": student.id, "status": status, **condition}


async def checks_of(server):
    """Return functions that check a frame and an answer against the server's own documents."""
    asyncapi = (await server.api.get(f"{server.url}/asyncapi.json")).json()
    openapi = (await server.api.get(f"{server.url}/openapi.json")).json()
    document = Document(asyncapi, asyncapi_authority())

    def frame(one):
        document.check_server_frame(json.dumps(one))
        return one["data"]

    def answer(path, response):
        assert response.status_code == 200, response.text
        described = openapi["paths"][path]["get"]["responses"]["200"]
        schema = described["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for({**schema, "components": openapi["components"]}).validate(
            response.json()
        )
        return response.json()["data"]

    return frame, answer


@pytest.mark.parametrize("configured", [LATE, None], ids=["one left", "none left"])
async def test_every_frame_and_answer_has_a_status_that_was_given_up(
    before, serve, monkeypatch, configured
):
    former, teacher, students, class_id = before
    writing = await former.socket(teacher, version=1)
    await writing.ask("ATTENDANCE_MARKED", mark(students[0], "excused"))
    server = await with_statuses(serve, monkeypatch, configured)
    frame, answer = await checks_of(server)
    watching = await server.socket(teacher, version=1)
    returning = await server.socket(
        teacher, version=1, path=f"/ws?token={teacher.token}&since={class_id}:1"
    )
    student = await server.socket(students[0], version=1)

    state = frame(await returning.until("SESSION_STATE"))
    assert state["attendance"] == {students[0].id: "excused"}
    assert frame(await student.ask("MY_ATTENDANCE")) == {"status": "excused"}
    shown = await server.api.get("/attendance/session", headers=teacher.headers)
    shown = answer("/api/v1/attendance/session", shown)
    assert shown["attendance"] == {students[0].id: "excused"}

    # A server that is still to be restarted with the new settings stores the status meanwhile.
    await writing.send("ATTENDANCE_MARKED", mark(students[1], "excused"))
    told = frame(await watching.until("ATTENDANCE_MARKED"))
    assert told == mark(students[1], "excused")
    await writing.send("MARK_REST", {"status": "excused"})
    rest = frame(await watching.until("ROLL_MARKED"))
    assert rest == {"status": "excused", "studentIds": [students[2].id]}

    conflict = frame(
        await watching.ask("ATTENDANCE_MARKED", mark(students[0], "present", **{"if": None}))
    )
    assert conflict == {"message": "Conflict", "current": "excused"}
    counts = {"present": 0, "absent": 3, "total": 3}
    if configured is not None:
        counts["statuses"] = {"present": 0, "absent": 0, "late": 0, "excused": 3}
    assert frame(await watching.ask("TODAY_SUMMARY")) == counts
    assert frame(await watching.ask("DONE")) == {"message": "Attendance persisted", **counts}

    mine = await server.api.get(
        f"/attendance/{class_id}/my-attendance", headers=students[0].headers
    )
    mine = answer("/api/v1/attendance/{class_id}/my-attendance", mine)
    assert mine == {"classId": class_id, "status": "excused"}


async def test_status_that_was_given_up_is_corrected_but_not_sent(before, serve):
    former, teacher, students, _ = before
    first = await former.socket(teacher)
    await first.ask("ATTENDANCE_MARKED", mark(students[0], "excused"))
    server = await serve()
    socket = await server.socket(teacher, version=1)
    invalid = {"message": "Invalid message format"}
    for event, data in (
        ("ATTENDANCE_MARKED", mark(students[1], "excused")),
        ("MARK_REST", {"status": "excused"}),
    ):
        assert (await socket.ask(event, data))["data"] == invalid
    seen = mark(students[0], "present", **{"if": "excused"})
    assert (await socket.ask("ATTENDANCE_MARKED", seen))["data"] == mark(students[0], "present")
