"""What is kept of a person is in their export, whatever collection has it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from bson import ObjectId

from quartapp import core
from tests.support.plugins import OPTIONAL

# Collections that name people for a day at most, that name them in another form beside, or that
# keep what the server did: the export has the audit of what a person did themselves.
BESIDE = {
    "audit": "what the person did is under quartapp",
    "audit_pending": "entries on their way",
    "idempotency_keys": "gone within a day",
    "leases": "processes",
    "outbox": "on its way to other systems",
    "register_index": "positions in the columns of records, which are in the export",
    "socketTickets": "gone within seconds",
    "checkin_attempts": "gone within minutes",
    "failedSignIns": "gone within hours",
    "oneTimeCodes": "gone within hours, and secret",
    "resetMails": "gone within minutes",
}
HOME = {
    "users": ("auth", "account"),
    "invitations": ("auth", "invitations"),
    "classes": ("classes", None),
    "sessions": ("attendance", None),
    "attendance": ("attendance", "records"),
    "attendance_history": ("records", "olderEntries"),
    "excuses": ("excuses", "excuses"),
    "attendance_warnings": ("reports", "warnings"),
    "office_entries": ("office", "entries"),
    "warning_digests": ("reports", "digests"),
    "guardians": ("guardians", "guardians"),
    "absence_notices": ("guardians", "notices"),
}


@pytest.fixture
async def school(serve, lesson):
    server = await serve(extra_plugins=OPTIONAL)
    return server, await lesson(server, students=2)


async def exported(server, person):
    answer = await server.api.get("/me/export", headers=person.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["data"]


async def used(server, maths):
    """Let a class and its first student do what leaves something of them."""
    student, teacher = maths.students[0], maths.teacher
    day = core(server.app).local_day().isoformat()

    async def post(who, path, body, method="POST"):
        answer = await server.api.request(method, path, json=body, headers=who.headers)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    await maths.start()
    socket = await server.socket(teacher)
    await socket.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": "absent"})
    await socket.ask("DONE")
    listed = await server.api.get(f"/class/{maths.class_id}/sessions", headers=teacher.headers)
    session = listed.json()["data"][0]["_id"]
    path = f"/session/{session}/attendance/{student.id}"
    for v in range(1, 43):
        status = ("late", "absent")[v % 2]
        await post(teacher, path, {"status": status, "v": v, "reason": f"slip {v}"}, "PATCH")
    excuse = {"from": day, "to": day, "reason": "In bed with flu"}
    await post(student, "/excuses", excuse)
    away = {"studentIds": [one.id for one in maths.students], "status": "absent", "reason": "Trip"}
    tomorrow = (core(server.app).local_day() + timedelta(days=1)).isoformat()
    office = await server.person("admin")
    await post(office, "/attendance/absences", {"date": tomorrow, **away})
    for one in maths.students:
        guardian = {"name": f"Guardian of {one.name}", "email": f"home.{one.email}"}
        await post(office, f"/student/{one.id}/guardians", guardian)
    await maths.start()
    await socket.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": "present"})
    return session


async def test_an_export_has_what_every_plugin_keeps_of_a_student(school):
    server, maths = school
    session = await used(server, maths)
    student, mate = maths.students
    told = await exported(server, student)
    assert told["id"] == student.id
    kept = told["kept"]
    account = kept["auth"]["account"]
    assert (account["email"], account["role"]) == (student.email, "student")
    assert [one["className"] for one in kept["classes"]["enrolled"]] == [
        maths.class_room["className"]
    ]
    (record,) = kept["attendance"]["records"]
    assert (record["sessionId"], record["v"], record["status"]) == (session, 43, "late")
    (mark,) = kept["attendance"]["marks"]
    assert mark["status"] == "present"
    older = [entry["v"] for entry in kept["records"]["olderEntries"]]
    assert older + [entry["v"] for entry in record["history"]] == list(range(1, 44))
    assert [one["reason"] for one in kept["excuses"]["excuses"]] == ["In bed with flu"]
    assert [one["reason"] for one in kept["office"]["entries"]] == ["Trip"]
    (guardian,) = kept["guardians"]["guardians"]
    assert guardian["email"] == f"home.{student.email}"
    assert "excuses.handed-in" in {entry["action"] for entry in kept["quartapp"]["audit"]}
    text = json.dumps(told)
    assert mate.id not in text
    assert mate.email not in text
    user = await server.documents["users"].find_one({"_id": ObjectId(student.id)})
    assert user["password"] not in text


async def test_an_export_has_what_a_teacher_did(school):
    server, maths = school
    session = await used(server, maths)
    kept = (await exported(server, maths.teacher))["kept"]
    assert [one["_id"] for one in kept["classes"]["teaches"]] == [maths.class_id]
    assert session in {one["_id"] for one in kept["attendance"]["started"]}
    assert kept["attendance"]["records"] == []
    assert "flu" not in json.dumps(kept)


async def test_every_collection_that_names_a_person_has_a_home_in_the_export(school):
    server, maths = school
    await used(server, maths)
    student = maths.students[0]
    kept = (await exported(server, student))["kept"]
    found = set()
    for name in await server.documents.list_collection_names():
        async for document in server.documents[name].find():
            if student.id in str(document) or student.email in str(document):
                found.add(name)
    assert {"users", "classes", "sessions", "attendance", "attendance_history", "excuses"} <= found
    assert found - BESIDE.keys() <= HOME.keys()
    for name in found & HOME.keys():
        plugin, part = HOME[name]
        assert kept[plugin] if part is None else kept[plugin][part], name


async def test_nobody_exports_without_a_token(school):
    server, _ = school
    assert (await server.api.get("/me/export")).status_code == 401
