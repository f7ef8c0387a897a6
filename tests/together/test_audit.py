"""The audit with all bundled plugins: what a day leaves there, and what it never has."""

from __future__ import annotations

import json

import pytest

from quartapp import core
from quartapp.audit.verification import Verification

PASSWORD = "correct-horse-battery-1"


@pytest.fixture
async def server(serve):
    return await serve()


async def entries(server, plugin):
    parts = core(server.app)
    await parts.audit.close()
    found = server.documents["audit"].find({"action": {"$regex": f"^{plugin}[.]"}})
    return await found.sort([("day", 1), ("number", 1)]).to_list()


async def test_roll_call_is_recorded_from_its_start_to_its_end(server, lesson, mark, eventually):
    maths = await lesson(server, students=3)
    await maths.start()
    await maths.start()
    teacher, _ = await maths.sockets()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.ask("DONE")

    async def both():
        # The end is shown as soon as it is stored with its entry, which is linked after that.
        found = await entries(server, "attendance")
        return found if len(found) == 2 else None

    started, ended = await eventually(both)
    assert (started["action"], ended["action"]) == (
        "attendance.session-started",
        "attendance.session-ended",
    )
    assert started["about"] == ended["about"]
    assert started["about"]["class"] == maths.class_id
    assert started["who"] == ended["who"] == maths.teacher.id
    assert ended["after"] == {"state": "closed", "present": 1, "absent": 2, "total": 3}


async def test_superseded_session_is_recorded(server, lesson):
    first = await lesson(server, students=1)
    second = await lesson(server, students=1)
    await first.start()
    await second.start()
    found = await entries(server, "attendance")
    assert [e["action"].partition("-")[2] for e in found] == ["started", "ended", "started"]
    assert found[1]["after"]["state"] == "superseded"
    assert found[1]["who"] == second.teacher.id


async def test_classes_rolls_and_teachers_are_recorded(server):
    teacher, other, third = [await server.person("teacher") for _ in range(3)]
    student = await server.person("student")
    ask, headers = server.api, teacher.headers
    made = await ask.post("/class", json={"className": "Maths"}, headers=headers)
    key = made.json()["data"]["_id"]
    for answer in (
        await ask.patch(f"/class/{key}", json={"className": "Physics"}, headers=headers),
        await ask.post(
            f"/class/{key}/add-student", json={"studentId": student.id}, headers=headers
        ),
        await ask.delete(f"/class/{key}/students/{student.id}", headers=headers),
        await ask.put(f"/class/{key}/teachers/{other.id}", json={}, headers=headers),
        await ask.delete(f"/class/{key}/teachers/{other.id}", headers=headers),
        await ask.put(f"/class/{key}/teachers/{third.id}", json={"primary": True}, headers=headers),
        await ask.delete(f"/class/{key}", headers=third.headers),
    ):
        assert answer.is_success, answer.text
    found = await entries(server, "classes")
    assert [e["action"].partition(".")[2] for e in found] == [
        *("created", "renamed", "student-added", "student-removed"),
        *("teacher-changed", "teacher-changed", "teacher-changed", "teacher-changed", "deleted"),
    ]
    assert {e["about"]["class"] for e in found} == {key}
    assert [e["who"] for e in found] == [teacher.id] * 8 + [third.id]
    changed = {(e["about"]["teacher"], e["before"]["teaches"], e["after"]["teaches"])
               for e in found[4:8]}  # fmt: skip
    assert changed == {
        (other.id, None, "beside"),
        (other.id, "beside", None),
        (teacher.id, "primary", None),
        (third.id, None, "primary"),
    }


async def test_start_records_the_settings_that_are_no_defaults(serve):
    server = await serve(
        cors_origins=("https://app.example.org",), metrics_token="a-token-for-metrics-1"
    )
    found = await entries(server, "quartapp")
    assert found[0]["action"] == "quartapp.started"
    told = {e["after"]["name"]: e["after"]["value"] for e in found[1:]}
    assert told["cors_origins"] == "https:app.example.org"
    assert told["jwt_secret"] == told["metrics_token"] == told["mongodb_uri"] == "set"
    assert "host" not in told


async def test_no_entry_has_a_name_an_address_a_password_or_a_token(server, lesson, mark):
    account = {"name": "Augusta Ada", "email": "augusta@example.org", "password": PASSWORD}
    made = await server.api.post("/auth/register", json={**account, "role": "teacher"})
    key = made.json()["data"]["_id"]
    signed_in = await server.api.post(
        "/auth/login", json={"email": account["email"], "password": PASSWORD}
    )
    token = signed_in.json()["data"]["token"]
    await server.api.post(
        "/auth/login", json={"email": account["email"], "password": "a-wrong-horse-1"}
    )
    await server.api.post(
        "/auth/login", json={"email": "tried@example.org", "password": "a-wrong-horse-1"}
    )
    admin = await server.person("admin")
    invited = await server.api.post(
        "/admin/invitations",
        json={"role": "teacher", "email": "grace@example.org"},
        headers=admin.headers,
    )
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, _ = await maths.sockets()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.ask("DONE")
    await server.api.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})
    parts = core(server.app)
    found = await server.documents["audit"].find({}).to_list()
    found += await server.documents["audit_pending"].find({}).to_list()
    text = json.dumps(found).lower()
    assert key in text
    people = await server.documents["users"].find({}).to_list()
    assert len(people) >= 5
    never = {
        *(account["name"], account["email"], PASSWORD, "a-wrong-horse-1", "tried@example.org"),
        *("grace@example.org", invited.json()["data"]["invitation"], token, admin.token),
        *(person[member] for person in people for member in ("name", "email", "password")),
        parts.settings.jwt_secret.get_secret_value(),
        parts.settings.mongodb_uri.get_secret_value(),
    }
    assert [secret for secret in never if secret.lower() in text] == []
    assert (await Verification(parts.database, parts.clock).run()).fault is None


async def test_erased_account_does_not_break_the_chain(server):
    person = await server.person("student")
    await server.documents["users"].delete_many({})
    parts = core(server.app)
    assert person.id in json.dumps(await entries(server, "auth"))
    assert (await Verification(parts.database, parts.clock).run()).fault is None
